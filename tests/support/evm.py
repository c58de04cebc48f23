"""What the tests of the explorers of Ethereum-like chains share: a server that tells a world, and ways to read an address."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from chalicelib.domain import currencies, money
from chalicelib.domain.ledgers import Entry, Holding
from chalicelib.providers.explorers import Explorer
from infra.fake_upstreams import evm, evm_explorers, evm_nodes, http_server
from infra.fake_upstreams.answer import Answer, as_json
from tests.support.upstreams import http, upstreams_at

ME = evm.ADDRESS.lower()
_OTHERS = (evm.STRANGER, evm.EXCHANGE, evm.CONTRACT)


@dataclass(frozen=True)
class Request:
    """What was asked of an upstream: a query, or a body."""

    upstream: str
    query: dict[str, str]
    body: Any = None
    path: str = ''

    @property
    def action(self) -> str:
        return self.query.get('action', '')


@dataclass
class Server:
    """Answers as `answer` says, and keeps what it was asked."""

    url: str = ''
    answer: Callable[[Request], Answer] = lambda request: Answer(404, '')
    requests: list[Request] = field(default_factory=list)

    def respond(self, request: Request) -> Answer:
        self.requests.append(request)
        return self.answer(request)

    def tell(self, world: evm.World) -> None:
        """Tell a world, in the words of whichever upstream is asked."""
        self.answer = lambda request: telling(world, request)

    def say(self, value: Any, *actions: str) -> None:
        """Answer a body, to some actions or to all questions; it is JSON unless it is text."""
        told = Answer(200, value, 'text/html') if isinstance(value, str) else as_json(value)
        before = self.answer
        self.answer = lambda request: told if not actions or request.action in actions else before(request)

    def count(self, action: str = '') -> int:
        return sum(action in request.action for request in self.requests)


def telling(world: evm.World, request: Request) -> Answer:
    if request.body is not None:
        return evm_nodes.answer_node(world, request.body)
    if request.upstream in ('etherscan', 'routescan'):
        return evm_explorers.answer_etherscan({str(world.chain_id): world}, {'chainid': str(world.chain_id), **request.query})
    return evm_explorers.answer_blockscout(world, request.query)


@contextmanager
def serving() -> Iterator[Server]:
    """Serve on a free port of this machine."""
    state = Server()
    with http_server.serving(lambda sent: state.respond(Request(sent.upstream, sent.query, sent.body, '/'.join(sent.path)))) as state.url:
        yield state


def read(explorer: Explorer, address: str, held: tuple[str, ...] = ()) -> tuple[dict[str, Holding], list[Entry]]:
    """Return what an explorer says of an address: what is held by currency, and all pages."""
    reading = explorer.read(http(), address, None, held)
    entries = [entry for page in reading.pages for entry in page.entries]
    return {holding.currency: holding for holding in reading.holdings}, entries


def read_slices(explorer: Explorer, address: str, pages: int = 1) -> tuple[dict[str, Holding], list[Entry]]:
    """Return the same, read by processes that die after some pages and know only what is held and where to go on."""
    holdings: dict[str, Holding] = {}
    entries: list[Entry] = []
    resume: str | None = None
    while True:
        reading = explorer.read(http(), address, resume, tuple(holdings))
        for _, page in zip(range(pages), reading.pages, strict=False):
            entries += page.entries
            resume = page.resume
        holdings = {holding.currency: holding for holding in reading.holdings}
        if resume is None:
            return holdings, entries


def sums(entries: list[Entry]) -> dict[str, Decimal]:
    """Return the sums of deltas that are not zero, by currency."""
    found: dict[str, Decimal] = {}
    for entry in entries:
        found[entry.currency] = money.add(found.get(entry.currency, money.ZERO), entry.delta)
    return {currency: total for currency, total in found.items() if total}


def truth(world: evm.World) -> dict[str, Decimal]:
    """Return what the address of the tests holds in a world, of what the catalogue knows, where it is not zero."""
    codes = {evm.USDC: 'usdc', evm.DAI: 'dai', evm.WETH: 'weth', evm.STETH: 'steth'}
    units = {'eth': world.balance(ME)} | {codes[contract]: held for contract, held in world.tokens(ME).items() if contract in codes}
    return {code: money.scaled(held, currencies.get(code).decimals) for code, held in units.items() if held}


def balances(holdings: dict[str, Holding]) -> dict[str, Decimal]:
    """Return the balances that are not zero, by currency."""
    return {currency: holding.balance for currency, holding in holdings.items() if holding.balance}


@contextmanager
def leading_to(server: Server) -> Iterator[Server]:
    """Lead all requests to `server`, which answers nothing yet."""
    server.answer = lambda request: Answer(404, '')
    server.requests.clear()
    with upstreams_at(server.url):
        yield server


def generated(seed: int, number: int, *, rewards: bool) -> evm.World:
    """Return a world in which all kinds of things happen to an address that has enough for them; `rewards` without transactions too."""
    chance = random.Random(seed)
    start = tuple(evm.Transfer(token, evm.EXCHANGE, ME, 10**units) for token, units in ((evm.USDC, 15), (evm.DAI, 30), (evm.WETH, 30)))
    first = evm.Transaction(evm.txn_hash(seed), 1_000, 1_500_000_000, evm.EXCHANGE, ME, 10**30, transfers=start)
    transactions, height = [first], 1_000
    for n in range(1, number):
        height += chance.choice((0, 0, 1, 7))
        transactions.append(_transaction(chance, seed, n, height))
    given = [
        evm.Reward(1_000 + n, 1_500_000_000 + 12 * n, ME, chance.randrange(1, 10**9) * evm.GWEI, number=chance.choice((None, n)))
        for n in range(0, height - 999, 3)
    ]
    return evm.World(1, transactions, given if rewards else (), {ME: 2_000 * evm.ETHER} if rewards else {})


def _transaction(chance: random.Random, seed: int, n: int, height: int) -> evm.Transaction:
    sender, receiver = chance.choice((ME, *_OTHERS)), chance.choice((ME, '', *_OTHERS))
    if chance.random() < 0.1:
        return _wrapping(chance, evm.txn_hash(seed, n), height)
    failed = chance.random() < 0.2
    inner = [_inner(chance) for _ in range(chance.choice((0, 0, 1, 3)))]
    if failed and ME not in (sender, receiver):  # told with the transaction only to who is party to it
        inner = [call._replace(failed=True) for call in inner]
    return evm.Transaction(
        evm.txn_hash(seed, n),
        height,
        1_500_000_000 + 12 * (height - 1_000),
        sender,
        receiver,
        value=chance.choice((0, chance.randrange(10**20))),
        gas_used=chance.randrange(21_000, 500_000),
        gas_price=chance.randrange(1, 200 * evm.GWEI),
        failed=failed,
        created='' if receiver else chance.choice((ME, evm.CONTRACT)),
        inner=tuple(inner),
        transfers=() if failed else tuple(_transfer(chance) for _ in range(chance.choice((0, 0, 1, 4)))),
    )


def _wrapping(chance: random.Random, reference: str, height: int) -> evm.Transaction:
    """Return how the address, or a contract for it, puts coins into a contract like WETH9, or takes some out."""
    put, taken = chance.randrange(1, 10**18), chance.randrange(1, 10**18)
    inner = (evm.Inner(ME, evm.WETH, put), evm.Inner(evm.WETH, ME, taken), evm.Inner(evm.WETH, evm.STRANGER, 5))
    wrappings = (evm.Wrapping(evm.WETH, ME, put), evm.Wrapping(evm.WETH, ME, -taken), evm.Wrapping(evm.WETH, evm.STRANGER, -5))
    plain = evm.Transaction(reference, height, 1_500_000_000 + 12 * (height - 1_000), ME, evm.WETH, put, wrappings=wrappings[:1])
    called = plain._replace(sender=evm.STRANGER, receiver=evm.CONTRACT, value=0, inner=inner, wrappings=wrappings)
    return chance.choice((plain, called, plain._replace(failed=True, wrappings=())))


def _inner(chance: random.Random) -> evm.Inner:
    kind = chance.choice(('call', 'create', 'delegatecall'))
    return evm.Inner(chance.choice((ME, *_OTHERS)), chance.choice((ME, *_OTHERS)), chance.randrange(10**19), chance.random() < 0.2, kind)


def _transfer(chance: random.Random) -> evm.Transfer:
    contract = chance.choice((evm.USDC, evm.DAI, evm.SPAM))
    return evm.Transfer(contract, chance.choice((ME, *_OTHERS)), chance.choice((ME, *_OTHERS)), chance.choice((0, chance.randrange(10**9))))
