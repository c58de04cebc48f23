"""The explorers that are asked last, and those of other chains, keep a ledger whole too: all of it, what is new, what was undone."""

from collections.abc import Callable
from decimal import Decimal
from functools import partial

import pytest

from chalicelib import clock
from chalicelib.domain import money
from chalicelib.models import Address, Ledger, Transaction, Watch
from chalicelib.providers.explorers import EXPLORERS
from infra.fake_upstreams import faults, utxo
from infra.fake_upstreams.payments import Payment, World
from infra.fake_upstreams.scripted_explorer import Explorer, Txn, payments, txid
from tests.support.api import Api
from tests.support.clock import CLOCK
from tests.support.jobs import record, refresh_job, run_refresh
from tests.support.ledgers import SEGWIT, assert_whole, rows, state
from tests.support.utxo import telling

TELLERS = {'blockcypher': utxo.tell_blockcypher, 'blockchair': utxo.tell_blockchair}
Tell = Callable[[list[Txn]], None]


@pytest.fixture(params=TELLERS)
def only(request: pytest.FixtureRequest) -> str:
    """The one explorer that works."""
    return str(request.param)


@pytest.fixture
def tell(explorer: Explorer, api: Api, only: str) -> Tell:
    """Return a function that makes the one explorer that works tell a history."""
    api.address(api.portfolio(), SEGWIT)
    explorer.fail(faults.down)

    def told(txns: list[Txn]) -> None:
        history = [Payment(txn.txid, txn.height, txn.time, txn.received, txn.sent, txn.fee) for txn in txns]
        explorer.fail(telling(partial(TELLERS[only], World({'btc': {SEGWIT: history}}))), only)
        CLOCK.advance(901)

    return told


def assert_deltas(txns: list[Txn]) -> None:
    """Assert that these are stored, with their deltas; not every explorer tells fees."""
    assert [(row[0], row[1]) for row in sorted(rows(SEGWIT))] == sorted(
        (txn.txid, Decimal(txn.delta) / 10**8) for txn in txns if txn.height
    )


def test_a_history_of_many_pages_is_read_whole(tell: Tell, only: str) -> None:
    txns = payments(230)
    tell(txns)
    assert run_refresh(SEGWIT)
    assert_deltas(txns)
    assert (state(SEGWIT).source, state(SEGWIT).incomplete) == (only, None)
    if only == 'blockcypher':
        assert_whole(SEGWIT, txns)


def test_news_cost_one_request(explorer: Explorer, tell: Tell, only: str) -> None:
    txns = payments(230)
    tell(txns)
    assert run_refresh(SEGWIT)
    txns = [Txn(txid(900), 900_000, received=(5,)), *txns]
    tell(txns)
    CLOCK.advance(3_000)
    before = explorer.count(only)
    assert run_refresh(SEGWIT)
    assert explorer.count(only) - before == 1
    assert_deltas(txns)


def test_what_a_reorganisation_undid_is_gone(tell: Tell) -> None:
    txns = payments(20)
    tell(txns)
    assert run_refresh(SEGWIT)
    txns = [Txn(txid(901), txns[1].height, received=(9,)), *txns[2:]]
    tell(txns)
    CLOCK.advance(3_000)
    assert run_refresh(SEGWIT)
    assert_deltas(txns)


def test_what_is_not_confirmed_yet_shows_beside_the_balance(api: Api, tell: Tell) -> None:
    tell([Txn(txid(902), None, received=(30,)), *payments(2)])
    assert run_refresh(SEGWIT)
    [balance] = api.get('/api/portfolios/1/addresses/1/balances').json_body['result']
    assert (balance['balance'], balance['unconfirmed'], balance['transactions']) == ('0.00002003', '0.0000003', 2)


@pytest.mark.parametrize('coin', utxo.COINS)
def test_an_address_of_another_chain_is_read_whole_from_the_first_of_its_public_explorers(explorer: Explorer, coin: str) -> None:
    source = next(each.endpoint.key for each in EXPLORERS[coin] if each.endpoint.url)
    for key, told in utxo.UPSTREAMS.items():
        explorer.fail(telling(told), key)
    pk = f'LEDGER#{coin}#{utxo.ADDRESSES[coin]}'
    due = Ledger.make_due(pk, clock.now())
    due.item.update(list(due.actions))
    Watch.of(Address(user_id='somebody', portfolio_id=1, address_id=1, currency=coin, address=utxo.ADDRESSES[coin])).save()
    assert refresh_job(record({'ledger': pk})) == []
    ledger = Ledger.find(pk)
    assert ledger is not None
    assert (ledger.source, ledger.incomplete, ledger.last_error) == (source, None, None)
    [held] = ledger.holdings
    stored = list(Transaction.every(pk))
    assert (held.currency, held.transactions, len(stored)) == (coin, 12, 12)
    assert money.total(row.delta for row in stored) == held.balance > 0
