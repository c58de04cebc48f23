"""The HTTP server of all fake upstreams. The first part of a path is the upstream's key."""

import contextlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from infra.fake_upstreams.answer import Answer


@dataclass(frozen=True)
class Request:
    """A request to an upstream; `body` is parsed JSON, None for a GET; `raw` is the body as it was sent, which signatures are about."""

    upstream: str
    path: list[str]
    query: dict[str, str]
    headers: Mapping[str, str]
    body: Any = None
    raw: str = ''

    @classmethod
    def parse(cls, target: str, headers: Mapping[str, str] | None = None, body: Any = None, raw: str = '') -> 'Request':
        """Return the request whose target is a path with its query, such as `/bitstamp/ticker/?step=60`."""
        parts = urlsplit(target)
        _, upstream, *path = parts.path.split('/')
        return cls(upstream, path, dict(parse_qsl(parts.query)), headers or {}, body, raw)

    @property
    def url(self) -> str:
        """The path below the upstream's base URL."""
        return '/' + '/'.join(self.path)


Respond = Callable[[Request], Answer]


class Server(ThreadingHTTPServer):
    """Listens from the start, and answers once `serve_forever` runs."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, respond: Respond, host: str = '127.0.0.1', port: int = 0) -> None:
        self.respond = respond
        super().__init__((host, port), _Handler)

    @property
    def url(self) -> str:
        return f'http://{self.server_address[0]!s}:{self.server_port}'

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Silent: a client that hangs up early is not this side's fault."""


@contextlib.contextmanager
def serving(respond: Respond) -> Iterator[str]:
    """Serve on a free port of this machine; yield the URL."""
    server = Server(respond)
    thread = Thread(target=server.serve_forever, kwargs={'poll_interval': 0.02})
    thread.start()
    try:
        yield server.url
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    disable_nagle_algorithm = True
    wbufsize = -1
    server: Server

    def do_GET(self) -> None:
        self._respond()

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers['Content-Length'])).decode()
        is_form = self.headers.get('Content-Type') == 'application/x-www-form-urlencoded'
        self._respond(dict(parse_qsl(raw)) if is_form else json.loads(raw), raw)

    def _respond(self, body: Any = None, raw: str = '') -> None:
        answer = self.server.respond(Request.parse(self.path, dict(self.headers.items()), body, raw))
        time.sleep(answer.delay)
        if answer.hang_up:
            self.close_connection = True
            return
        self._send(answer)

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in {'Content-Type': answer.content_type, **answer.headers}.items():
            self.send_header(name, value)
        if answer.chunked:
            self.send_header('Transfer-Encoding', 'chunked')
        else:
            self.send_header('Content-Length', str(len(answer.raw) if answer.claimed_length is None else answer.claimed_length))
        self.end_headers()
        for piece in _pieces(answer):
            self.wfile.write(piece)
            self.wfile.flush()
            time.sleep(answer.pause)
        self.close_connection = answer.claimed_length is not None

    def log_message(self, format: str, *args: Any) -> None:
        """Silent: the caller's log is what counts."""


def _pieces(answer: Answer) -> Iterable[bytes]:
    body = answer.raw
    size = answer.piece or max(len(body), 1)
    for start in range(0, len(body), size):
        piece = body[start : start + size]
        yield b'%x\r\n%s\r\n' % (len(piece), piece) if answer.chunked else piece
    if answer.chunked:
        yield b'0\r\n\r\n'
