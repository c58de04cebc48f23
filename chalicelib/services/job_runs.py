"""When each job last ran, for people who look whether the service is alive. The runs themselves are in the logs."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from chalicelib import clock
from chalicelib.models import JobRun

log = logging.getLogger(__name__)

MINUTE, HOUR = 60, 3_600

SCHEDULED = {'snapshot_portfolios': HOUR, 'sweep_due': MINUTE, 'update_rates': 5 * MINUTE}
"""The jobs that run by the clock, and every how many seconds."""
QUEUED = ('fetch_rates', 'purge_portfolios', 'refresh_accounts', 'refresh_histories', 'refresh_ledgers')
"""Those that run when there is something to do."""

_MOST_MISSED = 3  # runs in a row, until a job is late
_NOTED_SECONDS = MINUTE  # a process notes the runs of a queue's job at most this often

_noted: dict[str, int] = {}


@contextmanager
def noted(job: str) -> Iterator[None]:
    """Note a run that comes to its end: one write, and for the jobs of queues one a minute. What cannot be noted is only logged."""
    yield
    now = clock.now()
    if job in QUEUED and now - _noted.get(job, 0) < _NOTED_SECONDS:
        return
    try:
        JobRun.note(job, now)
        _noted[job] = now
    except Exception:
        log.warning('that %s ran was not noted', job, exc_info=True)


def health(last: Mapping[str, int], now: int) -> str:
    """Return `failing` if a scheduled job is late, `unknown` while one of them never ran, else `ok`."""
    if any(now - last[job] > _MOST_MISSED * every for job, every in SCHEDULED.items() if job in last):
        return 'failing'
    return 'ok' if SCHEDULED.keys() <= last.keys() else 'unknown'
