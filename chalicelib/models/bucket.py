"""The rate limit and circuit breaker of each upstream, shared by all workers."""

import time
from typing import NamedTuple

from pynamodb.exceptions import UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.errors import UpstreamNotAsked
from chalicelib.models.base import IntegerAttribute, Item, condition_failed

_QUEUE_MS = 5_000
_TRIP_AFTER = 3
_REST_SECONDS = 30
_REST_SECONDS_MOST = 900


class Turn(NamedTuple):
    """When to send a reserved request, in milliseconds from now, and whether the ones before it failed."""

    wait_ms: int
    failing: bool


class Bucket(Item, discriminator='bucket'):
    """pk=BUCKET#<upstream>  sk=BUCKET

    `free_at` (epoch milliseconds) is when the next request may leave, `open_until` (epoch seconds) when the circuit closes
    again, `trips` how often it opened since the last success.
    take: one conditional update, two when requests queue up   fail: one or two   succeed: one
    """

    free_at = IntegerAttribute(null=True)
    open_until = IntegerAttribute(null=True)
    failures = IntegerAttribute(null=True)
    trips = IntegerAttribute(null=True)

    @classmethod
    def at(cls, key: str) -> 'Bucket':
        return cls(f'BUCKET#{key}', 'BUCKET')

    @classmethod
    def take(cls, key: str, every_ms: int, now_ms: int) -> Turn:
        """Reserve the next request to an upstream.

        Raises UpstreamNotAsked while the circuit is open, or when more requests wait already than is worth queueing for.
        """
        bucket = cls.at(key)
        closed = _closed(now_ms // 1000)
        idle = cls.free_at.does_not_exist() | (cls.free_at <= now_ms)
        if bucket._update_if(closed & idle, cls.free_at.set(now_ms + every_ms)):
            return Turn(0, bool(bucket.failures))
        if bucket._update_if(closed & (cls.free_at <= now_ms + _QUEUE_MS), cls.free_at.set(cls.free_at + every_ms)):
            return Turn(max(0, (bucket.free_at or 0) - every_ms - now_ms), bool(bucket.failures))
        raise UpstreamNotAsked(key, 'resting after failures, or asked too often by us')

    @classmethod
    def fail(cls, key: str, *, throttled: bool, retry_after: int | None) -> None:
        """Note a failed request: the third in a row, or being told that we ask too often, opens the circuit for a while.

        Requests that were under way when it opened fail with those that opened it, and say nothing more.
        """
        now = int(time.time())
        bucket = cls.at(key)
        if not bucket._update_if(_closed(now), cls.failures.set((cls.failures | 0) + 1)):
            return
        if throttled or (bucket.failures or 0) >= _TRIP_AFTER:
            trips = bucket.trips or 0
            rest = retry_after or min(_REST_SECONDS_MOST, _REST_SECONDS * 2 ** min(trips, 10))
            bucket._update_if(_closed(now), cls.open_until.set(now + rest), cls.trips.set(trips + 1))

    @classmethod
    def succeed(cls, key: str) -> None:
        """Note that an upstream works: forget its failures."""
        cls.at(key).update([cls.kind.set(cls), cls.failures.set(0), cls.trips.set(0)])

    def _update_if(self, condition: Condition, *actions: Action) -> bool:
        try:
            self.update([Bucket.kind.set(Bucket), *actions], condition=condition)
        except UpdateError as error:
            if condition_failed(error):
                return False
            raise
        return True


def _closed(now: int) -> Condition:
    closed: Condition = Bucket.open_until.does_not_exist() | (Bucket.open_until <= now)
    return closed
