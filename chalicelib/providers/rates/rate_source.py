"""What every rate source implements, and what they share to read responses."""

from collections.abc import Callable, Collection, Iterable
from datetime import date, timedelta
from typing import Any, NamedTuple, Protocol, TypeVar

from chalicelib.domain import money
from chalicelib.domain.rates import DailyClose, Observation
from chalicelib.errors import Upstream
from chalicelib.providers.transport import Http
from chalicelib.providers.upstream import Endpoint, UpstreamInfo

# Exchanges identify coins by symbol, and symbols are not unique. Only these mean the same coin everywhere; none is a token.
SYMBOLS = {
    code.upper(): code
    for code in (
        *('btc', 'eth', 'ltc', 'doge', 'dash', 'bch', 'etc', 'xrp', 'xlm', 'sol', 'ada', 'pol', 'bnb', 'avax', 'dot', 'atom', 'trx'),
        *('xmr', 'zec', 'algo', 'xtz', 'fil', 'near', 'hbar', 'icp', 'egld', 'ksm', 'kava', 'mina', 'qtum', 'dcr', 'sui', 'apt'),
    )
}

Raw = TypeVar('Raw')
Parsed = TypeVar('Parsed')
_PARSE_ERRORS = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError)


class ClosesPage(NamedTuple):
    """Daily closes from one request.

    They are complete up to the day `through`: a day without one has none. `has_more`: another request returns those after it.
    """

    closes: list[DailyClose]
    through: date
    has_more: bool = False


class RateSource(Protocol):
    """An upstream that publishes prices.

    `codes` are the currencies it has current prices of, `daily_codes` those it has daily closes of.
    """

    @property
    def endpoint(self) -> Endpoint: ...

    @property
    def info(self) -> UpstreamInfo: ...

    @property
    def codes(self) -> frozenset[str]: ...

    @property
    def daily_codes(self) -> frozenset[str]: ...

    def first_day(self, today: date) -> date:
        """Return the earliest day with a daily close."""

    def latest(self, http: Http, codes: Collection[str], now: int) -> list[Observation]:
        """Return current prices of those of `codes` that the source has, with as few requests as its API allows.

        `now` (epoch seconds) is the time of observation if the source does not state one. Entries that cannot be parsed are left
        out. Without any currency to fetch no request is made. Raises Upstream if the response as a whole is unusable.
        """

    def daily_closes(self, http: Http, code: str, since: date, today: date) -> ClosesPage:
        """Return the closes of one of `daily_codes` from `since` on, as many as one request returns. Raises Upstream."""


def parse_entries(endpoint: Endpoint, what: str, entries: Iterable[Raw], parse: Callable[[Raw], Parsed | None]) -> list[Parsed]:
    """Return the parsed entries of a response, without those that `parse` fails on or returns None for.

    Raises Upstream if none could be parsed and at least one failed; its message calls the entries `what`.
    """
    parsed: list[Parsed] = []
    failures = 0
    for entry in entries:
        try:
            result = parse(entry)
        except _PARSE_ERRORS:
            failures += 1
        else:
            parsed += [] if result is None else [result]
    if failures and not parsed:
        raise Upstream(endpoint.key, f'returned unusable {what}')
    return parsed


def member(endpoint: Endpoint, body: Any, name: str, kind: type[Raw]) -> Raw:
    """Return a member of a JSON object. Raises Upstream if `body` is no object, or the member is missing or not a `kind`."""
    value = body.get(name) if isinstance(body, dict) else None
    if not isinstance(value, kind):
        raise Upstream(endpoint.key, f'returned no {name}')
    return value


def observed_at(timestamp: object, now: int) -> int:
    """Return the time of an observation in epoch seconds; one in the future counts as `now`. Raises ValueError."""
    return max(0, min(money.whole(timestamp), now))


def complete_through(closes: Collection[DailyClose], through: date) -> date:
    """Return the day through which `closes`, requested up to `through`, are complete.

    That is the day before if the newest close is of that day: the last one may not be published yet.
    """
    day_before = through - timedelta(days=1)
    return day_before if max((close.day for close in closes), default=through) == day_before else through
