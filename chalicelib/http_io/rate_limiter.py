"""RATE_LIMIT: how many requests an application may make for a user in a minute.

Requests without a token, those of pages and of OAuth2 endpoints among them, are not counted. Each process counts for itself and
shares its count through the table now and then. Minutes are fixed, so that all processes count the same one.
"""

import logging
from collections.abc import Callable
from functools import lru_cache
from threading import Lock
from typing import Any, NamedTuple

from chalice.app import Response

from chalicelib import clock
from chalicelib.config import settings
from chalicelib.errors import TooManyRequests
from chalicelib.http_io.errors import envelope
from chalicelib.models import RequestCount

log = logging.getLogger(__name__)

WINDOW_SECONDS = 60
MOST_TRACKED = 10_000
_LEAST_STEP = 10
_STEPS = 20

Caller = tuple[str, str]  # the ids of a user and of the application that makes requests for them
Share = Callable[[Caller, int, int], int]


class Standing(NamedTuple):
    """A caller's count after one more request: `used` of `limit`, as far as is known; the count restarts in `reset` seconds."""

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
    """The requests of one minute: `used` includes those of other processes, `unshared` are those that the table lacks."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.used = 0
        self.unshared = 0


class Limiter:
    """Counts up to `limit` requests a minute for each of the 10,000 latest callers. Thread-safe.

    `share(caller, start, requests)` adds requests to what all processes have counted in the minute from `start` and returns the
    sum, or 0 on failure. It is called each time that a twentieth of the limit, at least 10, was counted here, and once when the
    limit is exceeded; after that nothing is counted until the minute is over.
    """

    def __init__(self, limit: int, share: Share) -> None:
        self._limit = limit
        self._share = share
        self._step = max(_LEAST_STEP, limit // _STEPS)
        self._start = 0
        self._counts: dict[Caller, _Count] = {}
        self._lock = Lock()

    def take(self, caller: Caller, now: int) -> Standing:
        """Count one more request, at `now` in epoch seconds."""
        start = now - now % WINDOW_SECONDS
        count = self._find(caller, start)
        with count.lock:
            if count.used <= self._limit:
                count.used += 1
                count.unshared += 1
                if count.unshared == self._step or count.used > self._limit:
                    shared, count.unshared = count.unshared, 0
                    count.used = max(count.used, self._share(caller, start, shared))
            return Standing(self._limit, count.used, start + WINDOW_SECONDS - now)

    def _find(self, caller: Caller, start: int) -> _Count:
        with self._lock:
            if start != self._start:
                self._start, self._counts = start, {}
            if caller not in self._counts and len(self._counts) == MOST_TRACKED:
                del self._counts[next(iter(self._counts))]
            return self._counts.setdefault(caller, _Count())


def limit_requests(request: Any, get_response: Callable[[Any], Response]) -> Response:
    """Add the caller's standing (draft-ietf-httpapi-ratelimit-headers-06) to each response to a token; over the limit respond 429.

    Runs outside of the error middleware, so that errors have the headers too.
    """
    caller = request.context.get('authorizer')
    if not caller or not settings().rate_limit:
        return get_response(request)
    standing = limiter().take((caller['principalId'], caller['client_id']), clock.now())
    response = envelope(request, TooManyRequests(standing.reset)) if standing.exceeded else get_response(request)
    response.headers['RateLimit-Limit'] = str(standing.limit)
    response.headers['RateLimit-Remaining'] = str(standing.remaining)
    response.headers['RateLimit-Reset'] = str(standing.reset)
    return response


@lru_cache(1)
def limiter() -> Limiter:
    """Return the one limiter of this process."""
    return Limiter(settings().rate_limit, share)


def share(caller: Caller, start: int, requests: int) -> int:
    """Add counted requests to the table's count and return that; 0 if it fails, since no request is to be refused for it."""
    try:
        return RequestCount.add(caller, start, requests, expires_at=start + WINDOW_SECONDS)
    except Exception:
        log.exception('requests were counted by this process alone')
        return 0
