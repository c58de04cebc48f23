"""A proxy before an emulated AWS that shows every fault which AWS documents, by a seed: the same seed, the same faults.

Each fault is legal: a client that follows the documentation survives it. Requests that DynamoDB would refuse, and moto carries out, are
counted as invalid.
"""

import json
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from threading import Lock, Thread
from typing import Any, NamedTuple

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from infra.local import exact_kms, quick_moto
from tests.abuse import limits

Json = dict[str, Any]

THROTTLED = ('ProvisionedThroughputExceededException', 'ThrottlingException', 'RequestLimitExceeded')
SINGLE_WRITES = ('PutItem', 'UpdateItem', 'DeleteItem')
WRITES = (*SINGLE_WRITES, 'BatchWriteItem', 'TransactWriteItems', 'SendMessageBatch')
CANCELLED = ('TransactionConflict', 'ThrottlingError', 'ProvisionedThroughputExceeded')


class Request(NamedTuple):
    """A request of the application: `operation` is AWS's name, `body` its parsed JSON."""

    operation: str
    headers: dict[str, str]
    body: Json

    @property
    def is_dynamodb(self) -> bool:
        return self.headers.get('X-Amz-Target', '').startswith('DynamoDB_')


class Answer(NamedTuple):
    """An answer; None for the body hangs up instead."""

    status: int
    body: bytes | None


HANG_UP = Answer(0, None)
Emulator = Callable[[Request], Answer]
Fault = Callable[['Proxy', Request], Answer]


def moto() -> Emulator:
    """Return moto in this process: one request at a time, as all go through the proxy."""
    exact_kms.REPLACEMENTS.install()
    quick_moto.REPLACEMENTS.install()
    application = DomainDispatcherApplication(create_backend_app)

    def answer(request: Request) -> Answer:
        raw = json.dumps(request.body).encode()
        sent = {f'HTTP_{name.upper().replace("-", "_")}': value for name, value in request.headers.items()}
        environ = sent | {
            'REQUEST_METHOD': 'POST',
            'PATH_INFO': '/',
            'QUERY_STRING': '',
            'SERVER_NAME': '127.0.0.1',
            'SERVER_PORT': '80',
            'SERVER_PROTOCOL': 'HTTP/1.1',
            'CONTENT_TYPE': request.headers.get('Content-Type', ''),
            'CONTENT_LENGTH': str(len(raw)),
            'wsgi.url_scheme': 'http',
            'wsgi.input': BytesIO(raw),
            'wsgi.errors': sys.stderr,
        }
        statuses: list[int] = []
        body = b''.join(application(environ, lambda status, *_: statuses.append(int(status.split()[0]))))
        return Answer(statuses[0], body)

    return answer


class Proxy:
    """Forwards to an emulator, and injects a fault into a `share` of the requests. `injected` counts faults by name."""

    def __init__(self, emulator: Emulator, seed: int, share: float = 0.0) -> None:
        self.url = ''
        self.share = share
        self.injected: Counter[str] = Counter()
        self.invalid: list[str] = []
        self.requests = 0
        self._emulator = emulator
        self._chance = random.Random(seed)
        self._lock = Lock()
        self._transactions: dict[str, Answer] = {}

    def reseed(self, seed: object) -> None:
        """Begin a new run of faults."""
        self._chance = random.Random(str(seed))

    def serve(self, request: Request) -> Answer:
        """Answer a request, rightly or with a fault."""
        with self._lock:
            self.requests += 1
            reason = limits.why_invalid(request.operation, request.body)
            if reason is not None and request.is_dynamodb:
                self.invalid.append(f'{request.operation}: {reason}')
                return error('ValidationException', message=reason)
            faults = faults_of(request)
            if not faults or self._chance.random() >= self.share:
                return self.forward(request)
            name, fault = self._chance.choice([*faults.items()])
            self.injected[f'{request.operation} {name}'] += 1
            return fault(self, request)

    def forward(self, request: Request) -> Answer:
        """Let the emulator carry a request out; a transaction with a token that was carried out before is not carried out again."""
        token = request.body.get('ClientRequestToken') if request.operation == 'TransactWriteItems' else None
        if token in self._transactions:
            return self._transactions[token]
        found = self._emulator(request)
        if token is not None and found.status == 200:
            self._transactions[token] = found
        return found

    def choose(self, number: int) -> int:
        """Return a number from 0 to `number` - 1."""
        return self._chance.randrange(number)

    def sample(self, these: list[Any]) -> list[Any]:
        """Return some of these, in their order; possibly none, never all."""
        places = set(self._chance.sample(range(len(these)), self.choose(len(these))))
        return [one for place, one in enumerate(these) if place in places]


def error(code: str, status: int = 400, message: str = 'injected', **more: Any) -> Answer:
    return Answer(status, json.dumps({'__type': f'com.amazonaws.dynamodb.v20120810#{code}', 'message': message} | more).encode())


def refused(code: str, status: int = 400) -> Fault:
    """Refuse a request without carrying it out."""
    return lambda proxy, request: error(code, status)


def never_arrives(proxy: Proxy, request: Request) -> Answer:
    """Hang up before anything is done."""
    return HANG_UP


def answer_lost(proxy: Proxy, request: Request) -> Answer:
    """Carry a request out and hang up."""
    proxy.forward(request)
    return HANG_UP


def fails_when_done(proxy: Proxy, request: Request) -> Answer:
    """Carry a request out and say that it failed: DynamoDB says that a write may be done after an InternalServerError."""
    proxy.forward(request)
    return error('InternalServerError', 500)


def cancelled(proxy: Proxy, request: Request) -> Answer:
    """Cancel a transaction for what another one does to one of its items."""
    reasons: list[Json] = [{'Code': 'None'} for _ in request.body['TransactItems']]
    reasons[proxy.choose(len(reasons))] = {'Code': CANCELLED[proxy.choose(len(CANCELLED))], 'Message': 'injected'}
    return error('TransactionCanceledException', CancellationReasons=reasons)


def _partly(name: str, requested: str, unprocessed: str) -> Fault:
    def fault(proxy: Proxy, request: Request) -> Answer:
        [(table, wanted)] = request.body['RequestItems'].items()
        rows = wanted['Keys'] if requested == 'Keys' else wanted
        done = proxy.sample(rows)
        left = [row for row in rows if row not in done]

        def of(these: list[Any]) -> Any:
            return wanted | {'Keys': these} if requested == 'Keys' else these

        answer: Json = {'Responses': {table: []}}
        if done:
            answer = json.loads(proxy.forward(request._replace(body=request.body | {'RequestItems': {table: of(done)}})).body or b'{}')
        return Answer(200, json.dumps(answer | {unprocessed: {table: of(left)}}).encode())

    fault.__name__ = name
    return fault


def page_cut(proxy: Proxy, request: Request) -> Answer:
    """End a page after one to three items that were looked at, which a filter may leave out all of."""
    return proxy.forward(request._replace(body=request.body | {'Limit': min(1 + proxy.choose(3), request.body.get('Limit', 3))}))


def index_lags(proxy: Proxy, request: Request) -> Answer:
    """Leave out of an index what it does not have yet."""
    answer = proxy.forward(request)
    found = json.loads(answer.body or b'{}')
    if not found.get('Items'):
        return answer
    items = proxy.sample(found['Items'])
    return Answer(200, json.dumps(found | {'Items': items, 'Count': len(items)}).encode())


def sent_partly(proxy: Proxy, request: Request) -> Answer:
    """Take some of a batch of messages."""
    entries = request.body['Entries']
    taken = proxy.sample(entries)
    failed = [{'Id': one['Id'], 'SenderFault': False, 'Code': 'InternalError'} for one in entries if one not in taken]
    answer = json.loads(proxy.forward(request._replace(body=request.body | {'Entries': taken})).body or b'{}') if taken else {}
    return Answer(200, json.dumps({'Successful': answer.get('Successful', []), 'Failed': failed}).encode())


def forgotten(proxy: Proxy, request: Request) -> Answer:
    """Say that a message is deleted and deliver it again: that may happen to a copy on a server which is down."""
    return Answer(200, b'{}')


def delivered_twice(proxy: Proxy, request: Request) -> Answer:
    """Take messages twice: a standard queue delivers at least once."""
    proxy.forward(request)
    return proxy.forward(request)


ANY: dict[str, Fault] = {
    'never arrives': never_arrives,
    'answer lost': answer_lost,
    'fails': refused('InternalServerError', 500),
    'unavailable': refused('ServiceUnavailable', 503),
}
OF_EVENT_SOURCE: dict[str, dict[str, Fault]] = {
    'ReceiveMessage': {},
    'ChangeMessageVisibility': {},
    'DeleteMessage': {'forgotten': forgotten},
}
OF_DYNAMODB: dict[str, Fault] = {code: refused(code) for code in THROTTLED}
BY_OPERATION: dict[str, dict[str, Fault]] = {
    **{name: {'conflict': refused('TransactionConflictException'), 'fails when done': fails_when_done} for name in SINGLE_WRITES},
    'TransactWriteItems': {
        'cancelled': cancelled,
        'fails when done': fails_when_done,
        'in progress': refused('TransactionInProgressException'),
    },
    'BatchWriteItem': {'partly': _partly('partly', 'Requests', 'UnprocessedItems'), 'fails when done': fails_when_done},
    'BatchGetItem': {'partly': _partly('partly', 'Keys', 'UnprocessedKeys')},
    'Query': {'page cut': page_cut},
    'Scan': {'page cut': page_cut},
    'SendMessageBatch': {'partly': sent_partly, 'twice': delivered_twice, 'throttled': refused('ThrottlingException')},
    'Sign': {'throttled': refused('ThrottlingException'), 'fails inside': refused('KMSInternalException', 500)},
    'Encrypt': {'throttled': refused('ThrottlingException'), 'times out': refused('DependencyTimeoutException', 500)},
    'Decrypt': {'throttled': refused('ThrottlingException'), 'times out': refused('DependencyTimeoutException', 500)},
}


def faults_of(request: Request) -> dict[str, Fault]:
    """Return the faults that AWS documents for an operation; none for those of Lambda's event source, which sees to itself."""
    if request.operation in OF_EVENT_SOURCE:
        return OF_EVENT_SOURCE[request.operation]
    of_service = OF_DYNAMODB if request.is_dynamodb else {}
    lagging = {'index lags': index_lags} if request.body.get('IndexName') == 'due' else {}
    return {**ANY, **of_service, **BY_OPERATION.get(request.operation, {}), **lagging}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    disable_nagle_algorithm = True
    wbufsize = -1
    server: '_Server'

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers['Content-Length']))
        operation = self.headers.get('X-Amz-Target', '').rpartition('.')[2]
        answer = self.server.proxy.serve(Request(operation, dict(self.headers.items()), json.loads(raw)))
        if answer.body is None:
            self.close_connection = True
            return
        self.send_response(answer.status)
        self.send_header('Content-Type', 'application/x-amz-json-1.0')
        self.send_header('Content-Length', str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, format: str, *args: Any) -> None:
        """Silent: faults are counted."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, proxy: Proxy) -> None:
        self.proxy = proxy
        super().__init__(('127.0.0.1', 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Silent: clients hang up too."""


@contextmanager
def serving(proxy: Proxy) -> Iterator[Proxy]:
    """Serve a proxy on a free port of this machine; `proxy.url` says where."""
    server = _Server(proxy)
    proxy.url = f'http://127.0.0.1:{server.server_port}'
    thread = Thread(target=server.serve_forever, kwargs={'poll_interval': 0.02}, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
