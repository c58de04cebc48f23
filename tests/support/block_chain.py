"""A made-up chain of blocks that grows and is undone, told by each explorer that tells whole blocks."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from infra.fake_upstreams import http_server
from infra.fake_upstreams.answer import Answer, as_json
from infra.fake_upstreams.http_server import Request
from tests.support import one_chain_tellers as tellers
from tests.support.clock import CLOCK
from tests.support.one_chain import FIRST_HEIGHT, STRANGER, Output, Transaction

PAGE = 7
MINER = '12cbQLTFMXRnSzktFkuoG3eHoMeFtpTu3S'  # an address that can be one, which tells the chain from others
_NOT_FOUND = Answer(404, 'Block not found')


class Block(NamedTuple):
    height: int
    hash: str
    parent: str
    made_at: int
    transactions: tuple[Transaction, ...]


class Payment(NamedTuple):
    """A transaction to be mined: whose outputs it spends and makes; a stranger pays where nobody is named."""

    to: tuple[str, ...] = ()
    by: tuple[str, ...] = ()


@dataclass
class BlockChain:
    """`behind` says of which explorers the newest blocks are hidden, and how many. `before` may answer a request in the place of all else.

    `requests` are all requests so far. Addresses are told too, with whatever the main chain has of them.
    """

    url: str = ''
    main: list[Block] = field(default_factory=list)
    known: dict[str, Block] = field(default_factory=dict)
    behind: dict[str, int] = field(default_factory=dict)
    before: Callable[[Request], Answer | None] = lambda request: None
    requests: list[Request] = field(default_factory=list)
    minute: int = 0

    def reset(self) -> None:
        """Begin anew with one block, but at the same address."""
        self.__init__(self.url)  # type: ignore[misc]
        self.mine()

    def mine(self, *payments: Payment, outputs: Sequence[Output] = ()) -> Block:
        """Put a block on top, with a transaction for each payment and one that makes all of these outputs."""
        height, parent = (self.main[-1].height + 1, self.main[-1].hash) if self.main else (FIRST_HEIGHT, _digest('genesis'))
        self.minute += 1
        time = CLOCK.now()
        txid = (_digest(f'{parent} {self.minute} {number}') for number in range(len(payments) + 2))
        found = [Transaction(next(txid), height, time, (), (Output('p2pkh', (MINER,), 50), Output('data', (), 0)))]
        for payment in payments:
            spent = [Output('p2pkh', (owner,), 1_000) for owner in payment.by or (STRANGER,)]
            made = [Output('p2pkh', (owner,), 900) for owner in payment.to or (STRANGER,)]
            found.append(Transaction(next(txid), height, time, tuple(spent), tuple(made)))
        if outputs:
            found.append(Transaction(next(txid), height, time, (Output('p2pkh', (STRANGER,), 10**8),), tuple(outputs)))
        block = Block(height, _digest(f'block {parent} {self.minute}'), parent, time, tuple(found))
        self.main.append(block)
        self.known[block.hash] = block
        return block

    def undo(self, number: int) -> list[Block]:
        """Take the newest blocks off the main chain; who mines others on top reorganises it."""
        self.main, undone = self.main[:-number], self.main[-number:]
        return undone

    def count(self, path: str = '', upstream: str = '') -> int:
        """Return how many requests there were."""
        return sum(path in request.url and upstream in request.upstream for request in self.requests)

    def respond(self, request: Request) -> Answer:
        self.requests.append(request)
        answer = self.before(request)
        if answer is not None:
            return answer
        hidden = self.behind.get(request.upstream, 0)
        shown = self.main[: len(self.main) - hidden]
        answer = _TELLERS[request.upstream](self, shown, request.path, request.query) if request.upstream in _TELLERS else None
        if answer is not None:
            return answer
        transactions = [txn for block in reversed(shown) for txn in reversed(block.transactions)]
        teller = tellers.TELLERS.get(request.upstream)
        return teller(transactions, request.path, request.query) if teller else Answer(503, '')


@contextmanager
def serving() -> Iterator[BlockChain]:
    """Serve a chain on a free port of this machine."""
    chain = BlockChain()
    with http_server.serving(chain.respond) as chain.url:
        yield chain


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _at(shown: Sequence[Block], height: str) -> Block | None:
    return next((block for block in shown if block.height == int(height)), None)


def _esplora(chain: BlockChain, shown: Sequence[Block], path: list[str], query: dict[str, str]) -> Answer | None:
    match path:
        case ['blocks', 'tip', 'hash']:
            return Answer(200, shown[-1].hash)
        case ['block-height', height]:
            block = _at(shown, height)
            return Answer(200, block.hash) if block else _NOT_FOUND
        case ['block', block_hash]:
            block = chain.known[block_hash]
            header = {'id': block.hash, 'height': block.height, 'tx_count': len(block.transactions)}
            return as_json(header | {'previousblockhash': block.parent, 'timestamp': block.made_at})
        case ['block', block_hash, 'txs', start]:
            page = chain.known[block_hash].transactions[int(start) : int(start) + PAGE]
            return as_json(list(map(tellers.esplora_transaction, page)))
    return None


def _blockchain_info(chain: BlockChain, shown: Sequence[Block], path: list[str], query: dict[str, str]) -> Answer | None:
    match path:
        case ['latestblock']:
            return as_json({'hash': shown[-1].hash, 'height': shown[-1].height})
        case ['block-height', height]:
            orphans = [block for block in chain.known.values() if block.height == int(height) and block not in shown]
            block = _at(shown, height)
            return as_json({'blocks': [_raw_block(each, is_main=each is block) for each in (*orphans, *([block] if block else []))]})
        case ['rawblock', block_hash]:
            return as_json(_raw_block(chain.known[block_hash], is_main=True))
    return None


def _raw_block(block: Block, *, is_main: bool) -> dict[str, Any]:
    txns = [tellers.blockchain_info_transaction(txn) for txn in block.transactions]
    txns[0]['inputs'] = [{'script': '00'}]
    fields = {'hash': block.hash, 'prev_block': block.parent, 'height': block.height, 'main_chain': is_main}
    return {**fields, 'time': block.made_at, 'n_tx': len(txns), 'tx': txns}


def _haskoin(chain: BlockChain, shown: Sequence[Block], path: list[str], query: dict[str, str]) -> Answer | None:
    match path:
        case ['block', 'best']:
            return as_json(_haskoin_header(shown[-1], is_main=True))
        case ['block', 'height', height]:
            return as_json([_haskoin_header(each, is_main=each in shown) for each in chain.known.values() if each.height == int(height)])
        case ['block', block_hash]:
            return as_json(_haskoin_header(chain.known[block_hash], is_main=True))
        case ['transactions', 'block', block_hash]:
            return as_json([tellers.haskoin_transaction(txn) for txn in chain.known[block_hash].transactions])
    return None


def _haskoin_header(block: Block, *, is_main: bool) -> dict[str, Any]:
    fields = {'hash': block.hash, 'previous': block.parent, 'height': block.height, 'mainchain': is_main}
    return fields | {'time': block.made_at, 'tx': [txn.txid for txn in block.transactions]}


def _blockbook(chain: BlockChain, shown: Sequence[Block], path: list[str], query: dict[str, str]) -> Answer | None:
    match path:
        case ['api', 'v2', 'block-index', '']:
            return as_json({'blockHash': shown[-1].hash})
        case ['api', 'v2', 'block-index', height]:
            block = _at(shown, height)
            return as_json({'blockHash': block.hash if block else ''})
        case ['api', 'v2', 'block', block_hash]:
            return as_json(_blockbook_page(chain.known[block_hash], int(query['page'])))
    return None


def _blockbook_page(block: Block, number: int) -> dict[str, Any]:
    pages = -(-len(block.transactions) // PAGE)
    page = block.transactions[(number - 1) * PAGE : number * PAGE]
    fields = {'page': number, 'totalPages': pages, 'itemsOnPage': PAGE, 'hash': block.hash, 'previousBlockHash': block.parent}
    counts = {'height': block.height, 'time': block.made_at, 'txCount': len(block.transactions)}
    return {**fields, **counts, 'txs': [tellers.blockbook_transaction(txn) for txn in page]}


_TELLERS: dict[str, Callable[[BlockChain, Sequence[Block], list[str], dict[str, str]], Answer | None]] = {
    **dict.fromkeys(('blockstream', 'mempool', 'litecoinspace'), _esplora),
    'blockchain_info': _blockchain_info,
    **dict.fromkeys(('haskoin', 'blockchain_info_bch'), _haskoin),
    **dict.fromkeys(tellers.BLOCKBOOKS, _blockbook),
}
