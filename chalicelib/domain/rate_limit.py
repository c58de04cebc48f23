"""Who made how many requests in the current minute, counted in this process and now and then together with all others.

Minutes are fixed, so that all processes mean the same one.
"""

from collections.abc import Callable
from threading import Lock
from typing import NamedTuple

WINDOW_SECONDS = 60
MOST_TRACKED = 10_000
_LEAST_STEP = 10
_STEPS = 20

Who = tuple[str, str]  # the ids of a user and of the application that asks for them
Share = Callable[[Who, int, int], int]


class Standing(NamedTuple):
    """How somebody stands after one more request: `used` so many of `limit`, as far as is known; in `reset` seconds it is over."""

    limit: int
    used: int
    reset: int

    @property
    def exceeded(self) -> bool:
        return self.used > self.limit

    @property
    def remaining(self) -> int:
        return max(0, self.limit - self.used)


class _Count:
    """The requests of one minute: `used` with those of others, `untold` those of them that others do not know of."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.used = 0
        self.untold = 0


class Limiter:
    """Counts up to `limit` requests a minute of each of the 10,000 who came last. Several threads may use it.

    `share(who, start, requests)` adds requests to what all processes have counted in the minute that starts then, and returns
    the sum; 0 when it cannot. It is called each time that a twentieth of the limit, at least 10, was counted here, and once when the
    limit is passed; after that nothing is counted until the minute is over.
    """

    def __init__(self, limit: int, share: Share) -> None:
        self._limit = limit
        self._share = share
        self._step = max(_LEAST_STEP, limit // _STEPS)
        self._start = 0
        self._counts: dict[Who, _Count] = {}
        self._lock = Lock()

    def take(self, who: Who, now: int) -> Standing:
        """Count one more request, at `now` in epoch seconds."""
        start = now - now % WINDOW_SECONDS
        count = self._find(who, start)
        with count.lock:
            if count.used <= self._limit:
                count.used += 1
                count.untold += 1
                if count.untold == self._step or count.used > self._limit:
                    told, count.untold = count.untold, 0
                    count.used = max(count.used, self._share(who, start, told))
            return Standing(self._limit, count.used, start + WINDOW_SECONDS - now)

    def _find(self, who: Who, start: int) -> _Count:
        with self._lock:
            if start != self._start:
                self._start, self._counts = start, {}
            if who not in self._counts and len(self._counts) == MOST_TRACKED:
                del self._counts[next(iter(self._counts))]
            return self._counts.setdefault(who, _Count())
