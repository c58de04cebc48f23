"""What following the blocks of a chain takes, measured: `python -m benchmarks.blocks` prints a table for docs/scaling.md.

The real job reads the blocks of an hour, found at even intervals, from each kind of explorer that tells blocks of the chain, while the
sweep's message comes each minute. The clock is moved on, the AWS beside it is moto, and the explorers answer at once, over HTTP. How many
transactions a block has is assumed; each of them spends from one address and pays two others.
"""

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from moto import mock_aws

from benchmarks.walks import ENVIRONMENT
from infra import costs
from infra.fake_upstreams import http_server
from infra.fake_upstreams.answer import Answer, as_json
from infra.fake_upstreams.coins import STRANGERS
from infra.fake_upstreams.http_server import Request

BEGIN, HOUR, DAY = 1_800_000_000, 3_600, 86_400
_TXIDS = re.compile('[0-9a-f]{64}')

Json = dict[str, Any]


class Case(NamedTuple):
    """A chain at one kind of explorer: how many transactions a block has, every how many seconds there is one.

    `reading` is how many requests that explorer takes to read an address of which nothing is new.
    """

    currency: str
    explorer: str
    transactions: int
    block_seconds: int
    reading: int


CASES = (
    Case('btc', 'blockchain_info', 3_500, 600, 1),
    Case('btc', 'blockstream', 3_500, 600, 2),
    Case('ltc', 'litecoinspace', 300, 150, 2),
    Case('ltc', 'blockbook_ltc', 300, 150, 1),
    Case('doge', 'blockbook_doge', 60, 60, 1),
    Case('dash', 'blockbook_dash', 30, 157, 1),
    Case('bch', 'haskoin', 150, 600, 2),
)


class Took(NamedTuple):
    """What an hour took: requests to the explorer, and those of DynamoDB."""

    requests: int
    dynamodb: int

    def row(self, case: Case) -> str:
        """Return a row of the table, for a day."""
        hours = DAY // HOUR
        blocks = DAY // case.block_seconds
        dollars = costs.following(addresses_a_day=3 * case.transactions * blocks)
        cells = (case.currency, case.explorer, f'{blocks:,}', f'{case.transactions:,}')
        figures = (f'{self.requests * hours:,}', f'{self.dynamodb * hours:,}', f'{dollars:.2f}', f'{self.worthwhile_from(case)}')
        return f'| {" | ".join((*cells, *figures))} |'

    def worthwhile_from(self, case: Case) -> int:
        """Return from how many ledgers on this takes fewer requests than reading each of them every hour instead of every day."""
        saved = (DAY // HOUR - 1) * case.reading
        return -(-self.requests * DAY // HOUR // saved)


class Explorer:
    """Tells the blocks of a chain that were found by now, each made up from its height."""

    def __init__(self, case: Case, now: Callable[[], int]) -> None:
        self._case, self._now = case, now
        self.requests = 0

    def respond(self, request: Request) -> Answer:
        self.requests += 1
        tip = (self._now() - BEGIN) // self._case.block_seconds + 1
        path, page = request.url, int(request.query.get('page', '1'))
        named = [int(text, 16) for text in _TXIDS.findall(path)]
        height = named[0] if named else int(request.path[-1]) if request.path[-1].isdecimal() else tip
        if height > tip:
            return as_json({'blockHash': ''}) if 'block-index' in path else Answer(404, 'Block not found')
        return _TELLERS[self._case.explorer.split('_')[0]](self._case, height, request.path, page)


def _hash(height: int) -> str:
    return f'{height:064x}'


def _time(case: Case, height: int) -> int:
    return BEGIN + (height - 1) * case.block_seconds


def _addresses(case: Case, height: int, number: int) -> list[str]:
    """Return whom a transaction is of: who spends, and the two who are paid. One of a block can be an address of the chain."""
    digest = hashlib.sha256(f'{height} {number}'.encode()).hexdigest()
    *first, last = (f'q{part}{digest[:32]}' for part in range(3))
    return [*first, last if number else STRANGERS[case.currency]]


def _esplora(case: Case, height: int, path: Sequence[str], page: int) -> Answer:
    if 'txs' in path:
        numbers = range(int(path[-1]), min(int(path[-1]) + 25, case.transactions))
        rows = [
            [{'scriptpubkey_address': address, 'scriptpubkey': ''} for address in _addresses(case, height, number)] for number in numbers
        ]
        return as_json([{'vin': [{'prevout': row[0], 'is_coinbase': False}], 'vout': row[1:]} for row in rows])
    if path[0] == 'block':
        block = {'id': _hash(height), 'height': height, 'previousblockhash': _hash(height - 1), 'timestamp': _time(case, height)}
        return as_json(block | {'tx_count': case.transactions})
    return Answer(200, _hash(height))


def _blockchain(case: Case, height: int, path: Sequence[str], page: int) -> Answer:
    owned = [[{'addr': address, 'script': ''} for address in _addresses(case, height, number)] for number in range(case.transactions)]
    txns = [{'inputs': [{'prev_out': row[0]}], 'out': row[1:]} for row in owned] if 'latestblock' not in path else []
    block = {'hash': _hash(height), 'prev_block': _hash(height - 1), 'height': height, 'main_chain': True}
    block |= {'time': _time(case, height), 'n_tx': len(txns), 'tx': txns}
    return as_json({'blocks': [block]} if 'block-height' in path else block)


def _blockbook(case: Case, height: int, path: Sequence[str], page: int) -> Answer:
    if 'block-index' in path:
        return as_json({'blockHash': _hash(height)})
    rows = [
        [{'addresses': [address], 'isAddress': True} for address in _addresses(case, height, number)]
        for number in range(1_000 * (page - 1), min(1_000 * page, case.transactions))
    ]
    pages = {'page': page, 'totalPages': -(-case.transactions // 1_000), 'txCount': case.transactions}
    block = {'hash': _hash(height), 'previousBlockHash': _hash(height - 1), 'height': height, 'time': _time(case, height)}
    return as_json(pages | block | {'txs': [{'vin': row[:1], 'vout': row[1:]} for row in rows]})


def _haskoin(case: Case, height: int, path: Sequence[str], page: int) -> Answer:
    if 'transactions' in path:
        rows = [[{'address': address} for address in _addresses(case, height, number)] for number in range(case.transactions)]
        return as_json([{'inputs': row[:1], 'outputs': row[1:]} for row in rows])
    block = {'hash': _hash(height), 'previous': _hash(height - 1), 'height': height, 'mainchain': True, 'time': _time(case, height)}
    block |= {'tx': [''] * case.transactions}
    return as_json([block] if 'height' in path else block)


_TELLERS = {
    'blockstream': _esplora,
    'litecoinspace': _esplora,
    'blockchain': _blockchain,
    'blockbook': _blockbook,
    'haskoin': _haskoin,
}


def main() -> None:
    """Print the table."""
    columns = ('chain', 'explorer', 'blocks a day', 'transactions of one', 'requests a day', 'of DynamoDB', '$ a month', 'saves from')
    print(f'| {" | ".join(columns)} |\n{"|---" * len(columns)}|')
    for case in CASES:
        print(measure(case).row(case), flush=True)


def measure(case: Case) -> Took:
    """Return what it takes to follow a chain for an hour."""
    with mock_aws(), _clock() as moved, _serving(case, moved) as explorer:
        from chalicelib.jobs import refresh
        from chalicelib.models import ChainBlocks, Item

        Item.create_table(billing_mode='PAY_PER_REQUEST')
        events = Item.connection().client.meta.events
        operations: list[str] = []

        def count(model: Any, **_: Any) -> None:
            operations.append(model.name)

        events.register('after-call.dynamodb', count)
        for minute in range(61):
            moved['now'] = BEGIN + 60 * minute
            if minute == 1:  # the first run reads the block from which it starts
                explorer.requests = 0
                operations.clear()
            refresh.refresh_ledgers({'Records': [_record({'follow': case.currency})]}, None)
        events.unregister('after-call.dynamodb', count)
        chain = ChainBlocks.find(case.currency)
        if chain is None or (chain.through_at or 0) < moved['now'] - 120:
            raise RuntimeError(f'the blocks of {case.currency} were not read from {case.explorer}')
        return Took(explorer.requests, len(operations))


def _record(body: Json) -> Json:
    names = ('messageId', 'receiptHandle', 'eventSource', 'eventSourceARN', 'awsRegion')
    return {**dict.fromkeys(names, ''), 'body': json.dumps(body), 'attributes': {}, 'messageAttributes': {}}


@contextmanager
def _clock() -> Iterator[dict[str, int]]:
    """Let the application go by a clock that is moved."""
    from chalicelib import clock

    moved = {'now': BEGIN}
    clock.now, clock.now_ms, clock.monotonic = lambda: moved['now'], lambda: 1_000 * moved['now'], lambda: float(moved['now'])
    yield moved


@contextmanager
def _serving(case: Case, moved: dict[str, int]) -> Iterator[Explorer]:
    from chalicelib.config import settings
    from chalicelib.providers.explorers import tellers_of_blocks
    from chalicelib.services.ledgers import blocks

    explorer = Explorer(case, lambda: moved['now'])
    with http_server.serving(explorer.respond) as url:
        os.environ[f'UPSTREAM_{case.explorer.upper()}_URL'] = f'{url}/{case.explorer}'
        settings.cache_clear()
        [teller] = [teller for teller in tellers_of_blocks(case.currency) if teller.endpoint.key == case.explorer]
        blocks.tellers_of_blocks = lambda currency: [teller]
        yield explorer


if __name__ == '__main__':
    os.environ |= ENVIRONMENT | {'JWKS': '{"keys": []}'}
    main()
