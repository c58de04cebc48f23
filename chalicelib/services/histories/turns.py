"""Turns at computing histories: a process computes two at once, one of them for users whose histories do not take long.

At home the process of a server works at more messages than that, and so may a Lambda that is handed ten of them.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from threading import TIMEOUT_MAX, Condition

from chalicelib import clock
from chalicelib.services.histories import policy

AT_ONCE = 2  # threads do not compute faster, and the largest took 100 MB each where that was measured
LONG_SECONDS = 2  # of the processor
_LONG_FOR_SECONDS = 600  # in which one whose history took long may have another one that does
_ASKED_SECONDS = 2 * policy.TURN_SECONDS  # after which somebody who asked has given up
_MOST_REMEMBERED = 1_000


class NoTurn(Exception):
    """Histories of others, or of the same user, are computed; ask again in TURN_SECONDS."""


class Turns:
    """Some histories at once; the next is of the user whose last is longest ago. Thread-safe.

    Users whose histories took long have all turns but one. They do not wait, so that no number of their messages takes the threads that
    receive others': they ask again.
    """

    def __init__(self, most: int) -> None:
        self._free = most
        self._free_for_long = max(1, most - 1)
        self._changing = Condition()
        self._waiting: list[str] = []
        self._asked_at: dict[str, float] = {}
        self._long_until: dict[str, float] = {}
        self._given = 0
        self._last_of: dict[str, int] = {}

    @contextmanager
    def of(self, user_id: str, deadline: float) -> Iterator[bool]:
        """Have a turn of a user; yields whether others had to end for it. Raises NoTurn, after the `deadline` at the latest."""
        with self._changing:
            has_waited = self._wait(user_id, deadline)
            is_long = self._is_long(user_id)
            self._free -= 1
            self._free_for_long -= is_long
            self._remember(user_id)
        begun = time.thread_time()
        try:
            yield has_waited
        finally:
            with self._changing:
                self._free += 1
                self._free_for_long += is_long
                if time.thread_time() - begun > LONG_SECONDS:
                    self._long_until[user_id] = clock.monotonic() + _LONG_FOR_SECONDS
                self._changing.notify_all()

    def _wait(self, user_id: str, deadline: float) -> bool:
        if clock.monotonic() > deadline:
            raise NoTurn
        if self._is_long(user_id):
            return self._ask(user_id)
        self._waiting.append(user_id)
        try:
            is_next = self._is_next(user_id)
            seconds = min(deadline - clock.monotonic(), TIMEOUT_MAX)
            self._changing.wait_for(partial(self._is_next_or_long, user_id), max(0, seconds))
            if not self._is_next(user_id) or self._is_long(user_id):
                raise NoTurn
            return not is_next
        finally:
            self._waiting.remove(user_id)
            self._changing.notify_all()  # another one is next

    def _ask(self, user_id: str) -> bool:
        """Take one of the turns of those whose histories take long, if it is free and nobody who asked comes first."""
        now = clock.monotonic()
        self._asked_at[user_id] = now
        self._asked_at = {user: at for user, at in self._asked_at.items() if now - at <= _ASKED_SECONDS}
        if not self._free or not self._free_for_long or user_id != self._longest_ago(self._asked_at):
            raise NoTurn
        del self._asked_at[user_id]
        return False

    def _is_next(self, user_id: str) -> bool:
        return self._free > 0 and user_id == self._longest_ago(self._waiting)

    def _is_next_or_long(self, user_id: str) -> bool:
        return self._is_next(user_id) or self._is_long(user_id)

    def _longest_ago(self, users: Iterable[str]) -> str:
        return min(users, key=lambda user_id: self._last_of.get(user_id, 0))

    def _is_long(self, user_id: str) -> bool:
        return self._long_until.get(user_id, 0) > clock.monotonic()

    def _remember(self, user_id: str) -> None:
        self._given += 1
        self._last_of.pop(user_id, None)
        self._last_of[user_id] = self._given
        for remembered in (self._last_of, self._long_until):
            if len(remembered) > _MOST_REMEMBERED:
                del remembered[next(iter(remembered))]


TURNS = Turns(AT_ONCE)
