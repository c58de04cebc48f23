"""A worker that dies fifty times while it downloads five thousand transactions, before or after any request it sends, loses nothing."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest
from requests.adapters import HTTPAdapter

from chalicelib.domain import money
from chalicelib.models import Item, Ledger, Transaction
from chalicelib.services.ledgers import download
from infra.fake_upstreams import evm
from infra.fake_upstreams.scripted_explorer import Explorer, payments
from tests.support.api import Api
from tests.support.dynamodb import Killed
from tests.support.evm import Server, generated, leading_to, serving, truth
from tests.support.jobs import record, refresh_job
from tests.support.ledgers import SEGWIT, assert_whole, pk_of, state

DEATHS = 50
NUMBER = 5_000
IN_THE_WORLD = 9_000  # of which more than five thousand concern the address
ETH = f'LEDGER#eth#{evm.ADDRESS}'


@contextmanager
def dying_at(step: int) -> Iterator[None]:
    """Die at a step, which is the sending of a request to the database or an explorer or the arrival of its answer."""
    events = Item.connection().client.meta.events
    steps = 0

    def reach(**_: Any) -> None:
        nonlocal steps
        steps += 1
        if steps >= step:
            raise Killed

    send = HTTPAdapter.send

    def send_or_die(*args: Any, **kwargs: Any) -> Any:
        reach()
        answer = send(*args, **kwargs)
        reach()
        return answer

    names = ('before-call.dynamodb', 'after-call.dynamodb')
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(HTTPAdapter, 'send', send_or_die)
        for name in names:
            events.register(name, reach)
        try:
            yield
        finally:
            for name in names:
                events.unregister(name, reach)


def download_dying(pk: str, most_steps: int, seed: int) -> None:
    """Refresh a ledger, dying fifty times, each time within `most_steps` steps; then to the end."""
    chance = random.Random(seed)
    for _ in range(DEATHS):
        with pytest.raises(Killed), dying_at(chance.randrange(1, most_steps)):
            refresh_job(record({'ledger': pk}))
        ledger = found(pk)
        assert ledger.cursor is None or ledger.cursor.final_height is None, 'it was over before the worker died often enough'
        ledger.update([Ledger.lease_until.set(1)])
    for _ in range(3):
        assert not refresh_job(record({'ledger': pk}))
        if not download.is_unfinished(found(pk)):
            return
    raise AssertionError('it does not come to an end')


def found(pk: str) -> Ledger:
    ledger = Ledger.find(pk)
    assert ledger is not None
    return ledger


def test_a_download_of_unspent_outputs_that_dies_fifty_times_is_exact_in_the_end(explorer: Explorer, api: Api):
    api.address(api.portfolio(), SEGWIT)
    explorer.chain[SEGWIT] = payments(NUMBER)
    explorer.page = 50
    download_dying(pk_of(SEGWIT), 60, seed=2009)

    assert_whole(SEGWIT, payments(NUMBER))
    assert state(SEGWIT).source == 'blockstream'


@pytest.fixture(scope='module')
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture
def upstream(server: Server) -> Iterator[Server]:
    with leading_to(server) as leading:
        yield leading


def rows_of(pk: str) -> list[tuple[str, str, Decimal]]:
    return sorted((row.reference, row.currency, row.delta) for row in Transaction.every(pk))


def test_a_download_of_an_account_with_tokens_that_dies_fifty_times_is_exact_in_the_end(api: Api, upstream: Server):
    world = generated(2015, IN_THE_WORLD, rewards=False)
    upstream.tell(world)
    portfolio = api.portfolio(currencies=('eth', 'usd'))
    api.post(f'/api/portfolios/{portfolio}/addresses', {'title': 'Mine', 'address': evm.ADDRESS, 'currency': 'eth'})
    download_dying(ETH, 95, seed=2015)

    ledger = found(ETH)
    assert (ledger.source, ledger.incomplete) == ('etherscan', None)
    assert {held.currency: held.balance for held in ledger.holdings} == truth(world) == sums_of(rows_of(ETH))


def sums_of(rows: list[tuple[str, str, Decimal]]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = {}
    for _, currency, delta in rows:
        sums[currency] = money.add(sums.get(currency, money.ZERO), delta)
    return {currency: total for currency, total in sums.items() if total}
