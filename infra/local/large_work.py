"""Of the requests that have read much already, two go on at a time: they have most left to work out, and share one processor with all.

Before they read on, they wait, with what they have, for those of who has read less in the last seconds, and who has read little does not
wait for them to be worked out: a portfolio of some hundred addresses does not wait for one of a hundred thousand balances, nor who looks
at a page now and then for who does all the time.
"""

import math
from collections.abc import Callable, Hashable
from threading import Condition
from time import monotonic

from botocore.hooks import BaseEventHooks

MOST = 2  # and one more of somebody who has read little
LITTLE = 40  # requests' worth in the last seconds
LARGE_REQUESTS = 10  # as how many one counts that has read much
_HALF_SECONDS = 5  # after which what was read counts half
_MOST_REMEMBERED = 1_000
_READS = ('Query', 'BatchGetItem')  # of many items; the count of a caller's requests is shared with a lock, which nobody is to wait with


class LargeWork:
    """The next to go on is of the caller who has read least lately. Thread-safe."""

    def __init__(self, most: int = MOST, little: int = LITTLE) -> None:
        self._most = most
        self._little = little
        self._changing = Condition()
        self._waiting: dict[Hashable, str] = {}
        self._going_on: set[Hashable] = set()
        self._read_for: dict[Hashable, int] = {}  # of those that wait or go on
        self._read_by: dict[str, tuple[float, float]] = {}  # by all requests of a caller, as it counted when

    def wait(self, request: Hashable, caller: str, has_read: int) -> None:
        """Wait until a caller's request, that has read so much by now, may go on; not where it does and nobody who has read less waits.

        Several threads of a request go on together.
        """
        with self._changing:
            self._count(request, caller, has_read)
            if request in self._going_on and not self._comes_after_another(caller):
                return
            self._going_on.discard(request)
            self._waiting[request] = caller
            self._changing.notify_all()
            self._changing.wait_for(lambda: self._goes_on(request))

    def _goes_on(self, request: Hashable) -> bool:
        """Return whether a request that waited goes on, as it does where it is the next and there is room."""
        if request in self._waiting and self._next() is request and self._has_room(self._waiting[request]):
            del self._waiting[request]
            self._going_on.add(request)
            self._changing.notify_all()  # there may be room for one more, and it may have several threads
        return request not in self._waiting

    def _has_room(self, caller: str) -> bool:
        has_read_little = self._read_lately(caller, monotonic()) < self._little
        return len(self._going_on) < self._most + has_read_little

    def end(self, request: Hashable) -> None:
        """Let others go on once a request is over, which may have gone on or not."""
        with self._changing:
            self._read_for.pop(request, None)
            self._going_on.discard(request)
            self._changing.notify_all()

    def _count(self, request: Hashable, caller: str, has_read: int) -> None:
        before, now = self._read_for.get(request, 0), monotonic()
        self._read_for[request] = max(has_read, before)  # one of its threads may say so late
        read_lately = self._read_lately(caller, now) + self._read_for[request] - before
        self._read_by.pop(caller, None)
        self._read_by[caller] = read_lately, now
        if len(self._read_by) > _MOST_REMEMBERED:
            del self._read_by[next(iter(self._read_by))]

    def _comes_after_another(self, caller: str) -> bool:
        now = monotonic()
        read_lately = self._read_lately(caller, now)
        return any(self._read_lately(other, now) < read_lately for other in self._waiting.values())

    def _next(self) -> Hashable:
        now = monotonic()
        return min(self._waiting, key=lambda request: self._read_lately(self._waiting[request], now))

    def _read_lately(self, caller: str, now: float) -> float:
        read, at = self._read_by.get(caller, (0.0, now))
        return read * math.exp2((at - now) / _HALF_SECONDS)


def before_reads(events: BaseEventHooks, wait: Callable[[], None]) -> None:
    """Have a client of DynamoDB call `wait` before each read of many items."""
    for operation in _READS:
        events.register(f'before-call.dynamodb.{operation}', lambda **_: wait())
