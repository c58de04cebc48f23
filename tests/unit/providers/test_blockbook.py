"""Blockbook as it answered once, and how it tells that it fails; a server of one's own is asked where a setting says."""

import json
from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from chalicelib.config import settings
from chalicelib.domain import money
from chalicelib.domain.chains import CHAINS
from chalicelib.domain.ledgers import Entry, Holding
from chalicelib.errors import Upstream, UpstreamNotAsked, UpstreamRejected
from chalicelib.providers.explorers import EXPLORERS, explorers_of
from chalicelib.providers.explorers.blockbook import Blockbook
from chalicelib.providers.upstream import Endpoint, UpstreamInfo
from infra.fake_upstreams import coins, faults, scripted_explorer
from infra.fake_upstreams import utxo as sample
from infra.fake_upstreams.payments import Payment, World
from infra.fake_upstreams.scripted_explorer import serving
from tests.support import utxo
from tests.support.recordings import recorded
from tests.support.upstreams import explorer_of, http

LITECOIN, DASH = explorer_of('ltc', 'blockbook_ltc'), explorer_of('dash', 'blockbook_dash')
BITCOIN = Blockbook(Endpoint('blockbook_ltc', '', min_interval_ms=0), UpstreamInfo('', '', ()), CHAINS['btc'])
ADDRESS = sample.ADDRESSES['ltc']


@pytest.fixture(scope='module')
def server() -> Iterator[scripted_explorer.Explorer]:
    with serving(scripted_explorer.Explorer()) as explorer:
        yield explorer


@pytest.fixture
def upstream(server: scripted_explorer.Explorer) -> Iterator[scripted_explorer.Explorer]:
    yield from utxo.leading_to(server)


def say(upstream: scripted_explorer.Explorer, *bodies: Any) -> None:
    upstream.fail(utxo.saying(*bodies), 'blockbook_ltc', 'blockbook_dash')


def body(*txns: Any, **changed: Any) -> dict[str, Any]:
    return {'page': 1, 'totalPages': 1, 'balance': '0', 'txs': len(txns), 'transactions': list(txns)} | changed


def txn(**changed: Any) -> dict[str, Any]:
    ours = {'addresses': [ADDRESS], 'isAddress': True, 'value': '700'}
    shown = {'txid': utxo.TXID, 'vin': [], 'vout': [ours], 'confirmations': 3, 'blockHeight': 9, 'blockTime': utxo.AT}
    return shown | changed


@pytest.mark.parametrize(
    ('explorer', 'name', 'address'),
    [
        (LITECOIN, 'ltc_address_ltc1qpm594_txs', 'ltc1qpm594ntjq6ayqjngf6t9td2dxtey9d7985eept'),
        (BITCOIN, 'btc_address_bc1qrfr44_txs', 'bc1qrfr44n2j4czd5c9txwlnw0yj2h82x9566fglqj'),
    ],
    ids=['ltc', 'btc'],
)
def test_a_recorded_address_adds_up(upstream: scripted_explorer.Explorer, explorer: Blockbook, name: str, address: str) -> None:
    say(upstream, told := recorded(f'blockbook/{name}.json'))
    holding, entries = utxo.read(explorer, address)
    assert len(entries) == holding.transactions == told['txs']
    assert money.total(entry.delta for entry in entries) == holding.balance == Decimal(told['balance']).scaleb(-8)
    assert (holding.received, holding.sent) == tuple(Decimal(told[name]).scaleb(-8) for name in ('totalReceived', 'totalSent'))
    assert {entry.fee > 0 for entry in entries if entry.fee is not None and entry.delta < 0} == {True}


def test_a_recorded_page_of_a_miner_is_income_without_fees(upstream: scripted_explorer.Explorer) -> None:
    say(upstream, told := recorded('blockbook/dash_address_XrcbsQdr_txs.json'))
    reading = DASH.read(http(), told['address'])
    page = next(reading.pages)
    assert reading.holdings[0].transactions == 723
    assert (len(page.entries), page.resume) == (10, '2/100')
    assert page.entries[0] == Entry(
        '3db4dca70f007a6f9c20216d275a7817081f6ac0054c4080f42ec4a49ff9bd79',
        0,
        'dash',
        Decimal('1.44313387'),
        Decimal(0),
        1_590_046_619,
        1_274_391,
    )


def test_what_is_zero_or_empty_may_be_left_out(upstream: scripted_explorer.Explorer) -> None:
    say(upstream, {'balance': '0', 'txs': 0})
    zero = Decimal(0)
    assert utxo.read(LITECOIN, ADDRESS) == (Holding('ltc', zero, zero, zero, 0, zero), [])
    say(upstream, body(txn()))
    assert utxo.read(LITECOIN, ADDRESS)[1][0].fee == 0


@pytest.mark.parametrize('addresses', [[], None, ['OP_RETURN (hello)'], [ADDRESS, coins.STRANGERS['ltc']], [ADDRESS]])
def test_outputs_of_none_or_several_are_nobodys(upstream: scripted_explorer.Explorer, addresses: list[str] | None) -> None:
    ours = {'addresses': [ADDRESS], 'isAddress': True, 'value': '700'}
    say(upstream, body(txn(vout=[ours, {'addresses': addresses, 'isAddress': False, 'value': '5'}])))
    assert utxo.read(LITECOIN, ADDRESS)[1][0].delta == Decimal('0.000007')


def test_unconfirmed_transactions_are_in_no_list_and_no_count(upstream: scripted_explorer.Explorer) -> None:
    pending = txn(confirmations=0, blockHeight=-1, txid='cd' * 32)
    say(upstream, body(pending, txn(), txs=1, balance='700', unconfirmedBalance='-20', unconfirmedTxs=1))
    holding, entries = utxo.read(LITECOIN, ADDRESS)
    assert (holding.balance, holding.unconfirmed, holding.transactions) == (Decimal('0.000007'), Decimal('-0.0000002'), 1)
    assert [entry.reference for entry in entries] == [utxo.TXID]


def test_a_page_that_is_no_more_is_the_end(upstream: scripted_explorer.Explorer) -> None:
    """A reorganisation took it away; it answers the last page there is once more."""
    say(upstream, body(txn(), totalPages=2), body(txn()))
    assert len(utxo.read(LITECOIN, ADDRESS)[1]) == 1


@pytest.mark.parametrize('message', ["Invalid address 'x', checksum mismatch", 'Invalid address, decoded address is of unknown format'])
def test_an_address_that_it_calls_invalid_is_rejected(upstream: scripted_explorer.Explorer, message: str) -> None:
    upstream.fail(faults.status(400, json.dumps({'error': message}), Content_Type='application/json'), 'blockbook_ltc')
    with pytest.raises(UpstreamRejected):
        utxo.read(LITECOIN, ADDRESS)


@pytest.mark.parametrize(
    ('code', 'message'), [(400, 'Missing address'), (500, 'Internal server error'), (200, 'Internal server error'), (404, 'Not found')]
)
def test_its_errors_are_failures_of_its_own(upstream: scripted_explorer.Explorer, code: int, message: str) -> None:
    upstream.fail(faults.status(code, json.dumps({'error': message}), Content_Type='application/json'), 'blockbook_ltc')
    with pytest.raises(Upstream) as caught:
        utxo.read(LITECOIN, ADDRESS)
    assert not isinstance(caught.value, UpstreamRejected)


@pytest.mark.parametrize(
    'changed',
    [{'vin': None}, {'blockTime': None}, {'fees': '0.1', 'vout': []}, {'blockHeight': 'nine'}, {'confirmations': 'many'}, {'vout': []}],
)
def test_a_transaction_of_another_shape_costs_only_itself(upstream: scripted_explorer.Explorer, changed: dict[str, Any]) -> None:
    say(upstream, body(txn(**changed)))
    [row] = utxo.unread(LITECOIN, ADDRESS)
    assert (row.currency, row.reference, row.reason) == ('ltc', utxo.TXID, 'unexpected shape')


def test_what_is_no_transaction_is_refused(upstream: scripted_explorer.Explorer) -> None:
    say(upstream, body(txn(txid='x')))
    with pytest.raises(Upstream, match='unexpected shape'):
        utxo.read(LITECOIN, ADDRESS)


def test_what_was_begun_in_large_pages_is_gone_on_with_in_small_ones_and_back(upstream: scripted_explorer.Explorer) -> None:
    """Pages are numbered, so a page of another size has another number; rows that both have repeat, and none is left out."""
    small = LITECOIN.in_smaller_steps()
    history = utxo_payments(257)
    upstream.fail(utxo.telling(partial(sample.tell_blockbook, 'ltc', World({'ltc': {ADDRESS: history}}, page=1_000))), 'blockbook_ltc')
    first = next(iter(LITECOIN.read(http(), ADDRESS).pages))
    second = next(iter(small.read(http(), ADDRESS, first.resume).pages))
    rest = utxo.read(LITECOIN, ADDRESS, second.resume)[1]
    assert [entry.reference for entry in (*first.entries, *second.entries)] == [payment.txid for payment in history[:110]]
    assert {entry.reference for entry in (*first.entries, *second.entries, *rest)} == {payment.txid for payment in history}
    assert rest[-1].reference == history[-1].txid


def utxo_payments(number: int) -> list[Payment]:
    """Return a history, newest first."""
    return [Payment(f'{n:064x}', 2_000_000 + n, utxo.AT + n, (1_000 + n,), (), 0) for n in range(number, 0, -1)]


@pytest.fixture
def without_server(upstream: scripted_explorer.Explorer, monkeypatch: pytest.MonkeyPatch) -> scripted_explorer.Explorer:
    monkeypatch.delenv('UPSTREAM_BLOCKBOOK_LTC_URL')
    settings.cache_clear()
    return upstream


def test_without_a_server_of_ones_own_it_is_not_asked_also_where_all_others_are_moved(without_server: scripted_explorer.Explorer) -> None:
    with pytest.raises(UpstreamNotAsked, match='UPSTREAM_BLOCKBOOK_LTC_URL'):
        utxo.read(LITECOIN, ADDRESS)
    assert without_server.requests == []


def test_without_a_server_of_ones_own_it_is_no_explorer_of_its_chain(without_server: scripted_explorer.Explorer) -> None:
    assert explorers_of('ltc', ADDRESS) == [each for each in EXPLORERS['ltc'] if each.endpoint.key != 'blockbook_ltc']


def test_with_a_server_of_ones_own_it_is_one_without_a_limit(upstream: scripted_explorer.Explorer) -> None:
    assert LITECOIN in explorers_of('ltc', ADDRESS)
    assert LITECOIN.endpoint.interval_ms == 0
