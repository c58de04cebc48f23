"""The connections to upstreams: cut when their time is over, with short heads of answers, and where told so to public addresses only."""

import io
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPResponse
from threading import Event, Lock, Timer
from typing import Any
from weakref import WeakSet

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from chalicelib.providers.public_addresses import is_public

_MOST_LINE_BYTES = 64 * 1024


class TooMuch(Exception):
    """An answer has more to say before or after its body than we accept."""


class Watchdog:
    """Ends an exchange at its time limit by cutting the connection, whatever is being waited for.

    The timeouts of requests are for one read each. A server that drips a status line, headers, `100 Continue`, chunk extensions or
    trailers byte by byte keeps to them for hours, inside of http.client, where nobody looks at a clock between two reads.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._sockets: WeakSet[socket.socket] = WeakSet()
        self._expired: Event | None = None  # of the exchange under way

    @contextmanager
    def watching(self, seconds: float) -> Iterator[Event]:
        """Watch one exchange. The event tells whether its time has run out."""
        expired = Event()
        with self._lock:
            self._expired = expired
        timer = Timer(seconds, self._expire, (expired,))
        timer.daemon = True
        timer.start()
        try:
            yield expired
        finally:
            timer.cancel()
            with self._lock:
                self._expired = None

    def adopt(self, opened: socket.socket) -> None:
        """Cut this connection too when the time is over, which it may be already."""
        with self._lock:
            self._sockets.add(opened)
            if self._expired is not None and self._expired.is_set():
                _cut(opened)

    def _expire(self, expired: Event) -> None:
        with self._lock:
            if self._expired is expired:
                expired.set()
                for opened in self._sockets:
                    _cut(opened)


class Adapter(HTTPAdapter):
    """Opens connections that a watchdog watches, to public addresses only if told so."""

    def __init__(self, watchdog: Watchdog, *, public_only: bool) -> None:
        self._pools = _watched_pools(watchdog, public_only=public_only)
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = self._pools
        return manager


class WatchedSession(requests.Session):
    """Opens connections as the adapter does. It does not look at where a redirect leads: it may be no URL, and nobody goes there."""

    def __init__(self, watchdog: Watchdog, *, public_only: bool = False) -> None:
        super().__init__()
        self.trust_env = not public_only  # a proxy would look up the host by itself
        for scheme in ('http://', 'https://'):
            self.mount(scheme, Adapter(watchdog, public_only=public_only))

    def get_redirect_target(self, resp: requests.Response) -> None:
        return None


class _Lines(io.BufferedReader):
    """What comes by a connection, with so many bytes of lines in a row: a head with the interim ones before it, or trailers.

    http.client limits a line and the lines of one head, but neither all of these together, nor the interim heads, nor the trailers.
    """

    _bytes_left = _MOST_LINE_BYTES

    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(size)
        self._bytes_left -= len(line)
        if self._bytes_left < 0:
            raise TooMuch
        return line

    def read(self, size: int | None = -1, /) -> bytes:
        """Read of a body, or the end of a chunk: the sizes of chunks, which are lines as well, are not counted together."""
        self._bytes_left = _MOST_LINE_BYTES
        return super().read(size)


class _Answer(HTTPResponse):
    """An answer with a short head and without cookies: we keep none, and requests would parse all of them before anybody looks."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fp = _Lines(self.fp.detach())

    def begin(self) -> None:
        super().begin()
        for name in ('Set-Cookie', 'Set-Cookie2'):
            del self.headers[name]


def _watched_pools(watchdog: Watchdog, *, public_only: bool) -> dict[str, type[HTTPConnectionPool]]:
    class Plain(HTTPConnection):
        response_class = _Answer

        def _new_conn(self) -> socket.socket:
            return _connect(self) if public_only else super()._new_conn()

        def connect(self) -> None:
            super().connect()
            watchdog.adopt(self.sock)

    class Encrypted(Plain, HTTPSConnection):
        pass

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class EncryptedPool(HTTPSConnectionPool):
        ConnectionCls = Encrypted

    return {'http': PlainPool, 'https': EncryptedPool}


class Private(Exception):
    """A host has an address that is not public."""


def _connect(connection: HTTPConnection) -> socket.socket:
    """Connect to a host all of whose addresses are public. It is looked up once, so that what is checked is what is connected to."""
    results = socket.getaddrinfo(connection.host, connection.port, type=socket.SOCK_STREAM)
    addresses = [str(address[0]) for *_, address in results]
    if not addresses or not all(map(is_public, addresses)):
        raise Private
    opened = socket.create_connection((addresses[0], connection.port), timeout=connection.timeout)
    if not is_public(str(opened.getpeername()[0])):
        opened.close()
        raise Private
    return opened


def _cut(opened: socket.socket) -> None:
    """Shut down a connection, so that whoever reads from it sees its end. It is closed by its owner."""
    with suppress(OSError):
        socket.socket.shutdown(opened, socket.SHUT_RDWR)  # that of a TLS socket would also take it apart under the reader
