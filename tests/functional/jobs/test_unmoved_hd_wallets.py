"""HD wallets of a chain whose blocks are followed: of their addresses, only those that moved are read."""

from decimal import Decimal

import pytest

from chalicelib import clock
from chalicelib.domain import hd_wallets
from chalicelib.domain.chains import CHAINS
from chalicelib.models import Ledger
from infra.fake_upstreams.http_server import Request
from tests.support import addresses
from tests.support.api import Api
from tests.support.block_chain import BlockChain, Payment
from tests.support.clock import CLOCK
from tests.support.following import follow
from tests.support.jobs import record, refresh_job, refresh_queue, run_sweep
from tests.support.ledgers import state

ZPUB = next(row['key'] for row in addresses.vectors('extended_keys')['derived'] if row['key'].startswith('zpub'))
PK = hd_wallets.identify('btc', ZPUB).key.text
HOUR = 3_600


def at(branch: int, index: int) -> str:
    """Return an address of the HD wallet."""
    return CHAINS['btc'].hd_wallet(ZPUB).kinds[0].branches[branch].address(index)


def run() -> Ledger:
    """Refresh the HD wallet; return it."""
    assert refresh_job(record({'ledger': PK})) == []
    ledger = Ledger.find(PK)
    assert ledger is not None
    return ledger


@pytest.fixture
def chain(api: Api, followed_chain: BlockChain, queues: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> BlockChain:
    """A followed chain, and an HD wallet of few addresses that was paid five hours ago and read since; nobody looks at it any more."""
    monkeypatch.setattr('chalicelib.jobs.refresh.SLICE_SECONDS', 3_600)
    monkeypatch.setattr(hd_wallets, 'GAP', 2)
    api.address(api.portfolio(), ZPUB)
    refresh_queue(queues).bodies()
    follow()
    followed_chain.mine(Payment(to=(at(0, 0),)))
    follow()
    run()  # the first downloads
    CLOCK.advance(5 * HOUR)
    followed_chain.mine()
    follow()
    run()
    Ledger.at(PK).update([Ledger.looked_at.set(clock.now() - 2 * HOUR)])
    CLOCK.advance(HOUR)
    followed_chain.mine()
    follow()
    followed_chain.requests.clear()
    return followed_chain


def asked(chain: BlockChain) -> set[str]:
    """Return which addresses explorers were asked for."""
    by_path = {request.path[1] for request in chain.requests if request.path[0] == 'address'}
    return by_path | {request.query['active'] for request in chain.requests if 'active' in request.query}


def test_an_hd_wallet_of_which_nothing_moved_is_read_without_asking_for_any_address(chain: BlockChain) -> None:
    through_at = clock.now()
    assert run().updated_at == through_at
    assert asked(chain) == set()
    [holding] = run().holdings
    assert (holding.transactions, holding.unconfirmed) == (1, None)


def test_only_the_address_that_moved_is_read_and_those_that_this_adds(chain: BlockChain) -> None:
    chain.mine(Payment(to=(at(0, 1),)))
    follow()
    [holding] = run().holdings
    assert holding.transactions == 2
    assert asked(chain) == {at(0, 1), at(0, 3)}  # two unused ones come after the last used one
    assert state(at(0, 3)).is_unused


def due_in(pk: str) -> int:
    """Return in how many seconds a ledger is due."""
    ledger = Ledger.find(pk)
    assert ledger is not None
    return int(ledger.due_at) - clock.now()


def test_an_address_that_moves_makes_its_hd_wallet_due_which_reads_it(chain: BlockChain, queues: dict[str, str]) -> None:
    used = f'LEDGER#btc#{at(0, 0)}'
    run()
    Ledger.at(used).update([Ledger.due_at.set(clock.now() + 24 * HOUR)])
    assert due_in(PK) > 0
    chain.mine(Payment(by=(at(0, 0),), to=(at(1, 0),)))
    follow()
    assert (due_in(PK), due_in(used) > 20 * HOUR) == (0, True)
    run_sweep()
    refresh_queue(queues).drain()
    [holding] = Ledger.find(PK).holdings
    assert (holding.transactions, holding.balance) == (2, Decimal('0.000008'))  # 900 came, 1000 went and 900 of these came back


def test_an_hd_wallet_that_moves_all_the_time_is_due_once_an_hour(chain: BlockChain) -> None:
    run()
    for after, is_due in ((120, True), (120, False), (3_200, False), (300, True)):
        Ledger.at(PK).update([Ledger.due_at.set(clock.now() + HOUR)])
        chain.mine(Payment(to=(at(0, 1),)))
        follow(after=after)
        assert (due_in(PK) == 0) is is_due


def test_an_hd_wallet_whose_address_moves_while_another_one_is_read_is_due_again_at_once(chain: BlockChain, queues: dict[str, str]) -> None:
    """The coins go from an address that was confirmed in this cycle to one that is read after that: for a moment both have them."""
    chain.mine(Payment(to=(at(0, 1),)))
    follow(after=600)

    def mine(request: Request) -> None:
        chain.before = lambda request: None
        chain.mine(Payment(by=(at(0, 0),), to=(at(0, 1),)))
        follow()

    chain.before = mine
    [holding] = run().holdings
    assert (holding.balance, due_in(PK)) == (Decimal('0.000027'), 10)
    CLOCK.advance(60)
    run_sweep()
    refresh_queue(queues).drain()
    [holding] = Ledger.find(PK).holdings
    assert holding.balance == Decimal('0.000017')  # 900 came, 900 came, 1000 went and 900 of these came back


def test_an_address_of_an_hd_wallet_that_somebody_follows_too_is_due_with_it(chain: BlockChain, api: Api) -> None:
    api.address(1, at(0, 0))
    pks = [f'LEDGER#btc#{at(0, 0)}', PK]
    for pk in pks:
        Ledger.at(pk).update([Ledger.due_at.set(clock.now() + HOUR)])
    chain.mine(Payment(to=(at(0, 0),)))
    follow()
    assert [due_in(pk) for pk in pks] == [0, 0]


def test_an_hd_wallet_that_somebody_looks_at_is_read_as_ever(chain: BlockChain) -> None:
    Ledger.at(PK).update([Ledger.looked_at.set(clock.now() - 600)])
    run()
    assert {at(0, 0), at(0, 1), at(1, 0)} <= asked(chain)


def test_an_hd_wallet_whose_chain_is_not_read_to_its_end_is_read_as_ever(chain: BlockChain) -> None:
    chain.behind = dict.fromkeys(('blockstream', 'mempool', 'blockchain_info'), 1)
    follow(after=HOUR // 2)
    chain.requests.clear()
    run()
    assert {at(0, 0), at(0, 1), at(1, 0)} <= asked(chain)
