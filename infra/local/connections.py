"""The connections of a server: so many at once, each with a time in which its client sends a request and takes the answer.

Whoever sends the first half of many requests would else hold all threads and descriptors. Where there is no room, the connection is ended
that has waited longest for its client, or came last of those that wait for their turn, of the site that has most of those: one that
sends what it has to say, while others do not have many requests open, is not among them.

Few requests are worked for at once; the others wait for a turn (`turns`).
"""

import resource
import select
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from io import RawIOBase
from socket import MSG_PEEK, SHUT_RDWR, socket
from threading import Condition, Event
from time import monotonic
from typing import Any

from infra.local import turns
from infra.local.known_callers import KnownCallers
from infra.local.large_work import LargeWork
from infra.local.turns import Turns

MOST = 256
MOST_BODY_BYTES = 64 * 1024 * 1024  # of bodies together, of requests and answers, that wait
IDLE_SECONDS = 60  # until a request begins
_SECONDS = 30  # to send a request, or take an answer, and as much more as it is long
_SLOWEST = 8_192  # bytes a second
_LONGEST = 10 * 1024 * 1024  # what is more, such as endless trailers, has no time of its own
_LONG_SECONDS = 2  # after which a turn keeps others of its network waiting no more
_LOOK_SECONDS = 1  # between looks at which turns are long
_CLOSING_SECONDS = 5  # for threads to notice that their connection was ended, which takes them none
_SHARE_OF_DESCRIPTORS = 4  # the others are for what is done for a request, and for connections that are about to end


def seconds_for(length: int) -> float:
    """Return in which time so many bytes must be sent or taken, however slow the line is."""
    return _SECONDS + min(length, _LONGEST) / _SLOWEST


def most_at_once() -> int:
    """Return how many connections this process can afford."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST if soft == resource.RLIM_INFINITY else max(1, min(MOST, soft // _SHARE_OF_DESCRIPTORS))


class Connection(RawIOBase):
    """What comes from a client: reading raises TimeoutError for one that takes too long, ConnectionResetError once it was ended here.

    `network` is whom it counts for, `caller` whose the request is, as far as is known, `is_read` whether it changes nothing, and
    `body_bytes` how much of its body, or then of the answer's, is in memory. `waits_since` is when it began to wait for its client, or for
    its `turn`; None while it is worked for, since `turn_began_at`.
    """

    def __init__(self, client: socket, network: str, among: 'Connections', seconds: Callable[[int], float]) -> None:
        self.network = self._peer = network
        self.caller = ''
        self.credentials = b''
        self.is_read = True
        self.body_bytes = 0
        self.waits_since: float | None = monotonic()
        self.turn_began_at = monotonic()
        self.turn = Event()
        self.is_ended = False
        self._client = client
        self._among = among
        self._seconds = seconds
        self._began: float | None = None
        self._received = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._client.settimeout(self._seconds_left())
        number = self._client.recv_into(buffer)
        if self._began is None:
            self._began = self.waits_since = monotonic()
        self._received += number
        if self.is_ended:
            raise ConnectionResetError
        return number

    def _seconds_left(self) -> float:
        if self._began is None:
            return IDLE_SECONDS
        left = self._began + self._seconds(self._received) - monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def expect_request(self) -> None:
        """Wait for the next request, whoever sends it: a proxy's connection carries those of all its clients."""
        self.network, self.caller, self.body_bytes, self._received = self._peer, '', 0, 0
        self._began, self.waits_since = None, monotonic()

    def count_body(self, length: int) -> None:
        """Count so many bytes more of a body. Raises ConnectionResetError where there is no room for them."""
        self._among.make_room(self, length)

    def begin_work(self, credentials: bytes = b'') -> None:
        """Wait for a turn, as the request is there, whole. Raises ConnectionResetError where the connection was ended.

        `credentials` are a digest of what came with it, empty for nothing, by which its caller may be known from before.
        """
        self.credentials = credentials
        self.caller = self._among.known_callers.find(credentials)
        self._among.wait_for_turn(self)

    def work_for(self, caller: str | None) -> None:
        """Go on as one of a caller's requests, or a stranger's, at a later turn if they have enough. Raises ConnectionResetError."""
        self._among.set_caller(self, caller)

    def forget_caller(self) -> None:
        self._among.forget_caller(self)

    def go_on_as_large(self) -> None:
        """Wait until a request that has read much may go on, as few do at a time."""
        self._among.large_work.wait(self, self.caller)

    def begin_answer(self, length: int) -> None:
        """Wait for the client to take so many bytes. Raises ConnectionResetError where there is no room for them."""
        self._among.end_turn(self)
        self._client.settimeout(self._seconds(length))
        self.body_bytes = 0
        self.count_body(length)

    def is_closed_by_client(self) -> bool:
        """Return whether the client has hung up. What it may have sent stays to be read."""
        poll = select.poll()
        poll.register(self._client, select.POLLIN)
        try:
            return bool(poll.poll(0)) and not self._client.recv(1, MSG_PEEK)
        except OSError:
            return True

    def end(self) -> None:
        """Have whatever waits for the client stop waiting."""
        self.is_ended, self.body_bytes = True, 0
        self.turn.set()
        with suppress(OSError):
            self._client.shutdown(SHUT_RDWR)


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


current: ContextVar[Connection | None] = ContextVar('connection', default=None)  # whose request this thread answers
