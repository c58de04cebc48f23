"""Who uses the emulated AWS next: the API, for which people wait, before jobs, of which one user may cause thousands."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition

JOBS = 'jobs'  # what the worker calls itself in AWS_SDK_UA_APP_ID, and so in its requests
_LONGEST_SECONDS = 1  # for which a job lets others go first


def is_of_job(user_agent: str) -> bool:
    """Return whether a request with this User-Agent header is the worker's."""
    return f'app/{JOBS}' in user_agent.split()


class PeopleFirst:
    """A lock that jobs take only while nobody else waits for it, or once they have waited for `longest_seconds`."""

    def __init__(self, longest_seconds: float = _LONGEST_SECONDS) -> None:
        self._longest_seconds = longest_seconds
        self._changing = Condition()
        self._is_held = False
        self.people_waiting = 0

    @contextmanager
    def held(self, *, by_job: bool) -> Iterator[None]:
        with self._changing:
            if by_job:
                self._changing.wait_for(lambda: not (self._is_held or self.people_waiting), self._longest_seconds)
            self.people_waiting += 1
            self._changing.wait_for(lambda: not self._is_held)
            self.people_waiting -= 1
            self._is_held = True
        try:
            yield
        finally:
            with self._changing:
                self._is_held = False
                self._changing.notify_all()
