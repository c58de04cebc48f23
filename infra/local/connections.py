"""The connections of a server: so many at once, each with a time in which its client sends a request and takes the answer.

Whoever sends the first half of many requests would else hold all threads and descriptors. Where there is no room, the connection is ended
that has waited longest for its client, or came last of those that wait for their turn, of the site that has most of those: one that
sends what it has to say, while others do not have many requests open, is not among them.

Few requests are worked for at once; the others wait for a turn (`turns`).
"""

import resource
from collections import Counter
from collections.abc import Callable
from socket import socket
from threading import Condition
from time import monotonic

from infra.local import turns
from infra.local.connection import Connection, seconds_for
from infra.local.known_callers import KnownCallers
from infra.local.large_work import LargeWork
from infra.local.turns import Turns

MOST = 256
MOST_BODY_BYTES = 64 * 1024 * 1024  # of bodies together, of requests and answers, that wait
_LONG_SECONDS = 2  # after which a turn keeps others of its network waiting no more
_LOOK_SECONDS = 1  # between looks at which turns are long
_CLOSING_SECONDS = 5  # for threads to notice that their connection was ended, which takes them none
_SHARE_OF_DESCRIPTORS = 4  # the others are for what is done for a request, and for connections that are about to end


def most_at_once() -> int:
    """Return how many connections this process can afford."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST if soft == resource.RLIM_INFINITY else max(1, min(MOST, soft // _SHARE_OF_DESCRIPTORS))


class Connections:
    """Those of one server; `most` at once, not counting those that were ended and whose threads have not noticed yet."""

    def __init__(
        self,
        most: int,
        most_body_bytes: int = MOST_BODY_BYTES,
        seconds: Callable[[int], float] = seconds_for,
        most_worked_for: int = turns.MOST,
        long_seconds: float = _LONG_SECONDS,
    ) -> None:
        self._most = most
        self._most_worked_for = most_worked_for
        self._long_seconds = long_seconds
        self._most_body_bytes = most_body_bytes
        self._seconds = seconds
        self._open: dict[socket, Connection] = {}
        self._waiting: list[Connection] = []  # for a turn
        self.known_callers = KnownCallers()
        self.large_work = LargeWork()
        self._last_was_read = False  # of what got a turn
        self._looked_at = monotonic()
        self._changing = Condition()

    def add(self, client: socket, network: str) -> bool:
        """Count a new connection, ending another one if need be; return whether there is room for it."""
        with self._changing:
            are_closed = self._changing.wait_for(lambda: len(self._open) < 2 * self._most, _CLOSING_SECONDS)
            alive = sum(not each.is_ended for each in self._open.values())
            has_room = are_closed and (alive < self._most or self._end_one(lambda _: 1))
            if has_room:
                self._open[client] = Connection(client, network, self, self._seconds)
        return has_room

    @property
    def count(self) -> int:
        """How many there are, with those that were ended and are not closed yet."""
        return len(self._open)

    def of(self, client: socket) -> Connection:
        return self._open[client]

    def remove(self, client: socket) -> None:
        """Forget a connection that is closed, or was never counted."""
        if client in self._open:
            self.large_work.end(self._open[client])
        with self._changing:
            self._open.pop(client, None)
            self._give_turns()
            self._changing.notify()

    def wait_for_turn(self, connection: Connection) -> None:
        """Wait until a connection may be worked for. Raises ConnectionResetError where it was ended, or its client went, before that."""
        with self._changing:
            if connection.is_ended:
                raise ConnectionResetError
            connection.waits_since = monotonic()
            connection.turn.clear()
            self._waiting.append(connection)
            self._give_turns()
        has_waited = not connection.turn.is_set()
        while not connection.turn.wait(_LOOK_SECONDS):
            with self._changing:  # a turn may have become a long one; one thread looks for all that wait
                if monotonic() - self._looked_at >= _LOOK_SECONDS:
                    self._give_turns()
        if connection.is_ended or (has_waited and connection.is_closed_by_client()):
            raise ConnectionResetError

    def set_caller(self, connection: Connection, caller: str | None) -> None:
        """Count a connection's turn as a caller's or a stranger's; if that is one too many, wait for another. Raises as `wait_for_turn`."""
        with self._changing:
            if caller:
                self.known_callers.remember(connection.credentials, caller)
            else:
                self._forget(connection.credentials)
            connection.caller = caller or turns.strangers_in(connection.network)
            may_go_on = self._count_turns(but=connection).may_have_more(connection.network, connection.caller)
            if may_go_on:
                self._give_turns()  # to a newcomer, whose turn this was
        if not may_go_on:
            self.wait_for_turn(connection)

    def forget_caller(self, connection: Connection) -> None:
        """Forget whose the credentials of a connection were: they are nobody's."""
        with self._changing:
            self._forget(connection.credentials)
            self._give_turns()

    def _forget(self, credentials: bytes) -> None:
        if self.known_callers.forget(credentials):
            for each in self._waiting:
                if each.credentials == credentials:
                    each.caller = ''

    def end_turn(self, connection: Connection) -> None:
        """Let others be worked for; this one waits for its client."""
        self.large_work.end(connection)
        with self._changing:
            connection.waits_since = monotonic()
            self._give_turns()

    def _give_turns(self) -> None:
        """Let as many be worked for as may be: the first one of those for whose networks fewest are, and for whom themselves.

        Of equals, what reads and what changes something take turns: passwords take long, and whoever wants to log in opens a page first.
        """
        self._looked_at = monotonic()
        self._waiting = [each for each in self._waiting if not each.is_ended]
        counted = self._count_turns(but=None)
        while entitled := [each for each in self._waiting if counted.may_have_more(each.network, each.caller)]:
            first = min(entitled, key=lambda each: (*counted.of(each.network, each.caller), each.is_read == self._last_was_read))
            self._last_was_read = first.is_read
            self._waiting.remove(first)
            counted.add(first.network, first.caller)
            first.waits_since, first.turn_began_at = None, monotonic()
            first.turn.set()

    def _count_turns(self, *, but: Connection | None) -> Turns:
        counted, now = Turns(self._most_worked_for), monotonic()
        for each in self._open.values():
            if each.waits_since is None and each is not but:
                counted.add(each.network, each.caller, is_long=now - each.turn_began_at >= self._long_seconds)
        return counted

    def make_room(self, connection: Connection, length: int) -> None:
        """Count bytes that a connection holds; end some until those that wait hold no more than they may. Raises ConnectionResetError."""
        with self._changing:
            connection.body_bytes += length
            while self._waiting_bytes() > self._most_body_bytes and self._end_one(lambda each: each.body_bytes):
                pass
            if connection.is_ended:
                raise ConnectionResetError

    def _waiting_bytes(self) -> int:
        """Return how many bytes those hold that can be ended. What is worked for is bounded by turns, and would have others ended."""
        return sum(each.body_bytes for each in self._open.values() if each.waits_since is not None)

    def _end_one(self, weight: Callable[[Connection], int]) -> bool:
        """End the heaviest of those that wait, of the site whose networks weigh most.

        Of equals the one that has waited longest for its client, or the last of those that wait for their turn.
        """
        waiting = [each for each in self._open.values() if each.waits_since is not None and not each.is_ended and weight(each)]
        if not waiting:
            return False
        weights: Counter[str] = Counter()
        for each in waiting:
            weights[turns.site_of(each.network)] += weight(each)
        most = max(weights.values())
        heaviest = [each for each in waiting if weights[turns.site_of(each.network)] == most]
        whole = set(self._waiting)

        def precedence(each: Connection) -> tuple[int, int, float]:
            waits_since = each.waits_since or 0
            return (weight(each), 0, waits_since) if each in whole else (weight(each), 1, -waits_since)

        max(heaviest, key=precedence).end()
        return True
