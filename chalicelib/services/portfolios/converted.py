"""What a portfolio is worth in each of its reporting currencies: its balances converted by one set of rates."""

from collections.abc import Collection
from typing import NamedTuple

from chalicelib import charges, clock
from chalicelib.domain import conversion, currencies
from chalicelib.domain.conversion import Rates, Total, Unconverted
from chalicelib.services.ledgers import reading
from chalicelib.services.portfolios import balances
from chalicelib.services.portfolios.balances import IncompleteChild, PortfolioBalances
from chalicelib.services.rates import current, past

RATE_PENDING = 'rate_pending'
_CONVERSIONS_PER_REQUEST = 5_000  # that count as one more request, a tenth of a second


class _RateSet(NamedTuple):
    """The rates that all totals are converted by, and the currencies whose rates are about to come."""

    rates: Rates
    made_at: int
    is_hourly: bool | None
    pending: frozenset[str]


class ConvertedBalances(NamedTuple):
    """The balances of a portfolio as a total in each of its reporting currencies, or some of these, by code.

    `balance_at` is the age of the oldest balance or rate in them; `rates_made_at` identifies the set of rates, 0 before the first.
    `rates_are_hourly` says of a past instant whether they were kept for its hour or are its day's closes; None of now.
    """

    totals: list[Total]
    balance_at: int
    incomplete: tuple[IncompleteChild, ...]
    rates: Rates
    rates_made_at: int
    rates_are_hourly: bool | None

    def count_incomplete(self) -> int:
        """Return how many children are incomplete in each total, all totals together."""
        return len(self.totals) * len(self.incomplete)


def of_portfolio(user_id: str, portfolio_id: int, *, at: int | None = None) -> ConvertedBalances:
    """Return the balances of a portfolio now, or at an instant of the past, converted into its reporting currencies.

    Raises NotFound, NotReady while the balances are, or no rates of theirs were ever asked for.
    """
    return convert(balances.sum_up(user_id, portfolio_id, at), at=at)


def convert(summed: PortfolioBalances, *, at: int | None, reporting: Collection[str] | None = None) -> ConvertedBalances:
    """Return the balances that a portfolio has now, or had at the instant that they were summed for, converted.

    Into all of its reporting currencies, or those that are named. Raises NotReady.
    """
    used = _latest(summed) if at is None else _RateSet(*past.at(at, summed.by_currency.keys()), pending=frozenset())
    codes = sorted(summed.portfolio.currencies if reporting is None else reporting)
    charges.charge(len(codes) * len(summed.by_currency) // _CONVERSIONS_PER_REQUEST)
    totals = [_total(summed, code, used) for code in codes]
    balance_at = _oldest(summed, used) if at is None else at
    return ConvertedBalances(totals, balance_at, summed.incomplete, used.rates, used.made_at, used.is_hourly)


def _latest(summed: PortfolioBalances) -> _RateSet:
    codes = currencies.listed(summed.by_currency)
    latest = current.latest(codes)
    not_requested = codes - latest.requested
    if not_requested:
        current.track(not_requested, clock.now())
        if summed.portfolio.follows_ledgers and summed.portfolio.converted_balances_last_updated is None:
            raise reading.not_ready([])
    return _RateSet(latest.rates, latest.at, None, not_requested | latest.pending)


def _total(summed: PortfolioBalances, code: str, used: _RateSet) -> Total:
    """Return everything converted into one currency; what lacks a rate that is about to be fetched says so."""
    total = conversion.total(summed.by_currency, code, used.rates)
    return total._replace(missing=tuple(_still_pending(one, code, used) for one in total.missing))


def _still_pending(one: Unconverted, code: str, used: _RateSet) -> Unconverted:
    is_pending = one.reason == conversion.NO_RATE and {one.currency, code} & used.pending
    return one._replace(reason=RATE_PENDING) if is_pending else one


def _oldest(summed: PortfolioBalances, used: _RateSet) -> int:
    """Return the older of the balances and the rates; offsets do not age."""
    if summed.observed_at is None:
        return used.made_at or summed.since
    return min(summed.observed_at, used.made_at or summed.observed_at)
