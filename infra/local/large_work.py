"""Of the requests that have read much already, two go on at a time: they have most left to work out, and share one processor with all.

Those that wait do so before they read on, with what they have.
"""

from collections.abc import Callable, Hashable
from threading import Condition

from botocore.hooks import BaseEventHooks

MOST = 2
LARGE_REQUESTS = 10  # as how many one counts that has read much
_MOST_REMEMBERED = 1_000
_READS = ('Query', 'BatchGetItem')  # of many items; the count of a caller's requests is shared with a lock, which nobody is to wait with


class LargeWork:
    """The next to go on is of the caller who has fewest, and of equals of whose last is longest ago. Thread-safe."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._changing = Condition()
        self._waiting: dict[Hashable, str] = {}
        self._going_on: dict[Hashable, str] = {}
        self._given = 0
        self._last_of: dict[str, int] = {}

    def wait(self, request: Hashable, caller: str) -> None:
        """Wait until a caller's request may go on, with all of its threads that wait; nothing where it does already."""
        with self._changing:
            if request not in self._going_on:
                self._waiting[request] = caller
                self._changing.wait_for(lambda: self._goes_on(request))

    def _goes_on(self, request: Hashable) -> bool:
        if request in self._waiting and len(self._going_on) < self._most and self._next() is request:
            self._going_on[request] = self._waiting.pop(request)
            self._remember(self._going_on[request])
            self._changing.notify_all()  # other threads of it wait, and there may be room for one more
        return request in self._going_on

    def end(self, request: Hashable) -> None:
        """Let others go on; nothing where the request was none of those that did."""
        with self._changing:
            if self._going_on.pop(request, None) is not None:
                self._changing.notify_all()

    def _next(self) -> Hashable:
        callers = list(self._going_on.values())
        return min(self._waiting, key=lambda request: self._precedence(self._waiting[request], callers))

    def _precedence(self, caller: str, callers: list[str]) -> tuple[int, int]:
        return callers.count(caller), self._last_of.get(caller, 0)

    def _remember(self, caller: str) -> None:
        self._given += 1
        self._last_of.pop(caller, None)
        self._last_of[caller] = self._given
        if len(self._last_of) > _MOST_REMEMBERED:
            del self._last_of[next(iter(self._last_of))]


def before_reads(events: BaseEventHooks, wait: Callable[[], None]) -> None:
    """Have a client of DynamoDB call `wait` before each read of many items."""
    for operation in _READS:
        events.register(f'before-call.dynamodb.{operation}', lambda **_: wait())
