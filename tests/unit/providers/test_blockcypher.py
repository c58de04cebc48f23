"""BlockCypher as it answered once, and as its documentation and its users tell that it fails."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.config import settings
from chalicelib.domain import money
from chalicelib.domain.ledgers import Entry, Holding, Unreadable
from chalicelib.errors import Blame, Upstream, UpstreamNotAsked, UpstreamRejected
from infra.fake_upstreams import faults, scripted_explorer
from infra.fake_upstreams import utxo as sample
from infra.fake_upstreams.answer import Answer
from infra.fake_upstreams.payments import Payment, World
from infra.fake_upstreams.scripted_explorer import serving
from tests.support import utxo
from tests.support.recordings import recorded, recording
from tests.support.upstreams import explorer_of

BLOCKCYPHER = explorer_of('btc', 'blockcypher')
DOGE = explorer_of('doge', 'blockcypher')
SEGWIT = 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4'
PUBLIC_KEY = '1PJJygLB42VsaTgo2twFPgRT8CNz1bpGNE'
ADDRESS = sample.ADDRESSES['doge']


@pytest.fixture(scope='module')
def server() -> Iterator[scripted_explorer.Explorer]:
    with serving(scripted_explorer.Explorer()) as explorer:
        yield explorer


@pytest.fixture
def upstream(server: scripted_explorer.Explorer) -> Iterator[scripted_explorer.Explorer]:
    yield from utxo.leading_to(server)


def recorded_answer(request: faults.Request, _: Answer) -> Answer:
    """The recorded pages; what two long transactions lack there goes to somebody else."""
    if '/txs/' in request.path:
        return Answer(200, json.dumps({'inputs': [], 'outputs': [{'value': 5, 'addresses': ['1stranger']}]}).encode())
    page = 'page2_before729855' if request.query.get('before') == '729855' else 'page1'
    return Answer(200, recording(f'blockcypher/btc_main_full_bc1qw508d6_{page}.json'))


def sums(txns: list[Any], **changed: int) -> dict[str, Any]:
    nothing = {'total_received': 0, 'total_sent': 0, 'balance': 0, 'unconfirmed_balance': 0, 'n_tx': len(txns)}
    return nothing | changed | {'txs': txns}


def told(upstream: scripted_explorer.Explorer, payments: list[Payment], page: int = 50) -> None:
    upstream.fail(utxo.telling(lambda path, query: sample.tell_blockcypher(World({'doge': {ADDRESS: payments}}, page), path, query)))


def payment(number: int, height: int | None = None, **changed: Any) -> Payment:
    return Payment(f'{number:064x}', height or 1_000_000 + number, utxo.AT, (100,))._replace(**changed)


def test_the_recorded_address_is_read_in_two_pages_and_the_rest_of_its_two_long_transactions(upstream: scripted_explorer.Explorer) -> None:
    recording('blockcypher/btc_main_full_bc1qw508d6_page1.json')  # left out here rather than in the server
    upstream.fail(recorded_answer)
    holding, entries = utxo.read(BLOCKCYPHER, SEGWIT)
    assert len({entry.reference for entry in entries}) == len(entries) == holding.transactions == 61
    assert money.total(entry.delta for entry in entries) == holding.balance == 0
    assert holding == Holding('btc', Decimal(0), Decimal('0.00532969'), Decimal('0.00532969'), 61, Decimal(0))
    assert [upstream.count('blockcypher', part) for part in ('/full', '/txs/')] == [2, 2]


def test_the_recorded_address_has_the_deltas_and_fees_that_the_other_explorers_tell(upstream: scripted_explorer.Explorer) -> None:
    upstream.fail(recorded_answer, 'blockcypher')
    upstream.fail(faults.recorded({'/multiaddr': recording('blockchain_info/multiaddr_bc1qw508d6_n100.json')}), 'blockchain_info')
    upstream.fail(esplora_recorded(), 'blockstream')
    readings = [utxo.read(explorer_of('btc', key), SEGWIT)[1] for key in ('blockcypher', 'blockchain_info', 'blockstream')]
    ours, multiaddr, esplora = ({each.reference: (each.delta, each.fee, each.height) for each in entries} for entries in readings)
    assert ours == multiaddr
    assert len(esplora) == 51
    assert esplora.items() <= ours.items()


def esplora_recorded() -> faults.Fault:
    """The recorded pages of Esplora, whose stats were not recorded: they are those of the 51 transactions listed."""
    pages = [recording(f'esplora/blockstream_txs_chain_bc1qw508d6_page{number}.json') for number in (1, 2, 3)]
    stats = {'funded_txo_sum': 0, 'spent_txo_sum': 0, 'tx_count': 51}
    bodies = {f'/address/{SEGWIT}': json.dumps({'chain_stats': stats, 'mempool_stats': stats}).encode()}
    path = f'/address/{SEGWIT}/txs/chain'
    for page in pages:
        bodies[path] = page
        path = f'/address/{SEGWIT}/txs/chain/{json.loads(page)[-1]["txid"]}'
    return faults.recorded(bodies)


def test_outputs_to_a_bare_public_key_are_those_of_its_address(upstream: scripted_explorer.Explorer) -> None:
    upstream.fail(utxo.saying(sums([recorded('blockcypher/btc_main_tx_1db6251a_p2pk.json')])))
    [entry] = utxo.read(BLOCKCYPHER, PUBLIC_KEY)[1]
    assert (entry.delta, entry.fee) == (Decimal(-50), Decimal(0))


def test_outputs_of_data_are_nobodys(upstream: scripted_explorer.Explorer) -> None:
    upstream.fail(utxo.saying(sums([recorded('blockcypher/btc_main_tx_eb4d2def_opreturn.json')])))
    [entry] = utxo.read(BLOCKCYPHER, SEGWIT)[1]
    assert (entry.delta, entry.fee) == (Decimal('-0.00001'), Decimal('0.00001'))


def test_a_coinbase_is_income_without_a_fee(upstream: scripted_explorer.Explorer) -> None:
    made = {'value': 10_000, 'addresses': [ADDRESS]}
    txn = {'hash': utxo.TXID, 'block_height': 9, 'confirmed': '2017-01-01T00:00:00.5Z', 'fees': 0, 'vin_sz': 1, 'vout_sz': 1}
    upstream.fail(utxo.saying(sums([txn | {'inputs': [{'output_index': -1, 'script_type': 'empty'}], 'outputs': [made]}])))
    assert utxo.read(DOGE, ADDRESS)[1] == [Entry(utxo.TXID, 0, 'doge', Decimal('0.0001'), Decimal(0), 1_483_228_800, 9)]


@pytest.mark.parametrize('strangers', [198, 199, 200, 201, 399, 400, 401, 1000])
def test_inputs_and_outputs_that_do_not_fit_are_asked_for(upstream: scripted_explorer.Explorer, strangers: int) -> None:
    told(upstream, [payment(2, spent=tuple(range(1, 203)), received=()), payment(1, strangers=strangers, received=(7, 8))])
    second, first = utxo.read(DOGE, ADDRESS)[1]
    assert (first.delta, second.delta) == (Decimal('0.00000015'), Decimal('-0.00020503'))


def test_the_rest_of_a_transaction_is_asked_for_once(upstream: scripted_explorer.Explorer) -> None:
    told(upstream, [payment(1, strangers=450)])
    utxo.read(DOGE, ADDRESS)
    assert [request.query['outstart'] for request in upstream.requests if '/txs/' in request.path] == ['200', '400']


def test_a_transaction_whose_rest_is_not_told_is_not_read_in_part(upstream: scripted_explorer.Explorer) -> None:
    txn = {
        'hash': utxo.TXID,
        'block_height': 9,
        'vin_sz': 0,
        'vout_sz': 2,
        'inputs': [],
        'outputs': [{'value': 1, 'addresses': [ADDRESS]}],
    }
    upstream.fail(utxo.saying(sums([txn]), {'inputs': [], 'outputs': []}))
    with pytest.raises(Upstream, match='part of a transaction'):
        utxo.read(DOGE, ADDRESS)


def test_more_inputs_and_outputs_than_it_tells_of_are_none_that_we_understand(upstream: scripted_explorer.Explorer) -> None:
    rows = [{'value': 1, 'addresses': [ADDRESS]}] * 2
    upstream.fail(utxo.saying(sums([{'hash': utxo.TXID, 'block_height': 9, 'vin_sz': 0, 'vout_sz': 1, 'inputs': [], 'outputs': rows}])))
    assert utxo.unread(DOGE, ADDRESS) == [Unreadable('doge', utxo.TXID, 'unexpected shape', at=None, height=9)]


def test_transactions_too_long_for_a_few_requests_are_left_to_other_explorers(upstream: scripted_explorer.Explorer) -> None:
    told(upstream, [payment(1, strangers=9_000)])
    with pytest.raises(UpstreamNotAsked):
        utxo.read(DOGE, ADDRESS)
    assert upstream.count('blockcypher') == 41


def test_a_block_is_never_cut_by_a_page(upstream: scripted_explorer.Explorer) -> None:
    told(upstream, [payment(number, height=1_000_000 + number // 4) for number in range(20)][::-1], page=6)
    _, entries = utxo.read(DOGE, ADDRESS)
    assert [int(entry.reference, 16) for entry in entries] == list(range(19, -1, -1))


def test_the_last_page_is_known_without_being_told(upstream: scripted_explorer.Explorer) -> None:
    """The field `hasMore` is missing at times."""
    world = World({'doge': {ADDRESS: [payment(number) for number in range(9)][::-1]}}, 4)
    tell = utxo.telling(lambda path, query: sample.tell_blockcypher(world, path, query))
    without = faults.changed(lambda body: {name: value for name, value in body.items() if name != 'hasMore'})
    upstream.fail(lambda request, answer: without(request, tell(request, answer)))
    assert len(utxo.read(DOGE, ADDRESS)[1]) == 9
    assert upstream.count('blockcypher') == 3


def test_a_count_above_what_is_listed_ends_with_an_empty_page(upstream: scripted_explorer.Explorer) -> None:
    world = World({'doge': {ADDRESS: [payment(1)]}})
    tell = utxo.telling(lambda path, query: sample.tell_blockcypher(world, path, query))
    more = faults.changed(lambda body: body | {'n_tx': 3})
    upstream.fail(lambda request, answer: more(request, tell(request, answer)))
    holding, entries = utxo.read(DOGE, ADDRESS)
    assert (holding.transactions, len(entries)) == (3, 1)


def test_what_is_not_confirmed_is_told_apart(upstream: scripted_explorer.Explorer) -> None:
    told(upstream, [Payment('ee' * 32, None, utxo.AT, (30,), (100,)), payment(1)])
    holding, entries = utxo.read(DOGE, ADDRESS)
    assert (holding.balance, holding.unconfirmed, len(entries)) == (Decimal('0.000001'), Decimal('-0.0000007'), 1)


def test_an_unconfirmed_transaction_that_is_listed_is_left_out(upstream: scripted_explorer.Explorer) -> None:
    upstream.fail(utxo.saying(sums([{'block_height': -1}], n_tx=0)))
    assert utxo.read(DOGE, ADDRESS)[1] == []


def test_a_first_page_of_nothing_confirmed_is_refused_when_it_is_not_all_of_it(upstream: scripted_explorer.Explorer) -> None:
    upstream.fail(utxo.saying(sums([{'block_height': -1}] * 50)))
    with pytest.raises(Upstream, match='unexpected shape'):
        utxo.read(DOGE, ADDRESS)


@pytest.mark.parametrize('body', ['{"error": "Address not found"}', '{"error": "Address not found."}'])
def test_an_address_that_it_does_not_know_holds_nothing(upstream: scripted_explorer.Explorer, body: str) -> None:
    upstream.fail(faults.status(404, body, Content_Type='application/json'))
    zero = Decimal(0)
    assert utxo.read(DOGE, ADDRESS) == (Holding('doge', zero, zero, zero, 0, zero), [])


def test_an_address_that_it_calls_invalid_is_rejected(upstream: scripted_explorer.Explorer) -> None:
    upstream.fail(faults.status(400, json.dumps({'error': f'Address {ADDRESS} is invalid: checksum'}), Content_Type='application/json'))
    with pytest.raises(UpstreamRejected):
        utxo.read(DOGE, ADDRESS)


@pytest.mark.parametrize(
    'message', ['Limits reached.', 'API calls limits have been reached. To extend your limits please upgrade your plan.']
)
@pytest.mark.parametrize('code', [200, 429])
def test_a_limit_is_understood_whatever_the_status(upstream: scripted_explorer.Explorer, message: str, code: int) -> None:
    upstream.fail(faults.status(code, json.dumps({'error': message}), Content_Type='application/json'))
    with pytest.raises(Upstream) as caught:
        utxo.read(DOGE, ADDRESS)
    assert caught.value.throttled


@pytest.mark.parametrize('body', ['{"error": "Internal error"}', '{"error": "Wallet not found"}', '{"errors": []}'])
def test_an_error_in_a_200_is_one(upstream: scripted_explorer.Explorer, body: str) -> None:
    upstream.fail(faults.text(body))
    with pytest.raises(Upstream) as caught:
        utxo.read(DOGE, ADDRESS)
    assert not caught.value.throttled


@pytest.mark.parametrize('confirmed', ['2017-01-01', 'yesterday', None, '2017-01-01T00:00:00', '1999-01-01T00:00:00Z'])
def test_a_time_that_is_none_of_the_chain_costs_only_its_transaction(upstream: scripted_explorer.Explorer, confirmed: str | None) -> None:
    txn = {
        'hash': utxo.TXID,
        'block_height': 9,
        'confirmed': confirmed,
        'fees': 0,
        'vin_sz': 0,
        'vout_sz': 0,
        'inputs': [],
        'outputs': [],
    }
    upstream.fail(utxo.saying(sums([txn])))
    assert utxo.unread(DOGE, ADDRESS) == [Unreadable('doge', utxo.TXID, 'unexpected shape', at=None, height=9)]


@pytest.mark.parametrize('changed', [{'hash': 'x'}, {'hash': '../../x'}, {'block_height': 'nine'}, {'block_height': None}])
def test_what_is_no_transaction_or_has_no_place_is_refused(upstream: scripted_explorer.Explorer, changed: dict[str, Any]) -> None:
    """Pages go on below the lowest block, so each must be known."""
    txn = {'hash': utxo.TXID, 'block_height': 9, 'vin_sz': 0, 'vout_sz': 0, 'inputs': [], 'outputs': []}
    upstream.fail(utxo.saying(sums([txn | changed])))
    with pytest.raises(Upstream, match='unexpected shape'):
        utxo.read(DOGE, ADDRESS)


def test_a_page_that_is_not_newest_first_is_refused(upstream: scripted_explorer.Explorer) -> None:
    told(upstream, [payment(1), payment(2)])
    with pytest.raises(Upstream, match='unexpected shape'):
        utxo.read(DOGE, ADDRESS)


@pytest.mark.parametrize(
    'row',
    [
        {'addresses': [ADDRESS, 'D7Y55r6Yoc1G8EECxkQ6SuSjTgGJJ7M6yD'], 'script_type': 'pay-to-multi-pubkey-hash'},
        {'addresses': ['D7Y55r6Yoc1G8EECxkQ6SuSjTgGJJ7M6yD', ADDRESS]},
        {'addresses': [ADDRESS], 'script_type': 'pay-to-multi-pubkey-hash'},
    ],
    ids=['one of two', 'one of two, untyped', 'one of one'],
)
@pytest.mark.parametrize('side', ['inputs', 'outputs'])
def test_an_address_that_a_bare_multisig_output_names_is_left_to_others(
    upstream: scripted_explorer.Explorer, side: str, row: dict[str, Any]
) -> None:
    """Its balance and its counts have the output in them, which is not the address's."""
    world = World({'doge': {ADDRESS: [payment(1, spent=(5,))]}})
    tell = utxo.telling(lambda path, query: sample.tell_blockcypher(world, path, query))

    def add(body: Any) -> None:
        txn = body['txs'][0]
        txn[side].append({'value': 10**11, 'output_value': 10**11} | row)
        txn['vin_sz' if side == 'inputs' else 'vout_sz'] += 1

    upstream.fail(lambda request, answer: faults.changed(add)(request, tell(request, answer)))
    with pytest.raises(Upstream, match='multisig') as caught:
        utxo.read(DOGE, ADDRESS)
    assert caught.value.blame is Blame.REQUEST


def test_a_token_is_sent_along_and_never_told(upstream: scripted_explorer.Explorer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('UPSTREAM_BLOCKCYPHER_KEY', 'hush')
    settings.cache_clear()
    upstream.fail(faults.status(500))
    with pytest.raises(Upstream) as caught:
        utxo.read(DOGE, ADDRESS)
    assert upstream.requests[0].query['token'] == 'hush'
    assert 'hush' not in str(caught.value)
