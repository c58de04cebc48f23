"""The local API server, asked over sockets as well as by well-behaved clients."""

import http.client
import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Thread
from typing import Any

import pytest
from chalice.app import AuthRequest, AuthResponse, Chalice, Response

from chalicelib.errors import Busy
from infra.local import stack
from infra.local.api import MOST_BODY_BYTES, Server
from tests.support.processes import PATIENCE_SECONDS


def make_app() -> Chalice:
    app = Chalice(app_name='test', configure_logs=False)
    app.api.cors = True

    @app.authorizer()
    def gate(request: AuthRequest) -> AuthResponse:
        if error := {'': Exception('Unauthorized'), 'failing': Busy()}.get(request.token):
            raise error
        return AuthResponse(routes=['/private'] if request.token == 'good' else [], principal_id='somebody')

    @app.route('/things/{name}')
    def get_thing(name: str) -> dict[str, Any]:
        time.sleep(0.02)
        request = app.current_request
        return {'name': name, 'own': request.uri_params['name'], 'query': request.query_params and dict(request.query_params)}

    @app.route('/private', authorizer=gate)
    def get_private() -> dict[str, Any]:
        return {}

    @app.route('/bytes', methods=['POST'], content_types=['application/octet-stream', 'multipart/form-data'])
    def post_bytes() -> dict[str, Any]:
        return {'hex': app.current_request.raw_body.hex()}

    @app.route('/headed', methods=['HEAD'])
    def head() -> Response:
        return Response('', headers={'X-What': 'this'})

    @app.route('/moved')
    def get_moved() -> Response:
        return Response('', status_code=303, headers={'Location': '/things/a', 'Set-Cookie': ['a=1', 'b=2']})

    return app


@pytest.fixture(scope='module')
def address() -> Iterator[tuple[str, int]]:
    """Host and port of a server."""
    listening = socket.create_server(('127.0.0.1', 0))
    server = Server(make_app(), stack.config(), listening)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield listening.getsockname()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def connection(address: tuple[str, int]) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection(*address, timeout=PATIENCE_SECONDS)
    yield connection
    connection.close()


def ask(connection: http.client.HTTPConnection, method: str, path: str, **more: Any) -> tuple[http.client.HTTPResponse, Any]:
    connection.request(method, path, **more)
    answer = connection.getresponse()
    body = answer.read()
    return answer, json.loads(body) if body else None


def send_raw(address: tuple[str, int], data: bytes) -> bytes:
    """Send bytes and return all that comes back until the server closes the connection."""
    with socket.create_connection(address, timeout=PATIENCE_SECONDS) as raw:
        raw.sendall(data)
        return b''.join(iter(lambda: raw.recv(65_536), b''))


def test_no_answer_tells_the_versions_of_the_server(connection: http.client.HTTPConnection, address: tuple[str, int]) -> None:
    answer, _ = ask(connection, 'GET', '/things/a')

    assert answer.headers['Server'].strip() == 'CryptFolio'
    assert b'ython' not in send_raw(address, b'GET / HTTP/1.1\r\nHost: a\r\nA : b\r\n\r\n')


def test_requests_that_come_at_once_do_not_mix(address: tuple[str, int]) -> None:
    def get(number: int) -> dict[str, Any]:
        connection = http.client.HTTPConnection(*address, timeout=PATIENCE_SECONDS)
        _, body = ask(connection, 'GET', f'/things/{number}')
        connection.close()
        return body

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(get, range(64)))

    assert [(answer['name'], answer['own']) for answer in answers] == [(str(number), str(number)) for number in range(64)]


def test_one_connection_carries_many_requests_without_delay(
    connection: http.client.HTTPConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    accepted: list[socket.socket] = []
    process_request = Server.process_request

    def process(server: Server, request: socket.socket, client: Any) -> None:
        accepted.append(request)
        process_request(server, request, client)

    monkeypatch.setattr(Server, 'process_request', process)
    for _ in range(20):
        assert ask(connection, 'GET', '/private')[0].status == 401

    [carrier] = accepted
    assert carrier.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)  # with Nagle's algorithm each would wait for the client's delayed ACK


@pytest.mark.parametrize(
    ('path', 'headers', 'status', 'code', 'authenticate'),
    [
        ('/private', {}, 401, 'invalid_token', 'Bearer error="invalid_token"'),
        ('/private', {'Authorization': 'bad'}, 403, 'insufficient_scope', 'Bearer error="insufficient_scope"'),
        ('/private', {'Authorization': 'failing'}, 503, 'busy', None),
        ('/unknown', {}, 404, 'not_found', None),
        ('/unknown', {'Authorization': 'good'}, 404, 'not_found', None),
        ('/things', {}, 404, 'not_found', None),
    ],
)
def test_what_api_gateway_answers_by_itself_comes_from_its_configuration(
    connection: http.client.HTTPConnection, path: str, headers: dict[str, str], status: int, code: str, authenticate: str | None
) -> None:
    answer, body = ask(connection, 'GET', path, headers=headers)

    assert answer.status == status
    assert answer.headers['WWW-Authenticate'] == authenticate
    assert answer.headers['Retry-After'] == ('1' if status == 503 else None)
    assert answer.headers['Access-Control-Allow-Origin'] == '*'
    assert answer.headers.get_all('Content-Type') == ['application/json']
    assert body['code'] == code


@pytest.mark.parametrize('path', ['/private', '/private/', '/private?a=%zz', 'http://127.0.0.1/private', 'http://127.0.0.1//private'])
def test_a_slash_at_the_end_or_a_bad_escape_changes_no_route(connection: http.client.HTTPConnection, path: str) -> None:
    answer, _ = ask(connection, 'GET', path, headers={'Authorization': 'good'})

    assert answer.status == 200


def test_a_path_reaches_the_application_as_it_was_sent(connection: http.client.HTTPConnection) -> None:
    _, body = ask(connection, 'GET', '/things/%zz%C3?a=1&b=')

    assert body == {'name': '%zz%C3', 'own': '%zz%C3', 'query': {'a': '1', 'b': ''}}


def test_a_binary_body_arrives_unchanged(connection: http.client.HTTPConnection) -> None:
    data = bytes(range(256))

    _, body = ask(connection, 'POST', '/bytes', body=data, headers={'Content-Type': 'application/octet-stream'})

    assert body == {'hex': data.hex()}


def test_a_form_with_files_arrives_unchanged(connection: http.client.HTTPConnection) -> None:
    data = b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\na,b\r\n--x--\r\n'

    answer, body = ask(connection, 'POST', '/bytes', body=data, headers={'Content-Type': 'multipart/form-data; boundary=x'})

    assert (answer.status, body) == (200, {'hex': data.hex()})


def test_a_body_in_chunks_arrives_whole_and_the_connection_goes_on(connection: http.client.HTTPConnection) -> None:
    headers = {'Content-Type': 'application/octet-stream'}

    for _ in range(2):
        answer, body = ask(connection, 'POST', '/bytes', body=iter([b'\x00\r\n', b'\xff' * 5000]), headers=headers, encode_chunked=True)
        assert (answer.status, body) == (200, {'hex': '000d0a' + 'ff' * 5000})


@pytest.mark.parametrize(('size', 'number'), [(1, 100), (1_024, 1_000)])
def test_a_body_may_have_few_small_chunks_or_many_large_ones(connection: http.client.HTTPConnection, size: int, number: int) -> None:
    headers = {'Content-Type': 'application/octet-stream'}

    answer, body = ask(connection, 'POST', '/bytes', body=iter([b'a' * size] * number), headers=headers, encode_chunked=True)

    assert (answer.status, len(body['hex'])) == (200, 2 * size * number)


def test_trailers_of_a_body_in_chunks_are_passed_over(address: tuple[str, int]) -> None:
    head = b'POST /bytes HTTP/1.1\r\nHost: a\r\nContent-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n'

    answer = send_raw(address, head + b'Connection: close\r\n\r\n1;a=b\r\nx\r\n0\r\nA: b\r\nC: d\r\n\r\n')

    assert (answer[:13], json.loads(answer.partition(b'\r\n\r\n')[2])) == (b'HTTP/1.1 200 ', {'hex': '78'})


def test_every_value_of_a_header_is_sent(connection: http.client.HTTPConnection) -> None:
    answer, _ = ask(connection, 'GET', '/moved')

    assert answer.status == 303
    assert answer.headers.get_all('Set-Cookie') == ['a=1', 'b=2']


def test_a_preflight_needs_no_token(connection: http.client.HTTPConnection) -> None:
    answer, _ = ask(connection, 'OPTIONS', '/private')

    assert answer.status == 200
    assert answer.headers['Access-Control-Allow-Methods'] == 'GET,OPTIONS'
    assert 'Authorization' in answer.headers['Access-Control-Allow-Headers']


def test_head_brings_no_body(connection: http.client.HTTPConnection) -> None:
    assert ask(connection, 'HEAD', '/unknown')[0].status == 404
    answer, _ = ask(connection, 'HEAD', '/headed')
    assert (answer.status, answer.headers['X-What'], answer.headers['Content-Length']) == (200, 'this', None)
    assert ask(connection, 'GET', '/things/a')[0].status == 200


@pytest.mark.parametrize(
    ('request_', 'status'),
    [
        (b'POST /bytes HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n', 400),
        (b'POST /bytes HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n', 400),
        (b'POST /bytes HTTP/1.1\r\nHost: a\r\nContent-Length: \xb2\r\n\r\n', 400),
        (b'POST /bytes HTTP/1.1\r\nHost: a\r\nContent-Length: \xa05\r\n\r\nabcde', 400),
        (b'POST /bytes HTTP/1.1\r\nHost: a\r\nContent-Length: 5\x85\r\n\r\nabcde', 400),
        (b'POST /bytes HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n 5\r\n\r\nabcde', 400),
        (b'POST /bytes HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n', 400),
        (b'POST /bytes HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1 5\r\nb\r\n0\r\n\r\n', 400),
        (b'POST /bytes HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;' + b'a' * 8_190 + b'xyz\r\n0\r\n\r\n', 400),
        (b'POST /bytes HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n' + b'1\r\na\r\n' * 102 + b'0\r\n\r\n', 413),
        (b'POST /bytes HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nbJUNK\r\n0\r\n\r\n', 400),
        (b'POST /bytes HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: ' + b'b' * 9_000 + b'\r\n\r\n', 400),
        (b'POST /bytes HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n' + b'a: b\r\n' * 101 + b'\r\n', 400),
        (b'POST /bytes HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n', 400),
        (b'POST /bytes HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400),
        (b'POST /bytes HTTP/1.00\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400),
        (b'POST /bytes HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\nb\n0\n\n', 400),
        (b'POST /bytes HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0;a\nb\r\n\r\n', 400),
        (b'POST /bytes HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n', 400),
        (b'POST /bytes HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n', 400),
        (b'GET /things/a HTTP/1.1\r\n X: y\r\nHost: a\r\n\r\n', 400),
        (b'GET /things/a HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n', 400),
        (b'GET /things/a HTTP/1.1\r\nHost: a\r\nX: y\r\n\tz\r\n\r\n', 400),
        (b'GET /things/a HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n', 400),
        (b'GET /things/a HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n', 400),
        (b'GET /things/a HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n', 400),
        (b'GET /things/a HTTP/1.1\r\n\r\n', 400),
        (b'POST /bytes HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n z\r\n\r\n', 400),
        (b'POST /bytes HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n', 400),
        (b'POST /bytes HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n', 400),
        (b'POST /bytes HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 1\r\n\r\nx', 400),
        (b'POST /bytes HTTP/1.1\r\nHost: a\r\nContent-Length: 0, 1\r\n\r\nx', 400),
        (b'POST /bytes HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n', 400),
        (b'POST /bytes HTTP/1.1\r\nHost: a\r\nX: a\rContent-Length: 30\r\n\r\n', 400),
        (b'POST /bytes HTTP/1.1\r\nHost: a\r\nX: a\r\r\nContent-Length: 0\r\n\r\n', 400),
        (b'GET /things/a HTTP/1.1\r\nHost: a\r\nX: a\r\n\r\r\n\r\n', 400),
        (b'GET /things/a HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n', 400),
        (b'GET /things/a HTTP/1.1\r\nHost: a\r\nX\0: a\r\n\r\n', 400),
        (b'GET\r/things/a HTTP/1.1\r\nHost: a\r\n\r\n', 400),
        (b'GET /things/a\0 HTTP/1.1\r\nHost: a\r\n\r\n', 400),
        (b'POST /bytes HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\rX\r\nb\r\n0\r\n\r\n', 400),
        (b'POST /bytes HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;\0\r\nb\r\n0\r\n\r\n', 400),
        (b'POST /bytes HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: a\rY: b\r\n\r\n', 400),
        (b'nonsense\r\n\r\n', 400),
        (b'GET http://[ HTTP/1.1\r\nHost: a\r\n\r\n', 400),
        (b'GET / HTTP/1.1\r\nHost: a\r\n' + b'A: b\r\n' * 200 + b'\r\n', 431),
        (b'GET /things/a HTTP/1.1\r\nHost: a\r\nA: ' + b'b' * 16_384 + b'\r\n\r\n', 431),
        (b'GET /things/a HTTP/1.1\r\nHost: a\r\n' + (b'A: ' + b'b' * 8_000 + b'\r\n') * 3 + b'\r\n', 431),
        (b'GET /things/a HTTP/1.1\r\nHost: a\r\nA: ' + b'b' * 60_000 + b'\r\nB: ' + b'c' * 30_000 + b'\r\n\r\n', 431),
        (b'GET /things/a HTTP/1.1\r\nHost: a\r\nA: ' + b'b' * 16_384 + b'\r\n' + b'B\n' * 20_000 + b'\r\n', 431),
        (b'GET /things/a?' + b'q' * 17_000 + b' HTTP/1.1\r\nHost: a\r\nA: b\r\n\r\n', 431),
        (b'BREW /things/a HTTP/1.1\r\nHost: a\r\n\r\n', 404),
    ],
)
def test_what_is_no_request_is_refused_with_the_envelope(address: tuple[str, int], request_: bytes, status: int) -> None:
    answer = send_raw(address, request_.replace(b'\r\n\r\n', b'\r\nConnection: close\r\n\r\n', 1))

    head, _, body = answer.partition(b'\r\n\r\n')
    assert head.startswith(f'HTTP/1.1 {status} '.encode())
    assert json.loads(body)['success'] is False


def test_a_request_of_before_http_1_1_need_not_name_its_host(address: tuple[str, int]) -> None:
    assert send_raw(address, b'GET /things/a HTTP/1.0\r\n\r\n').startswith(b'HTTP/1.1 200 ')


def test_a_long_head_that_is_not_too_long_is_read(connection: http.client.HTTPConnection) -> None:
    assert ask(connection, 'GET', '/things/a', headers={'A': 'b' * 16_000})[0].status == 200
    assert ask(connection, 'GET', '/things/a')[0].status == 200  # the next one has a head of its own


@pytest.mark.parametrize('character', [b'\r', b'\0'])
def test_nothing_of_what_follows_an_odd_line_is_taken_for_a_request(address: tuple[str, int], character: bytes) -> None:
    smuggled = b'GET /things/smuggled HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'

    answer = send_raw(address, b'GET /things/a HTTP/1.1\r\nHost: a\r\nX: a' + character + b'b\r\n\r\n' + smuggled)

    assert (answer.count(b'HTTP/1.1 '), b'smuggled' in answer) == (1, False)
    assert b'\r\nConnection: close\r\n' in answer


@pytest.mark.parametrize('space', [b'\t', b'\x0b', b'\x0c', b'\x1c', b'\x85'])
def test_other_white_space_ends_no_header(address: tuple[str, int], space: bytes) -> None:
    head = b'GET /things/a HTTP/1.1\r\nHost: a\r\nX: a' + space + b'Content-Length: 30\r\nConnection: close\r\n\r\n'

    assert send_raw(address, head).startswith(b'HTTP/1.1 200 ')


def test_a_body_over_api_gateways_limit_is_413(connection: http.client.HTTPConnection) -> None:
    answer, body = ask(connection, 'POST', '/bytes', body=bytes(MOST_BODY_BYTES + 1))

    assert (answer.status, body['code']) == (413, 'too_large')


def test_a_long_body_of_what_reads_is_413(address: tuple[str, int], connection: http.client.HTTPConnection) -> None:
    assert ask(connection, 'GET', '/things/a', body=bytes(65_536))[0].status == 200
    assert ask(connection, 'GET', '/things/a', body=bytes(65_537))[0].status == 413
    chunk = b'10001\r\n' + bytes(65_537) + b'\r\n0\r\n\r\n'
    head = b'GET /things/a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n'
    assert send_raw(address, head + chunk).startswith(b'HTTP/1.1 413 ')


def test_a_body_that_ends_before_its_length_is_not_read_any_further(address: tuple[str, int]) -> None:
    with socket.create_connection(address, timeout=PATIENCE_SECONDS) as raw:
        raw.sendall(b'POST /bytes HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999999999\r\n\r\n')
        raw.shutdown(socket.SHUT_WR)

        assert raw.recv(65_536).startswith(b'HTTP/1.1 413 ')


def test_chunks_are_refused_where_they_are_more_than_a_body_may_be(address: tuple[str, int]) -> None:
    half = MOST_BODY_BYTES // 2
    chunk = f'{half:x}\r\n'.encode() + bytes(half) + b'\r\n'

    answer = send_raw(address, b'POST /bytes HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n' + chunk + chunk + b'1\r\n')

    assert answer.startswith(b'HTTP/1.1 413 ')  # before the byte that is too much


@pytest.mark.parametrize(
    'sent', [b'', b'GET /thi', b'POST /bytes HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc', b'GET /things/a HTTP/1.1\r\n\r\n']
)
def test_a_client_that_goes_away_is_no_error(
    address: tuple[str, int], connection: http.client.HTTPConnection, caplog: pytest.LogCaptureFixture, sent: bytes
) -> None:
    for _ in range(5):
        with socket.create_connection(address) as raw:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\x01\x00\x00\x00\x00\x00\x00\x00')  # closing resets
            raw.sendall(sent)

    assert ask(connection, 'GET', '/things/a')[0].status == 200
    assert not [record for record in caplog.records if record.exc_info]


def test_the_log_has_no_more_of_a_long_path_than_any_of_ours_is_long(address: tuple[str, int], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level('INFO', 'infra.local.api'):
        send_raw(address, b'GET /' + b'\xff' * 16_000 + b' HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')

    [line] = [message for message in caplog.messages if message.startswith('GET ')]
    assert len(line) < 1_000


def test_the_log_has_a_line_for_each_request_without_its_query(
    connection: http.client.HTTPConnection, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level('INFO', 'infra.local.api'):
        ask(connection, 'GET', '/things/a?code=secret')
        for badly_copied in ('/S/', '/s%2F', '/x/'):
            ask(connection, 'GET', f'{badly_copied}{"T0k_n-" * 8}')
        ask(connection, 'GET', '/things/b')  # the first line is written by then

    assert [line for line in caplog.messages if line.startswith('GET /things/a 200 ')]
    assert 'secret' not in caplog.text
    assert 'T0k_n' not in caplog.text
