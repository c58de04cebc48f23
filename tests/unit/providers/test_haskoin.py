"""Haskoin Store: what is made of its documented answers, and how it tells that it fails."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.domain.ledgers import Entry, Holding
from chalicelib.errors import Upstream, UpstreamRejected
from chalicelib.providers.explorers import EXPLORERS, Explorer
from infra.fake_upstreams import faults, scripted_explorer
from infra.fake_upstreams import utxo as sample
from infra.fake_upstreams.payments import Payment, World
from infra.fake_upstreams.scripted_explorer import serving
from tests.support import utxo
from tests.support.upstreams import explorer_of

HASKOIN = explorer_of('bch', 'haskoin')
ADDRESS = sample.ADDRESSES['bch']
OURS = f'bitcoincash:{ADDRESS}'
NOT_FOUND = '{"error":"not-found-or-invalid-arg","message":"Item not found or argument invalid"}'


@pytest.fixture(scope='module')
def server() -> Iterator[scripted_explorer.Explorer]:
    with serving(scripted_explorer.Explorer()) as explorer:
        yield explorer


@pytest.fixture
def upstream(server: scripted_explorer.Explorer) -> Iterator[scripted_explorer.Explorer]:
    yield from utxo.leading_to(server)


def sums(number: int, **changed: int) -> dict[str, Any]:
    return {'address': OURS, 'confirmed': 0, 'unconfirmed': 0, 'utxo': 0, 'txs': number, 'received': 0} | changed


def txn(**changed: Any) -> dict[str, Any]:
    """Return a transaction as the documentation shows one: an output of data has no address."""
    nothing = {'address': None, 'pkscript': '6a', 'value': 0, 'spent': False, 'spender': None}
    return {
        'txid': utxo.TXID,
        'fee': 4500,
        'inputs': [{'coinbase': False, 'value': 700, 'address': OURS}],
        'outputs': [{'address': OURS, 'value': 200, 'spent': False}, nothing],
        'block': {'height': 688_793, 'position': 3},
        'deleted': False,
        'time': 1_621_583_361,
        'rbf': False,
    } | changed


@pytest.mark.parametrize('explorer', [each for each in EXPLORERS['bch'] if each.endpoint.key.startswith(('haskoin', 'blockchain_info'))])
def test_an_address_is_asked_for_with_its_prefix(upstream: scripted_explorer.Explorer, explorer: Explorer) -> None:
    utxo.fail(upstream, utxo.saying(sums(1, confirmed=200, received=900), [txn()]))
    holding, entries = utxo.read(explorer, ADDRESS)
    assert {request.path.split('/')[2] for request in upstream.requests} == {OURS}
    assert holding == Holding('bch', Decimal('0.000002'), Decimal('0.000007'), Decimal('0.000009'), 1, Decimal(0))
    assert entries == [Entry(utxo.TXID, 0, 'bch', Decimal('-0.000005'), Decimal('0.000045'), 1_621_583_361, 688_793)]


def test_a_coinbase_is_income_without_a_fee(upstream: scripted_explorer.Explorer) -> None:
    coinbase = {'coinbase': True, 'value': None, 'address': None, 'pkscript': None}
    utxo.fail(upstream, utxo.saying(sums(1), [txn(inputs=[coinbase], fee=0)]))
    [entry] = utxo.read(HASKOIN, ADDRESS)[1]
    assert (entry.delta, entry.fee) == (Decimal('0.000002'), Decimal(0))


def test_an_address_of_another_chain_is_not_ours(upstream: scripted_explorer.Explorer) -> None:
    utxo.fail(upstream, utxo.saying(sums(1), [txn(outputs=[{'address': f'bchtest:{ADDRESS}', 'value': 5}])]))
    assert utxo.read(HASKOIN, ADDRESS)[1][0].delta == Decimal('-0.000007')


def test_unconfirmed_transactions_are_taken_out_of_the_counts(upstream: scripted_explorer.Explorer) -> None:
    utxo.fail(upstream, utxo.saying(sums(2, confirmed=900, unconfirmed=-500, received=1_100), [txn(block={'mempool': 1}), txn()]))
    holding, entries = utxo.read(HASKOIN, ADDRESS)
    assert holding == Holding('bch', Decimal('0.000009'), Decimal(0), Decimal('0.000009'), 1, Decimal('-0.000005'))
    assert len(entries) == 1


def test_a_first_page_of_nothing_confirmed_is_refused_when_it_is_not_all_of_it(upstream: scripted_explorer.Explorer) -> None:
    utxo.fail(upstream, utxo.saying(sums(101), [txn(block={'mempool': 1})] * 100))
    with pytest.raises(Upstream, match='unexpected shape'):
        utxo.read(HASKOIN, ADDRESS)


def test_nothing_is_listed_of_what_was_never_used(upstream: scripted_explorer.Explorer) -> None:
    utxo.fail(upstream, utxo.saying(sums(0)))
    assert utxo.read(HASKOIN, ADDRESS)[1] == []
    assert upstream.count('haskoin') == 1


def test_what_it_cannot_read_as_an_address_is_rejected(upstream: scripted_explorer.Explorer) -> None:
    utxo.fail(upstream, faults.status(404, NOT_FOUND, Content_Type='application/json'))
    with pytest.raises(UpstreamRejected):
        utxo.read(HASKOIN, ADDRESS)


@pytest.mark.parametrize(
    ('code', 'body'),
    [
        (404, '<html>404</html>'),
        (400, '{"error":"bad-request","message":"Invalid request"}'),
        (400, '{"error":"user-error","message":"offset exceeded: 50100 > 50000"}'),
        (500, '{"error":"server-timeout","message":"Request is taking too long"}'),
        (413, '{"error":"request-too-large","message":"Request body too large"}'),
        (200, '{"error":"server-error","message":"Server error"}'),
    ],
)
@pytest.mark.parametrize('path', ['/balance', '/transactions/full'])
def test_its_errors_are_failures_of_its_own(upstream: scripted_explorer.Explorer, path: str, code: int, body: str) -> None:
    world = World({'bch': {ADDRESS: [Payment(utxo.TXID, 600_000, utxo.AT, (5,))]}})
    tell = utxo.telling(lambda parts, query: sample.tell_haskoin('bch', world, parts, query))
    broken = faults.only(path, faults.status(code, body, Content_Type='application/json'))
    utxo.fail(upstream, lambda request, answer: broken(request, tell(request, answer)))
    with pytest.raises(Upstream) as caught:
        utxo.read(HASKOIN, ADDRESS)
    assert not isinstance(caught.value, UpstreamRejected)


@pytest.mark.parametrize('changed', [{'fee': 1.5}, {'time': '2021'}, {'block': None}, {'inputs': None}, {'block': {}}])
def test_a_transaction_of_another_shape_costs_only_itself(upstream: scripted_explorer.Explorer, changed: dict[str, Any]) -> None:
    utxo.fail(upstream, utxo.saying(sums(1), [txn(**changed)]))
    [row] = utxo.unread(HASKOIN, ADDRESS)
    assert (row.currency, row.reference, row.reason) == ('bch', utxo.TXID, 'unexpected shape')


@pytest.mark.parametrize('changed', [{'deleted': True}, {'txid': 'x'}])
def test_what_is_no_transaction_or_deleted_is_refused(upstream: scripted_explorer.Explorer, changed: dict[str, Any]) -> None:
    utxo.fail(upstream, utxo.saying(sums(1), [txn(**changed)]))
    with pytest.raises(Upstream, match='unexpected shape'):
        utxo.read(HASKOIN, ADDRESS)
