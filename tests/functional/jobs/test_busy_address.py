"""An address of thousands of transactions: read in slices by workers that die now and then, exactly, and cheaply ever after."""

import random

import pytest

from chalicelib.services.ledgers import download
from infra.fake_upstreams.scripted_explorer import Explorer, payments
from tests.support.api import Api
from tests.support.clock import CLOCK
from tests.support.dynamodb import survives
from tests.support.jobs import run_refresh
from tests.support.ledgers import LEGACY, SEGWIT, assert_whole, state


def _download_dying(address: str) -> tuple[int, int]:
    """Run slices of one page to the end, each fourth dying after some write; return how many there were and how many died."""
    chance = random.Random(20_090_109)
    died = 0
    for number in range(1, 300):
        if chance.random() < 0.25:
            died += not survives(lambda: run_refresh(address), chance.randrange(1, 14))
            CLOCK.advance(3_000)
        else:
            assert run_refresh(address)
        if not download.is_unfinished(state(address)) and state(address).lease_owner is None:
            return number, died
    raise AssertionError('it does not come to an end')


@pytest.mark.parametrize(('address', 'number', 'page'), [(SEGWIT, 10_000, 250), (LEGACY, 1_500, 100)])
def test_a_busy_address_read_in_slices_by_workers_that_die_is_whole_in_the_end_and_then_cheap(
    explorer: Explorer, api: Api, address: str, number: int, page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('chalicelib.jobs.refresh.SLICE_SECONDS', 0)
    api.address(api.portfolio(), address)
    explorer.chain[address] = payments(number)
    explorer.page = page
    slices, died = _download_dying(address)
    assert died > 2
    assert slices <= number // page + 1 + died  # who dies loses one page at most; the last one finds nothing more
    assert (state(address).incomplete, state(address).holdings[0].transactions) == (None, number)

    explorer.chain[address] = [*payments(7, first=number + 1, first_height=900_000), *explorer.chain[address]]
    explorer.requests.clear()
    CLOCK.advance(3_000)
    assert run_refresh(address)
    assert_whole(address, explorer.chain[address])
    assert explorer.count() <= 2
