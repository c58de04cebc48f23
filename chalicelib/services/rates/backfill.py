"""Download the daily closes of a currency that are missing. Only for jobs."""

from datetime import date, timedelta

from chalicelib import clock, errors, messages
from chalicelib.domain import rates
from chalicelib.messages import BackfillRates
from chalicelib.models import DownloadProgress, add_daily_closes, read_daily_closes
from chalicelib.providers.rates import RATE_SOURCES, ClosesPage, RateSource
from chalicelib.services.rates.fetch import through_gate

_DAY = timedelta(days=1)


def backfill_daily_closes(code: str, deadline: float) -> None:
    """Download the missing daily closes of a currency until `deadline` (clock.monotonic()), and enqueue the rest.

    The first source that has closes is read back to their beginning, those after it fill the gaps of its last year. Where one fails
    the others are read all the same, and the next hour tries again. Raises Upstream, naming all, when every source failed.
    """
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
        _mark_complete(code, rates.FIRST_DAY if sources else today)


def _download(source: RateSource, code: str, today: date, deadline: float) -> bool:
    """Add all closes after those that are stored already; False when the deadline came first."""
    pair = rates.pair_of(code)
    until = read_daily_closes([pair], ())[pair].state.until
    since = max(date.fromisoformat(until) + _DAY if until else rates.FIRST_DAY, source.first_day(today))
    while since <= today:
        page = _read_page(source, code, since, today)
        add_daily_closes(pair, page.closes, clock.now(), DownloadProgress(page.through, done=False))
        if not page.has_more:
            return True
        since = page.through + _DAY
        if clock.monotonic() >= deadline:
            return False
    return True


def _fill_gaps(source: RateSource, code: str, today: date) -> None:
    """Add the closes that are missing among those that a source still has."""
    pair = rates.pair_of(code)
    day = source.first_day(today)
    stored = read_daily_closes([pair], range(day.year, today.year + 1))[pair].by_day
    while day <= today and day in stored:
        day += _DAY
    if day <= today:
        add_daily_closes(pair, _read_page(source, code, day, today).closes, clock.now())


def _read_page(source: RateSource, code: str, since: date, today: date) -> ClosesPage:
    return through_gate(source, lambda http: source.daily_closes(http, code, since, today))


def _mark_complete(code: str, until: date) -> None:
    """Record that all closes that sources have are stored, at least those up to `until`."""
    add_daily_closes(rates.pair_of(code), (), clock.now(), DownloadProgress(until))
