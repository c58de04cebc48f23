"""Download the daily closes of a currency that are missing. Only for jobs."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from chalicelib import clock, errors, messages
from chalicelib.domain import consensus, pegs, rates, successions
from chalicelib.domain.consensus import AgreedPrice
from chalicelib.domain.conversion import Pair
from chalicelib.domain.rates import DailyClose
from chalicelib.messages import BackfillRates
from chalicelib.models import DownloadProgress, GapProgress, PairDailyCloses, add_daily_closes, read_daily_closes
from chalicelib.providers.rates import RATE_SOURCES, ClosesPage, RateSource
from chalicelib.services.rates.fetch import through_gate

_DAY = timedelta(days=1)
_CHECKED_DAYS = timedelta(days=89)  # for which closes are compared with those of other sources: one page of each
_AGREED_DAYS = timedelta(seconds=consensus.AGREED_SECONDS)


def backfill_daily_closes(code: str, deadline: float) -> None:
    """Download the missing daily closes of a currency until `deadline` (clock.monotonic()), and enqueue the rest.

    The first source that has closes is read back to their beginning, and compared with the others where these are recent; those after
    it fill its gaps. Where one fails the others are read all the same, and the next hour tries again. Raises Upstream, naming all,
    when every source failed. A currency that is pegged needs one close, of the first day.
    """
    today = rates.day_of(clock.now())
    if code in successions.SUCCESSIONS:
        today = min(today, successions.SUCCESSIONS[code].since)  # what sources publish of it after its end is refused
    if code in pegs.PEGS:
        _record_peg(code, today)
        return
    sources = [source for source in RATE_SOURCES if code in source.daily_codes]
    failures: list[errors.Upstream] = []
    finished = True
    for number, source in enumerate(sources):
        try:
            if number == 0:
                finished = _download(source, sources[1:], code, today, deadline)
            elif finished:
                finished = _fill_gaps(source, code, today, deadline)
        except errors.Upstream as error:
            failures.append(error)
    _conclude(code, sources, failures, finished, today)


def _conclude(code: str, sources: Sequence[RateSource], failures: Sequence[errors.Upstream], finished: bool, today: date) -> None:
    """Record that everything is stored, or have the rest fetched. Raises Upstream when every source failed."""
    if failures and len(failures) == len(sources):
        raise errors.Upstream(f'daily closes of {code}', '; '.join(map(str, failures)))
    if not finished:
        messages.send(BackfillRates(code))
    elif not failures:
        _mark_complete(code, rates.FIRST_DAY if sources else today)


def _record_peg(code: str, today: date) -> None:
    pair = rates.pair_of(code)
    peg = pegs.PEGS[code]
    close = DailyClose(max(peg.since, rates.FIRST_DAY), *pair, peg.price, pegs.SOURCE)
    add_daily_closes(pair, [close], clock.now(), DownloadProgress(today))


def _download(source: RateSource, others: Sequence[RateSource], code: str, today: date, deadline: float) -> bool:
    """Add all closes after those that are stored already; False when the deadline came first."""
    pair = rates.pair_of(code)
    until = read_daily_closes([pair], ())[pair].state.until
    since = max(date.fromisoformat(until) + _DAY if until else rates.FIRST_DAY, source.first_day(today))
    while since <= today:
        page = _read_page(source, code, since, today)
        closes_by_source = [page.closes, *_witnesses(others, code, page, today)]
        closes = consensus.choose_closes(closes_by_source, _agreed_before(pair, since)) if page.closes else []
        add_daily_closes(pair, closes, clock.now(), DownloadProgress(page.through, done=False))
        if not page.has_more:
            return True
        since = page.through + _DAY
        if clock.monotonic() >= deadline:
            return False
    return True


def _witnesses(others: Iterable[RateSource], code: str, page: ClosesPage, today: date) -> list[list[DailyClose]]:
    """Return what other sources say about those days of a page that are recent; nothing of one that fails."""
    days = {close.day for close in page.closes if close.day >= today - _CHECKED_DAYS}
    closes_by_source: list[list[DailyClose]] = []
    for source in others if days else ():
        try:
            closes = _read_page(source, code, max(min(days), source.first_day(today)), today).closes
        except errors.Upstream:
            continue  # through_gate recorded it
        closes_by_source.append([close for close in closes if close.day in days])
    return closes_by_source


def _agreed_before(pair: Pair, since: date) -> AgreedPrice | None:
    """Return the last close before a day that is not disputed, if it is recent enough to say something about that day."""
    years = range((since - _AGREED_DAYS).year, since.year + 1)
    closes = read_daily_closes([pair], years)[pair].by_day.values()
    before = max((close for close in closes if close.day < since and not close.disputed), default=None)
    return (
        None
        if before is None
        else AgreedPrice(*pair, successions.in_current_units(before.price, before.quote, before.day), rates.midnight(before.day))
    )


def _fill_gaps(source: RateSource, code: str, today: date, deadline: float) -> bool:
    """Add the closes that are missing among those that a source still has; False when the deadline came first."""
    pair = rates.pair_of(code)
    first = max(source.first_day(today), rates.FIRST_DAY)
    stored = read_daily_closes([pair], range(first.year, today.year + 1))[pair]
    searched_until = rates.parse_day(stored.state.searched.get(source.endpoint.key))
    day = _next_gap(pair, stored, first if searched_until is None else max(first, searched_until + _DAY), today)
    while day is not None:
        page = _read_page(source, code, day, today)
        closes = consensus.choose_closes([page.closes], _agreed_before(pair, day))
        add_daily_closes(pair, closes, clock.now(), GapProgress(source.endpoint.key, page.through))
        if not page.has_more:
            return True
        stored.by_day.update((close.day, close) for close in closes)
        day = _next_gap(pair, stored, page.through + _DAY, today)
        if clock.monotonic() >= deadline:
            return day is None
    return True


def _next_gap(pair: Pair, stored: PairDailyCloses, day: date, today: date) -> date | None:
    """Return the first day from `day` on that has no close, between fiat currencies none to be carried forward to it either."""
    while day <= today:
        if not (day in stored.by_day or (rates.is_of_fiat(pair) and rates.carry_forward(stored.by_day, pair, day))):
            return day
        day += _DAY
    return None


def _read_page(source: RateSource, code: str, since: date, today: date) -> ClosesPage:
    return through_gate(source, lambda http: source.daily_closes(http, code, since, today))


def _mark_complete(code: str, until: date) -> None:
    """Record that all closes that sources have are stored, at least those up to `until`."""
    add_daily_closes(rates.pair_of(code), (), clock.now(), DownloadProgress(until))
