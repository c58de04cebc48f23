"""Turns at computing histories: a process computes two at once, and who had one longest ago is next."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from threading import TIMEOUT_MAX, Condition

from chalicelib import clock

AT_ONCE = 2  # threads do not compute faster, and the largest took 100 MB each where that was measured
_MOST_REMEMBERED = 1_000


class NoTurn(Exception):
    """Large histories of others took the time that there was."""


class Turns:
    """So many histories at once of a process, which at home handles more messages than that: the next is of whose last is longest ago."""

    def __init__(self, most: int) -> None:
        self._free = most
        self._changing = Condition()
        self._waiting: list[str] = []
        self._given = 0
        self._last_of: dict[str, int] = {}

    @contextmanager
    def of(self, user_id: str, deadline: float) -> Iterator[bool]:
        """Wait for a turn of a user, and have it; yields whether others had to end for it. Raises NoTurn after `deadline`."""
        with self._changing:
            has_waited = self._wait(user_id, deadline)
            self._free -= 1
            self._remember(user_id)
        try:
            yield has_waited
        finally:
            with self._changing:
                self._free += 1
                self._changing.notify_all()

    def _wait(self, user_id: str, deadline: float) -> bool:
        seconds = max(0, min(deadline - clock.monotonic(), TIMEOUT_MAX))
        self._waiting.append(user_id)
        try:
            may_have_one_now = self._may_have_one(user_id)
            may_have_one = self._changing.wait_for(partial(self._may_have_one, user_id), seconds)
        finally:
            self._waiting.remove(user_id)
            self._changing.notify_all()  # another one is next
        if not may_have_one or clock.monotonic() > deadline:
            raise NoTurn
        return not may_have_one_now

    def _may_have_one(self, user_id: str) -> bool:
        return self._free > 0 and user_id == min(self._waiting, key=lambda one: self._last_of.get(one, 0))

    def _remember(self, user_id: str) -> None:
        self._given += 1
        self._last_of.pop(user_id, None)
        self._last_of[user_id] = self._given
        if len(self._last_of) > _MOST_REMEMBERED:
            del self._last_of[next(iter(self._last_of))]


TURNS = Turns(AT_ONCE)
