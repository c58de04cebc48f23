"""Esplora's HTTP API: https://github.com/Blockstream/esplora/blob/master/API.md"""

from collections.abc import Sequence
from typing import Any

from infra.fake_upstreams.answer import Answer, as_json
from infra.fake_upstreams.bitcoin_chain import COINBASE_SCRIPT, TIP_HEIGHT, Coin, Output, Transaction, block_hash
from infra.fake_upstreams.payments import Touching, World, confirmed_and_pending, total_received, total_spent, transaction_of

PAGE = 25
FINAL_SEQUENCE = 0xFFFFFFFF
NO_INDEX = 0xFFFFFFFF
# What a script begins and ends with, its Esplora type, and how Esplora spells it around the bytes between.
_SCRIPTS = (
    ('41', 'ac', 'p2pk', 'OP_PUSHBYTES_65 {} OP_CHECKSIG'),
    ('76a914', '88ac', 'p2pkh', 'OP_DUP OP_HASH160 OP_PUSHBYTES_20 {} OP_EQUALVERIFY OP_CHECKSIG'),
    ('a914', '87', 'p2sh', 'OP_HASH160 OP_PUSHBYTES_20 {} OP_EQUAL'),
    ('0014', '', 'v0_p2wpkh', 'OP_0 OP_PUSHBYTES_20 {}'),
    ('5120', '', 'v1_p2tr', 'OP_PUSHNUM_1 OP_PUSHBYTES_32 {}'),
    ('6a', '', 'op_return', 'OP_RETURN {}'),
)
_WITHOUT_ADDRESS = ('p2pk', 'op_return')  # Esplora finds an address by its script, so a public key belongs to none
_UNKNOWN = Answer(404, 'endpoint does not exist')

Json = dict[str, Any]


def answer(coin: str, world: World, path: list[str], query: dict[str, str]) -> Answer:
    """Answer a GET."""
    match path:
        case ['address', address, *rest]:
            return _answer_address(coin, world, address, rest)
        case ['tx', txid]:
            return _answer_transaction(coin, world, txid)
        case ['blocks', 'tip', 'height']:
            return Answer(200, str(TIP_HEIGHT))
    return _UNKNOWN


def _answer_address(coin: str, world: World, address: str, rest: list[str]) -> Answer:
    match rest:
        case []:
            confirmed, pending = confirmed_and_pending(world.of(coin, address, p2pk=False))
            return as_json({'address': address, 'chain_stats': _counts(confirmed), 'mempool_stats': _counts(pending)})
        case ['txs'] | ['txs', 'chain'] | ['txs', 'chain', '']:
            return _answer_page(coin, world, address, 0)
        case ['txs', 'chain', last_seen]:
            listed = world.listed(coin, address, p2pk=False)
            places = [place for place, payment in enumerate(listed) if payment.txid == last_seen]
            return _answer_page(coin, world, address, places[0] + 1 if places else len(listed))
        case ['txs', 'mempool']:
            _, pending = confirmed_and_pending(world.listed(coin, address, p2pk=False))
            return as_json([render(transaction_of(payment, coin, address)) | _UNCONFIRMED for payment in pending])
    return _UNKNOWN


def _answer_page(coin: str, world: World, address: str, start: int) -> Answer:
    """Answer with the confirmed transactions from the place `start` on; none where a page began that is no longer known."""
    confirmed, _ = confirmed_and_pending(world.listed(coin, address, p2pk=False)[start:])
    page = confirmed[: world.page_size(PAGE)]
    return as_json([render(transaction_of(payment, coin, address)) for payment in page])


def _answer_transaction(coin: str, world: World, txid: str) -> Answer:
    if len(txid) != 64 or not set(txid) <= set('0123456789abcdef'):
        return Answer(400, 'Invalid hex string')
    for address, payments in world.histories[coin].items():
        for payment in payments:
            if payment.txid == txid:
                return as_json(render(transaction_of(payment, coin, address)))
    return Answer(404, 'Transaction not found')


def _counts(payments: Sequence[Touching]) -> Json:
    return {
        'funded_txo_count': sum(len(payment.received) for payment in payments),
        'funded_txo_sum': total_received(payments),
        'spent_txo_count': sum(len(payment.spent) for payment in payments),
        'spent_txo_sum': total_spent(payments),
        'tx_count': len(payments),
    }


_UNCONFIRMED = {'status': {'confirmed': False}}


def render(transaction: Transaction) -> Json:
    """Return a confirmed transaction as Esplora shows it."""
    size = size_of(transaction)
    return {
        'txid': transaction.txid,
        'version': 1,
        'locktime': 0,
        'vin': [_input(coin) for coin in transaction.spent] or [_coinbase()],
        'vout': [_output(output) for output in transaction.outputs],
        'size': size,
        'weight': 4 * size,
        'fee': transaction.fee,
        'status': {
            'confirmed': True,
            'block_height': transaction.height,
            'block_hash': block_hash(transaction.height),
            'block_time': transaction.time,
        },
    }


def size_of(transaction: Transaction) -> int:
    """Return the size in bytes without unlocking scripts, as made-up transactions are not signed."""
    inputs = 41 * len(transaction.spent) if transaction.spent else 41 + len(COINBASE_SCRIPT)
    return 10 + inputs + sum(9 + len(output.script) for output in transaction.outputs)


def _input(coin: Coin) -> Json:
    return {
        'txid': coin.txid,
        'vout': coin.number,
        'prevout': _output(coin.output),
        'scriptsig': '',
        'scriptsig_asm': '',
        'is_coinbase': False,
        'sequence': FINAL_SEQUENCE,
    }


def _coinbase() -> Json:
    return {
        'txid': '0' * 64,
        'vout': NO_INDEX,
        'prevout': None,
        'scriptsig': COINBASE_SCRIPT.hex(),
        'scriptsig_asm': 'OP_PUSHBYTES_4 ffff001d OP_PUSHBYTES_1 20',
        'is_coinbase': True,
        'sequence': FINAL_SEQUENCE,
    }


def _output(output: Output) -> Json:
    kind, asm = _describe_script(output.script)
    address = {} if kind in _WITHOUT_ADDRESS else {'scriptpubkey_address': output.address}
    return {'scriptpubkey': output.script.hex(), 'scriptpubkey_asm': asm, 'scriptpubkey_type': kind, **address, 'value': output.value}


def _describe_script(script: bytes) -> tuple[str, str]:
    text = script.hex()
    for start, end, kind, asm in _SCRIPTS:
        if text.startswith(start) and text.endswith(end):
            return kind, asm.format(text.removeprefix(start).removesuffix(end))
    raise ValueError(f'no sample pays to {text}')
