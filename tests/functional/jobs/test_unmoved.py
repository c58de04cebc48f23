"""Addresses of Bitcoin that are in no new block are confirmed without being read, and whatever moves is read."""

from decimal import Decimal

import pytest

from chalicelib import clock
from chalicelib.config import settings
from chalicelib.models import Ledger
from infra.fake_upstreams.http_server import Request
from tests.support.api import Api
from tests.support.block_chain import BlockChain, Payment
from tests.support.clock import CLOCK
from tests.support.dynamodb import meanwhile
from tests.support.following import follow
from tests.support.jobs import Queue, record, refresh_job, refresh_queue, run_refresh, run_sweep
from tests.support.ledgers import LEGACY, SEGWIT, pk_of, state

HOUR = 3_600
CHECK = {'ledgers': [pk_of(SEGWIT)]}
BALANCES = '/api/portfolios/1/addresses/1/balances'


@pytest.fixture
def chain(api: Api, followed_chain: BlockChain, queues: dict[str, str]) -> BlockChain:
    """A followed chain on which an address was paid five hours ago, and read since; nobody looks at it any more."""
    api.address(api.portfolio(), SEGWIT)
    refresh_queue(queues).bodies()
    follow()
    followed_chain.mine(Payment(to=(SEGWIT,)))
    follow()
    assert run_refresh(SEGWIT)  # the first download
    CLOCK.advance(5 * HOUR)
    followed_chain.mine()
    follow()
    assert run_refresh(SEGWIT)
    follow()
    followed_chain.requests.clear()
    return followed_chain


def readings(chain: BlockChain) -> int:
    """Return how often the address was asked for."""
    return sum(SEGWIT in request.url or request.query.get('active') == SEGWIT for request in chain.requests)


def sweep(queues: dict[str, str]) -> Queue:
    """Run the sweep, and work off what it sent."""
    run_sweep()
    queue = refresh_queue(queues)
    queue.drain()
    return queue


def balance() -> Decimal:
    [holding] = state(SEGWIT).holdings
    amount: Decimal = holding.balance
    return amount


def test_what_is_in_no_block_is_confirmed_hour_after_hour_without_being_read(chain: BlockChain, queues: dict[str, str], api: Api) -> None:
    read_at = state(SEGWIT).read_at
    for _ in range(3):
        CLOCK.advance(HOUR)
        chain.mine(Payment(to=('somebody else',)))
        follow()
        Ledger.at(pk_of(SEGWIT)).update([Ledger.due_at.set(clock.now())])  # as of one that somebody looked at that day
        sweep(queues)
        assert (state(SEGWIT).updated_at, state(SEGWIT).read_at) == (clock.now(), read_at)
    assert readings(chain) == 0
    assert balance() == Decimal('0.000009')


def test_of_what_blocks_alone_vouch_for_nothing_unconfirmed_is_known(chain: BlockChain, api: Api) -> None:
    [holding] = state(SEGWIT).holdings
    assert holding.unconfirmed == 0
    follow(after=HOUR - 600)
    assert refresh_job(record(CHECK)) == []
    [row] = api.get(BALANCES).json_body['result']
    assert (row['balance'], row['unconfirmed']) == ('0.000009', None)
    assert state(SEGWIT).updated_at == clock.now()


def test_what_somebody_looks_at_is_read_as_ever(chain: BlockChain, queues: dict[str, str], api: Api) -> None:
    follow(after=HOUR)
    assert api.get(BALANCES).status_code == 200
    refresh_queue(queues).drain()
    assert (readings(chain) > 0, state(SEGWIT).read_at) == (True, clock.now())
    chain.requests.clear()
    follow(after=600)
    sweep(queues)
    assert (readings(chain) > 0, state(SEGWIT).read_at) == (True, clock.now())


def test_what_moves_is_read_at_once_and_until_that_is_final(chain: BlockChain, queues: dict[str, str]) -> None:
    chain.mine(Payment(to=(SEGWIT,)))
    follow()
    sweep(queues)
    assert readings(chain) > 0
    assert balance() == Decimal('0.000018')
    chain.requests.clear()
    follow(after=20 * 60)
    assert refresh_job(record(CHECK)) == []
    sweep(queues)
    assert state(SEGWIT).read_at == clock.now()
    CLOCK.advance(4 * HOUR)
    chain.mine()
    follow()
    assert refresh_job(record(CHECK)) == []
    sweep(queues)
    chain.requests.clear()
    follow(after=600)
    assert refresh_job(record(CHECK)) == []
    sweep(queues)
    assert (readings(chain), state(SEGWIT).updated_at) == (0, clock.now())


@pytest.mark.parametrize('moves_often', [False, True])
def test_what_moves_while_it_is_checked_is_not_confirmed(chain: BlockChain, queues: dict[str, str], moves_often: bool) -> None:
    """Between loading the ledger and confirming it, a block is read that has its address; one that moves often is not made due by that."""
    if moves_often:
        Ledger.at(pk_of(SEGWIT)).update([Ledger.moved_at.set(state(SEGWIT).read_at - 31 * 60)])
    follow(after=1_200)
    chain.mine(Payment(to=(SEGWIT,)))
    updated_at = state(SEGWIT).updated_at
    with meanwhile('BatchGetItem', lambda: follow()):
        assert refresh_job(record(CHECK)) == []
    assert (state(SEGWIT).updated_at, state(SEGWIT).moved_at) == (updated_at, clock.now())
    assert (state(SEGWIT).due_at == clock.now()) is not moves_often


def test_what_moves_in_a_block_that_an_explorer_has_not_got_yet_is_read_until_it_has(chain: BlockChain, queues: dict[str, str]) -> None:
    chain.mine(Payment(to=(SEGWIT,)))
    chain.behind = {'mempool': 1, 'blockchain_info': 1}
    follow()
    chain.behind = {'blockstream': 1, 'mempool': 1, 'blockchain_info': 1}
    sweep(queues)
    assert (state(SEGWIT).read_at, balance()) == (clock.now(), Decimal('0.000009'))
    CLOCK.advance(29 * 60)
    chain.behind = {}
    follow(after=0)
    assert refresh_job(record(CHECK)) == []
    sweep(queues)
    assert (state(SEGWIT).read_at, balance()) == (clock.now(), Decimal('0.000018'))


def test_what_moves_while_it_is_read_is_read_again_at_once(chain: BlockChain, queues: dict[str, str]) -> None:
    """By an explorer that has not got the block, so that what is read is of before that."""

    def mine(request: Request) -> None:
        chain.before = lambda request: None
        chain.mine(Payment(to=(SEGWIT,)))
        follow()
        chain.behind = {'blockstream': 1, 'mempool': 1, 'blockchain_info': 1}

    chain.before = mine
    assert run_refresh(SEGWIT)
    assert (balance(), state(SEGWIT).due_at) == (Decimal('0.000009'), clock.now() + 10)
    chain.behind = {}
    CLOCK.advance(60)
    sweep(queues)
    assert balance() == Decimal('0.000018')


def test_a_ledger_that_is_created_while_its_block_is_looked_through_is_read_until_explorers_have_it(
    chain: BlockChain, api: Api, queues: dict[str, str]
) -> None:
    """It is created just after the block's addresses were looked for, and first read from explorers that have not got that block."""
    chain.mine(Payment(to=(LEGACY,)))
    with meanwhile('BatchGetItem', lambda: api.address(1, LEGACY), number=2):  # the first is of the chain
        follow()
    assert state(LEGACY).moved_at is None
    chain.behind = {'blockstream': 1, 'mempool': 1, 'blockchain_info': 1}
    for _ in range(2):
        CLOCK.advance(60)
        assert run_refresh(LEGACY)
    assert state(LEGACY).is_unused
    chain.behind = {}
    Ledger.at(pk_of(LEGACY)).update([Ledger.looked_at.set(clock.now() - 2 * HOUR)])
    CLOCK.advance(600)
    follow()
    assert refresh_job(record({'ledgers': [pk_of(LEGACY)]})) == []
    refresh_queue(queues).drain()
    assert state(LEGACY).holdings[0].transactions == 1


def test_while_blocks_are_not_followed_addresses_are_read(chain: BlockChain, queues: dict[str, str]) -> None:
    CLOCK.advance(HOUR)  # nobody followed it for that long
    assert refresh_job(record(CHECK)) == []
    refresh_queue(queues).drain()
    assert state(SEGWIT).read_at == clock.now()


def test_a_block_that_was_missed_has_every_address_read_again(chain: BlockChain, queues: dict[str, str]) -> None:
    follow(after=7 * HOUR)
    assert refresh_job(record(CHECK)) == []
    refresh_queue(queues).drain()
    assert state(SEGWIT).read_at == clock.now()


def test_chains_that_are_not_named_are_read_as_before(chain: BlockChain, queues: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('FOLLOW_BLOCKS', 'ltc')
    settings.cache_clear()
    CLOCK.advance(HOUR)
    run_sweep()
    assert {'ledger': pk_of(SEGWIT)}.items() <= refresh_queue(queues).bodies()[0].items()
