"""The part of blockchain.info's API that tells of one address: https://www.blockchain.com/explorer/api/blockchain_api"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from infra.fake_upstreams.answer import Answer, as_json
from infra.fake_upstreams.bitcoin_chain import COINBASE_SCRIPT, TIP_HEIGHT, TIP_TIME, Output, Transaction, block_hash
from infra.fake_upstreams.esplora import FINAL_SEQUENCE, NO_INDEX, size_of
from infra.fake_upstreams.payments import Touching, World, balance, net_delta, total_received, total_spent, transaction_of

MULTIADDR_PAGE = 100
RAWADDR_PAGE = 50
NOT_FOUND = as_json({'error': 'not-found-or-invalid-arg', 'message': 'Item not found or argument invalid'}, 400)

Json = dict[str, Any]
Spending = Mapping[tuple[str, int], Json]  # what spends an output, by transaction and number


def answer(world: World, spending: Spending, path: list[str], query: dict[str, str]) -> Answer:
    """Answer a GET about Bitcoin."""
    match path:
        case ['multiaddr']:
            return _answer_multiaddr(world, spending, query.get('active', ''), query)
        case ['rawaddr', address]:
            return _answer_rawaddr(world, spending, address, query)
    return Answer(404, 'Not Found')


def spending_of(transactions: Iterable[Transaction]) -> Spending:
    """Return what spends which output among transactions."""
    return {
        (coin.txid, coin.number): {'tx_index': _index_of(transaction.txid), 'n': place}
        for transaction in transactions
        for place, coin in enumerate(transaction.spent)
    }


def _answer_multiaddr(world: World, spending: Spending, address: str, query: dict[str, str]) -> Answer:
    page = _page(query, 'n', world.page_size(MULTIADDR_PAGE))
    if page is None:
        return NOT_FOUND
    totals = _totals(world.of('btc', address))
    return as_json(
        {
            'addresses': [{'address': address, **totals}],
            'wallet': {**totals, 'n_tx_filtered': totals['n_tx']},
            'txs': _render_page(world.listed('btc', address), spending, address, page, every_output=False),
            'info': {'latest_block': {'hash': block_hash(TIP_HEIGHT), 'height': TIP_HEIGHT, 'time': TIP_TIME, 'block_index': TIP_HEIGHT}},
            'recommend_include_fee': True,
        }
    )


def _answer_rawaddr(world: World, spending: Spending, address: str, query: dict[str, str]) -> Answer:
    page = _page(query, 'limit', world.page_size(RAWADDR_PAGE))
    if page is None:
        return NOT_FOUND
    payments = world.of('btc', address)
    return as_json(
        {
            'address': address,
            **_totals(payments),
            'n_unredeemed': sum(len(payment.received) - len(payment.spent) for payment in payments),
            'txs': _render_page(world.listed('btc', address), spending, address, page, every_output=True),
        }
    )


def _page(query: dict[str, str], size_name: str, largest: int) -> slice | None:
    size, offset = query.get(size_name, str(RAWADDR_PAGE)), query.get('offset', '0')
    if not (size.isdecimal() and offset.isdecimal()):
        return None
    return slice(int(offset), int(offset) + min(int(size), largest))


def _totals(payments: Sequence[Touching]) -> Json:
    return {
        'final_balance': balance(payments),
        'n_tx': len(payments),
        'total_received': total_received(payments),
        'total_sent': total_spent(payments),
    }


def _render_page(payments: Sequence[Touching], spending: Spending, address: str, page: slice, *, every_output: bool) -> list[Json]:
    """Return transactions; without `every_output` those that pay the address lack what they pay to others, as in `multiaddr`."""
    left = balance(payments[page.start :])
    rendered = []
    for payment in payments[page]:
        transaction = transaction_of(payment, 'btc', address)
        outputs = list(enumerate(transaction.outputs))
        if not every_output and not payment.spent:
            outputs = [(index, output) for index, output in outputs if output.address == address]
        shown = _transaction(transaction, payment.height, outputs, spending)
        rendered.append(shown | {'result': net_delta(payment), 'balance': left})
        left -= net_delta(payment)
    return rendered


def _transaction(transaction: Transaction, height: int | None, outputs: list[tuple[int, Output]], spending: Spending) -> Json:
    size = size_of(transaction)
    return {
        'hash': transaction.txid,
        'ver': 1,
        'vin_sz': max(1, len(transaction.spent)),
        'vout_sz': len(transaction.outputs),
        'size': size,
        'weight': 4 * size,
        'fee': transaction.fee,
        'relayed_by': '0.0.0.0',
        'lock_time': 0,
        'tx_index': _index_of(transaction.txid),
        'double_spend': False,
        'time': transaction.time,
        'block_index': height,
        'block_height': height,
        'inputs': _inputs(transaction, spending),
        'out': [_output(transaction.txid, index, output, spending) for index, output in outputs],
    }


def _inputs(transaction: Transaction, spending: Spending) -> list[Json]:
    if not transaction.spent:
        return [_input(0, COINBASE_SCRIPT, _nothing(transaction))]
    return [_input(index, b'', _output(*coin, spending)) for index, coin in enumerate(transaction.spent)]


def _input(index: int, script: bytes, prev_out: Json) -> Json:
    return {'sequence': FINAL_SEQUENCE, 'witness': '', 'script': script.hex(), 'index': index, 'prev_out': prev_out}


def _nothing(coinbase: Transaction) -> Json:
    """Return what a coinbase spends: an output without address or value."""
    spending = [{'tx_index': _index_of(coinbase.txid), 'n': 0}]
    return {'type': 0, 'spent': True, 'value': 0, 'spending_outpoints': spending, 'n': NO_INDEX, 'tx_index': 0, 'script': ''}


def _output(txid: str, index: int, output: Output, spending: Spending) -> Json:
    spender = spending.get((txid, index))
    return {
        'type': 0,
        'spent': spender is not None,
        'value': output.value,
        'spending_outpoints': [spender] if spender else [],
        'n': index,
        'tx_index': _index_of(txid),
        'script': output.script.hex(),
        **({'addr': output.address} if output.address else {}),
    }


def _index_of(txid: str) -> int:
    return int(txid[:13], 16)
