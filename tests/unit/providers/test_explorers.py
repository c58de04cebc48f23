"""Esplora and blockchain.info as they answered once: what is made of recorded bodies, and of what their documentation adds."""

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.config import settings
from chalicelib.domain import money
from chalicelib.domain.ledgers import Entry, Holding
from chalicelib.errors import Upstream, UpstreamRejected
from chalicelib.providers.explorers import EXPLORERS, Explorer
from chalicelib.providers.transport import Http
from infra.fake_upstreams import faults, scripted_explorer
from infra.fake_upstreams.scripted_explorer import serving
from tests.support.recordings import recording

BLOCKSTREAM, MEMPOOL, BLOCKCHAIN_INFO = BITCOIN = EXPLORERS['btc'][:3]
SEGWIT = 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4'
BUSY = '1XPTgDRhN8RFnzniWCddobD9iKZatrvH4'
PUBLIC_KEY = '1PJJygLB42VsaTgo2twFPgRT8CNz1bpGNE'
TESTNET = 'mgPKDuVmuS9oeE2D9VPiCQriyU14wxWS1v'
COINBASE_TXID = 'c0' * 32
SPEND_TXID = 'd0' * 32
AT = 1_500_000_000


@pytest.fixture(scope='module')
def server() -> Iterator[scripted_explorer.Explorer]:
    with serving(scripted_explorer.Explorer()) as explorer:
        yield explorer


@pytest.fixture
def upstream(server: scripted_explorer.Explorer, monkeypatch: pytest.MonkeyPatch) -> Iterator[scripted_explorer.Explorer]:
    server.reset()
    monkeypatch.setenv('UPSTREAM_URL', server.url)
    settings.cache_clear()
    yield server
    monkeypatch.undo()
    settings.cache_clear()


def _read(explorer: Explorer, address: str) -> tuple[Holding, list[Entry]]:
    """Return what an explorer says of an address, all pages."""
    reading = explorer.read(Http(lambda _: None), address)
    [holding] = reading.holdings
    return holding, [entry for page in reading.pages for entry in page.entries]


def _body(value: Any) -> bytes:
    return json.dumps(value).encode()


def _stats(number: int, received: int = 0, sent: int = 0) -> bytes:
    """Return what Esplora says of an address."""
    nothing = {'funded_txo_count': 0, 'funded_txo_sum': 0, 'spent_txo_count': 0, 'spent_txo_sum': 0, 'tx_count': 0}
    counts = {'funded_txo_sum': received, 'spent_txo_sum': sent, 'tx_count': number}
    return _body({'address': 'x', 'chain_stats': nothing | counts, 'mempool_stats': nothing})


@pytest.fixture
def esplora(upstream: scripted_explorer.Explorer) -> Callable[..., tuple[Holding, list[Entry]]]:
    """Return a function that reads an address of whose pages Esplora says what is given."""

    def read(address: str, stats: bytes, *pages: bytes) -> tuple[Holding, list[Entry]]:
        path = f'/address/{address}/txs/chain'
        bodies = {f'/address/{address}': stats}
        for page in pages:
            bodies[path] = page
            path = f'/address/{address}/txs/chain/{json.loads(page)[-1]["txid"]}'
        upstream.fail(faults.recorded(bodies))
        return _read(BLOCKSTREAM, address)

    return read


@pytest.fixture
def multiaddr(upstream: scripted_explorer.Explorer) -> Callable[..., tuple[Holding, list[Entry]]]:
    """Return a function that reads an address of which blockchain.info says what is given."""

    def read(address: str, body: bytes) -> tuple[Holding, list[Entry]]:
        upstream.fail(faults.recorded({'/multiaddr': body}))
        return _read(BLOCKCHAIN_INFO, address)

    return read


@pytest.fixture
def recorded_esplora(esplora: Callable[..., tuple[Holding, list[Entry]]]) -> tuple[Holding, list[Entry]]:
    """The recorded address on Esplora; its stats, which were not recorded, are those of its pages."""
    pages = [recording(f'esplora/blockstream_txs_chain_bc1qw508d6_page{number}.json') for number in (1, 2, 3)]
    txns = [txn for page in pages for txn in json.loads(page)]
    received = sum(out['value'] for txn in txns for out in txn['vout'] if out.get('scriptpubkey_address') == SEGWIT)
    sent = sum(row['prevout']['value'] for txn in txns for row in txn['vin'] if row['prevout'].get('scriptpubkey_address') == SEGWIT)
    return esplora(SEGWIT, _stats(len(txns), received, sent), *pages)


@pytest.fixture
def recorded_multiaddr(multiaddr: Callable[..., tuple[Holding, list[Entry]]]) -> tuple[Holding, list[Entry]]:
    return multiaddr(SEGWIT, recording('blockchain_info/multiaddr_bc1qw508d6_n100.json'))


def test_the_recorded_address_is_read_from_esplora_page_by_page(
    recorded_esplora: tuple[Holding, list[Entry]], upstream: scripted_explorer.Explorer
) -> None:
    holding, entries = recorded_esplora
    assert len({entry.reference for entry in entries}) == len(entries) == holding.transactions == 51
    assert money.total(entry.delta for entry in entries) == holding.balance == 0
    assert upstream.count() == 4


def test_the_recorded_address_is_read_from_blockchain_info_in_one_request(
    recorded_multiaddr: tuple[Holding, list[Entry]], upstream: scripted_explorer.Explorer
) -> None:
    holding, entries = recorded_multiaddr
    assert len({entry.reference for entry in entries}) == len(entries) == holding.transactions == 61
    assert money.total(entry.delta for entry in entries) == holding.balance == 0
    assert (holding.received, holding.sent) == (Decimal('0.00532969'), Decimal('0.00532969'))
    assert upstream.count() == 1


def test_both_explorers_tell_the_same_of_every_transaction_they_share(
    recorded_esplora: tuple[Holding, list[Entry]], recorded_multiaddr: tuple[Holding, list[Entry]]
) -> None:
    ours, theirs = ({entry.reference: entry for entry in entries} for _, entries in (recorded_esplora, recorded_multiaddr))
    shared = set(ours) & set(theirs)
    assert len(shared) == 51
    assert {txid: (ours[txid].delta, ours[txid].fee, ours[txid].height) for txid in shared} == {
        txid: (theirs[txid].delta, theirs[txid].fee, theirs[txid].height) for txid in shared
    }


def test_what_blockchain_info_itself_calls_the_result_is_the_delta(recorded_multiaddr: tuple[Holding, list[Entry]]) -> None:
    txns = json.loads(recording('blockchain_info/multiaddr_bc1qw508d6_n100.json'))['txs']
    assert [(entry.reference, entry.delta) for entry in recorded_multiaddr[1]] == [
        (txn['hash'], Decimal(txn['result']) / 10**8) for txn in txns
    ]


def test_a_fee_is_that_of_the_transaction_when_we_pay_and_zero_when_others_do(recorded_multiaddr: tuple[Holding, list[Entry]]) -> None:
    entries = recorded_multiaddr[1]
    assert {entry.fee > 0 for entry in entries if entry.delta < 0} == {True}
    assert {entry.fee for entry in entries if entry.delta > 0} == {Decimal(0)}


def test_the_balance_of_a_busy_address_is_what_was_funded_less_what_was_spent(upstream: scripted_explorer.Explorer) -> None:
    upstream.fail(faults.recorded({f'/address/{BUSY}': recording('esplora/blockstream_address_1XPTgDRh_pizza.json')}))
    [holding] = BLOCKSTREAM.read(Http(lambda _: None), BUSY).holdings
    assert holding == Holding('btc', Decimal('0.00018142'), Decimal('81432.09105984'), Decimal('81432.09124126'), 3340, Decimal(0))


@pytest.mark.parametrize(
    ('address', 'name'),
    [
        ('bc1qgfyalcj9mlk83jq8t6wue5vznt3s3ye6e3sgas', 'blockstream_address_empty_bc1qgfyalc.json'),
        ('bc1pwauql42p6wgehs5g8kwkf3vjuw6a66akxv4dndrs9p2nvay8wvmqw2dsld', 'blockstream_address_empty_bc1pwauql4.json'),
    ],
)
def test_an_address_never_used_holds_nothing_and_its_pages_are_not_asked_for(
    esplora: Callable[..., tuple[Holding, list[Entry]]], upstream: scripted_explorer.Explorer, address: str, name: str
) -> None:
    zero = Decimal(0)
    assert esplora(address, recording(f'esplora/{name}')) == (Holding('btc', zero, zero, zero, 0, zero), [])
    assert upstream.count() == 1


def test_an_emptied_address_holds_nothing_and_is_known_to_have_been_used(upstream: scripted_explorer.Explorer) -> None:
    address = 'bc1p5cyxnuxmeuwuvkwfem96lqzszd02n6xdcjrs20cac6yqjjwudpxqkedrcr'
    upstream.fail(faults.recorded({f'/address/{address}': recording('esplora/xverse_esplora_address_bc1p5cyxn.json')}))
    [holding] = BLOCKSTREAM.read(Http(lambda _: None), address).holdings
    assert holding == Holding('btc', Decimal(0), Decimal('0.00477744'), Decimal('0.00477744'), 30, Decimal(0))


@pytest.mark.parametrize(
    ('name', 'kind'), [('blockstream_429_rate_limited.json', 'application/json'), ('mempool_429_rate_limited.html', 'text/html')]
)
@pytest.mark.parametrize('explorer', BITCOIN, ids=lambda explorer: explorer.endpoint.key)
def test_an_explorer_that_says_we_ask_too_often_is_understood_whatever_it_says_it_in(
    upstream: scripted_explorer.Explorer, explorer: Explorer, name: str, kind: str
) -> None:
    upstream.fail(faults.status(429, recording(f'esplora/{name}').decode(), Content_Type=kind))
    with pytest.raises(Upstream) as caught:
        _read(explorer, SEGWIT)
    assert (caught.value.throttled, str(caught.value)) == (True, f'{explorer.endpoint.key}: returned 429')


def test_the_recorded_refusal_of_an_address_is_one(upstream: scripted_explorer.Explorer) -> None:
    upstream.fail(faults.status(400, recording('esplora/electrs_400_invalid_address.txt').decode(), Content_Type='text/plain'))
    with pytest.raises(UpstreamRejected):
        _read(BLOCKSTREAM, SEGWIT)


@pytest.mark.parametrize(
    'body', ['Invalid Bitcoin address', 'Invalid Litecoin address', 'Address on invalid network', '{"error":"invalid-arg"}']
)
@pytest.mark.parametrize('explorer', BITCOIN, ids=lambda explorer: explorer.endpoint.key)
def test_a_400_that_speaks_of_the_address_rejects_it(upstream: scripted_explorer.Explorer, explorer: Explorer, body: str) -> None:
    upstream.fail(faults.status(400, body, Content_Type='text/plain'))
    with pytest.raises(UpstreamRejected):
        _read(explorer, SEGWIT)


@pytest.mark.parametrize('code', [200, 404, 422])
@pytest.mark.parametrize('explorer', BITCOIN, ids=lambda explorer: explorer.endpoint.key)
def test_another_status_than_400_rejects_no_address(upstream: scripted_explorer.Explorer, explorer: Explorer, code: int) -> None:
    upstream.fail(faults.status(code, 'Invalid Bitcoin address', Content_Type='text/plain'))
    with pytest.raises(Upstream) as caught:
        _read(explorer, SEGWIT)
    assert not isinstance(caught.value, UpstreamRejected)


@pytest.mark.parametrize('number', [1, 24, 25, 26, 100, 101])
@pytest.mark.parametrize('explorer', BITCOIN, ids=lambda explorer: explorer.endpoint.key)
def test_only_the_last_page_says_that_there_is_no_more(upstream: scripted_explorer.Explorer, explorer: Explorer, number: int) -> None:
    upstream.chain[SEGWIT] = scripted_explorer.payments(number)
    pages = list(explorer.read(Http(lambda _: None), SEGWIT).pages)
    assert [page.resume is None for page in pages] == [False] * (len(pages) - 1) + [True]
    assert sum(len(page.entries) for page in pages) == number


@pytest.mark.parametrize('body', ['Invalid hex string', 'Too many history entries', 'Bad Request', '<html>400</html>', ''])
@pytest.mark.parametrize('explorer', BITCOIN, ids=lambda explorer: explorer.endpoint.key)
def test_any_other_400_is_the_explorers_own_trouble(upstream: scripted_explorer.Explorer, explorer: Explorer, body: str) -> None:
    upstream.fail(faults.status(400, body, Content_Type='text/plain'))
    with pytest.raises(Upstream) as caught:
        _read(explorer, SEGWIT)
    assert not isinstance(caught.value, UpstreamRejected)


@pytest.mark.parametrize(
    ('code', 'body'), [(404, 'Transaction not found'), (422, 'after_txid not found'), (500, 'electrum error'), (502, '<html>502</html>')]
)
@pytest.mark.parametrize('path', ['/address/', '/txs/chain'])
def test_the_errors_of_electrs_are_failures_of_the_explorer(upstream: scripted_explorer.Explorer, code: int, body: str, path: str) -> None:
    upstream.chain[SEGWIT] = scripted_explorer.payments(30)
    upstream.fail(faults.only(path, faults.status(code, body, Content_Type='text/plain')), 'mempool')
    with pytest.raises(Upstream) as caught:
        _read(MEMPOOL, SEGWIT)
    assert str(caught.value) == f'mempool: returned {code}'


def _esplora_txn(txid: str, vin: list[Any], vout: list[Any], fee: int) -> dict[str, Any]:
    status = {'confirmed': True, 'block_height': 400_000, 'block_hash': '0' * 64, 'block_time': AT}
    return {'txid': txid, 'vin': vin, 'vout': vout, 'fee': fee, 'status': status}


def test_a_coinbase_transaction_which_spends_nothing_is_income_without_a_fee(esplora: Callable[..., tuple[Holding, list[Entry]]]) -> None:
    made = [{'scriptpubkey_type': 'v0_p2wpkh', 'scriptpubkey_address': SEGWIT, 'value': 625_000_000}]
    coinbase = _esplora_txn(COINBASE_TXID, [{'txid': '0' * 64, 'prevout': None, 'is_coinbase': True}], made, 0)
    _, entries = esplora(SEGWIT, _stats(1, 625_000_000), _body([coinbase]))
    assert entries == [Entry(COINBASE_TXID, 0, 'btc', Decimal('6.25'), Decimal(0), AT, 400_000)]


def test_inputs_with_a_witness_of_null_are_inputs_like_others(esplora: Callable[..., tuple[Holding, list[Entry]]]) -> None:
    page = recording('esplora/blockstream_testnet_txs_mgPKDuVm.json')
    assert b'"witness": null' in page or b'"witness":null' in page
    _, entries = esplora(TESTNET, _stats(3), page)
    assert [(entry.height, entry.delta, entry.fee) for entry in entries] == [
        (txn['status']['block_height'], *_by_hand(txn, TESTNET)) for txn in json.loads(page)
    ]
    assert min(entry.delta for entry in entries) < 0 < max(entry.delta for entry in entries)


def _by_hand(txn: Any, address: str) -> tuple[Decimal, Decimal]:
    spent = [row['prevout']['value'] for row in txn['vin'] if row['prevout']['scriptpubkey_address'] == address]
    received = [row['value'] for row in txn['vout'] if row.get('scriptpubkey_address') == address]
    return Decimal(sum(received) - sum(spent)) / 10**8, Decimal(txn['fee'] if spent else 0) / 10**8


def test_outputs_without_an_address_are_nobodys(esplora: Callable[..., tuple[Holding, list[Entry]]]) -> None:
    txn = json.loads(recording('esplora/blockstream_tx_eb4d2def80.json'))
    _, [entry] = esplora(SEGWIT, _stats(1), _body([txn]))
    assert (entry.delta, entry.fee) == (Decimal('-0.00001'), Decimal('0.00001'))


def test_an_unconfirmed_transaction_that_a_chain_page_lists_is_left_out(esplora: Callable[..., tuple[Holding, list[Entry]]]) -> None:
    cached = json.loads(recording('esplora/mempool_mainnet_tx_cached.json'))
    paid = [{'scriptpubkey_address': SEGWIT, 'value': 5}]
    _, entries = esplora(SEGWIT, _stats(1, 5), _body([cached, _esplora_txn(SPEND_TXID, [{'prevout': None}], paid, 0)]))
    assert [entry.reference for entry in entries] == [SPEND_TXID]


def _multiaddr(address: str, received: int, sent: int, *txns: Any) -> bytes:
    sums = {'n_tx': len(txns), 'total_received': received, 'total_sent': sent, 'final_balance': received - sent}
    return _body({'addresses': [{'address': address} | sums], 'txs': txns})


def test_outputs_to_a_bare_public_key_are_those_of_its_address_on_blockchain_info(
    multiaddr: Callable[..., tuple[Holding, list[Entry]]],
) -> None:
    txn = json.loads(recording('blockchain_info/rawtx_1db6251a_p2pk.json'))
    _, [entry] = multiaddr(PUBLIC_KEY, _multiaddr(PUBLIC_KEY, 30_000_000_000, 5_000_000_000, txn))
    assert (entry.delta, entry.fee) == (Decimal(-50), Decimal(0))


def test_a_coinbase_transaction_of_blockchain_info_is_income_without_a_fee(multiaddr: Callable[..., tuple[Holding, list[Entry]]]) -> None:
    made = [{'addr': SEGWIT, 'value': 5_000_000_000}]
    txn = {'hash': COINBASE_TXID, 'fee': 0, 'time': AT, 'block_height': 5, 'inputs': [{'prev_out': None}, {}], 'out': made}
    _, entries = multiaddr(SEGWIT, _multiaddr(SEGWIT, 5_000_000_000, 0, txn))
    assert entries == [Entry(COINBASE_TXID, 0, 'btc', Decimal(50), Decimal(0), AT, 5)]


def test_unconfirmed_transactions_are_taken_out_of_what_blockchain_info_sums(
    multiaddr: Callable[..., tuple[Holding, list[Entry]]],
) -> None:
    spent = {'prev_out': {'addr': SEGWIT, 'value': 700}}
    pending = {'hash': SPEND_TXID, 'fee': 10, 'time': AT, 'block_height': None, 'inputs': [spent], 'out': [{'addr': SEGWIT, 'value': 600}]}
    paid = {'hash': COINBASE_TXID, 'fee': 9, 'time': AT, 'block_height': 5, 'inputs': [{'prev_out': None}], 'out': [spent['prev_out']]}
    holding, entries = multiaddr(SEGWIT, _multiaddr(SEGWIT, 1_300, 700, pending, paid))
    assert holding == Holding('btc', Decimal('0.000007'), Decimal(0), Decimal('0.000007'), 1, Decimal('-0.000001'))
    assert [entry.reference for entry in entries] == [COINBASE_TXID]
