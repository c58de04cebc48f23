"""A first download of thousands of transactions goes on from message to message, shows how far it is, and is never in memory as a whole."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.config import settings
from chalicelib.domain.ledgers import MOST_REVERTIBLE, Entry
from chalicelib.jobs.histories import refresh_histories
from chalicelib.models import Item, Transaction
from chalicelib.services.ledgers import download
from infra.fake_upstreams.scripted_explorer import Explorer, Txn, payments
from tests.support.api import Api
from tests.support.clock import CLOCK
from tests.support.dynamodb import survives
from tests.support.jobs import Queue, refresh_queue, run_refresh
from tests.support.ledgers import SEGWIT, assert_whole, pk_of, state

NUMBER = 6_000
PAGE = 500


def test_a_long_history_is_read_in_slices_that_show_how_far_they_are(
    api: Api, explorer: Explorer, queues: dict[str, str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr('chalicelib.jobs.refresh.SLICE_SECONDS', 0)
    path = f'/api/portfolios/1/addresses/{api.address(api.portfolio(), SEGWIT)}'
    explorer.chain[SEGWIT] = payments(NUMBER)
    explorer.page = PAGE

    stored, said = [], []
    while refresh_queue(queues).deliver():
        stored.append(Transaction.count(pk_of(SEGWIT), Transaction.sk.startswith('ENTRY#')))
        said += [api.get(f'{path}/{what}').json_body for what in ('balances', 'transactions?limit=1')]

    assert len(stored) >= 10
    assert stored[:-1] == [*range(PAGE, NUMBER + 1, PAGE)]
    assert stored[-1] == NUMBER
    assert [(answer['complete'], answer.get('reason')) for answer in said[:-2]] == [(False, 'transactions_pending')] * (len(said) - 2)
    assert [answer['complete'] for answer in said[-2:]] == [True, True]
    assert {answer['result'][0]['balance'] for answer in said[::2]} == {said[0]['result'][0]['balance']}
    assert_whole(SEGWIT, payments(NUMBER))


def test_histories_are_computed_after_ever_more_slices_of_a_first_download_and_after_the_last(
    api: Api, explorer: Explorer, queues: dict[str, str], monkeypatch: pytest.MonkeyPatch
):
    """Each is computed from all that is stored: after every slice that would be a multiple of a history that grows with its length."""
    monkeypatch.setattr('chalicelib.jobs.refresh.SLICE_SECONDS', 0)
    api.address(api.portfolio(), SEGWIT)
    explorer.chain[SEGWIT] = payments(1_000)
    explorer.page = 100
    histories = Queue(queues[settings().history_queue], refresh_histories)
    histories.bodies()

    told = []
    while refresh_queue(queues).deliver():
        told.append(len(histories.bodies()))

    assert told == [1, 1, 0, 1, 0, 0, 0, 1, 0, 0, 1]
    assert_whole(SEGWIT, payments(1_000))


@contextmanager
def counting_entries() -> Iterator[list[int]]:
    """Yield how many entries of ledgers are in memory whenever an answer to a query of the table arrives."""
    events = Item.connection().client.meta.events
    counted: list[int] = []

    def count(**_: Any) -> None:
        counted.append(sum(type(each) is Entry for each in gc.get_objects()))

    events.register('after-call.dynamodb.Query', count)
    yield counted
    events.unregister('after-call.dynamodb.Query', count)


def test_a_long_history_is_never_in_memory_as_a_whole(api: Api, explorer: Explorer, queues: dict[str, str]):
    """Bytes are the benchmark's to count: here the tables are in this process too."""
    api.address(api.portfolio(), SEGWIT)
    explorer.chain[SEGWIT] = payments(NUMBER)
    explorer.page = PAGE

    with counting_entries() as counted:
        refresh_queue(queues).drain()

    assert_whole(SEGWIT, payments(NUMBER))
    assert max(counted) > 0
    assert max(counted) <= MOST_REVERTIBLE + 2 * PAGE


def test_what_is_downloaded_is_summed_in_slices_too_and_a_worker_that_dies_repeats_only_its_own(
    api: Api, explorer: Explorer, monkeypatch: pytest.MonkeyPatch
):
    """A million transactions take longer to sum than a worker may; here a slice is of five hundred, as its time is over at once."""
    monkeypatch.setattr('chalicelib.services.ledgers.counting._LEAST_COUNTED', 500)
    monkeypatch.setattr('chalicelib.jobs.refresh.SLICE_SECONDS', 0)
    api.address(api.portfolio(), SEGWIT)
    explorer.chain[SEGWIT] = payments(3_000)
    explorer.page = 1_500
    undone = [Entry(f'{n:064x}', 0, 'btc', Decimal(1), None, 1_400_000_000 + n, 400_000) for n in range(3)]
    Transaction.store(Transaction.of(pk_of(SEGWIT), entry, source='mempool', run='earlier', now=1) for entry in undone)

    positions, died = [], 0
    while not positions or download.is_unfinished(state(SEGWIT)):
        if len(positions) == 5:
            died += not survives(lambda: run_refresh(SEGWIT), 2)
            CLOCK.advance(3_000)
        else:
            assert run_refresh(SEGWIT)
        positions.append(state(SEGWIT).cursor.counted_to)

    assert died == 1
    assert len(positions) == 2 + 7 + 1  # of two pages, of seven parts of 3,003 entries, and the one that died
    assert_whole(SEGWIT, payments(3_000))


def _burst(old: list[Txn]) -> list[Txn]:
    """Return transactions that come after `old` ones."""
    return payments(60, first=len(old) + 1, first_height=900_000)


@pytest.fixture
def _little_is_taken_up_as_news(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('chalicelib.domain.ledgers.MOST_REVERTIBLE', 45)


@pytest.mark.usefixtures('_little_is_taken_up_as_news')
def test_what_comes_during_a_download_however_much_is_read_without_downloading_all_again(
    api: Api, explorer: Explorer, queues: dict[str, str], monkeypatch: pytest.MonkeyPatch
):
    """An address that is never quiet would be downloaded again and again, and never whole."""
    monkeypatch.setattr('chalicelib.jobs.refresh.SLICE_SECONDS', 0)
    api.address(api.portfolio(), SEGWIT)
    explorer.page = 10
    old = payments(100)
    new = _burst(old)
    explorer.chain[SEGWIT] = old
    assert refresh_queue(queues).deliver()
    explorer.chain[SEGWIT] = [*new, *old]

    refresh_queue(queues).drain()

    assert_whole(SEGWIT, explorer.chain[SEGWIT])
    assert explorer.count(path='/txs/chain') <= 11 + 5 + 7  # all that was there, then of what came what shows that it is much, and all


@pytest.mark.usefixtures('_little_is_taken_up_as_news')
def test_what_came_since_the_last_refresh_however_much_is_read_without_downloading_all_again(
    api: Api, explorer: Explorer, queues: dict[str, str]
):
    api.address(api.portfolio(), SEGWIT)
    explorer.page = 10
    undone, *old = payments(100)
    explorer.chain[SEGWIT] = [undone, *old]
    refresh_queue(queues).drain()
    explorer.chain[SEGWIT] = [*_burst(old), *old]
    explorer.requests.clear()
    CLOCK.advance(3_000)

    assert run_refresh(SEGWIT)

    assert_whole(SEGWIT, explorer.chain[SEGWIT])
    assert explorer.count(path='/txs/chain') <= 5 + 7
