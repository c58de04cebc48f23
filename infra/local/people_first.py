"""Who uses the emulated AWS next: the API, for which people wait, before jobs, of which one user may cause thousands."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition, Lock

JOBS = 'jobs'  # what the worker calls itself in AWS_SDK_UA_APP_ID, and so in its requests
_PEOPLE_FOR_A_JOB = 10


def is_of_job(user_agent: str) -> bool:
    """Return whether a request with this User-Agent header is the worker's."""
    return f'app/{JOBS}' in user_agent.split()


class PeopleFirst:
    """A lock that a job takes while nobody else waits for it, and after each ten times that people took it."""

    def __init__(self) -> None:
        lock = Lock()
        self._people, self._jobs = Condition(lock), Condition(lock)
        self._is_held = False
        self._people_since_job = 0
        self.people_waiting = self.jobs_waiting = 0

    @contextmanager
    def held(self, *, by_job: bool) -> Iterator[None]:
        if by_job:
            self._take_for_job()
        else:
            self._take()
        try:
            yield
        finally:
            with self._people:
                self._is_held = False
                (self._jobs if self._is_jobs_turn() else self._people).notify()

    def _take(self) -> None:
        with self._people:
            self.people_waiting += 1
            self._people.wait_for(lambda: not self._is_held and not self._is_jobs_turn())
            self.people_waiting -= 1
            self._people_since_job += 1
            self._is_held = True

    def _take_for_job(self) -> None:
        with self._jobs:
            self.jobs_waiting += 1
            self._jobs.wait_for(lambda: not self._is_held and self._is_jobs_turn())
            self.jobs_waiting -= 1
            self._people_since_job = 0
            self._is_held = True

    def _is_jobs_turn(self) -> bool:
        return bool(self.jobs_waiting) and (not self.people_waiting or self._people_since_job >= _PEOPLE_FOR_A_JOB)
