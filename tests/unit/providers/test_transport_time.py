"""What no library would send: a byte at a time and for ever, which the time limit ends, or what is no HTTP.

A server of bare sockets. Nothing is measured: without the limit these requests never end.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import chain, repeat
from threading import Event, Thread

import pytest

from chalicelib.config import settings
from chalicelib.errors import Upstream
from chalicelib.providers import transport
from chalicelib.providers.transport import Http
from chalicelib.providers.upstream import Endpoint

HOST = Endpoint('blockstream', 'https://blockstream.info/api', min_interval_ms=250)
OK = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n'
WHOLE = OK + b'Content-Length: 2\r\n\r\n{}'
PAUSE = 0.02
AMPLE = 2  # seconds for an answer that comes at once, on a busy machine too
# What is sent at once, and what follows byte by byte, again and again.
DRIPS = {
    'nothing': (b'', b''),
    'a status line': (b'HTTP/1.1 200 ', b'x'),
    'a header': (OK + b'X-Slow: ', b'x'),
    'headers': (OK, b'X-Slow: x\r\n'),
    'continue': (b'', b'HTTP/1.1 100 Continue\r\n\r\n'),
    'headers of continue': (b'HTTP/1.1 100 Continue\r\n', b'X-Slow: x\r\n'),
    'a body': (OK + b'Content-Length: 1000000\r\n\r\n{}', b' '),
    'a body that ends with the connection': (b'HTTP/1.0 200 OK\r\n\r\n{}', b' '),
    'a compressed body': (OK + b'Content-Encoding: gzip\r\nContent-Length: 1000000\r\n\r\n\x1f\x8b\x08\x08\0\0\0\0\0\0', b'x'),
    'chunks': (OK + b'Transfer-Encoding: chunked\r\n\r\n', b'1\r\n \r\n'),
    'the size of a chunk': (OK + b'Transfer-Encoding: chunked\r\n\r\n', b'0'),
    'a chunk extension': (OK + b'Transfer-Encoding: chunked\r\n\r\n2;slow=', b'x'),
    'trailers': (OK + b'Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n', b'X-Slow: x\r\n'),
    'an error': (b'HTTP/1.1 404 Not Found\r\nContent-Length: 1000000\r\n\r\n', b' '),
    'a connection to be closed': (OK + b'Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n2;slow=', b'x'),
}
EMPTY = b'Content-Length: 0\r\n\r\n'
NONSENSE = {
    'another protocol': b'SSH-2.0-OpenSSH\r\n',
    'another version': b'HTTP/9.9 abc\r\n\r\n',
    'a status of five digits': b'HTTP/1.1 20000 OK\r\n' + EMPTY,
    'a chunk of no size': OK + b'Transfer-Encoding: chunked\r\n\r\nzz\r\n{}',
    'a chunk of less than nothing': OK + b'Transfer-Encoding: chunked\r\n\r\n-1\r\n{}',
    'no gzip': OK + b'Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd',
    'a long header': OK + b'X: ' + b'x' * 70_000 + b'\r\n\r\n{}',
    'many headers': OK + b'X: x\r\n' * 200 + b'\r\n{}',
    'a redirect to no host': b'HTTP/1.1 302 Found\r\nLocation: http://[::1\r\n' + EMPTY,
    'a redirect to no text': b'HTTP/1.1 302 Found\r\nLocation: \xff\xfe\x00\r\n' + EMPTY,
    'a redirect to nowhere': b'HTTP/1.1 302 Found\r\n' + EMPTY,
    'a rest for ever': b'HTTP/1.1 429 Too Many Requests\r\nRetry-After: ' + b'9' * 5_000 + b'\r\n' + EMPTY,
    'a rest of no number': b'HTTP/1.1 429 Too Many Requests\r\nRetry-After: \xb2\r\n' + EMPTY,
    'another conversation': b'HTTP/1.1 101 Switching Protocols\r\n\r\n',
}
TLS_RECORD = b'\x16\x03\x03\x40\x00\x02\x00\x3f\xfc\x03\x03'  # the beginning of a long ServerHello


class Dripper:
    """Accepts one connection after the other: each request gets the next of `answers`, then drips without end."""

    def __init__(self, *answers: tuple[bytes, bytes]) -> None:
        self.answers = list(answers)
        self.connections = 0
        self.left = Event()  # set when a client has gone, in whichever way: by a reset too
        self._listener = socket.create_server(('127.0.0.1', 0))
        self._connection: socket.socket | None = None
        self._thread = Thread(target=self._accept, daemon=True)

    @property
    def address(self) -> str:
        return f'127.0.0.1:{self._listener.getsockname()[1]}'

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        for opened in (self._listener, self._connection):
            if opened is not None:
                with suppress(OSError):
                    opened.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                self._connection, _ = self._listener.accept()
                self.connections += 1
                with self._connection as connection, suppress(OSError):
                    self._serve(connection)
                self.left.set()

    def _serve(self, connection: socket.socket) -> None:
        while connection.recv(65536):
            at_once, drip = self.answers.pop(0)
            connection.sendall(at_once)
            connection.settimeout(PAUSE)
            for byte in chain.from_iterable(repeat(drip)) if drip else repeat(None):
                if at_once == WHOLE:
                    break
                if byte is not None:
                    connection.sendall(bytes((byte,)))
                with suppress(TimeoutError):
                    if not connection.recv(65536):
                        return
            connection.settimeout(None)


@contextmanager
def dripping(
    monkeypatch: pytest.MonkeyPatch, *answers: tuple[bytes, bytes], scheme: str = 'http', seconds: float = 0.3
) -> Iterator[Dripper]:
    """Lead requests to a dripper, with a short time limit."""
    server = Dripper(*answers)
    server.start()
    with monkeypatch.context() as patch:
        patch.setenv('UPSTREAM_URL', f'{scheme}://{server.address}')
        patch.setattr(transport, '_TOTAL_SECONDS', seconds)
        settings.cache_clear()
        yield server
        server.stop()
    settings.cache_clear()


def ask(http: Http) -> str:
    return http.get(HOST, '/tip').text


@pytest.mark.parametrize('drip', DRIPS.values(), ids=DRIPS)
def test_an_exchange_ends_within_its_time_whatever_is_dripped(monkeypatch: pytest.MonkeyPatch, drip: tuple[bytes, bytes]) -> None:
    with dripping(monkeypatch, drip) as server:
        with pytest.raises(Upstream) as caught:
            ask(Http(lambda _: None))
        assert str(caught.value) == 'blockstream: timed out'
        assert server.left.wait(60), 'the connection stays open'


@pytest.mark.parametrize('nonsense', NONSENSE.values(), ids=NONSENSE)
def test_nonsense_is_a_failure_of_the_upstream(monkeypatch: pytest.MonkeyPatch, nonsense: bytes) -> None:
    with dripping(monkeypatch, (nonsense, b'')), pytest.raises(Upstream) as caught:
        Http(lambda _: None).get(HOST, '/tip').json()
    assert len(str(caught.value)) < 100


def test_a_handshake_ends_within_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, '_CONNECT_SECONDS', 0.3)
    with dripping(monkeypatch, (TLS_RECORD, b'x'), scheme='https') as server:
        with pytest.raises(Upstream) as caught:
            ask(Http(lambda _: None))
        assert str(caught.value) == 'blockstream: timed out'
        assert server.left.wait(60), 'the connection stays open'


def test_a_connection_that_is_used_again_is_watched_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with dripping(monkeypatch, (WHOLE, b'x'), (WHOLE, b'x'), DRIPS['headers'], (WHOLE, b'x'), seconds=AMPLE) as server:
        http = Http(lambda _: None)  # which takes the limit as it is by now
        assert [ask(http), ask(http), server.connections] == ['{}', '{}', 1]
        with pytest.raises(Upstream, match='timed out'):
            ask(http)
        assert server.left.wait(60)
        assert [ask(http), server.connections] == ['{}', 2]


def test_the_time_of_an_exchange_does_not_run_on_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with dripping(monkeypatch, (WHOLE, b'x'), (WHOLE, b'x'), seconds=AMPLE) as server:
        http = Http(lambda _: None)  # which takes the limit as it is by now
        ask(http)
        assert not server.left.wait(AMPLE + 0.5)
        assert [ask(http), server.connections] == ['{}', 1]
