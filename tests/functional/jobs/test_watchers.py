"""A ledger that many watch: its lease is held no longer, and all are told."""

import pytest

from chalicelib.domain.work_groups import work_group
from chalicelib.models import Address, Item, Portfolio, User, Watch
from infra.fake_upstreams.scripted_explorer import Explorer, payments
from tests.support.api import Api
from tests.support.clock import CLOCK
from tests.support.jobs import Queue, record, refresh_job, refresh_queue, run_refresh
from tests.support.ledgers import SEGWIT

WATCHERS = 230


def watch_by_many(api: Api, number: int) -> None:
    """Let a user have so many portfolios with the address, as the API would store them."""
    items: list[Item] = []
    for portfolio in range(2, number + 1):
        address = Address.at(api.user_id, portfolio, 1)
        address.user_id, address.portfolio_id, address.address_id = api.user_id, portfolio, 1
        address.title, address.currency, address.address = 'x', 'btc', SEGWIT
        address.created_at = address.updated_at = 1
        header = Portfolio(
            User.pk_of(api.user_id),
            f'PORTFOLIO#{portfolio:06}',
            user_id=api.user_id,
            portfolio_id=portfolio,
            title='x',
            currencies=['btc'],
            addresses=1,
            created_at=1,
            updated_at=1,
        )
        items += [header, address, Watch.of(address)]
    Item.write_many(put=items)


def stamped(api: Api) -> int:
    """Return how many portfolios say that the address was observed now."""
    found = (item for item in Item.query(User.pk_of(api.user_id)) if isinstance(item, Portfolio))
    return sum(portfolio.observed_at == CLOCK.now() for portfolio in found)


@pytest.mark.usefixtures('impatient_botocore')
def test_a_refresh_takes_no_longer_for_many_watchers_and_all_are_told(
    api: Api, explorer: Explorer, queues: dict[str, str], requests_made: list[str]
) -> None:
    explorer.chain[SEGWIT] = payments(3)
    api.address(api.portfolio(), SEGWIT)
    watch_by_many(api, WATCHERS)
    queue, told = refresh_queue(queues), Queue(queues['cryptfolio-test-history'], lambda *_: {'batchItemFailures': []})
    assert queue.bodies()
    assert told.bodies()

    requests_made.clear()
    assert run_refresh(SEGWIT)
    assert len(requests_made) < 200 + 30  # two for each of the first hundred
    assert stamped(api) == 100
    [rest] = queue.bodies()
    whose = {'group': work_group(api.user_id)}
    assert rest == {'ledger': f'LEDGER#btc#{SEGWIT}', 'after': f'WATCH#{api.user_id}#000100', 'changed': True} | whose
    while rest:
        assert refresh_job(record(rest)) == []
        [rest] = queue.bodies() or [None]
    assert stamped(api) == WATCHERS
    assert {body['portfolio_id'] for body in told.bodies()} == set(range(1, WATCHERS + 1))

    CLOCK.advance(3_000)
    assert run_refresh(SEGWIT)
    [rest] = queue.bodies()
    assert 'changed' not in rest  # so that no history is computed for nothing
    assert told.bodies() == []
