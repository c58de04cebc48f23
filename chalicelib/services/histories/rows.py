"""What the rows of a history say of an instant, by the state of the portfolio then."""

from collections.abc import Callable, Collection, Mapping
from decimal import Decimal
from typing import NamedTuple, TypeVar

from chalicelib.domain import money, timeline
from chalicelib.domain.conversion import Rates
from chalicelib.domain.timeline import PortfolioState


class HistoryView(NamedTuple):
    """What rows are made with: the reporting currencies, and whether the portfolio has changed since its history was computed.

    `rates_at` returns the rates of an instant if these are others than the closes of its day, by which the state of then is valued.
    """

    reporting: list[str]
    outdated: bool
    rates_at: Callable[[int], Rates | None]


class HistoricBalance(NamedTuple):
    """The balance of a portfolio in one currency at an instant, when `covered` of its `total` parts were known."""

    at: int
    currency: str
    balance: Decimal
    covered: int
    total: int
    complete: bool


class HistoricValue(NamedTuple):
    """What a portfolio was worth in one currency at an instant, not rounded as for display.

    `unconverted` are the balances that had no rate, by code, `disputed` those of them whose rate was disputed.
    """

    at: int
    currency: str
    value: Decimal
    unconverted: Mapping[str, Decimal]
    covered: int
    total: int
    complete: bool
    disputed: Collection[str]


Row = TypeVar('Row', bound=HistoricBalance | HistoricValue)
RowsAt = Callable[[HistoryView, int, PortfolioState], list[Row]]
"""Returns the rows at an instant; of which currencies there are any depends on the view and the state alone."""


def balances(view: HistoryView, at: int, state: PortfolioState) -> list[HistoricBalance]:
    """Return the balances at an instant: the reporting currencies and all others of which something was held, by code."""
    return [_balance(view, at, state, code) for code in sorted({*view.reporting, *state.balances})]


def balances_in(code: str) -> RowsAt[HistoricBalance]:
    """Return what makes the rows of one currency only."""
    return lambda view, at, state: [_balance(view, at, state, code)]


def _balance(view: HistoryView, at: int, state: PortfolioState, code: str) -> HistoricBalance:
    balance = state.balances.get(code, money.ZERO)
    complete = timeline.is_complete(state, code) and not view.outdated
    return HistoricBalance(at, code, balance, state.covered, state.total, complete)


def converted(view: HistoryView, at: int, state: PortfolioState) -> list[HistoricValue]:
    """Return what everything was worth at an instant in each reporting currency that it was computed for, by code."""
    computed = sorted({*view.reporting} & state.values.keys())
    rates = view.rates_at(at) if computed else None
    valued = state if rates is None else timeline.valued(state, computed, rates)
    return [_value(view, at, valued, code) for code in computed]


def _value(view: HistoryView, at: int, state: PortfolioState, code: str) -> HistoricValue:
    unconverted = {missing: state.balances[missing] for missing in state.unconverted.get(code, ())}
    complete = state.complete and not unconverted and not view.outdated
    disputed = state.disputed.get(code, ())
    return HistoricValue(at, code, state.values[code], unconverted, state.covered, state.total, complete, disputed)


def converted_in(code: str) -> RowsAt[HistoricValue]:
    """Return what makes the rows of one reporting currency only."""
    return lambda view, at, state: converted(view._replace(reporting=[code]), at, state)
