"""What every source of rates of exchange can do."""

from collections.abc import Callable, Collection, Iterable
from datetime import date, timedelta
from typing import Any, NamedTuple, Protocol, TypeVar

from chalicelib.domain import money
from chalicelib.domain.rates import DailyClose, Observation
from chalicelib.errors import Upstream
from chalicelib.providers.transport import Http
from chalicelib.providers.upstream import Endpoint, UpstreamInfo

# Exchanges name by symbol, and symbols are not unique: only these coins mean the same everywhere. A token is never among them.
SYMBOLS = {
    code.upper(): code
    for code in (
        *('btc', 'eth', 'ltc', 'doge', 'dash', 'bch', 'etc', 'xrp', 'xlm', 'sol', 'ada', 'pol', 'bnb', 'avax', 'dot', 'atom', 'trx'),
        *('xmr', 'zec', 'algo', 'xtz', 'fil', 'near', 'hbar', 'icp', 'egld', 'ksm', 'kava', 'mina', 'qtum', 'dcr', 'sui', 'apt'),
    )
}

T = TypeVar('T')
Found = TypeVar('Found')
_BROKEN = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError)


class Page(NamedTuple):
    """Daily closes, and the day up to which these are all that are to be had; `more` says that another request has those after it."""

    closes: list[DailyClose]
    through: date
    more: bool = False


class Source(Protocol):
    """An upstream that names prices.

    `codes` are the currencies that it names prices of, `daily` those of which it has closes; `earliest` is the first day of these.
    """

    @property
    def endpoint(self) -> Endpoint: ...

    @property
    def info(self) -> UpstreamInfo: ...

    @property
    def codes(self) -> frozenset[str]: ...

    @property
    def daily(self) -> frozenset[str]: ...

    def earliest(self, today: date) -> date: ...

    def latest(self, http: Http, codes: Collection[str], now: int) -> list[Observation]:
        """Return the prices of those of the currencies that it has, in one batched request, none when it has none of them.

        An entry that makes no sense is left out. Raises Upstream when the answer as a whole makes none.
        """

    def closes(self, http: Http, code: str, since: date, today: date) -> Page:
        """Return the closes of one of its `daily` currencies from a day on. Raises Upstream."""


def sound(endpoint: Endpoint, what: str, entries: Iterable[T], read: Callable[[T], Found | None]) -> list[Found]:
    """Return what `read` makes of the entries of an answer, without those it cannot read; None is one that does not matter.

    Raises Upstream when it could read none of several.
    """
    found: list[Found] = []
    broken = 0
    for entry in entries:
        try:
            one = read(entry)
        except _BROKEN:
            broken += 1
        else:
            found += [] if one is None else [one]
    if broken and not found:
        raise Upstream(endpoint.key, f'answered {what} without sense')
    return found


def part(endpoint: Endpoint, answer: Any, name: str, kind: type[T]) -> T:
    """Return one member of an answer's object. Raises Upstream when it is not there, or not of its kind."""
    found = answer.get(name) if isinstance(answer, dict) else None
    if not isinstance(found, kind):
        raise Upstream(endpoint.key, f'answered no {name}')
    return found


def instant(value: object, now: int) -> int:
    """Return when a price was observed: what lies in the future is of now. Raises ValueError."""
    return max(0, min(money.whole(value), now))


def reached(closes: Collection[DailyClose], through: date) -> date:
    """Return the day up to which closes asked for up to `through` are all that are to be had: the last may yet have to come."""
    the_day_before = through - timedelta(days=1)
    return the_day_before if max((close.day for close in closes), default=through) == the_day_before else through
