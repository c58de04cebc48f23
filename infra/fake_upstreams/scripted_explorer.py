"""A Bitcoin explorer that a test scripts: the transactions of each address, as it runs, and how each upstream fails.

`http://127.0.0.1:<port>/<upstream>` takes the place of each upstream's base URL.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import partial

from infra.fake_upstreams import blockchain_info, esplora, http_server
from infra.fake_upstreams.answer import Answer
from infra.fake_upstreams.faults import Fault, Request
from infra.fake_upstreams.payments import World

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

    whole = None
    strangers = 1

    @property
    def spent(self) -> tuple[int, ...]:
        return self.sent

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
        upstream = UPSTREAMS.get(request.upstream)
        path = request.path.split('/')[1:]
        world = World({'btc': self.chain}, self.page, frozenset(self.unlisted))
        answer = upstream(world, path, request.query) if upstream else Answer(404, b'no such upstream')
        fault = self.faults.get(request.upstream)
        return fault(request, answer) if fault else answer


@contextmanager
def serving(explorer: Explorer) -> Iterator[Explorer]:
    """Serve `explorer` on a free port of this machine; `explorer.url` says where."""
    with http_server.serving(lambda request: explorer.answer(Request(request.upstream, request.url, request.query))) as url:
        explorer.url = url
        yield explorer


def _out_of_order(world: World, path: list[str], query: dict[str, str]) -> Answer:
    """An explorer that knows nothing of the script: it fails until a fault says otherwise."""
    return Answer(503, b'')


UPSTREAMS: dict[str, Callable[[World, list[str], dict[str, str]], Answer]] = {
    'blockstream': partial(esplora.answer, 'btc'),
    'mempool': partial(esplora.answer, 'btc'),
    'blockchain_info': lambda world, path, query: blockchain_info.answer(world, {}, path, query),
    'blockcypher': _out_of_order,
    'blockchair': _out_of_order,
}
