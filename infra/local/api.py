"""The API over HTTP: chalice's local gateway, and around it what API Gateway does and chalice's server does not.

Keeps requests apart that come at once, answers for unknown paths, and survives what clients send, leave unsent and do not take.
"""

import base64
import logging
import re
import socket as sockets
import sys
import time
from contextlib import suppress
from email.errors import MissingHeaderBodySeparatorDefect
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from io import BufferedIOBase, BufferedReader
from typing import Any, NoReturn, cast
from urllib.parse import urlsplit

from chalice.app import Chalice
from chalice.config import Config
from chalice.deploy.validate import validate_routes
from chalice.local import LocalChalice, LocalGateway, LocalGatewayException, ThreadedHTTPServer

from chalicelib.http_io.request import network_of
from infra.local import authorizer, greedy_routes, known_callers, networks, proxies
from infra.local.connection import current
from infra.local.connections import Connections, most_at_once
from infra.local.gateway_answers import Answer, Refused, by_gateway
from infra.local.request_head import RequestHead, is_odd

log = logging.getLogger(__name__)

MOST_BODY_BYTES = 10 * 1024 * 1024  # API Gateway's limit
_MOST_UNREAD_BYTES = 65_536  # of a body that no view reads
_MOST_SKIPPED_BYTES = 10 * MOST_BODY_BYTES
_FEW_CHUNKS = 100  # as small as they like, and one more for so many bytes
_BYTES_PER_CHUNK = 1_024
_MOST_TRAILERS = 100
_PIECE = 65_536
_LONGEST_LINE = 8_192
_LONGEST_LOGGED = 200  # of a path: ours are shorter, and whoever sends longer ones would fill the disk
_DECIMAL = re.compile(r'[0-9]{1,15}')
_HEXADECIMAL = re.compile(rb'[0-9A-Fa-f]{1,12}(?=[ \t]*[;\r\n])')
_SECRET = re.compile(r'(?<=/s/).*|[A-Za-z0-9_-]{43,}')  # of a shared portfolio, also where its link was copied badly
_DENIALS = {401: 'UNAUTHORIZED', 403: 'ACCESS_DENIED', 503: 'AUTHORIZER_FAILURE'}


class Server(ThreadedHTTPServer):
    """Serves an application on a socket that already listens."""

    socket: sockets.socket

    def __init__(
        self,
        app: Chalice,
        config: Config,
        listening: sockets.socket,
        issuer: str = '',
        trusted_proxies: str = '',
        connections: Connections | None = None,
    ) -> None:
        """`issuer` is the API's public address, whose path is kept out of routes. Raises networks.BadNetwork."""
        self.connections = connections or Connections(most_at_once())
        validate_routes(app.routes)
        app.__class__ = LocalChalice  # its current_request belongs to a thread; a Lambda has but one request at a time
        authorizer.install()
        greedy_routes.install()
        self.gateway = LocalGateway(app, config)
        self.routes = greedy_routes.GreedyRouteMatcher(list(app.routes))
        self.greedy_methods = {method for path, views in app.routes.items() if path.endswith('+}') for method in views}
        self.base = proxies.base_path(issuer)
        self.trusted_proxies = networks.parse(trusted_proxies)
        self.gateway.event_converter = proxies.Converter(self.routes, app.api.binary_types, self.base)
        super().__init__(listening.getsockname(), Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listening

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Return whether there is room for one more connection; else say so in an answer that a client need not wait for."""
        has_room = self.connections.add(request, network_of(client_address[0]))
        if not has_room:
            busy = by_gateway('AUTHORIZER_FAILURE', 503)
            headers = {**busy.headers, 'Content-Length': str(len(busy.body)), 'Connection': 'close'}
            head = ''.join(f'{name}: {value}\r\n' for name, value in headers.items())
            request.setblocking(False)
            with suppress(OSError):
                request.send(f'HTTP/1.1 503 Service Unavailable\r\n{head}\r\n'.encode() + busy.body)
        return has_room

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        self.connections.remove(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away, or sends nothing for long, is no fault of this side."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            log.exception('a connection was dropped after an error')


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = 'HTTP/1.1'
    default_request_version = 'HTTP/1.1'
    server_version, sys_version = 'CryptFolio', ''
    disable_nagle_algorithm = True
    raw_requestline: bytes

    def setup(self) -> None:
        super().setup()
        self.rfile.close()
        self.incoming = self.server.connections.of(self.connection)
        current.set(self.incoming)
        self.rfile = BufferedReader(self.incoming)

    def handle_one_request(self) -> None:
        self.incoming.expect_request()
        super().handle_one_request()

    def parse_request(self) -> bool:
        """Read the head of a request; refuse one that another reader may read otherwise: as other lines, or as for another host."""
        connection, head = self.rfile, RequestHead(self.rfile, self.raw_requestline)
        self.rfile = cast(BufferedIOBase, head)  # of which only lines are read here
        try:
            is_request = super().parse_request()
        finally:
            self.rfile = connection
        if is_request and (head.is_odd or not self._has_one_host()):
            self.send_error(HTTPStatus.BAD_REQUEST)
            return False
        return is_request

    def _has_one_host(self) -> bool:
        """Return whether the request names its host once, as HTTP/1.1 asks for (RFC 9112 section 3.2)."""
        hosts = self.headers.get_all('Host', [])
        return len(hosts) == 1 or (not hosts and self.request_version != 'HTTP/1.1')

    def handle_request(self) -> None:
        """Answer a request of any method."""
        started = time.monotonic()
        answer = self._answer()
        path = _without_secrets(self.path)[:_LONGEST_LOGGED].encode('unicode_escape').decode()
        ms = (time.monotonic() - started) * 1000
        log.info('%s %s %d %d ms %s', self.command, path, answer.status, ms, answer.headers.get('X-Request-Id', ''))
        self._send(answer)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = handle_request  # noqa: N815

    def _answer(self) -> Answer:
        try:
            headers = self._headers()
            self.incoming.network, self.incoming.is_read = network_of(headers[proxies.SOURCE]), self.command in ('GET', 'HEAD')
            body = self._read_body()
            self.incoming.begin_work(known_callers.digest_of(self.path, self.headers))
            return _by_application(self.server.gateway.handle_request(self.command, self._route(), headers, body))
        except Refused as refused:
            return refused.answer
        except LocalGatewayException as denied:
            return by_gateway(_DENIALS.get(denied.CODE, 'DEFAULT_5XX'), denied.CODE, denied.headers.get('X-Request-Id'))
        except (ConnectionError, TimeoutError):
            raise
        except Exception:
            log.exception('%s failed', self.command)
            return by_gateway('DEFAULT_5XX', 500)

    def _read_body(self) -> bytes:
        """Return the body. Raises Refused for one that is too large or of unknown length.

        Where a proxy before us may see another end of it than we do, the rest would be taken for the next request (RFC 9112 section 6.3).
        """
        encodings, lengths = (self.headers.get_all(name, []) for name in ('Transfer-Encoding', 'Content-Length'))
        has_other_lines = any(isinstance(defect, MissingHeaderBodySeparatorDefect) for defect in self.headers.defects)
        knows_encodings = self.request_version == 'HTTP/1.1'
        if has_other_lines or len(encodings) + len(lengths) > 1 or (encodings and not knows_encodings):
            self._refuse_rest('DEFAULT_4XX', 400)
        most_bytes = MOST_BODY_BYTES if self.command in ('POST', 'PUT', 'PATCH') else _MOST_UNREAD_BYTES
        if encodings:
            return self._read_chunks(encodings[0], most_bytes)
        length = lengths[0].strip(' \t') if lengths else '0'
        if not _DECIMAL.fullmatch(length):
            self._refuse_rest('DEFAULT_4XX', 400)
        if int(length) > most_bytes:
            self._skip(int(length))
            self._refuse_rest('REQUEST_TOO_LARGE', 413)
        return self._read(int(length))

    def _read_chunks(self, encoding: str, most_bytes: int) -> bytes:
        """Return all chunks. Raises Refused also for another encoding, and for many small ones: each takes as long as a large one."""
        if encoding.strip(' \t').lower() != 'chunked':
            self._refuse_rest('DEFAULT_4XX', 400)
        body, chunks = bytearray(), 0
        while chunk := self._read_chunk(most_bytes - len(body)):
            body += chunk
            chunks += 1
            if chunks > _FEW_CHUNKS + len(body) // _BYTES_PER_CHUNK:
                self._refuse_rest('REQUEST_TOO_LARGE', 413)
        return bytes(body)

    def _read_chunk(self, most_bytes: int) -> bytes:
        """Return one chunk, b'' for the last (RFC 9112 section 7.1). Raises Refused."""
        size = _HEXADECIMAL.match(self._read_line())
        if size is None:
            self._refuse_rest('DEFAULT_4XX', 400)
        if int(size[0], 16) > most_bytes:
            self._refuse_rest('REQUEST_TOO_LARGE', 413)
        chunk = self._read(int(size[0], 16))
        most_trailers = 0 if chunk else _MOST_TRAILERS  # which follow the last one only
        for _ in range(most_trailers + 1):
            if not self._read_line().strip(b'\r\n'):
                return chunk
        self._refuse_rest('DEFAULT_4XX', 400)

    def _read_line(self) -> bytes:
        """Return a line of a body. Raises Refused for one that is odd, has no CR at its end, or is too long: others may see other lines."""
        line: bytes = self.rfile.readline(_LONGEST_LINE)
        if not line:
            raise ConnectionResetError
        if not line.endswith(b'\r\n') or is_odd(line):
            self._refuse_rest('DEFAULT_4XX', 400)
        return line

    def _skip(self, length: int) -> None:
        """Read on while the client sends, up to a bound: unread, its body would reset the connection before the answer is seen."""
        left = min(length, _MOST_SKIPPED_BYTES)
        while left > 0 and (piece := self.rfile.read(min(_PIECE, left))):
            left -= len(piece)

    def _read(self, length: int) -> bytes:
        data = bytearray()
        while len(data) < length:
            piece = self.rfile.read1(min(_PIECE, length - len(data)))
            if not piece:
                raise ConnectionResetError
            self.incoming.count_body(len(piece))
            data += piece
        return bytes(data)

    def _refuse_rest(self, response_type: str, status: int) -> NoReturn:
        """Raise Refused and end the connection: where the next request starts is unknown."""
        self.close_connection = True
        raise Refused(response_type, status)

    def _route(self) -> str:
        """Return path and query as API Gateway matches them: no slash at the end. Raises Refused for an unknown path."""
        try:
            parts = urlsplit(self.path)
        except ValueError:
            raise Refused('DEFAULT_4XX', 400) from None
        path = proxies.without_base('/' + parts.path.removesuffix('/').lstrip('/'), self.server.base)
        try:
            is_unknown = self.server.routes.is_greedy(path)
        except ValueError:
            raise Refused('MISSING_AUTHENTICATION_TOKEN') from None
        if is_unknown and self.command not in self.server.greedy_methods:
            raise Refused('MISSING_AUTHENTICATION_TOKEN')
        return f'{path}?{parts.query}' if parts.query else path

    def _headers(self) -> dict[str, str]:
        """Return the headers, with the address that the request comes from as the only one in X-Forwarded-For."""
        forwarded = self.headers.get_all(proxies.SOURCE, [])
        source = networks.source(self.client_address[0], forwarded, self.server.trusted_proxies)
        kept = {name: value for name, value in self.headers.items() if name.lower() != proxies.SOURCE.lower()}
        return kept | {proxies.SOURCE: source}

    def _send(self, answer: Answer) -> None:
        self.incoming.begin_answer(len(answer.body))
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            for one in value if isinstance(value, list) else [value]:
                self.send_header(name, one)
        if self.command != 'HEAD':  # whose length would be that of GET's body (RFC 9110 section 8.6)
            self.send_header('Content-Length', str(len(answer.body)))
        if self.close_connection:
            self.send_header('Connection', 'close')
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(answer.body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer what cannot be read as a request, or has a method that no API has."""
        self.close_connection = True
        self._send(by_gateway('MISSING_AUTHENTICATION_TOKEN' if code == HTTPStatus.NOT_IMPLEMENTED else 'DEFAULT_4XX', code))

    def log_message(self, format: str, *args: Any) -> None:
        """Silent: `handle_request` says what there is to say."""


def _without_secrets(path: str) -> str:
    """Return a path as it may be logged: without the query and the token of a shared portfolio."""
    return _SECRET.sub('…', path.partition('?')[0])


def _by_application(response: dict[str, Any]) -> Answer:
    body = response['body'] or b''
    if response.get('isBase64Encoded'):
        body = base64.b64decode(body)
    elif isinstance(body, str):
        body = body.encode()
    headers = {'Content-Type': 'application/json'} if body else {}
    return Answer(response['statusCode'], headers | response['headers'] | response['multiValueHeaders'], body)
