"""The sample's chains of unspent outputs (COINS) as Esplora, BlockCypher, Blockchair, Haskoin and Blockbook would return them.

BlockCypher and Blockchair return the sample of Bitcoin too. Only what a transaction does to one address is given; the rest is made up.
"""

import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from infra.fake_upstreams import bitcoin_chain, esplora, hd_wallet
from infra.fake_upstreams.answer import Answer, as_json
from infra.fake_upstreams.coins import ADDRESSES, COINS
from infra.fake_upstreams.payments import (
    Payment,
    Touching,
    World,
    balance,
    confirmed_and_pending,
    inputs,
    net_delta,
    outputs,
    total_received,
    total_spent,
)

Json = dict[str, Any]

BLOCKCHAIR_CHAINS = {coin.path: code for code, coin in COINS.items()} | {'bitcoin': 'btc'}
CASHADDR = 'bitcoincash:'
_P2PK_BYTES = 67  # of a script that pays to an uncompressed public key


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
    confirmed, pending = confirmed_and_pending(world.of(coin, address))
    listed = confirmed if 'confirmations' in query else pending + confirmed
    below = int(query.get('before', '1000000000'))
    rest = [payment for payment in listed if (payment.height or 0) < below]
    end = min(int(query.get('limit', '10')), world.page_size(50))
    while 0 < end < len(rest) and rest[end].height == rest[end - 1].height:
        end += 1  # a page is never cut inside a block
    sums = {
        'address': address,
        'total_received': total_received(confirmed),
        'total_sent': total_spent(confirmed),
        'balance': balance(confirmed),
        'unconfirmed_balance': balance(pending),
        'final_balance': balance(listed),
        'n_tx': len(confirmed),
        'unconfirmed_n_tx': len(pending),
        'final_n_tx': len(listed),
    }
    query = {'limit': query.get('txlimit', '20')}
    txs = [_blockcypher_transaction(payment, address, coin, query) for payment in rest[:end]]
    return as_json(sums | ({'hasMore': True} if end < len(rest) else {}) | {'txs': txs})


def _blockcypher_transaction(payment: Touching, address: str, coin: str, query: dict[str, str]) -> Json:
    spends, pays = inputs(payment, coin, address), outputs(payment, coin, address)
    limit, first_in, first_out = (int(query.get(name, default)) for name, default in (('limit', '20'), ('instart', '0'), ('outstart', '0')))
    instant = datetime.fromtimestamp(payment.time, UTC).strftime('%Y-%m-%dT%H:%M:%SZ')
    return {
        'block_height': -1 if payment.height is None else payment.height,
        'hash': payment.txid,
        'total': pays.total,
        'fees': payment.fee,
        'received': instant,
        **({} if payment.height is None else {'confirmed': instant}),
        'double_spend': False,
        'vin_sz': len(spends.rows),
        'vout_sz': len(pays.rows),
        'inputs': [{'output_value': value, 'addresses': [whose]} for value, whose in spends.rows[first_in : first_in + limit]],
        'outputs': [{'value': value, 'addresses': [whose]} for value, whose in pays.rows[first_out : first_out + limit]],
    }


def tell_blockchair(world: World, path: list[str], query: dict[str, str]) -> Answer:
    """https://blockchair.com/api/docs"""
    match path:
        case [chain, 'dashboards', 'address', address] if chain in BLOCKCHAIR_CHAINS:
            return _blockchair_address(world, world.of(BLOCKCHAIR_CHAINS[chain], address), address, query)
    return as_json({'data': None, 'context': {'code': 404, 'error': 'The requested URL does not exist'}}, 404)


def _blockchair_address(world: World, payments: Sequence[Touching], address: str, query: dict[str, str]) -> Answer:
    limit, offset = (int(query[name].split(',')[0]) for name in ('limit', 'offset'))
    page = payments[offset : offset + min(limit, world.page_size(10_000))]
    row = {
        'address': {
            'type': 'pubkeyhash',
            'balance': balance(payments),
            'balance_usd': 0,
            'received': total_received(payments),
            'spent': total_spent(payments),
            'transaction_count': len(payments),
        },
        'transactions': [_blockchair_transaction(payment) for payment in page],
        'utxo': [],
    }
    context = {'code': 200, 'limit': query['limit'], 'offset': query['offset'], 'results': 1, 'state': 900_000, 'request_cost': 1}
    return as_json({'data': {address: row}, 'context': context})


def _blockchair_transaction(payment: Touching) -> Json:
    return {
        'block_id': -1 if payment.height is None else payment.height,
        'hash': payment.txid,
        'time': datetime.fromtimestamp(payment.time, UTC).strftime('%Y-%m-%d %H:%M:%S'),
        'balance_change': net_delta(payment),
    }


def tell_haskoin(coin: str, world: World, path: list[str], query: dict[str, str]) -> Answer:
    """https://github.com/haskoin/haskoin-store/blob/master/swagger.yaml"""
    match path:
        case ['address', address, 'balance']:
            return as_json(_haskoin_balance(world.of(coin, address.removeprefix(CASHADDR)), address))
        case ['address', address, 'transactions', 'full']:
            bare, offset = address.removeprefix(CASHADDR), int(query.get('offset', '0'))
            page = world.of(coin, bare)[offset : offset + min(int(query.get('limit', '100')), world.page_size(100))]
            return as_json([haskoin_transaction(payment, coin, bare) for payment in page])
    return as_json({'error': 'not-found-or-invalid-arg', 'message': 'Item not found or argument invalid'}, 404)


def _haskoin_balance(payments: Sequence[Touching], address: str) -> Json:
    confirmed, pending = confirmed_and_pending(payments)
    return {
        'address': address,
        'confirmed': balance(confirmed),
        'unconfirmed': balance(pending),
        'utxo': sum(len(payment.received) - len(payment.spent) for payment in payments),
        'txs': len(payments),
        'received': total_received(payments),
    }


def haskoin_transaction(payment: Touching, coin: str, address: str) -> Json:
    """Return a transaction as Haskoin tells it."""
    spends, pays = inputs(payment, coin, address), outputs(payment, coin, address)
    return {
        'txid': payment.txid,
        'fee': payment.fee,
        'inputs': [{'coinbase': False, 'value': value, 'address': CASHADDR + whose} for value, whose in spends.rows],
        'outputs': [{'value': value, 'address': CASHADDR + whose, 'spent': False} for value, whose in pays.rows],
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
    confirmed, pending = confirmed_and_pending(world.of(coin, address))
    size = min(int(query.get('pageSize', '1000')), world.page_size(1_000))
    pages = max(1, -(-len(confirmed) // size))
    page = min(int(query.get('page', '1')), pages)
    listed = (pending if page == 1 else []) + confirmed[(page - 1) * size : page * size]
    body = {
        'page': page,
        'totalPages': pages,
        'itemsOnPage': size,
        'address': address,
        'balance': str(balance(confirmed)),
        'totalReceived': str(total_received(confirmed)),
        'totalSent': str(total_spent(confirmed)),
        'unconfirmedBalance': str(balance(pending)),
        'unconfirmedTxs': len(pending),
        'txs': len(confirmed),
    }
    return as_json(body | ({'transactions': [blockbook_transaction(each, coin, address) for each in listed]} if listed else {}))


def blockbook_transaction(payment: Touching, coin: str, address: str) -> Json:
    """Return a transaction as Blockbook tells it."""
    prefix = CASHADDR if coin == 'bch' else ''
    spends, pays = inputs(payment, coin, address), outputs(payment, coin, address)
    return {
        'txid': payment.txid,
        'vin': [{'addresses': [prefix + whose], 'isAddress': True, 'value': str(value)} for value, whose in spends.rows],
        'vout': [{'addresses': [prefix + whose], 'isAddress': True, 'value': str(value)} for value, whose in pays.rows],
        'blockHeight': -1 if payment.height is None else payment.height,
        'confirmations': 0 if payment.height is None else 10,
        'blockTime': payment.time,
        'value': str(pays.total),
        'fees': str(payment.fee),
    }


def _bitcoin(address: str) -> list[Payment]:
    """Return the sample chain as it touches an address, public keys counted as theirs."""
    payments = []
    for transaction in reversed(bitcoin_chain.TRANSACTIONS + hd_wallet.TRANSACTIONS):
        received = tuple(output.value for output in transaction.outputs if output.address == address)
        spent = tuple(coin.output.value for coin in transaction.spent if coin.output.address == address)
        if received or spent:
            at = (transaction.txid, transaction.height, transaction.time)
            p2pk = any(output.address == address and len(output.script) == _P2PK_BYTES for output in transaction.outputs)
            payments.append(Payment(*at, received, spent, transaction.fee, p2pk=p2pk, whole=transaction))
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
    'litecoinspace': partial(esplora.answer, 'ltc'),
    'blockcypher': tell_blockcypher,
    'blockchair': tell_blockchair,
    'haskoin': partial(tell_haskoin, 'bch'),
    'blockchain_info_bch': partial(tell_haskoin, 'bch'),
    **{f'blockbook_{coin}': partial(tell_blockbook, coin) for coin in COINS},
}
UPSTREAMS: dict[str, Callable[[list[str], dict[str, str]], Answer]] = {key: partial(tell, SAMPLE) for key, tell in TELLERS.items()}
