"""Turns at computing histories: a process computes two at once, and who had one longest ago is next."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition

AT_ONCE = 2  # threads do not compute faster, and the largest took 100 MB each where that was measured
_MOST_REMEMBERED = 1_000


class Turns:
    """So many histories at once of a process, which at home handles more messages than that: the next is of whose last is longest ago."""

    def __init__(self, most: int) -> None:
        self._free = most
        self._changing = Condition()
        self._waiting: list[str] = []
        self._given = 0
        self._last_of: dict[str, int] = {}

    @contextmanager
    def of(self, user_id: str) -> Iterator[None]:
        """Wait for a turn of a user, and have it."""
        with self._changing:
            self._waiting.append(user_id)
            self._changing.wait_for(lambda: self._free and self._next() == user_id)
            self._waiting.remove(user_id)
            self._free -= 1
            self._remember(user_id)
            self._changing.notify_all()  # there may be another one
        try:
            yield
        finally:
            with self._changing:
                self._free += 1
                self._changing.notify_all()

    def _next(self) -> str:
        return min(self._waiting, key=lambda user_id: self._last_of.get(user_id, 0))

    def _remember(self, user_id: str) -> None:
        self._given += 1
        self._last_of.pop(user_id, None)
        self._last_of[user_id] = self._given
        if len(self._last_of) > _MOST_REMEMBERED:
            del self._last_of[next(iter(self._last_of))]


TURNS = Turns(AT_ONCE)
