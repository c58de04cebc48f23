"""A connection of a server, and whose request it carries: see `connections`."""

import select
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from io import RawIOBase
from socket import MSG_PEEK, SHUT_RDWR, socket
from threading import Event
from time import monotonic
from typing import TYPE_CHECKING, Any

from infra.local.large_work import LARGE_REQUESTS

if TYPE_CHECKING:
    from infra.local.connections import Connections

IDLE_SECONDS = 60  # until a request begins
_SECONDS = 30  # to send a request, or take an answer, and as much more as it is long
_SLOWEST = 8_192  # bytes a second
_LONGEST = 10 * 1024 * 1024  # what is more, such as endless trailers, has no time of its own


def seconds_for(length: int) -> float:
    """Return in which time so many bytes must be sent or taken, however slow the line is."""
    return _SECONDS + min(length, _LONGEST) / _SLOWEST


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

    def go_on_as_large(self, has_read: int) -> None:
        """Wait until a request that has read much may go on, as few do at a time."""
        self._among.large_work.wait(self, self.caller, has_read)

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


current: ContextVar[Connection | None] = ContextVar('connection', default=None)  # whose request this thread answers


def wait_if_large() -> None:
    """Have the request that this thread answers wait until it may go on, if it has read much."""
    from chalicelib.http_io import rate_limiter  # reads settings, which the parts of a server do not all have

    connection = current.get()
    if connection is not None and (has_read := rate_limiter.requests_so_far()) >= LARGE_REQUESTS:
        connection.go_on_as_large(has_read)
