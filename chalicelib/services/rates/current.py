"""The current rates as API processes read them, and which currencies are tracked. Sources are never requested here: jobs do that."""

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from chalicelib import clock, messages
from chalicelib.domain import currencies, rates
from chalicelib.domain.conversion import Rates
from chalicelib.messages import BackfillRates, FetchRates
from chalicelib.models import TRACKED_SECONDS, LatestRates, TrackedCurrency
from chalicelib.services.rates import policy


class LatestSet(NamedTuple):
    """The latest rates that are not too old to be used, and when their set was made, 0 before the first.

    `requested` are the currencies that the sources were asked for; rates of others are still to come. So are those of `pending`, of which
    a source was asked lately and failed.
    """

    rates: Rates
    at: int
    requested: frozenset[str]
    pending: frozenset[str] = frozenset()


class _Cached(NamedTuple):
    latest: LatestSet
    tracked_until: Mapping[str, int]
    read_at: float


class _ProcessMemory:
    """What this process knows without a request: the latest rates, and until when it had currencies tracked."""

    def __init__(self) -> None:
        self.cached: _Cached | None = None
        self.tracked_until: dict[str, int] = {}


_memory = _ProcessMemory()


def forget() -> None:
    """Forget what this process knows, so that the next call reads the table."""
    _memory.cached = None
    _memory.tracked_until.clear()


def latest(codes: Collection[str] = ()) -> LatestSet:
    """Return the latest rates, at most a minute old; read anew if the sources were not asked for some of `codes`.

    Makes at most one request.

    >>> latest(['btc', 'usd']).rates.by_pair['btc', 'usd'].price
    Decimal('11775.36')
    """
    return _read_through(codes).latest


def track(codes: Iterable[str], now: int) -> bool:
    """Have the rates of currencies fetched for the next days, immediately for newly tracked ones; True if there are such.

    Costs at most one write per currency and day. Until the first fetch, all tracked currencies are fetched instead.
    """
    trackable = sorted({code for code in codes if code not in rates.ALWAYS and currencies.find(code)})
    cached = _read_through(trackable)
    new = [code for code in trackable if _register(code, cached, now)]
    if not cached.latest.at:  # before the first run of the schedule
        messages.send(FetchRates([]))
    elif new:
        messages.send(FetchRates(new), *map(BackfillRates, sorted(rates.with_related(new))))
    return bool(new)


def _read_through(codes: Collection[str]) -> _Cached:
    cached = _memory.cached
    if cached is None or _is_outdated(cached, codes):
        stored = LatestRates.find()
        usable = Rates.usable(clock.now(), stored.rates)
        latest = LatestSet(usable, stored.at, frozenset(stored.requested), _pending(stored, usable))
        cached = _Cached(latest, stored.requested, clock.monotonic())
        _memory.cached = cached
    return cached


def _is_outdated(cached: _Cached, codes: Collection[str]) -> bool:
    age = clock.monotonic() - cached.read_at
    answered = cached.latest.requested - cached.latest.pending
    return age >= policy.CACHE_SECONDS or (age >= policy.REREAD_SECONDS and not answered.issuperset(codes))


def _pending(stored: LatestRates, usable: Rates) -> frozenset[str]:
    """Return the currencies that have no rate as a source failed when it was first asked for them, not long ago."""
    priced = {code for pair in usable.by_pair for code in pair}
    since = clock.now() - policy.PENDING_SECONDS
    return frozenset(code for code, asked_at in stored.unanswered.items() if asked_at > since and code not in priced)


def _register(code: str, cached: _Cached, now: int) -> bool:
    """Track a currency for eight days; True if it was not tracked."""
    until = max(cached.tracked_until.get(code, 0), _memory.tracked_until.get(code, 0))
    if until > now + TRACKED_SECONDS - policy.RENEW_SECONDS:
        return False
    _memory.tracked_until[code] = now + TRACKED_SECONDS
    if until > now:
        TrackedCurrency.renew(code, now)
        return False
    return TrackedCurrency.register(code, now)
