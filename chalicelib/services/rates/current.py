"""Rates of exchange: fetched by jobs, for the currencies that somebody holds or reports; requests only read what is held."""

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from chalicelib import clock, errors, messages, telemetry
from chalicelib.domain import currencies, rates
from chalicelib.domain.conversion import Pair, Rate, Rates
from chalicelib.domain.rates import BackfillProgress, DailyClose, Observation
from chalicelib.messages import BackfillRates, FetchRates
from chalicelib.models import WANTED_SECONDS, HourlyRates, LatestRates, PairCloses, Reached, WantedCurrency, add_closes, read_closes

if TYPE_CHECKING:
    from chalicelib.providers.rates import ClosesPage, RateSource
    from chalicelib.providers.transport import Http

log = logging.getLogger(__name__)

T = TypeVar('T')

_HOLD_SECONDS = 60
_PAUSE_SECONDS = 2
_RENEW_SECONDS = 86_400
_ATTEMPTS = 8
_FIRST_DAY = date(2009, 1, 1)  # nothing that is converted here is older than Bitcoin
_DAY = timedelta(days=1)


class Latest(NamedTuple):
    """The latest rates that are not too old to be used, and when their set was made, 0 before the first.

    `asked` are the currencies that the sources were asked about; what is wanted of others is yet to come.
    """

    rates: Rates
    at: int
    asked: frozenset[str]


class _Held(NamedTuple):
    latest: Latest
    until: Mapping[str, int]  # when each currency asked about stops to be wanted
    read_at: float


class Closes:
    """Daily closes of some pairs, as they were when they were read."""

    def __init__(self, found: Mapping[Pair, PairCloses]) -> None:
        self._found = found
        self.versions = {rates.text_of(pair): closes.state.version for pair, closes in found.items()}

    @property
    def first_day(self) -> date | None:
        """The earliest day of which there is a close, None when there is none."""
        return min((day for closes in self._found.values() for day in closes.by_day), default=None)

    @property
    def progress(self) -> list[BackfillProgress]:
        """How far the closes of each currency are here, by code."""
        states = {rates.code_of(pair): closes.state for pair, closes in self._found.items()}
        return [
            BackfillProgress(code, rates.parse_day(state.earliest), rates.parse_day(state.until), state.done)
            for code, state in sorted(states.items())
        ]

    def on(self, day: date) -> Rates:
        """Return the closes of a day as rates, each of that day or, where it has none, of the last one of the week before."""
        carried = (rates.carry_forward(closes.by_day, pair, day) for pair, closes in self._found.items())
        return Rates(rates.midnight(day), (rate for rate in carried if rate is not None))

    def changed_since(self, versions: Mapping[str, int]) -> date | None:
        """Return the earliest day whose closes were added after `versions` were read, date.min if that is no longer known.

        A pair that is not in `versions` counts as of version 0. None when nothing was added.
        """
        pairs = ((rates.text_of(pair), closes.state) for pair, closes in self._found.items())
        days = (state.changed_since(versions.get(name, 0)) for name, state in pairs)
        return min((day for day in days if day is not None), default=None)


class _Memory:
    """What this process knows without asking: the latest rates, and until when it had currencies wanted."""

    def __init__(self) -> None:
        self.held: _Held | None = None
        self.until: dict[str, int] = {}


_memory = _Memory()


def forget() -> None:
    """Forget what this process holds, so that the next question is asked of the table."""
    _memory.held = None
    _memory.until.clear()


def latest(codes: Collection[str] = ()) -> Latest:
    """Return the latest rates, at most a minute old; read anew where `codes` are not among those asked about. At most one request."""
    return _hold(codes).latest


def at(instant: int) -> Latest:
    """Return what were the latest rates at an instant of the past, of each hour's first set: always the same answer.

    One request or two.
    """
    found = HourlyRates.before(instant)
    if found is None:
        return Latest(Rates(instant, ()), 0, frozenset())
    return Latest(Rates.usable(instant, found.rates), found.at, frozenset())


def closes(codes: Collection[str], first: date, last: date) -> Closes:
    """Return the daily closes that convert these currencies, and btc, eth, usd and eur, on each day from `first` to `last`."""
    years = range((first - rates.CARRIED_DAYS * _DAY).year, last.year + 1)
    return Closes(read_closes(rates.pairs_of(codes), years))


def want(codes: Iterable[str], now: int) -> bool:
    """Have the rates of these currencies fetched for the next days, and those nobody wanted so far at once; True when there are such.

    Costs nothing but a write a day for each. While no rates at all were ever fetched, all that are wanted are sent for.
    """
    wanted = sorted({code for code in codes if code not in rates.ALWAYS and currencies.find(code)})
    held = _hold(wanted)
    new = [code for code in wanted if _register(code, held, now)]
    if not held.latest.at:  # before the first run of the schedule
        messages.send(FetchRates([]))
    elif new:
        messages.send(FetchRates(new), *map(BackfillRates, new))
    return bool(new)


def _hold(codes: Collection[str]) -> _Held:
    held = _memory.held
    if held is None or _is_outdated(held, codes):
        held = _memory.held = _read_latest()
    return held


def _is_outdated(held: _Held, codes: Collection[str]) -> bool:
    age = clock.monotonic() - held.read_at
    return age >= _HOLD_SECONDS or (age >= _PAUSE_SECONDS and not held.latest.asked.issuperset(codes))


def _read_latest() -> _Held:
    found = LatestRates.find()
    known = Rates.usable(clock.now(), found.rates)
    return _Held(Latest(known, found.at, frozenset(found.asked)), found.asked, clock.monotonic())


def _register(code: str, held: _Held, now: int) -> bool:
    """Have a currency wanted for eight days; True when nobody wanted it."""
    until = max(held.until.get(code, 0), _memory.until.get(code, 0))
    if until > now + WANTED_SECONDS - _RENEW_SECONDS:
        return False
    _memory.until[code] = now + WANTED_SECONDS
    if until > now:
        WantedCurrency.renew(code, now)
        return False
    return WantedCurrency.register(code, now)


def fetch(now: int, codes: Collection[str] | None = None) -> None:
    """Ask all sources, at once, for the rates of what is wanted, or of `codes` alone; store the latest and, once an hour, the hour's.

    What a source does not tell this time stays as it was until it is too old. Raises Upstream, naming all, when every source failed.
    """
    started = clock.monotonic()
    wanted = WantedCurrency.every(now) if codes is None else dict.fromkeys(codes, now + WANTED_SECONDS)
    asked = {code: until for code, until in wanted.items() if currencies.find(code)} | dict.fromkeys(rates.ALWAYS, now + WANTED_SECONDS)
    chosen = _store(_ask(asked.keys(), now), asked, now)
    made = now + int(clock.monotonic() - started) + 1  # from then on it can be read
    if codes is None and HourlyRates.store(made, chosen):
        _close(chosen, asked, made)


def _ask(codes: Collection[str], now: int) -> list[Observation]:
    """Return what the sources observe. Raises Upstream when all failed."""
    from chalicelib.providers.rates import RATE_SOURCES  # brings requests (70 ms), which a read of rates need not pay

    failures: list[errors.Upstream] = []
    found: list[Observation] = []
    with ThreadPoolExecutor(len(RATE_SOURCES)) as pool:
        for answer in pool.map(telemetry.in_current_task(lambda source: _ask_one(source, codes, now)), RATE_SOURCES):
            if isinstance(answer, errors.Upstream):
                failures.append(answer)
            else:
                found += answer
    if failures and not found:
        raise errors.Upstream('rates', '; '.join(map(str, failures)))
    return found


def _ask_one(source: 'RateSource', codes: Collection[str], now: int) -> list[Observation] | errors.Upstream:
    try:
        return _through_gate(source, lambda http: source.latest(http, codes, now))
    except errors.Upstream as error:
        return error
    except Exception as error:
        log.exception('rates: %s', source.endpoint.key)
        return errors.Upstream(source.endpoint.key, type(error).__name__)


def _through_gate(source: 'RateSource', ask: 'Callable[[Http], T]') -> T:
    """Return what `ask` finds out from a source, and note how that did. Raises Upstream."""
    from chalicelib.providers.transport import Http
    from chalicelib.services.ledgers.upstream_gate import UpstreamGate

    gate = UpstreamGate()
    try:
        found = ask(Http(gate))
    except errors.Upstream as error:
        log.warning('rates: %s', error)
        gate.failed(error)
        raise
    gate.worked(source.endpoint)
    return found


def _store(new: Sequence[Observation], asked: Mapping[str, int], now: int) -> list[Rate]:
    """Store the latest rates with what is new; return them. Raises Conflict when other runs always came first."""
    for _ in range(_ATTEMPTS):
        found = LatestRates.find()
        made = max(now, found.at)
        observations = rates.merge(found.observations, new, made)
        chosen = rates.choose(observations, made)
        still_asked = {code: until for code, until in found.asked.items() if until > now}
        if found.store(made, observations, chosen, {**still_asked, **asked}):
            _tell(observations, chosen, made)
            _memory.held = None
            return chosen
    raise errors.Conflict


def _tell(observations: Sequence[Observation], chosen: Sequence[Rate], made: int) -> None:
    for one in rates.outliers(observations, made):
        log.warning('rates: %s is more than 10 %% off with %s/%s', one.source, one.base, one.quote)
        telemetry.count('RateOutliers')
    for rate in chosen:
        if rate.disputed:
            telemetry.count('RatesDisputed')


def _close(chosen: Sequence[Rate], asked: Collection[str], made: int) -> None:
    """Keep the rates that are closes, and send for those that are missing."""
    published: dict[Pair, date] = {}  # the last close that there must be by now
    for rate in chosen:
        pair = (rate.base, rate.quote)
        close = _as_close(rate, made)
        if close is not None:
            published[pair] = close.day
            add_closes(pair, [close], made, Reached(close.day, done=False, after=rates.day_before(pair, close.day)))
    late = []
    for pair, found in read_closes(rates.pairs_of(asked), ()).items():
        day = published.get(pair) if rates.is_ecb(pair) else rates.day_of(made)
        if not found.state.done or (day is not None and (found.state.until or '') < day.isoformat()):
            late.append(rates.code_of(pair))
    messages.send(*map(BackfillRates, late))


def _as_close(rate: Rate, made: int) -> DailyClose | None:
    """Return the close that a rate is: any that the ECB tells, of the day it was fixed, and others within the first hour of a day."""
    if rates.is_ecb((rate.base, rate.quote)):
        return DailyClose(rates.day_of(rate.at), rate.base, rate.quote, rate.price, rate.sources)
    if rate.disputed or not rate.is_fresh(made) or made % 86_400 >= 3_600:
        return None
    return DailyClose(rates.day_of(made), rate.base, rate.quote, rate.price, rate.sources)


def backfill(code: str, deadline: float) -> None:
    """Fetch the daily closes of a currency that are missing; a slice of them before `deadline` (clock.monotonic()), then send for the next.

    The first source that has closes goes back to their beginning, those after it fill the gaps of its last year. Where one fails the
    others are asked all the same, and the next hour tries again. Raises Upstream, naming all, when every source failed.
    """
    from chalicelib.providers.rates import RATE_SOURCES

    today = rates.day_of(clock.now())
    sources = [source for source in RATE_SOURCES if code in source.daily_codes]
    failures: list[errors.Upstream] = []
    finished = True
    for source in sources:
        try:
            if source is sources[0]:
                finished = _download(source, code, today, deadline)
            elif finished:
                _fill_gaps(source, code, today)
        except errors.Upstream as error:
            failures.append(error)
    if failures and len(failures) == len(sources):
        raise errors.Upstream(f'daily closes of {code}', '; '.join(map(str, failures)))
    if not finished:
        messages.send(BackfillRates(code))
    elif not failures:
        _finish(code, sources, today)


def _download(source: 'RateSource', code: str, today: date, deadline: float) -> bool:
    """Add all closes after those that are here already; False when the deadline came first."""
    pair = rates.pair_of(code)
    until = read_closes([pair], ())[pair].state.until
    since = max(date.fromisoformat(until) + _DAY if until else _FIRST_DAY, source.first_day(today))
    while since <= today:
        page = _read_closes(source, code, since, today)
        add_closes(pair, page.closes, clock.now(), Reached(page.through, done=False))
        if not page.has_more:
            return True
        since = page.through + _DAY
        if clock.monotonic() >= deadline:
            return False
    return True


def _fill_gaps(source: 'RateSource', code: str, today: date) -> None:
    """Add the closes that are missing among those that a source still has."""
    pair = rates.pair_of(code)
    day = source.first_day(today)
    held = read_closes([pair], range(day.year, today.year + 1))[pair].by_day
    while day <= today and day in held:
        day += _DAY
    if day <= today:
        add_closes(pair, _read_closes(source, code, day, today).closes, clock.now())


def _read_closes(source: 'RateSource', code: str, since: date, today: date) -> 'ClosesPage':
    return _through_gate(source, lambda http: source.daily_closes(http, code, since, today))


def _finish(code: str, sources: Collection['RateSource'], today: date) -> None:
    """Note that all closes are here that are to be had; where nobody has any, that there are none."""
    add_closes(rates.pair_of(code), (), clock.now(), Reached(_FIRST_DAY if sources else today))
