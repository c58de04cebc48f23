"""Turns at computing histories: a process computes two at once, one of them for users whose histories do not take long.

At home the process of a server works at more messages than that, and so may a Lambda that is handed ten of them.
"""

import math
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from threading import TIMEOUT_MAX, Condition

from chalicelib import clock
from chalicelib.services.histories import policy

AT_ONCE = 2  # threads do not compute faster, and the largest took 100 MB each where that was measured
LONG_SECONDS = 1  # of the processor, which two at once share: whoever waits for one waits for twice that
_LONG_FOR_SECONDS = 600  # in which one whose history took long may have another one that does
_ASKED_SECONDS = 2 * policy.TURN_SECONDS  # after which somebody who asked has given up
_MOST_REMEMBERED = 1_000


class NoTurn(Exception):
    """Histories of others, or of the same user, are computed; ask again in so many `seconds`."""

    def __init__(self, seconds: int) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class Turns:
    """Some histories at once, of different users; the next is of the user whose last is longest ago. Thread-safe.

    Users whose histories took long have all turns but one. One of them waits at a time, so that no number of their messages takes the
    threads that receive others'; the rest ask again, none of a user's in the same second. Who waits has the next turn before those who had
    one since, long or not.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._most_long = max(1, most - 1)
        self._changing = Condition()
        self._computing: dict[str, bool] = {}  # by user, whether theirs take long
        self._waiting: list[str] = []
        self._asked_at: dict[str, float] = {}  # of those whose histories take long
        self._asks_until: dict[str, float] = {}  # when the last of a user's messages that got no turn asks again
        self._long_until: dict[str, float] = {}
        self._given = 0
        self._last_of: dict[str, int] = {}

    @contextmanager
    def of(self, user_id: str, deadline: float) -> Iterator[bool]:
        """Have a turn of a user; yields whether others had to end for it. Raises NoTurn, after the `deadline` at the latest."""
        with self._changing:
            has_waited = self._wait(user_id, deadline)
            self._computing[user_id] = self._is_long(user_id)
            self._remember(user_id)
        begun = time.thread_time()
        try:
            yield has_waited
        finally:
            with self._changing:
                del self._computing[user_id]
                if time.thread_time() - begun > LONG_SECONDS:
                    self._long_until[user_id] = clock.monotonic() + _LONG_FOR_SECONDS
                self._changing.notify_all()

    def _wait(self, user_id: str, deadline: float) -> bool:
        is_long = self._is_long(user_id)
        if clock.monotonic() > deadline or (is_long and not self._may_wait(user_id)):
            raise self._no_turn(user_id)
        self._waiting.append(user_id)
        try:
            is_next = self._is_next(user_id)
            seconds = min(deadline - clock.monotonic(), TIMEOUT_MAX)
            self._changing.wait_for(partial(self._ends_wait, user_id, is_long), max(0, seconds))
            if not self._is_next(user_id) or self._is_long(user_id) > is_long:
                raise self._no_turn(user_id)
            return not is_next
        finally:
            self._waiting.remove(user_id)
            if is_long:
                self._asked_at[user_id] = clock.monotonic()
            self._changing.notify_all()  # another one is next

    def _ends_wait(self, user_id: str, was_long: bool) -> bool:
        return self._is_next(user_id) or self._is_long(user_id) > was_long

    def _no_turn(self, user_id: str) -> NoTurn:
        now = clock.monotonic()
        asks_at = max(now + policy.TURN_SECONDS, min(self._asks_until.pop(user_id, 0) + 1, now + policy.MOST_TURN_SECONDS))
        self._asks_until[user_id] = asks_at
        return NoTurn(math.ceil(asks_at - now))

    def _may_wait(self, user_id: str) -> bool:
        """Whether a user whose histories take long may wait: no other one does, nor asked who comes first."""
        now = clock.monotonic()
        self._asked_at[user_id] = now
        self._asked_at = {user: at for user, at in self._asked_at.items() if now - at <= _ASKED_SECONDS}
        is_alone = user_id not in self._computing and not any(map(self._is_long, self._waiting))
        return is_alone and user_id == self._longest_ago(self._asked_at)

    def _is_next(self, user_id: str) -> bool:
        return self._may_compute(user_id) and user_id == self._longest_ago(filter(self._may_compute, self._waiting))

    def _may_compute(self, user_id: str) -> bool:
        has_room = not self._is_long(user_id) or sum(self._computing.values()) < self._most_long
        return has_room and len(self._computing) < self._most and user_id not in self._computing

    def _longest_ago(self, users: Iterable[str]) -> str:
        return min(users, key=lambda user_id: self._last_of.get(user_id, 0))

    def _is_long(self, user_id: str) -> bool:
        return self._long_until.get(user_id, 0) > clock.monotonic()

    def _remember(self, user_id: str) -> None:
        self._asked_at.pop(user_id, None)
        self._given += 1
        self._last_of.pop(user_id, None)
        self._last_of[user_id] = self._given
        for remembered in (self._last_of, self._long_until, self._asks_until):
            if len(remembered) > _MOST_REMEMBERED:
                del remembered[next(iter(remembered))]


TURNS = Turns(AT_ONCE)
