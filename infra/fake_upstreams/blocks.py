"""The newest blocks of the sample's coins: one is made every ten minutes, with a transaction among strangers and nothing else.

So whoever follows them finds that no address of the sample moves.
"""

import hashlib
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from infra.fake_upstreams import esplora, utxo
from infra.fake_upstreams.answer import Answer, as_json
from infra.fake_upstreams.coins import STRANGERS
from infra.fake_upstreams.payments import Payment, transaction_of

_SECONDS = 600
_BELOW = 1_000_000  # higher than all other blocks of the sample
_KEPT = 1_000
_DIGITS = 16  # of a hash, which tell the height
_NOT_FOUND = Answer(404, 'Block not found')

Json = dict[str, Any]
Get = Callable[[list[str], dict[str, str]], Answer]
TellBlocks = Callable[[str, list[str], dict[str, str]], Answer | None]


class Block(NamedTuple):
    """A block of a coin."""

    coin: str
    height: int

    @property
    def hash(self) -> str:
        return f'{self.height:0{_DIGITS}x}' + hashlib.sha256(f'block {self.coin} {self.height}'.encode()).hexdigest()[_DIGITS:]

    @property
    def parent(self) -> str:
        return self._replace(height=self.height - 1).hash

    @property
    def made_at(self) -> int:
        return (self.height - _BELOW) * _SECONDS

    @property
    def payment(self) -> Payment:
        """Its transaction, as it touches a stranger."""
        return Payment(hashlib.sha256(self.hash.encode()).hexdigest(), self.height, self.made_at, received=(5_000_000,))


def now() -> int:
    """Return the current time in epoch seconds."""
    return int(time.time())


def newest(coin: str) -> Block:
    return Block(coin, _BELOW + now() // _SECONDS)


def with_blocks(coin: str, tell: TellBlocks, get: Get) -> Get:
    """Return an upstream that tells blocks too."""
    return lambda path, query: tell(coin, path, query) or get(path, query)


def tell_esplora(coin: str, path: list[str], query: dict[str, str]) -> Answer | None:
    match path:
        case ['blocks', 'tip', 'hash']:
            return Answer(200, newest(coin).hash)
        case ['block-height', height] if height.isdecimal():
            block = _at(coin, int(height))
            return Answer(200, block.hash) if block else _NOT_FOUND
        case ['block', block_hash, *rest]:
            block = _of_hash(coin, block_hash)
            if block is None:
                return _NOT_FOUND
            if rest:
                return as_json([esplora.render(transaction_of(block.payment, coin, STRANGERS[coin]))])
            header = {'id': block.hash, 'height': block.height, 'timestamp': block.made_at, 'previousblockhash': block.parent}
            return as_json(header | {'tx_count': 1})
    return None


def tell_haskoin(coin: str, path: list[str], query: dict[str, str]) -> Answer | None:
    match path:
        case ['block', 'best']:
            return as_json(_haskoin_header(newest(coin)))
        case ['block', 'height', height] if height.isdecimal():
            block = _at(coin, int(height))
            return as_json([_haskoin_header(block)] if block else [])
        case ['block', block_hash]:
            block = _of_hash(coin, block_hash)
            return as_json(_haskoin_header(block)) if block else _NOT_FOUND
        case ['transactions', 'block', block_hash]:
            block = _of_hash(coin, block_hash)
            return as_json([utxo.haskoin_transaction(block.payment, coin, STRANGERS[coin])]) if block else _NOT_FOUND
    return None


def tell_blockbook(coin: str, path: list[str], query: dict[str, str]) -> Answer | None:
    match path:
        case ['api', 'v2', 'block-index', '']:
            return as_json({'blockHash': newest(coin).hash})
        case ['api', 'v2', 'block-index', height] if height.isdecimal():
            block = _at(coin, int(height))
            return as_json({'blockHash': block.hash if block else ''})
        case ['api', 'v2', 'block', block_hash]:
            block = _of_hash(coin, block_hash)
            return as_json(_blockbook_page(block)) if block else _NOT_FOUND
    return None


def _at(coin: str, height: int) -> Block | None:
    return Block(coin, height) if newest(coin).height - _KEPT <= height <= newest(coin).height else None


def _of_hash(coin: str, block_hash: str) -> Block | None:
    try:
        block = _at(coin, int(block_hash[:_DIGITS], 16))
    except ValueError:
        return None
    return block if block is not None and block.hash == block_hash else None


def _haskoin_header(block: Block) -> Json:
    fields = {'hash': block.hash, 'height': block.height, 'mainchain': True, 'previous': block.parent, 'time': block.made_at}
    return fields | {'tx': [block.payment.txid]}


def _blockbook_page(block: Block) -> Json:
    fields = {'hash': block.hash, 'previousBlockHash': block.parent, 'height': block.height, 'time': block.made_at, 'txCount': 1}
    transactions = [utxo.blockbook_transaction(block.payment, block.coin, STRANGERS[block.coin])]
    return fields | {'page': 1, 'totalPages': 1, 'itemsOnPage': 1_000, 'txs': transactions}
