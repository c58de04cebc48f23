"""A server whose clock was days ahead, and was set right: what it noted then does not keep anything from being read until that day."""

import pytest

from chalicelib.models import Derived, Ledger
from chalicelib.services.ledgers import settled
from infra.fake_upstreams.scripted_explorer import Explorer, payments
from tests.support import hd_wallets
from tests.support.api import Api
from tests.support.block_chain import BlockChain
from tests.support.clock import CLOCK
from tests.support.following import follow
from tests.support.jobs import refresh_queue, run_refresh
from tests.support.ledgers import SEGWIT, state

DAYS = 3 * 86_400


def set_right() -> None:
    CLOCK.move_to(CLOCK.now() - DAYS + 600)


def test_an_address_is_read_as_soon_as_somebody_looks_at_it(api: Api, explorer: Explorer, queues: dict[str, str]) -> None:
    path = f'/api/portfolios/{api.portfolio()}/addresses/{api.address(1, SEGWIT)}/balances'
    CLOCK.advance(DAYS)
    assert run_refresh(SEGWIT)
    set_right()
    refresh_queue(queues).bodies()
    explorer.chain[SEGWIT] = payments(2)
    api.get(path)
    refresh_queue(queues).drain()
    assert state(SEGWIT).updated_at == CLOCK.now()
    assert state(SEGWIT).holdings[0].transactions == 2


def test_an_address_that_was_read_then_is_not_settled(api: Api, explorer: Explorer) -> None:
    api.address(api.portfolio(), SEGWIT)
    assert run_refresh(SEGWIT)
    CLOCK.advance(DAYS)
    assert run_refresh(SEGWIT)
    assert settled.is_settled(state(SEGWIT), CLOCK.now())
    set_right()
    assert not settled.is_settled(state(SEGWIT), CLOCK.now())


def test_an_hd_wallet_whose_cycle_began_then_begins_another(
    api: Api, explorer: Explorer, queues: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('chalicelib.domain.hd_wallets.GAP', 2)
    hd_wallets.add(api, api.portfolio(), hd_wallets.ZPUB)
    refresh_queue(queues).drain()
    [pk] = [item.pk for item in Ledger.scan(Ledger.derived.exists())]
    before: Derived = Ledger.find(pk).derived
    before.begun_at = CLOCK.now() + DAYS
    Ledger.at(pk).update([Ledger.derived.set(before)])
    CLOCK.advance(600)
    assert hd_wallets.read(hd_wallets.ZPUB)
    after = Ledger.find(pk)
    assert (after.updated_at, after.derived.cycle) == (CLOCK.now(), before.cycle + 1)


def test_blocks_are_followed_at_once(followed_chain: BlockChain) -> None:
    CLOCK.advance(DAYS)
    followed_chain.mine()
    follow()
    set_right()
    followed_chain.mine()
    assert follow().through_at == CLOCK.now()
