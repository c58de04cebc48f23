"""Clients that send or take slowly leave room for others, however many connections they open."""

import http.client
import itertools
import json
import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import Any

import pytest
from chalice.app import AuthRequest, AuthResponse, Chalice

from chalicelib import telemetry
from infra.local import stack
from infra.local.api import Server
from infra.local.connection import Connection, seconds_for, wait_if_large
from infra.local.connections import MOST, Connections, most_at_once
from tests.support.processes import PATIENCE_SECONDS, wait_until

ATTACKER, OWNER = '203.0.113.9', '198.51.100.7'
HALF_SENT = 300
ROOM = 64  # enough for answered requests of the owner that are not closed yet: where they were most, the slow one would be ended


class Service:
    """A server behind a proxy, where `/blocked`, and `/mine` of users, answer when `unblocked` is set.

    A token is a user's name and a word; with the word `slow` it is looked at until then, too.
    """

    def __init__(self, connections: Connections) -> None:
        self.entered, self.unblocked, self.blocked, self.authorized = Event(), Event(), 0, 0
        listening = socket.create_server(('127.0.0.1', 0), backlog=HALF_SENT)
        self.server = Server(self._app(), stack.config(), listening, trusted_proxies='127.0.0.1', connections=connections)
        self.address: tuple[str, int] = listening.getsockname()

    def _app(self) -> Chalice:
        app = Chalice(app_name='test', configure_logs=False)

        @app.route('/quick')
        def get_quick() -> dict[str, Any]:
            return {}

        @app.authorizer()
        def authorize(request: AuthRequest) -> AuthResponse:
            self.authorized += 1
            user, _, how = request.token.partition(' ')
            if how == 'slow':
                self.unblocked.wait(PATIENCE_SECONDS)
            return AuthResponse(routes=['*'], principal_id=user)

        app.route('/name', authorizer=authorize)(get_quick)

        @app.route('/mine', authorizer=authorize)
        @app.route('/blocked')
        def get_blocked() -> dict[str, Any]:
            self.blocked += 1
            self.entered.set()
            self.unblocked.wait(PATIENCE_SECONDS)
            return {}

        @app.route('/blocked-once/{units}')
        def get_once_read(units: str) -> dict[str, Any]:
            with telemetry.task('test', None) as current:
                current.count('DynamoDBCapacity', int(units))
                wait_if_large()
            return get_blocked()

        app.route('/blocked-bytes', methods=['POST'], content_types=['application/octet-stream'])(get_blocked)

        @app.route('/bytes', methods=['POST'], content_types=['application/octet-stream'])
        def post_bytes() -> dict[str, Any]:
            return {'hex': app.current_request.raw_body.hex()}

        @app.route('/length', methods=['POST'], content_types=['application/octet-stream'])
        def post_length() -> dict[str, Any]:
            return {'length': len(app.current_request.raw_body)}

        return app

    def connect(self) -> socket.socket:
        return socket.create_connection(self.address, timeout=PATIENCE_SECONDS)

    def begin(self, source: str, length: int, body: bytes = b'') -> socket.socket:
        """Send the head of a request with such a body, and the beginning of that."""
        raw = self.connect()
        headers = f'X-Forwarded-For: {source}\r\nContent-Type: application/octet-stream\r\nContent-Length: {length}\r\n'
        raw.sendall(f'POST /length HTTP/1.1\r\nHost: a\r\n{headers}\r\n'.encode() + body)
        return raw

    def get(self, path: str, source: str = OWNER, **headers: str) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection(*self.address, timeout=PATIENCE_SECONDS)
        connection.request('GET', path, headers={'X-Forwarded-For': source, 'Connection': 'close'} | headers)
        answer = connection.getresponse()
        answer.read()
        return answer


@contextmanager
def serving(connections: Connections) -> Iterator[Service]:
    service = Service(connections)
    thread = Thread(target=service.server.serve_forever, kwargs={'poll_interval': 0.02})
    thread.start()
    try:
        yield service
    finally:
        service.unblocked.set()
        service.server.shutdown()
        thread.join()
        service.server.server_close()


@contextmanager
def connected(connections: Connections, *networks: str) -> Iterator[list[Connection]]:
    """Open a connection from each network, without a server."""
    pairs = [socket.socketpair() for _ in networks]
    for (client, _), network in zip(pairs, networks, strict=True):
        connections.add(client, network)
    yield [connections.of(client) for client, _ in pairs]
    for one in itertools.chain(*pairs):
        one.close()


def is_ended(raw: socket.socket) -> bool:
    raw.setblocking(False)
    try:
        raw.recv(1)
    except BlockingIOError:
        return False
    except ConnectionError:
        pass
    return True


def read_all(raw: socket.socket) -> bytes:
    read = b''
    with suppress(ConnectionError):
        while piece := raw.recv(65_536):
            read += piece
    return read


def test_half_sent_requests_of_one_network_leave_room_for_the_slow_and_the_quick_of_another() -> None:
    with serving(Connections(ROOM)) as service:
        slow = service.begin(OWNER, 6, b'abc')
        half_sent = []
        for _ in range(HALF_SENT):
            half_sent.append(service.begin(ATTACKER, 60_000, b'a'))
            assert service.get('/quick').status == 200

        wait_until(lambda: sum(map(is_ended, half_sent)) >= HALF_SENT - ROOM)
        slow.sendall(b'def')
        assert slow.recv(65_536).startswith(b'HTTP/1.1 200 ')
        slow.close()
        for raw in half_sent:
            raw.close()


def test_connections_without_a_request_make_room() -> None:
    with serving(Connections(8)) as service:
        idle = [service.connect() for _ in range(HALF_SENT)]

        assert service.get('/quick').status == 200
        wait_until(lambda: sum(map(is_ended, idle)) >= HALF_SENT - 8)
        for raw in idle:
            raw.close()


@pytest.mark.parametrize(
    ('start', 'drop'),
    [
        (b'GET /quick HTTP/1.1\r\nHost: a\r\n', b'X: y\r\n'),
        (b'POST /bytes HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000\r\n\r\n', b'a'),
        (b'POST /bytes HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n', b'1\r\na\r\n'),
        (b'POST /bytes HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n', b'X: y\r\n'),
    ],
)
def test_a_request_that_comes_drop_by_drop_has_a_time_as_a_whole(start: bytes, drop: bytes) -> None:
    with serving(Connections(8, seconds=lambda _: 0.5)) as service, service.connect() as raw:
        raw.sendall(start)

        def sends_no_more() -> bool:
            with suppress(ConnectionError):
                raw.sendall(drop)
                return is_ended(raw)
            return True

        wait_until(sends_no_more, pause=0.1)  # long before a head has too many lines


def test_an_answer_that_is_not_taken_ends() -> None:
    with serving(Connections(8, seconds=lambda _: 0.5)) as service, socket.socket() as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        raw.settimeout(PATIENCE_SECONDS)
        raw.connect(service.address)
        body = bytes(8_000_000)
        head = f'POST /bytes HTTP/1.1\r\nHost: a\r\nContent-Type: application/octet-stream\r\nContent-Length: {len(body)}\r\n\r\n'
        raw.sendall(head.encode() + body)
        wait_until(lambda: not service.server.connections.count)

        assert len(read_all(raw)) < 2 * len(body)


def test_where_all_connections_are_worked_for_the_next_is_told_to_come_again() -> None:
    with serving(Connections(1)) as service:
        statuses: list[int] = []
        worked_for = Thread(target=lambda: statuses.append(service.get('/blocked').status))
        worked_for.start()
        assert service.entered.wait(PATIENCE_SECONDS)

        with service.connect() as raw:
            head, _, body = read_all(raw).partition(b'\r\n\r\n')
        service.unblocked.set()
        worked_for.join()

    assert head.startswith(b'HTTP/1.1 503 ')
    assert b'\r\nRetry-After: 1\r\n' in head
    assert json.loads(body)['code'] == 'busy'
    assert statuses == [200]


def send(service: Service, number: int, path: str, source: str, **headers: str) -> list[Thread]:
    threads = [Thread(target=service.get, args=(path, source), kwargs=headers) for _ in range(number)]
    for thread in threads:
        thread.start()
    return threads


def test_few_requests_of_one_network_are_worked_for_at_once_and_those_of_another_wait_for_none_of_them() -> None:
    with serving(Connections(64, most_worked_for=8)) as service:
        slow = [thread for number in range(20) for thread in send(service, 1, '/mine', ATTACKER, Authorization=f'user-{number}')]
        wait_until(lambda: service.server.connections.count == 20 and service.blocked == 8)

        assert [service.get('/quick').status for _ in range(10)] == [200] * 10
        assert service.blocked == 8
        service.unblocked.set()
        for thread in slow:
            thread.join()

    assert service.blocked == 20


def test_where_all_turns_are_taken_a_network_that_has_none_gets_one_all_the_same() -> None:
    with serving(Connections(64, most_worked_for=4)) as service:
        slow = [
            thread
            for network in (ATTACKER, '203.0.113.10')
            for number in range(6)
            for thread in send(service, 1, '/mine', network, Authorization=f'user-{network}-{number}')
        ]
        wait_until(lambda: service.server.connections.count == 12 and service.blocked == 6)

        assert [service.get('/quick').status for _ in range(10)] == [200] * 10
        slow += [
            thread
            for number in range(20, 29)
            for thread in send(service, 1, '/mine', f'203.0.113.{number}', Authorization=f'user-{number}')
        ]
        wait_until(lambda: service.blocked == 8)
        assert service.blocked == 8  # but no more than as many again
        service.unblocked.set()
        for thread in slow:
            thread.join()

    assert service.blocked == 21


def test_fewer_of_strangers_are_worked_for_at_once_whatever_they_send_and_a_user_of_their_network_waits_for_none_of_them() -> None:
    with serving(Connections(64, most_worked_for=8)) as service:
        slow = [
            thread
            for name in ('Cookie', 'Authorization', 'X-API-KEY')
            for number in range(10)
            for thread in send(service, 1, '/blocked', ATTACKER, **{name: f'session={number}'})
        ]
        wait_until(lambda: service.server.connections.count == 30 and service.blocked == 2)

        slow += send(service, 1, '/mine', ATTACKER, Authorization='ann')
        wait_until(lambda: service.blocked == 3)
        service.unblocked.set()
        for thread in slow:
            thread.join()

    assert service.blocked == 31


def test_who_was_known_before_does_not_wait_among_newcomers() -> None:
    with serving(Connections(64, most_worked_for=8)) as service:
        service.get('/name', ATTACKER, Authorization='ann one')
        slow = send(service, 20, '/name', ATTACKER, Authorization='wrong slow')
        wait_until(lambda: service.server.connections.count == 20 and service.authorized == 3)

        assert [service.get('/name', ATTACKER, Authorization='ann one').status for _ in range(10)] == [200] * 10
        service.unblocked.set()
        for thread in slow:
            thread.join()


@pytest.mark.parametrize('others', ['language=de', 'session=', 'amounts=hidden; language=de'])
def test_what_everybody_sends_says_not_whose_a_request_is(others: str) -> None:
    """Whoever sends it with a token of their own could else have all others wait for their own turns."""
    with serving(Connections(64, most_worked_for=8)) as service:
        connection = http.client.HTTPConnection(*service.address, timeout=PATIENCE_SECONDS)
        connection.putrequest('GET', '/name')
        for name, value in (('Authorization', ''), ('Authorization', 'eve one'), ('Cookie', others), ('X-Forwarded-For', ATTACKER)):
            connection.putheader(name, value)
        connection.endheaders()
        assert connection.getresponse().status == 200
        connection.close()
        busy = send(service, 2, '/mine', ATTACKER, Authorization='eve two')
        wait_until(lambda: service.blocked == 2)

        assert service.get('/quick', OWNER, Cookie=others).status == 200

        service.unblocked.set()
        for thread in busy:
            thread.join()


def test_credentials_that_ended_count_for_nobody_however_many_requests_come_with_them() -> None:
    connections = Connections(8)
    with connected(connections, *(f'203.0.113.{number}' for number in range(4))) as (first, second, third, owner):
        connections.known_callers.remember(b'ended', 'user ann')
        first.begin_work(b'ended')
        second.begin_work(b'ended')
        waiting = Thread(target=third.begin_work, args=(b'ended',))
        waiting.start()
        wait_until(lambda: len(connections._waiting) == 1)

        first.forget_caller()  # as it was refused
        second.work_for(None)

        waiting.join(PATIENCE_SECONDS)
        assert (waiting.is_alive(), third.caller, second.caller) == (False, '', 'strangers in 203.0.113.1')
        owner.begin_work()
        owner.work_for('user ann')
        assert owner.turn.is_set()


def test_who_followed_a_link_does_not_wait_with_others_who_do_at_other_pages() -> None:
    connections = Connections(8)
    with connected(connections, OWNER) as [visitor]:
        connections.known_callers.remember(b'cookie', 'user ann')

        visitor.begin_work(b'cookie')
        visitor.work_for('links of eve')
        connections.end_turn(visitor)
        visitor.expect_request()
        visitor.begin_work(b'cookie')

        assert visitor.caller == 'user ann'


def test_a_newcomers_turn_goes_on_once_they_are_known() -> None:
    connections = Connections(8)
    with connected(connections, *[ATTACKER] * 3) as (first, second, third):
        first.begin_work()
        second.begin_work()
        waiting = Thread(target=third.begin_work)
        waiting.start()
        wait_until(lambda: len(connections._waiting) == 1)

        first.work_for('user ann')

        assert third.turn.is_set()
        waiting.join()


def test_strangers_of_many_networks_leave_turns_to_users() -> None:
    with serving(Connections(64, most_worked_for=8)) as service:
        slow = [thread for number in range(30) for thread in send(service, 1, '/blocked', f'203.0.113.{number % 15}')]
        wait_until(lambda: service.server.connections.count == 30 and service.blocked == 4)

        slow += send(service, 1, '/mine', OWNER, Authorization='ann')
        slow += send(service, 1, '/mine', '203.0.113.1', Authorization='bob')
        wait_until(lambda: service.blocked == 6)
        service.unblocked.set()
        for thread in slow:
            thread.join()

    assert service.blocked == 32


def test_pages_and_passwords_of_one_network_take_turns() -> None:
    connections = Connections(16, most_worked_for=4)
    with connected(connections, *[ATTACKER] * 9) as (first, *others):
        first.is_read = False
        first.begin_work()
        order, waiting = list[str](), list[Thread]()
        for number, each in enumerate(others):  # four that change something, then four that read
            each.is_read = number >= 4

            def work(each: Connection = each) -> None:
                each.begin_work()
                order.append('read' if each.is_read else 'change')
                connections.end_turn(each)

            waiting.append(Thread(target=work))
            waiting[-1].start()
            wait_until(lambda number=number: len(connections._waiting) == number + 1)

        connections.end_turn(first)

        for thread in waiting:
            thread.join()
        assert order == ['read', 'change'] * 4


def test_fewer_of_one_user_are_worked_for_at_once_wherever_they_come_from_and_another_one_waits_for_none_of_them() -> None:
    with serving(Connections(64, most_worked_for=8)) as service:
        slow = [
            thread
            for number in range(20)
            for thread in send(service, 1, '/mine', f'203.0.113.{number % 10}', Authorization=f'ann {number}', Cookie=f'a={number}')
        ]
        wait_until(lambda: service.server.connections.count == 20 and service.blocked == 2)

        assert [service.get('/quick', f'203.0.113.{number}').status for number in range(10)] == [200] * 10
        slow += send(service, 1, '/mine', '203.0.113.1', Authorization='bob')
        wait_until(lambda: service.blocked == 3)
        assert service.blocked == 3
        service.unblocked.set()
        for thread in slow:
            thread.join()

    assert service.blocked == 21


def test_who_waits_behind_long_requests_of_others_in_their_network_does_not_wait_for_their_end() -> None:
    with serving(Connections(64, most_worked_for=8, long_seconds=0.1)) as service:
        slow = [thread for number in range(4) for thread in send(service, 3, '/mine', ATTACKER, Authorization=f'user-{number}')]
        wait_until(lambda: service.server.connections.count == 12 and service.blocked == 8)

        assert [service.get('/quick', ATTACKER).status for _ in range(3)] == [200] * 3
        assert service.blocked == 8  # the third of each user waits for one of the two before
        service.unblocked.set()
        for thread in slow:
            thread.join()

    assert service.blocked == 12


def test_two_requests_that_read_much_go_on_at_a_time_and_others_beside_them() -> None:
    with serving(Connections(64, most_worked_for=64)) as service:
        large = [thread for number in range(3) for thread in send(service, 2, '/blocked-once/2500', f'203.0.113.{number}')]
        wait_until(lambda: service.blocked == 2 and len(service.server.connections.large_work._waiting) == 4)

        small = send(service, 1, '/blocked-once/499', OWNER)
        wait_until(lambda: service.blocked == 3)
        assert service.get('/quick').status == 200
        assert service.blocked == 3
        service.unblocked.set()
        for thread in (*large, *small):
            thread.join()

    assert service.blocked == 7


def test_a_request_that_read_much_and_fails_lets_others_go_on() -> None:
    connections = Connections(64)
    with connected(connections, ATTACKER, ATTACKER, OWNER) as [first, second, third]:
        for one in (first, second):
            one.go_on_as_large(100)
        waiting = Thread(target=third.go_on_as_large, args=[100])
        waiting.start()
        wait_until(lambda: list(connections.large_work._waiting) == [third])
        connections.remove(first._client)
        waiting.join(PATIENCE_SECONDS)
        assert not waiting.is_alive()


def test_a_request_whose_client_went_while_it_waited_is_not_worked_for() -> None:
    with serving(Connections(64, most_worked_for=8)) as service:
        slow = send(service, 2, '/blocked', ATTACKER)
        wait_until(lambda: service.blocked == 2)
        gone, staying = service.connect(), service.connect()
        for raw in (gone, staying):
            raw.sendall(f'GET /blocked HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: {ATTACKER}\r\n\r\n'.encode())
        wait_until(lambda: len(service.server.connections._waiting) == 2)
        gone.close()
        service.unblocked.set()

        assert staying.recv(12) == b'HTTP/1.1 200'
        staying.close()
        for thread in slow:
            thread.join()
        wait_until(lambda: not service.server.connections.count)
        assert service.blocked == 3


def test_a_connection_that_was_ended_waits_for_no_turn() -> None:
    connections = Connections(1)
    clients = [socket.socket() for _ in range(2)]
    connections.add(clients[0], ATTACKER)
    ended = connections.of(clients[0])
    connections.add(clients[1], OWNER)  # for which the other one is ended, just before its request is whole

    with pytest.raises(ConnectionResetError):
        ended.begin_work()
    for client in clients:
        client.close()


def test_who_waits_for_a_turn_makes_room_for_the_connections_of_others() -> None:
    with serving(Connections(8, most_worked_for=2)) as service:
        head = f'GET /blocked HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: {ATTACKER}\r\n\r\n'.encode()
        slow = [service.connect() for _ in range(8)]
        for raw in slow:
            raw.sendall(head)
        assert service.entered.wait(PATIENCE_SECONDS)
        wait_until(lambda: service.server.connections.count == 8)

        assert [service.get('/name', Authorization='ann one').status for _ in range(10)] == [200] * 10
        service.unblocked.set()
        assert [raw.recv(12) for raw in slow].count(b'HTTP/1.1 200') in range(1, 8)
        for raw in slow:
            raw.close()


def test_bodies_hold_so_much_memory_together_and_the_network_that_holds_most_goes_first() -> None:
    with serving(Connections(8, most_body_bytes=300_000)) as service:
        slow = service.begin(OWNER, 100_001, bytes(100_000))
        held = [service.begin(ATTACKER, 100_001, bytes(100_000)) for _ in range(5)]
        wait_until(lambda: sum(map(is_ended, held)) >= 3)

        slow.sendall(b'a')
        assert slow.recv(65_536).startswith(b'HTTP/1.1 200 ')
        for raw in (slow, *held):
            raw.close()


def test_networks_of_one_line_hold_memory_together() -> None:
    with serving(Connections(8, most_body_bytes=300_000)) as service:
        held = [service.begin(f'2001:db8:1:{number}::1', 70_001, bytes(70_000)) for number in range(4)]
        wait_until(lambda: sum(each.body_bytes for each in list(service.server.connections._open.values())) == 280_000)

        whole = service.begin(OWNER, 100_000, bytes(100_000))

        assert whole.recv(65_536).startswith(b'HTTP/1.1 200 ')
        assert sum(map(is_ended, held)) == 2
        for raw in (whole, *held):
            raw.close()


def test_bodies_of_what_is_worked_for_end_no_answer_to_others() -> None:
    with serving(Connections(16, most_body_bytes=300_000)) as service:
        head = f'X-Forwarded-For: {ATTACKER}\r\nContent-Type: application/octet-stream\r\nContent-Length: 150000\r\n\r\n'
        held = [service.connect() for _ in range(2)]
        for raw in held:
            raw.sendall(f'POST /blocked-bytes HTTP/1.1\r\nHost: a\r\n{head}'.encode() + bytes(150_000))
        wait_until(lambda: service.blocked == 2)

        assert service.get('/quick').status == 200
        with service.begin(OWNER, 100_000, bytes(100_000)) as other:
            assert other.recv(65_536).startswith(b'HTTP/1.1 200 ')

        service.unblocked.set()
        assert all(raw.recv(65_536).startswith(b'HTTP/1.1 200 ') for raw in held)
        for raw in held:
            raw.close()


def test_answers_that_are_not_taken_hold_no_more_memory_than_bodies() -> None:
    body = bytes(6_000_000)  # twice as long in the answer, which is more than the system takes
    head = f'X-Forwarded-For: {ATTACKER}\r\nContent-Type: application/octet-stream\r\nContent-Length: {len(body)}\r\n\r\n'
    with serving(Connections(8, most_body_bytes=30_000_000)) as service:
        held = []
        for _ in range(4):
            raw = socket.socket()
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            raw.settimeout(PATIENCE_SECONDS)
            raw.connect(service.address)
            raw.sendall(f'POST /bytes HTTP/1.1\r\nHost: a\r\n{head}'.encode() + body)
            assert raw.recv(1) == b'H'
            held.append(raw)
        wait_until(lambda: service.server.connections.count == 2)

        assert service.get('/quick').status == 200
        for raw in held:
            raw.close()


def test_a_slow_line_has_time_in_proportion_to_what_it_sends_up_to_the_longest_body() -> None:
    assert [round(seconds_for(length)) for length in (0, 64 * 1024, 10**12)] == [30, 38, 1_310]


def test_the_process_has_descriptors_left_for_what_it_does_for_a_request() -> None:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert 1 <= most_at_once() <= min(MOST, soft // 2)
