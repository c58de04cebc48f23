"""A programmable block explorer for tests: a synthetic chain, told over HTTP as Esplora and blockchain.info do, and ways to fail.

`http://127.0.0.1:<port>/<upstream>` takes the place of each upstream's base URL. Knows one party of each transaction: ours.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

ESPLORA_PAGE = 25
MULTIADDR_PAGE = 100
STRANGER = 'bc1qstranger'
BLOCK_SECONDS = 600
FIRST_BLOCK_TIME = 1_231_006_505


@dataclass(frozen=True)
class Txn:
    """A transaction as it touches one address, amounts in satoshi; `height` None is unconfirmed.

    `received` are outputs to the address, to its bare public key when `p2pk`; `sent` are outputs of it that are spent.
    """

    txid: str
    height: int | None
    received: tuple[int, ...] = ()
    sent: tuple[int, ...] = ()
    fee: int = 0
    p2pk: bool = False
    at: int | None = None

    @property
    def delta(self) -> int:
        return sum(self.received) - sum(self.sent)

    @property
    def time(self) -> int:
        """When its block was found, unless told otherwise."""
        return self.at if self.at is not None else FIRST_BLOCK_TIME + (self.height or 0) * BLOCK_SECONDS


def txid(number: int) -> str:
    """Return a transaction id."""
    return f'{number:064x}'


def payments(number: int, *, first: int = 1, first_height: int = 800_000, per_block: int = 1) -> list[Txn]:
    """Return `number` transactions, newest first, that pay to an address; every third spends some of it again."""
    made = []
    for place in range(number):
        n = first + place
        height = first_height + place // per_block
        if place % 3 == 2:
            made.append(Txn(txid(n), height, received=(400,), sent=(n + 999,), fee=99))
        else:
            made.append(Txn(txid(n), height, received=(n + 1_000,)))
    return made[::-1]


def bitcoin(amount: str) -> int:
    """Return an amount of bitcoin in satoshi."""
    return int(Decimal(amount).scaleb(8).to_integral_exact())


# The two addresses of the API's documentation: what is public of them, and for the second older ones that make it empty.
DOCUMENTED: dict[str, list[Txn]] = {
    '1JfbZRwdDHKZmuiZgYArJZhcuuzuw2HuMu': [
        Txn('06d7d63d6c1966a378bbbd234a27a5b583f37d3bdf9fb9ef50f4724c86b4559b', 409_900, (bitcoin('0.005'),), at=1_462_227_851),
        Txn('b565336983c6139e2fd4d5bdd127d7a8b94e9d2dba084a97c002871766a079f3', 366_500, (bitcoin('0.00001'),), at=1_437_559_971),
        Txn('63522845d294ee9b0188ae5cac91bf389a0c3723f084ca1025e7d9cdfe481ce1', 5, (bitcoin('50'),), p2pk=True, at=1_231_471_428),
    ],
    '12UFNYqDRmkpHm9YJEuf96jAjyMXeP36Gp': [
        Txn(
            '3f5fae67a3e1172546e6e722e9e5e1500ede7720473eba17684615edc7fa2bae',
            500_200,
            sent=(bitcoin('2'),),
            fee=bitcoin('0.00168574'),
            at=1_513_816_304,
        ),
        Txn('f642ba5aa54a511e51e5fbf61f0ba03f3138ee5aaa5da2e63d4b851bff31a169', 500_190, (bitcoin('2'),), at=1_513_809_241),
        Txn(
            'f4a0baa60ba33c4904075a559943aeb4c5b5d3c6a57912eda41b4fd6946739c1',
            499_300,
            sent=(bitcoin('1.78196236'),),
            fee=bitcoin('0.00080934'),
            at=1_513_264_268,
        ),
        *(
            Txn(txid(n), 450_000 + n, (bitcoin('1.5'),)) if n % 2 else Txn(txid(n), 450_000 + n, sent=(bitcoin('1.5'),), fee=900)
            for n in range(17, 0, -1)
        ),
        Txn(txid(100), 440_000, (bitcoin('0.28196236'),)),
    ],
}


@dataclass(frozen=True)
class Request:
    upstream: str
    path: str
    query: dict[str, str]


@dataclass(frozen=True)
class Answer:
    """What is sent back, and how: `body` in pieces of `piece` bytes each `pause` seconds apart, all at once when 0."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=lambda: {'Content-Type': 'application/json'})
    delay: float = 0
    piece: int = 0
    pause: float = 0
    chunked: bool = False
    claimed_length: int | None = None
    hang_up: bool = False


Fault = Callable[[Request, Answer], Answer]


def down(_: Request, answer: Answer) -> Answer:
    """Hang up without an answer."""
    return replace(answer, hang_up=True)


def slow(seconds: float) -> Fault:
    """Answer late."""
    return lambda _, answer: replace(answer, delay=seconds)


def drip(pause: float, *, chunked: bool = False) -> Fault:
    """Answer byte by byte."""
    return lambda _, answer: replace(answer, piece=1, pause=pause, chunked=chunked)


def status(code: int, body: str = '<html><h1>Sorry</h1></html>', **headers: str) -> Fault:
    """Answer another status, by default in HTML; `headers` are spelled with underscores."""
    sent = {'Content-Type': 'text/html'} | {name.replace('_', '-'): value for name, value in headers.items()}
    return lambda _, answer: replace(answer, status=code, body=body.encode(), headers=sent)


def html(request: Request, answer: Answer) -> Answer:
    """Answer 200 with a page for people."""
    return status(200)(request, answer)


def text(body: str) -> Fault:
    """Answer 200 with `body`."""
    return lambda _, answer: replace(answer, body=body.encode())


def recorded(bodies: dict[str, bytes]) -> Fault:
    """Answer recorded bodies by path, 404 for other paths."""
    return lambda request, answer: replace(answer, body=bodies[request.path]) if request.path in bodies else Answer(404, b'')


def truncated_json(_: Request, answer: Answer) -> Answer:
    return replace(answer, body=answer.body[: len(answer.body) // 2])


def truncated_body(_: Request, answer: Answer) -> Answer:
    """Hang up in the middle of the body."""
    return replace(answer, body=answer.body[: len(answer.body) // 2], claimed_length=len(answer.body))


def enormous(size: int) -> Fault:
    """Answer `size` bytes of JSON."""
    return lambda _, answer: replace(answer, body=b'[' + b' ' * size + b']')


def changed(change: Callable[[Any], Any]) -> Fault:
    """Answer what `change` makes of the JSON; it may change it in place and return None."""

    def fault(_: Request, answer: Answer) -> Answer:
        value = json.loads(answer.body)
        result = change(value)
        return replace(answer, body=json.dumps(value if result is None else result).encode())

    return fault


def only(path: str, fault: Fault) -> Fault:
    """Apply `fault` to the requests with `path` in theirs."""
    return lambda request, answer: fault(request, answer) if path in request.path else answer


class Explorer:
    """The state behind the server, to be changed while it runs.

    `chain` holds the transactions of each address, newest first; `page` how many are on a page, None for as many as the
    real explorers show; `faults` how each upstream fails; `before` is called with each request before its answer is made;
    `requests` are all requests so far.
    """

    def __init__(self) -> None:
        self.url = ''
        self.reset()

    def reset(self) -> None:
        """Forget everything but the address to be reached at."""
        self.chain: dict[str, list[Txn]] = {}
        self.page: int | None = None
        self.unlisted: set[str] = set()
        self.faults: dict[str, Fault] = {}
        self.before: Callable[[Request], None] = lambda request: None
        self.requests: list[Request] = []

    def fail(self, fault: Fault, *upstreams: str) -> None:
        """Make upstreams, by default all of them, answer with a fault."""
        self.faults |= dict.fromkeys(upstreams or UPSTREAMS, fault)

    def heal(self, *upstreams: str) -> None:
        """Make upstreams, by default all of them, work again."""
        for upstream in upstreams or UPSTREAMS:
            self.faults.pop(upstream, None)

    def count(self, upstream: str = '', path: str = '') -> int:
        """Return how many requests an upstream got, by default all of them."""
        return sum(upstream in request.upstream and path in request.path for request in self.requests)

    def answer(self, request: Request) -> Answer:
        self.requests.append(request)
        self.before(request)
        tell = UPSTREAMS.get(request.upstream)
        answer = tell(self, request) if tell else Answer(404, b'no such upstream')
        fault = self.faults.get(request.upstream)
        return fault(request, answer) if fault else answer

    def listed(self, address: str, *, p2pk: bool) -> list[Txn]:
        """Return what an explorer lists of an address; `unlisted` transactions are counted and kept back."""
        return [txn for txn in self.history(address, p2pk=p2pk) if txn.txid not in self.unlisted]

    def history(self, address: str, *, p2pk: bool) -> list[Txn]:
        return [txn for txn in self.chain.get(address, []) if p2pk or not txn.p2pk]


@contextmanager
def serving(explorer: Explorer) -> Iterator[Explorer]:
    """Serve `explorer` on a free port of this machine; `explorer.url` says where."""

    class Handler(_Handler):
        state = explorer

    server = _Server(('127.0.0.1', 0), Handler)
    explorer.url = f'http://127.0.0.1:{server.server_address[1]}'
    thread = Thread(target=server.serve_forever, kwargs={'poll_interval': 0.02})
    thread.start()
    try:
        yield explorer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up early is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    disable_nagle_algorithm = True
    wbufsize = -1
    state: Explorer

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        _, upstream, *path = parts.path.split('/')
        answer = self.state.answer(Request(upstream, '/' + '/'.join(path), dict(parse_qsl(parts.query))))
        time.sleep(answer.delay)
        if answer.hang_up:
            self.close_connection = True
            return
        self._send(answer)

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.chunked:
            self.send_header('Transfer-Encoding', 'chunked')
        else:
            length = len(answer.body) if answer.claimed_length is None else answer.claimed_length
            self.send_header('Content-Length', str(length))
        self.end_headers()
        for piece in _pieces(answer):
            self.wfile.write(piece)
            self.wfile.flush()
            time.sleep(answer.pause)
        self.close_connection = answer.claimed_length is not None

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def _pieces(answer: Answer) -> Iterable[bytes]:
    size = answer.piece or max(len(answer.body), 1)
    for start in range(0, len(answer.body), size):
        piece = answer.body[start : start + size]
        yield b'%x\r\n%s\r\n' % (len(piece), piece) if answer.chunked else piece
    if answer.chunked:
        yield b'0\r\n\r\n'


def _json(value: Any) -> Answer:
    return Answer(200, json.dumps(value).encode())


def _esplora(explorer: Explorer, request: Request) -> Answer:
    """https://github.com/Blockstream/esplora/blob/master/API.md"""
    match request.path.split('/')[1:]:
        case ['address', address]:
            return _json(_esplora_stats(address, explorer.history(address, p2pk=False)))
        case ['address', address, 'txs', 'chain']:
            return _json(_esplora_page(explorer, address, explorer.listed(address, p2pk=False)))
        case ['address', address, 'txs', 'chain', last]:
            return _json(_esplora_page(explorer, address, _after(explorer.listed(address, p2pk=False), last)))
    return Answer(404, b'endpoint does not exist')


def _after(txns: Sequence[Txn], last: str) -> Sequence[Txn]:
    """Return what is older than the transaction `last`; like electrs, nothing when that is unknown."""
    for place, txn in enumerate(txns):
        if txn.txid == last:
            return txns[place + 1 :]
    return []


def _esplora_stats(address: str, txns: Sequence[Txn]) -> dict[str, Any]:
    confirmed = [txn for txn in txns if txn.height is not None]
    pending = [txn for txn in txns if txn.height is None]
    return {'address': address, 'chain_stats': _esplora_counts(confirmed), 'mempool_stats': _esplora_counts(pending)}


def _esplora_counts(txns: Sequence[Txn]) -> dict[str, int]:
    return {
        'funded_txo_count': sum(len(txn.received) for txn in txns),
        'funded_txo_sum': sum(sum(txn.received) for txn in txns),
        'spent_txo_count': sum(len(txn.sent) for txn in txns),
        'spent_txo_sum': sum(sum(txn.sent) for txn in txns),
        'tx_count': len(txns),
    }


def _esplora_page(explorer: Explorer, address: str, txns: Sequence[Txn]) -> list[dict[str, Any]]:
    confirmed = (txn for txn in txns if txn.height is not None)
    return [_esplora_txn(address, txn) for txn in islice(confirmed, explorer.page or ESPLORA_PAGE)]


def _esplora_txn(address: str, txn: Txn) -> dict[str, Any]:
    spends = [{'prevout': {'scriptpubkey_address': address, 'value': value}, 'is_coinbase': False} for value in txn.sent]
    pays = [{'scriptpubkey_address': address, 'value': value} for value in txn.received]
    return {
        'txid': txn.txid,
        'vin': spends or [{'prevout': None, 'is_coinbase': True}],
        'vout': [*pays, {'scriptpubkey_address': STRANGER, 'value': 77}, {'scriptpubkey_type': 'op_return', 'value': 0}],
        'fee': txn.fee,
        'status': {'confirmed': True, 'block_height': txn.height, 'block_hash': f'{txn.height:064x}', 'block_time': txn.time},
    }


def _blockchain_info(explorer: Explorer, request: Request) -> Answer:
    """https://www.blockchain.com/explorer/api/blockchain_api"""
    if request.path != '/multiaddr':
        return Answer(404, b'not found')
    address = request.query['active']
    offset, limit = int(request.query.get('offset', '0')), min(int(request.query.get('n', '50')), explorer.page or MULTIADDR_PAGE)
    everything = explorer.history(address, p2pk=True)
    received, sent = (sum(sum(getattr(txn, side)) for txn in everything) for side in ('received', 'sent'))
    sums = {'n_tx': len(everything), 'total_received': received, 'total_sent': sent, 'final_balance': received - sent}
    page = explorer.listed(address, p2pk=True)[offset : offset + limit]
    return _json({'addresses': [{'address': address} | sums], 'txs': [_multiaddr_txn(address, txn) for txn in page]})


def _multiaddr_txn(address: str, txn: Txn) -> dict[str, Any]:
    spends = [{'prev_out': {'addr': address, 'value': value}} for value in txn.sent]
    pays = [{'addr': address, 'value': value} for value in txn.received]
    return {
        'hash': txn.txid,
        'fee': txn.fee,
        'time': txn.time,
        'block_height': txn.height,
        'result': txn.delta,
        'inputs': spends or [{'prev_out': None}],
        'out': [*pays, {'addr': STRANGER, 'value': 77}, {'value': 0}],
    }


def _out_of_order(explorer: Explorer, request: Request) -> Answer:
    """An explorer of which nothing is told here: it fails until a fault tells more."""
    return Answer(503, b'')


UPSTREAMS: dict[str, Callable[[Explorer, Request], Answer]] = {
    'blockstream': _esplora,
    'mempool': _esplora,
    'blockchain_info': _blockchain_info,
    'blockcypher': _out_of_order,
    'blockchair': _out_of_order,
}
