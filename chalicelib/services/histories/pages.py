"""Read the history of a portfolio: a page of it is two requests, whatever is in the portfolio and however long it is."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Generic, NamedTuple, TypeVar

from chalicelib import clock, messages
from chalicelib.domain import money, timeline
from chalicelib.domain.rates import BackfillProgress
from chalicelib.domain.timeline import PortfolioState, StateAt
from chalicelib.messages import RefreshHistory
from chalicelib.models import History, HistoryMonth, Portfolio, read_headers, read_portfolio_tree
from chalicelib.services.histories import policy
from chalicelib.services.histories.compute import compute_history
from chalicelib.services.ledgers import reading
from chalicelib.services.portfolios import contributions


class InstantRange(NamedTuple):
    """The instants that a client requests: those of a grid of `interval` seconds from `first` to `last`, and now when `last` is None."""

    interval: int
    first: int
    last: int | None
    newest_first: bool


class Position(NamedTuple):
    """A row of a history: the rows after it are the next page."""

    at: int
    currency: str


class HistoryView(NamedTuple):
    """What rows are made with: the reporting currencies, and whether the portfolio has changed since its history was computed."""

    reporting: list[str]
    outdated: bool


class HistoricBalance(NamedTuple):
    """The balance of a portfolio in one currency at an instant, when `covered` of its `total` parts were known."""

    at: int
    currency: str
    balance: Decimal
    covered: int
    total: int
    complete: bool


class HistoricValue(NamedTuple):
    """What a portfolio was worth in one currency at an instant; not rounded.

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


class HistoryPage(NamedTuple, Generic[Row]):
    """A page of a history with one row more, if there is one.

    `outdated` says that the portfolio has changed since its history was computed, `backfill` which closes were still missing then.
    """

    rows: list[Row]
    outdated: bool
    backfill: Sequence[BackfillProgress]


def read(user_id: str, portfolio_id: int, rows_at: RowsAt[Row], span: InstantRange, after: Position | None, limit: int) -> HistoryPage[Row]:
    """Return up to `limit` rows after a position, or from the start of the range.

    Raises NotFound, and NotReady while nothing was ever known of what the portfolio follows.
    """
    portfolio, stored = read_headers(user_id, portfolio_id)
    now = clock.now()
    if stored is None or not stored.is_computed or (portfolio.follows_ledgers and not stored.knows_anything):
        return HistoryPage(_unstored(portfolio, rows_at, span, after, limit, now), outdated=False, backfill=())
    view = HistoryView(list(portfolio.currencies), stored.contents != portfolio.contents)
    if view.outdated or now - stored.computed_at > policy.STALE_SECONDS or now - (stored.seen_at or 0) > policy.VIEW_RECORDED_SECONDS:
        messages.send_or_leave_to_sweep(RefreshHistory(user_id, portfolio_id, seen_at=now))
    states = _with_now(_states(stored, span, after), span, stored.computed_at, stored.now)
    return HistoryPage(_page(states, view, rows_at, span, after, limit), view.outdated, stored.backfill)


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
    return [_value(view, at, state, code) for code in sorted(view.reporting) if code in state.values]


def _value(view: HistoryView, at: int, state: PortfolioState, code: str) -> HistoricValue:
    unconverted = {missing: state.balances[missing] for missing in state.unconverted.get(code, ())}
    complete = state.complete and not unconverted and not view.outdated
    disputed = state.disputed.get(code, ())
    return HistoricValue(at, code, state.values[code], unconverted, state.covered, state.total, complete, disputed)


def _unstored(portfolio: Portfolio, rows_at: RowsAt[Row], span: InstantRange, after: Position | None, limit: int, now: int) -> list[Row]:
    """Compute the history of a portfolio that follows no ledger here and now. Raises NotReady for one that follows some."""
    messages.send_or_leave_to_sweep(RefreshHistory(portfolio.user_id, portfolio.portfolio_id, seen_at=now))
    if portfolio.follows_ledgers and portfolio.was_observed:
        raise reading.not_ready_since(portfolio.observed_at)
    contents = read_portfolio_tree(portfolio.user_id, portfolio.portfolio_id)
    children = contributions.children(contents)
    if portfolio.follows_ledgers:
        raise reading.not_ready([child.ledger for child in children if child.ledger is not None])
    computed = compute_history(contents, children, None, now)
    last = now if span.last is None else min(span.last, now)
    known = [(0, computed.result.before), *computed.states]
    of_grid = timeline.at_instants(known, _grid(span, after, span.first, last))
    states = _with_now(reversed(of_grid) if span.newest_first else of_grid, span, now, computed.result.now)
    return _page(states, HistoryView(list(portfolio.currencies), outdated=False), rows_at, span, after, limit)


def _page(
    states: Iterable[StateAt], view: HistoryView, rows_at: RowsAt[Row], span: InstantRange, after: Position | None, limit: int
) -> list[Row]:
    rows: list[Row] = []
    for at, state in states:
        if after is not None and (at > after.at if span.newest_first else at < after.at):
            continue
        if state.total and not state.covered:
            continue  # nothing at all is known of that time
        rows += [row for row in rows_at(view, at, state) if after is None or at != after.at or row.currency > after.currency]
        if len(rows) >= limit:
            break
    return rows[:limit]


def _with_now(states: Iterable[StateAt], span: InstantRange, now: int, state: PortfolioState) -> Iterator[StateAt]:
    """Yield the states of a grid and that of now, which takes the place of the grid's own if it has one of the same instant."""
    of_grid = (one for one in states if span.last is not None or one[0] != now)
    current = [(now, state)] if span.last is None and span.first <= now else []
    if span.newest_first:
        yield from current
        yield from of_grid
    else:
        yield from of_grid
        yield from current


def _states(stored: History, span: InstantRange, after: Position | None) -> Iterator[StateAt]:
    """Yield the states at the instants of the grid, in the order asked for, from the page's first instant on."""
    computed_at, begins = int(stored.computed_at), int(stored.first)
    last = computed_at if span.last is None else min(span.last, computed_at)
    known = _of_chunks(stored, span, after, last) if last >= begins else iter(())
    before = ((at, stored.before) for at in _ordered(span, _grid(span, after, span.first, min(last, begins - 1))))
    if span.newest_first:
        yield from known
        yield from before
    else:
        yield from before
        yield from known


def _of_chunks(stored: History, span: InstantRange, after: Position | None, last: int) -> Iterator[StateAt]:
    kind = 'HOUR' if span.interval == timeline.HOUR else 'DAY'
    first = max(span.first, int(stored.first))
    if after is not None:
        first, last = (first, min(last, after.at)) if span.newest_first else (max(first, after.at), last)
    if first > last:
        return
    for chunk in HistoryMonth.every(stored.pk, kind, first, last, newest_first=span.newest_first):
        grid = _grid(span, after, max(first, chunk.since), min(last, chunk.until - 1))
        of_grid = timeline.at_instants(chunk.states, grid)
        yield from reversed(of_grid) if span.newest_first else of_grid


def _grid(span: InstantRange, after: Position | None, first: int, last: int) -> range:
    if after is not None:
        first, last = (first, min(last, after.at)) if span.newest_first else (max(first, after.at), last)
    return timeline.grid(span.interval, first, last)


def _ordered(span: InstantRange, grid: range) -> Iterable[int]:
    return reversed(grid) if span.newest_first else grid
