"""The sample's chains of unspent outputs (COINS) as Esplora, BlockCypher, Blockchair, Haskoin and Blockbook would return them.

BlockCypher and Blockchair return the sample of Bitcoin too. Only what a transaction does to one address is given; the rest is made up.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

from infra.fake_upstreams import bitcoin_chain, hd_wallet
from infra.fake_upstreams.answer import Answer, as_json

Json = dict[str, Any]

ESPLORA_PAGE = 25


class SampleCoin(NamedTuple):
    """A coin of the sample: the followed address, another one that pays and is paid, and the blocks.

    `height` and `time` are those of the oldest transaction, `block_seconds` the time between two blocks. `path` is Blockchair's
    name of the chain. Addresses are made up: each pays to the hash of a text, for which there is no known key.
    """

    address: str
    stranger: str
    height: int
    block_seconds: int
    path: str
    time: int = 1_704_000_000


COINS = {
    'ltc': SampleCoin(
        address='ltc1qtu28gxsq6qmhxn2kuer799t30wjzz8x2ggdud0',
        stranger='ltc1q3t9y7dnhf7p2vlzs0juujenefqhze3m8k2lydy',
        height=2_600_000,
        block_seconds=150,
        path='litecoin',
    ),
    'doge': SampleCoin(
        address='DR1efjBKTWyM49R9zE3Pp8RWz7CXQw8ZHd',
        stranger='DHnx9SFz7ckB2mWBun7SufC3ad8J27oymE',
        height=5_000_000,
        block_seconds=60,
        path='dogecoin',
    ),
    'dash': SampleCoin(
        address='XbrMibpKESmBLgcxmTaLPcRj4ZPnMuXtLW',
        stranger='XoLhSRyEmv4UehvB35S7DRiEXpygf4v4oa',
        height=2_000_000,
        block_seconds=157,
        path='dash',
    ),
    'bch': SampleCoin(
        address='qqk6q2j0874vwsj7elcayy44rn26fv23acpw64t00v',
        stranger='qz9v5nekwa8c9fnu2p7tnjtx09yzutx8vuu25m8vmh',
        height=820_000,
        block_seconds=600,
        path='bitcoin-cash',
    ),
}
ADDRESSES = {code: coin.address for code, coin in COINS.items()}
STRANGERS = {code: coin.stranger for code, coin in COINS.items()} | {'btc': 'bc1qaxxukj5fgexluc40cvxw4kpsu2vajqlhdfwc0z'}
BLOCKCHAIR_CHAINS = {coin.path: code for code, coin in COINS.items()} | {'bitcoin': 'btc'}
CASHADDR = 'bitcoincash:'


class Payment(NamedTuple):
    """A transaction as it touches one address: the values of outputs to it, and of outputs of it that are spent.

    `height` is None while it is in no block; `strangers` outputs to others, one at least, stand before those.
    """

    txid: str
    height: int | None
    time: int
    received: tuple[int, ...] = ()
    spent: tuple[int, ...] = ()
    fee: int = 0
    strangers: int = 1

    @property
    def delta(self) -> int:
        return sum(self.received) - sum(self.spent)


@dataclass(frozen=True)
class World:
    """What explorers tell: payments, newest first, by coin and address; no page is longer than `page`."""

    histories: Mapping[str, Mapping[str, Sequence[Payment]]]
    page: int = 10_000

    def of(self, coin: str, address: str) -> Sequence[Payment]:
        return self.histories[coin].get(address, ())


class Side(NamedTuple):
    """The inputs or outputs of a transaction, value and address each."""

    rows: list[tuple[int, str]]

    @property
    def total(self) -> int:
        return sum(value for value, _ in self.rows)


def _outputs(payment: Payment, coin: str, address: str) -> Side:
    paid = max(77, -payment.delta - payment.fee - 77 * (payment.strangers - 1))
    values = [paid, *[77] * (payment.strangers - 1)]
    return Side([(value, STRANGERS[coin]) for value in values] + [(value, address) for value in payment.received])


def _inputs(payment: Payment, coin: str, address: str) -> Side:
    """Who spends nothing of its own is paid by somebody else, who pays the fee."""
    needed = _outputs(payment, coin, address).total + payment.fee
    others = needed - sum(payment.spent)
    return Side([(value, address) for value in payment.spent] + ([(others, STRANGERS[coin])] if others > 0 else []))


def _split(payments: Sequence[Payment]) -> tuple[list[Payment], list[Payment]]:
    """Return the confirmed ones and the others."""
    return [each for each in payments if each.height is not None], [each for each in payments if each.height is None]


def _received(payments: Sequence[Payment]) -> int:
    return sum(sum(payment.received) for payment in payments)


def _spent(payments: Sequence[Payment]) -> int:
    return sum(sum(payment.spent) for payment in payments)


def _net(payments: Sequence[Payment]) -> int:
    return _received(payments) - _spent(payments)


def tell_esplora(coin: str, world: World, path: list[str], query: dict[str, str]) -> Answer:
    """https://github.com/Blockstream/esplora/blob/master/API.md"""
    match path:
        case ['address', address]:
            confirmed, pending = _split(world.of(coin, address))
            return as_json({'address': address, 'chain_stats': _esplora_counts(confirmed), 'mempool_stats': _esplora_counts(pending)})
        case ['address', address, 'txs', 'chain', *last]:
            confirmed, _ = _split(world.of(coin, address))
            txids = [payment.txid for payment in confirmed]
            start = txids.index(last[0]) + 1 if last and last[0] in txids else len(txids) if last else 0
            page = confirmed[start : start + min(ESPLORA_PAGE, world.page)]
            return as_json([_esplora_transaction(payment, coin, address) for payment in page])
    return Answer(404, 'endpoint does not exist')


def _esplora_counts(payments: Sequence[Payment]) -> Json:
    return {
        'funded_txo_count': sum(len(payment.received) for payment in payments),
        'funded_txo_sum': _received(payments),
        'spent_txo_count': sum(len(payment.spent) for payment in payments),
        'spent_txo_sum': _spent(payments),
        'tx_count': len(payments),
    }


def _esplora_transaction(payment: Payment, coin: str, address: str) -> Json:
    return {
        'txid': payment.txid,
        'vin': [
            {'prevout': {'scriptpubkey_address': whose, 'value': value}, 'is_coinbase': False}
            for value, whose in _inputs(payment, coin, address).rows
        ],
        'vout': [{'scriptpubkey_address': whose, 'value': value} for value, whose in _outputs(payment, coin, address).rows],
        'fee': payment.fee,
        'status': {'confirmed': True, 'block_height': payment.height, 'block_time': payment.time},
    }


def tell_blockcypher(world: World, path: list[str], query: dict[str, str]) -> Answer:
    """https://www.blockcypher.com/dev/bitcoin/"""
    match path:
        case [coin, 'main', 'addrs', address, 'full'] if coin in world.histories:
            return _blockcypher_address(world, coin, address, query)
        case [coin, 'main', 'txs', txid] if coin in world.histories:
            found = [(each, address) for address, payments in world.histories[coin].items() for each in payments if each.txid == txid]
            if found:
                return as_json(_blockcypher_transaction(*found[0], coin, query))
    return as_json({'error': 'Not found'}, 404)


def _blockcypher_address(world: World, coin: str, address: str, query: dict[str, str]) -> Answer:
    confirmed, pending = _split(world.of(coin, address))
    listed = confirmed if 'confirmations' in query else pending + confirmed
    below = int(query.get('before', '1000000000'))
    rest = [payment for payment in listed if (payment.height or 0) < below]
    end = min(int(query.get('limit', '10')), 50, world.page)
    while 0 < end < len(rest) and rest[end].height == rest[end - 1].height:
        end += 1  # a page is never cut inside a block
    sums = {
        'address': address,
        'total_received': _received(confirmed),
        'total_sent': _spent(confirmed),
        'balance': _net(confirmed),
        'unconfirmed_balance': _net(pending),
        'final_balance': _net(listed),
        'n_tx': len(confirmed),
        'unconfirmed_n_tx': len(pending),
        'final_n_tx': len(listed),
    }
    query = {'limit': query.get('txlimit', '20')}
    txs = [_blockcypher_transaction(payment, address, coin, query) for payment in rest[:end]]
    return as_json(sums | ({'hasMore': True} if end < len(rest) else {}) | {'txs': txs})


def _blockcypher_transaction(payment: Payment, address: str, coin: str, query: dict[str, str]) -> Json:
    inputs, outputs = _inputs(payment, coin, address), _outputs(payment, coin, address)
    limit, first_in, first_out = (int(query.get(name, default)) for name, default in (('limit', '20'), ('instart', '0'), ('outstart', '0')))
    instant = datetime.fromtimestamp(payment.time, UTC).strftime('%Y-%m-%dT%H:%M:%SZ')
    return {
        'block_height': -1 if payment.height is None else payment.height,
        'hash': payment.txid,
        'total': outputs.total,
        'fees': payment.fee,
        'received': instant,
        **({} if payment.height is None else {'confirmed': instant}),
        'double_spend': False,
        'vin_sz': len(inputs.rows),
        'vout_sz': len(outputs.rows),
        'inputs': [{'output_value': value, 'addresses': [whose]} for value, whose in inputs.rows[first_in : first_in + limit]],
        'outputs': [{'value': value, 'addresses': [whose]} for value, whose in outputs.rows[first_out : first_out + limit]],
    }


def tell_blockchair(world: World, path: list[str], query: dict[str, str]) -> Answer:
    """https://blockchair.com/api/docs"""
    match path:
        case [chain, 'dashboards', 'address', address] if chain in BLOCKCHAIR_CHAINS:
            return _blockchair_address(world, world.of(BLOCKCHAIR_CHAINS[chain], address), address, query)
    return as_json({'data': None, 'context': {'code': 404, 'error': 'The requested URL does not exist'}}, 404)


def _blockchair_address(world: World, payments: Sequence[Payment], address: str, query: dict[str, str]) -> Answer:
    limit, offset = (int(query[name].split(',')[0]) for name in ('limit', 'offset'))
    page = payments[offset : offset + min(limit, world.page)]
    row = {
        'address': {
            'type': 'pubkeyhash',
            'balance': _net(payments),
            'balance_usd': 0,
            'received': _received(payments),
            'spent': _spent(payments),
            'transaction_count': len(payments),
        },
        'transactions': [_blockchair_transaction(payment) for payment in page],
        'utxo': [],
    }
    context = {'code': 200, 'limit': query['limit'], 'offset': query['offset'], 'results': 1, 'state': 900_000, 'request_cost': 1}
    return as_json({'data': {address: row}, 'context': context})


def _blockchair_transaction(payment: Payment) -> Json:
    return {
        'block_id': -1 if payment.height is None else payment.height,
        'hash': payment.txid,
        'time': datetime.fromtimestamp(payment.time, UTC).strftime('%Y-%m-%d %H:%M:%S'),
        'balance_change': payment.delta,
    }


def tell_haskoin(coin: str, world: World, path: list[str], query: dict[str, str]) -> Answer:
    """https://github.com/haskoin/haskoin-store/blob/master/swagger.yaml"""
    match path:
        case ['address', address, 'balance']:
            return as_json(_haskoin_balance(world.of(coin, address.removeprefix(CASHADDR)), address))
        case ['address', address, 'transactions', 'full']:
            bare, offset = address.removeprefix(CASHADDR), int(query.get('offset', '0'))
            page = world.of(coin, bare)[offset : offset + min(int(query.get('limit', '100')), world.page)]
            return as_json([_haskoin_transaction(payment, coin, bare) for payment in page])
    return as_json({'error': 'not-found-or-invalid-arg', 'message': 'Item not found or argument invalid'}, 404)


def _haskoin_balance(payments: Sequence[Payment], address: str) -> Json:
    confirmed, pending = _split(payments)
    return {
        'address': address,
        'confirmed': _net(confirmed),
        'unconfirmed': _net(pending),
        'utxo': sum(len(payment.received) - len(payment.spent) for payment in payments),
        'txs': len(payments),
        'received': _received(payments),
    }


def _haskoin_transaction(payment: Payment, coin: str, address: str) -> Json:
    inputs, outputs = _inputs(payment, coin, address), _outputs(payment, coin, address)
    return {
        'txid': payment.txid,
        'fee': payment.fee,
        'inputs': [{'coinbase': False, 'value': value, 'address': CASHADDR + whose} for value, whose in inputs.rows],
        'outputs': [{'value': value, 'address': CASHADDR + whose, 'spent': False} for value, whose in outputs.rows],
        'block': {'mempool': payment.time} if payment.height is None else {'height': payment.height, 'position': 1},
        'deleted': False,
        'time': payment.time,
        'rbf': False,
    }


def tell_blockbook(coin: str, world: World, path: list[str], query: dict[str, str]) -> Answer:
    """https://github.com/trezor/blockbook/blob/master/docs/api.md"""
    match path:
        case ['api', 'v2', 'address', address]:
            return _blockbook_address(world, coin, address, query)
    return as_json({'error': 'Not found'}, 404)


def _blockbook_address(world: World, coin: str, address: str, query: dict[str, str]) -> Answer:
    """Unconfirmed transactions stand before the first page; past the last page it answers that one again."""
    confirmed, pending = _split(world.of(coin, address))
    size = min(int(query.get('pageSize', '1000')), world.page)
    pages = max(1, -(-len(confirmed) // size))
    page = min(int(query.get('page', '1')), pages)
    listed = (pending if page == 1 else []) + confirmed[(page - 1) * size : page * size]
    body = {
        'page': page,
        'totalPages': pages,
        'itemsOnPage': size,
        'address': address,
        'balance': str(_net(confirmed)),
        'totalReceived': str(_received(confirmed)),
        'totalSent': str(_spent(confirmed)),
        'unconfirmedBalance': str(_net(pending)),
        'unconfirmedTxs': len(pending),
        'txs': len(confirmed),
    }
    return as_json(body | ({'transactions': [_blockbook_transaction(each, coin, address) for each in listed]} if listed else {}))


def _blockbook_transaction(payment: Payment, coin: str, address: str) -> Json:
    prefix = CASHADDR if coin == 'bch' else ''
    inputs, outputs = _inputs(payment, coin, address), _outputs(payment, coin, address)
    return {
        'txid': payment.txid,
        'vin': [{'addresses': [prefix + whose], 'isAddress': True, 'value': str(value)} for value, whose in inputs.rows],
        'vout': [{'addresses': [prefix + whose], 'isAddress': True, 'value': str(value)} for value, whose in outputs.rows],
        'blockHeight': -1 if payment.height is None else payment.height,
        'confirmations': 0 if payment.height is None else 10,
        'blockTime': payment.time,
        'value': str(outputs.total),
        'fees': str(payment.fee),
    }


def _bitcoin(address: str) -> list[Payment]:
    """Return the sample chain as it touches an address, public keys counted as theirs."""
    payments = []
    for transaction in reversed(bitcoin_chain.TRANSACTIONS + hd_wallet.TRANSACTIONS):
        received = tuple(output.value for output in transaction.outputs if output.address == address)
        spent = tuple(coin.output.value for coin in transaction.spent if coin.output.address == address)
        if received or spent:
            payments.append(Payment(transaction.txid, transaction.height, transaction.time, received, spent, transaction.fee))
    return payments


def _made_up(coin: str) -> list[Payment]:
    """Return twelve transactions, newest first: every third spends what the two before brought, less what comes back."""
    sample = COINS[coin]
    payments = []
    for number in range(12):
        txid = hashlib.sha256(f'sample {coin} {number}'.encode()).hexdigest()
        blocks = 1_000 * number
        values = (1_2345_6789 + 1_000 * (number // 3), 2_5000_0000)
        spends = number % 3 == 2
        received, spent = ((9000_0000,), values) if spends else (values[number % 3 :][:1], ())
        payments.append(Payment(txid, sample.height + blocks, sample.time + blocks * sample.block_seconds, received, spent, fee=22_600))
    return payments[::-1]


SAMPLE = World(
    {coin: {address: _made_up(coin)} for coin, address in ADDRESSES.items()}
    | {'btc': {address: _bitcoin(address) for address in (*bitcoin_chain.ADDRESSES, *hd_wallet.ADDRESSES)}}
)
# Each needs a world, then answers path and query.
TELLERS: dict[str, Callable[[World, list[str], dict[str, str]], Answer]] = {
    'litecoinspace': partial(tell_esplora, 'ltc'),
    'blockcypher': tell_blockcypher,
    'blockchair': tell_blockchair,
    'haskoin': partial(tell_haskoin, 'bch'),
    'blockchain_info_bch': partial(tell_haskoin, 'bch'),
    **{f'blockbook_{coin}': partial(tell_blockbook, coin) for coin in COINS},
}
UPSTREAMS: dict[str, Callable[[list[str], dict[str, str]], Answer]] = {key: partial(tell, SAMPLE) for key, tell in TELLERS.items()}
