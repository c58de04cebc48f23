"""What comes before and after the body of an answer: so many bytes of it, and no cookies. A server of bare sockets."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread

import pytest
import requests

from chalicelib.config import settings
from chalicelib.errors import Blame, Upstream
from chalicelib.providers.connections import Adapter, Watchdog
from chalicelib.providers.transport import Http, UpstreamResponse
from chalicelib.providers.upstream import Endpoint

HOST = Endpoint('blockstream', 'https://blockstream.info/api', min_interval_ms=250)
OK = b'HTTP/1.1 200 OK\r\n'
BODY = b'Content-Length: 2\r\n\r\n{}'
CHUNKED = OK + b'Transfer-Encoding: chunked\r\n\r\n'
CONTINUE = b'HTTP/1.1 100 Continue\r\n'
COOKIES = b'Set-Cookie: session=1\r\nset-cookie: other=2; Path=/\r\nSet-Cookie2: third="3"; Version="1"\r\n'
# Each of more than 64 KB, and none of a line or of so many lines that http.client would refuse it.
TOO_LONG = {
    'headers': OK + (b'X-Long: ' + b'x' * 40_000 + b'\r\n') * 2 + BODY,
    'cookies': OK + (b'Set-Cookie2: ' + b'a,' * 20_000 + b'\r\n') * 2 + BODY,
    'interim answers': (CONTINUE + b'\r\n') * 3_000 + OK + BODY,
    'headers of an interim answer': CONTINUE + (b'X-Long: ' + b'x' * 40_000 + b'\r\n') * 2 + b'\r\n' + OK + BODY,
    'trailers': CHUNKED + b'2\r\n{}\r\n0\r\n' + b'X-Short: x\r\n' * 6_000 + b'\r\n',
    'the head of a refusal': b'HTTP/1.1 500 Internal Server Error\r\n' + (b'X-Long: ' + b'x' * 40_000 + b'\r\n') * 2 + BODY,
}
LONG_ENOUGH = {
    'headers': OK + (b'X-Long: ' + b'x' * 15_000 + b'\r\n') * 4 + BODY,
    'an interim answer': CONTINUE + b'\r\n' + OK + BODY,
    'chunks, whose sizes are more than a head may have': CHUNKED + b'1\r\n \r\n' * 30_000 + b'2\r\n{}\r\n0\r\n\r\n',
    'trailers': CHUNKED + b'2\r\n{}\r\n0\r\n' + b'X-Short: x\r\n' * 1_000 + b'\r\n',
}


class Server:
    """Sends one answer by each connection, and keeps what it was sent."""

    def __init__(self, answers: tuple[bytes, ...]) -> None:
        self.requests: list[bytes] = []
        self._answers = answers
        self._listener = socket.create_server(('127.0.0.1', 0))
        self.url = f'http://127.0.0.1:{self._listener.getsockname()[1]}'
        self._thread = Thread(target=self._serve, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        with suppress(OSError):
            for answer in self._answers:
                connection, _ = self._listener.accept()
                with connection, suppress(OSError):
                    self.requests.append(connection.recv(65536))
                    connection.sendall(answer)


@contextmanager
def serving(monkeypatch: pytest.MonkeyPatch, *answers: bytes) -> Iterator[Server]:
    server = Server(answers)
    server.start()
    with monkeypatch.context() as patch:
        patch.setenv('UPSTREAM_URL', server.url)
        settings.cache_clear()
        try:
            yield server
        finally:
            server.stop()
    settings.cache_clear()


def ask(http: Http) -> UpstreamResponse:
    return http.get(HOST, '/tip')


@pytest.mark.parametrize('answer', TOO_LONG.values(), ids=TOO_LONG)
def test_a_head_or_trailers_of_more_than_64_kilobytes_are_a_failure(monkeypatch: pytest.MonkeyPatch, answer: bytes) -> None:
    with serving(monkeypatch, answer), pytest.raises(Upstream) as caught:
        ask(Http(lambda _: None))
    assert (str(caught.value), caught.value.blame) == ('blockstream: returned more than we accept', Blame.LOAD)


@pytest.mark.parametrize('answer', LONG_ENOUGH.values(), ids=LONG_ENOUGH)
def test_shorter_heads_and_trailers_are_none(monkeypatch: pytest.MonkeyPatch, answer: bytes) -> None:
    with serving(monkeypatch, answer):
        assert ask(Http(lambda _: None)).json() == {}


def test_the_next_request_after_a_head_that_was_too_long_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    http = Http(lambda _: None)
    with serving(monkeypatch, TOO_LONG['headers'], OK + BODY):
        with pytest.raises(Upstream):
            ask(http)
        assert ask(http).json() == {}


def test_cookies_are_not_sent_back(monkeypatch: pytest.MonkeyPatch) -> None:
    http = Http(lambda _: None)
    answer = OK + COOKIES + b'Connection: close\r\n' + BODY
    with serving(monkeypatch, answer, answer) as server:
        assert [ask(http).json(), ask(http).json()] == [{}, {}]
    assert len(server.requests) == 2
    assert not any(b'cookie' in request.lower() for request in server.requests)


def test_cookies_do_not_reach_what_would_parse_them(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(monkeypatch, OK + COOKIES + BODY) as server, requests.Session() as session:
        session.mount('http://', Adapter(Watchdog(), public_only=False))
        response = session.get(server.url)
    assert dict(response.headers) == {'Content-Length': '2'}
    assert not response.cookies
    assert not session.cookies
