"""Blockchair as it answered once, and as its documentation tells that it fails."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.domain.ledgers import Entry, Holding
from chalicelib.errors import Upstream, UpstreamRejected
from infra.fake_upstreams import coins, faults, scripted_explorer
from infra.fake_upstreams import utxo as sample
from infra.fake_upstreams.payments import Payment, World
from infra.fake_upstreams.scripted_explorer import serving
from tests.support import utxo
from tests.support.recordings import recorded
from tests.support.upstreams import explorer_of, http

BITCOIN, CASH = explorer_of('btc', 'blockchair'), explorer_of('bch', 'blockchair')
ADDRESS = sample.ADDRESSES['bch']
CODES = [402, 429, 430, 434, 435, 436, 437]


@pytest.fixture(scope='module')
def server() -> Iterator[scripted_explorer.Explorer]:
    with serving(scripted_explorer.Explorer()) as explorer:
        yield explorer


@pytest.fixture
def upstream(server: scripted_explorer.Explorer) -> Iterator[scripted_explorer.Explorer]:
    yield from utxo.leading_to(server)


def body(address: str, txns: list[Any], count: int | None, **sums: int) -> dict[str, Any]:
    told = {'balance': 0, 'received': 0, 'spent': 0, 'transaction_count': count} | sums
    return {'data': {address: {'address': told, 'transactions': txns}}, 'context': {'code': 200, 'results': 1}}


def txn(number: int, change: int, block: int = 500_000) -> dict[str, Any]:
    return {'block_id': block, 'hash': f'{number:064x}', 'time': '2023-11-14 22:13:20', 'balance_change': change}


def test_a_recorded_address_is_read_with_its_change_and_without_its_fee(upstream: scripted_explorer.Explorer) -> None:
    upstream.fail(utxo.saying(answer := recorded('blockchair/sample_bc1q48a4_transaction_details.json'), _emptied(answer)))
    holding, entries = utxo.read(BITCOIN, 'bc1q48a4tnwa7exmg37sckc32r93twrazanu4ug5ug')
    assert holding == Holding('btc', Decimal(0), Decimal('0.27791375'), Decimal('0.27791375'), None, Decimal(0))
    txid = '718b3fff2b25eb9fc9e437e77e9eb23405e131f935473b14b1a65ebdc2ec4f4e'
    assert entries == [Entry(txid, 0, 'btc', Decimal('0.27791375'), None, 1_736_551_909, 878_696)]


def _emptied(answer: Any) -> Any:
    [(address, row)] = answer['data'].items()
    return answer | {'data': {address: row | {'transactions': []}}}


def test_the_documented_sample_is_understood(upstream: scripted_explorer.Explorer) -> None:
    upstream.fail(utxo.saying(recorded('blockchair/btc_address_1A1zP1eP.json')))
    [holding] = BITCOIN.read(http(), '1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa').holdings
    assert (holding.balance, holding.transactions) == (Decimal('68.12392291'), 1820)


@pytest.mark.parametrize(('spent', 'fee'), [(0, Decimal(0)), (9, None)])
def test_a_fee_is_known_only_of_who_never_spent_anything(upstream: scripted_explorer.Explorer, spent: int, fee: Decimal | None) -> None:
    """Who gains may have spent something too, together with others who paid more."""
    upstream.fail(utxo.saying(body(ADDRESS, [txn(2, 2), txn(1, 5)], 2, balance=7, received=7 + spent, spent=spent)))
    assert [entry.fee for entry in utxo.read(CASH, ADDRESS)[1]] == [fee, fee]


@pytest.mark.parametrize('told', [ADDRESS, f'bitcoincash:{ADDRESS}'])
def test_an_address_is_the_same_with_and_without_its_prefix(upstream: scripted_explorer.Explorer, told: str) -> None:
    upstream.fail(utxo.saying(body(told, [txn(1, 5)], 1, balance=5, received=5)))
    assert utxo.read(CASH, ADDRESS)[0].balance == Decimal('0.00000005')


def test_what_it_tells_of_another_address_is_refused(upstream: scripted_explorer.Explorer) -> None:
    upstream.fail(utxo.saying(body(coins.STRANGERS['bch'], [], 0)))
    with pytest.raises(Upstream, match='unexpected shape'):
        utxo.read(CASH, ADDRESS)


def test_unconfirmed_transactions_are_taken_out_of_the_sums(upstream: scripted_explorer.Explorer) -> None:
    upstream.fail(utxo.saying(body(ADDRESS, [txn(2, -30, block=-1), txn(1, 100)], 2, balance=70, received=170, spent=100)))
    holding, entries = utxo.read(CASH, ADDRESS)
    assert holding == Holding('bch', Decimal('0.000001'), None, None, 1, Decimal('-0.0000003'))
    assert [entry.delta for entry in entries] == [Decimal('0.000001')]


@pytest.mark.parametrize('count', [101, None])
def test_a_first_page_of_nothing_confirmed_is_refused_as_it_may_not_be_all_of_it(
    upstream: scripted_explorer.Explorer, count: int | None
) -> None:
    upstream.fail(utxo.saying(body(ADDRESS, [txn(number, 1, block=-1) for number in range(100)], count)))
    with pytest.raises(Upstream, match='unexpected shape'):
        utxo.read(CASH, ADDRESS)


def test_without_a_count_an_empty_page_is_the_last(upstream: scripted_explorer.Explorer) -> None:
    world = World({'bch': {ADDRESS: [Payment(f'{n:064x}', 500_000 + n, utxo.AT, (1,)) for n in range(7)][::-1]}}, 3)
    tell = utxo.telling(lambda path, query: sample.tell_blockchair(world, path, query))

    def uncounted(answer: Any) -> None:
        answer['data'][ADDRESS]['address']['transaction_count'] = None

    upstream.fail(lambda request, answer: faults.changed(uncounted)(request, tell(request, answer)))
    holding, entries = utxo.read(CASH, ADDRESS)
    assert (holding.transactions, len(entries)) == (None, 7)
    assert upstream.count('blockchair') == 4


@pytest.mark.parametrize('empty', [[], {}, None])
def test_an_address_that_it_does_not_know_holds_nothing(upstream: scripted_explorer.Explorer, empty: Any) -> None:
    upstream.fail(utxo.saying({'data': empty, 'context': {'code': 200, 'results': 0}}))
    holding, entries = utxo.read(CASH, ADDRESS)
    assert (holding.balance, holding.transactions, entries) == (0, 0, [])


@pytest.mark.parametrize('status', ['same', 200])
@pytest.mark.parametrize('code', CODES)
def test_a_limit_is_understood_whatever_the_status(upstream: scripted_explorer.Explorer, code: int, status: Any) -> None:
    answer = {'data': None, 'context': {'code': code, 'error': 'Your IP address is temporary blacklisted'}}
    upstream.fail(faults.status(code if status == 'same' else 200, json.dumps(answer), Content_Type='application/json'))
    with pytest.raises(Upstream) as caught:
        utxo.read(CASH, ADDRESS)
    assert caught.value.throttled
    assert 'blacklisted' not in str(caught.value)


@pytest.mark.parametrize('code', [400, 404, 500, 503])
def test_an_error_in_a_200_is_one(upstream: scripted_explorer.Explorer, code: int) -> None:
    upstream.fail(utxo.saying({'data': None, 'context': {'code': code, 'error': 'x'}}))
    with pytest.raises(Upstream) as caught:
        utxo.read(CASH, ADDRESS)
    assert not caught.value.throttled


def test_no_data_without_an_error_is_not_an_empty_address(upstream: scripted_explorer.Explorer) -> None:
    upstream.fail(utxo.saying({'data': None, 'context': {'code': 200}}))
    with pytest.raises(Upstream):
        utxo.read(CASH, ADDRESS)


def test_an_address_that_it_calls_invalid_is_rejected(upstream: scripted_explorer.Explorer) -> None:
    answer = {'data': None, 'context': {'code': 400, 'error': 'Invalid bitcoin-cash address'}}
    upstream.fail(faults.status(400, json.dumps(answer), Content_Type='application/json'))
    with pytest.raises(UpstreamRejected):
        utxo.read(CASH, ADDRESS)


@pytest.mark.parametrize(('name', 'value'), [('time', '2023-11-14T22:13:20Z'), ('balance_change', 1.5), ('block_id', None)])
def test_a_transaction_of_another_shape_costs_only_itself(upstream: scripted_explorer.Explorer, name: str, value: Any) -> None:
    upstream.fail(utxo.saying(body(ADDRESS, [txn(1, 5) | {name: value}], 1)))
    [row] = utxo.unread(CASH, ADDRESS)
    assert (row.currency, row.reference, row.reason) == ('bch', f'{1:064x}', 'unexpected shape')


def test_what_is_no_transaction_is_refused(upstream: scripted_explorer.Explorer) -> None:
    upstream.fail(utxo.saying(body(ADDRESS, [txn(1, 5) | {'hash': 'x'}], 1)))
    with pytest.raises(Upstream, match='unexpected shape'):
        utxo.read(CASH, ADDRESS)
