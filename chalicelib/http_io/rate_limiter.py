"""RATE_LIMIT and NETWORK_LIMIT: how many requests a user may make in a minute, and a network without a token.

A user's requests count together, whichever applications make them, and one that reads or computes much counts as several (`charges`), once
more for each UNITS_PER_REQUEST of DynamoDB's capacity: 50, which a hundred ledgers take.
Requests without a token, those of pages and of OAuth2 endpoints among them, count for the network that they come from. What a large
portfolio takes counts, from however many networks, for the pages of the user who is logged in as well, or for the links of the user whose
link is followed. Each process counts for itself and shares its count through the table now and then. Minutes are fixed, so that all
processes count the same one.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from threading import Lock
from typing import Any, NamedTuple

from chalice.app import Response

from chalicelib import charges, clock, telemetry
from chalicelib.charges import Charges
from chalicelib.config import settings
from chalicelib.errors import TooManyRequests
from chalicelib.http_io.errors import envelope
from chalicelib.http_io.request import network
from chalicelib.models import RequestCount

log = logging.getLogger(__name__)

WINDOW_SECONDS = 60
MOST_TRACKED = 10_000
_LEAST_STEP = 10
_STEPS = 20
_LARGE_SHARE = 60  # a request is large that counts as more than a sixtieth of what a user may make in a minute: 10 of 600

Share = Callable[[str, int, int], int]


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
        self._counts: dict[str, _Count] = {}
        self._lock = Lock()

    def take(self, caller: str, now: int, requests: int = 1) -> Standing:
        """Count so many more requests, at `now` in epoch seconds."""
        start = now - now % WINDOW_SECONDS
        count = self._find(caller, start)
        with count.lock:
            if count.used <= self._limit:
                count.used += requests
                count.unshared += requests
                if count.unshared >= self._step or count.used > self._limit:
                    shared, count.unshared = count.unshared, 0
                    count.used = max(count.used, self._share(caller, start, shared))
            return Standing(self._limit, count.used, start + WINDOW_SECONDS - now)

    def _find(self, caller: str, start: int) -> _Count:
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
    token = request.context.get('authorizer')
    if not token or not settings().rate_limit:
        return get_response(request)
    caller = f'user {token["principalId"]}'
    standing = limiter().take(caller, clock.now())
    if standing.exceeded:
        response = envelope(request, TooManyRequests(standing.reset))
    else:
        with charges.counted_by(partial(_take_more, limiter(), caller)) as charged:
            response = get_response(request)
        standing = limiter().take(caller, clock.now(), _further_requests(charged))
    response.headers['RateLimit-Limit'] = str(standing.limit)
    response.headers['RateLimit-Remaining'] = str(standing.remaining)
    response.headers['RateLimit-Reset'] = str(standing.reset)
    return response


def limit_networks(request: Any, get_response: Callable[[Any], Response]) -> Response:
    """Raise TooManyRequests for a request without a token from a network that made too many; inside of the error middleware."""
    if request.context.get('authorizer') or not settings().network_limit:
        return get_response(request)
    with _counted(network_limiter(), f'network {network(request)}'):
        return get_response(request)


@contextmanager
def large_work_counted_for(caller: str) -> Iterator[None]:
    """Count what is done inside for another caller, too, beyond what a request takes that is not large. Raises TooManyRequests.

    So nobody who makes many usual requests, as a network alone may, uses up what all others of this caller have.
    """
    if not settings().rate_limit:
        yield
        return
    with _counted(limiter(), caller, of_itself=0, allowance=settings().rate_limit // _LARGE_SHARE):
        yield


@contextmanager
def _counted(counting: Limiter, caller: str, *, of_itself: int = 1, allowance: int = 0) -> Iterator[None]:
    """Count a request as `of_itself`, and as what it reads and is charged for inside beyond an allowance, also if that ends in an error.

    Raises TooManyRequests, before anything is done inside where too many were counted already.
    """
    _take_more(counting, caller, of_itself)
    begun = telemetry.consumed_capacity()
    with charges.counted_by(partial(_take_more, counting, caller), allowance) as charged:
        try:
            yield
        finally:
            counting.take(caller, clock.now(), _further_requests(charged, begun))


def _take_more(counting: Limiter, caller: str, requests: int) -> None:
    """Count so many more requests before what they stand for is done. Raises TooManyRequests."""
    standing = counting.take(caller, clock.now(), requests)
    if standing.exceeded:
        raise TooManyRequests(standing.reset)


def _further_requests(charged: Charges, begun: float = 0) -> int:
    """Return how many more requests the current one counts as than it was charged for or has as an allowance.

    That is for what it read since it had consumed so many units, `begun`.
    """
    return max(0, _requests_worth(telemetry.consumed_capacity() - begun) - max(charged.requests, charged.allowance))


def requests_so_far() -> int:
    """Return how many requests the current one counts as for what it has read so far."""
    return _requests_worth(telemetry.consumed_capacity())


def _requests_worth(units: float) -> int:
    return int(units // settings().units_per_request)


@lru_cache(1)
def limiter() -> Limiter:
    """Return the one limiter of users of this process."""
    return Limiter(settings().rate_limit, share)


@lru_cache(1)
def network_limiter() -> Limiter:
    """Return the one limiter of networks of this process."""
    return Limiter(settings().network_limit, share)


def share(caller: str, start: int, requests: int) -> int:
    """Add counted requests to the table's count and return that; 0 if it fails, since no request is to be refused for it."""
    try:
        return RequestCount.add(caller, start, requests, expires_at=start + WINDOW_SECONDS)
    except Exception:
        log.exception('requests were counted by this process alone')
        return 0
