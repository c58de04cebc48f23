"""Many quiet addresses at once: what they cost upstreams and the database, and how the sweep and readers put them into messages."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from chalicelib.domain.ledgers import Holding
from chalicelib.domain.marks import Mark
from chalicelib.domain.work_groups import work_group
from chalicelib.models import Address, Item, Ledger, Portfolio, User, Watch
from infra.fake_upstreams import evm, evm_nodes
from tests.support.api import Api
from tests.support.clock import CLOCK
from tests.support.evm import Server, leading_to, serving
from tests.support.evm_ledgers import txn
from tests.support.jobs import record, refresh_job, refresh_queue, run_sweep
from tests.support.quiet import HOUR, MINUTE, settled_ledger

MANY = 100
ADDRESSES = [f'0x{number:040x}' for number in range(1, MANY + 1)]
PKS = [f'LEDGER#eth#{address}' for address in ADDRESSES]
FUNDED = tuple(txn(number, receiver=address, value=evm.ETHER) for number, address in enumerate(ADDRESSES))
WORLD = evm.World(1, FUNDED)


@pytest.fixture(scope='module')
def server() -> Iterator[Server]:
    with serving() as state:
        yield state


@pytest.fixture
def upstream(server: Server) -> Iterator[Server]:
    with leading_to(server) as led:
        led.tell(WORLD)
        yield led


@pytest.fixture
def crowd(request: pytest.FixtureRequest, api: Api, upstream: Server) -> Server:
    """A portfolio with a hundred addresses, or so many, of one ether each, none of which needs to be read."""
    watch(api, getattr(request, 'param', MANY))
    return upstream


def watch(api: Api, number: int) -> None:
    items: list[Item] = [_header(api)]
    mark = Mark('0', CLOCK.now() - 2 * HOUR, evm_nodes.height(WORLD) - 300)
    for place, address in enumerate(ADDRESSES[:number], 1):
        child = Address.at(api.user_id, 1, place)
        child.user_id, child.portfolio_id, child.address_id = api.user_id, 1, place
        child.title, child.currency, child.address = 'x', 'eth', address
        child.created_at = child.updated_at = 1
        holding = Holding('eth', Decimal(1), None, None, None)
        items += [child, Watch.of(child), settled_ledger(PKS[place - 1], now=CLOCK.now(), holdings=[holding], mark=mark)]
    Item.write_many(put=items)


def _header(api: Api) -> Portfolio:
    return Portfolio(
        User.pk_of(api.user_id),
        'PORTFOLIO#000001',
        user_id=api.user_id,
        portfolio_id=1,
        title='x',
        currencies=['eth'],
        addresses=MANY,
        created_at=1,
        updated_at=1,
    )


def test_a_hundred_quiet_addresses_cost_four_requests_and_little_of_the_database(crowd: Server, requests_made: list[str]) -> None:
    assert refresh_job(record({'ledgers': PKS})) == []
    assert [request.upstream for request in crowd.requests] == 4 * ['publicnode']
    assert {ledger.updated_at for ledger in Ledger.find_many(PKS).values()} == {CLOCK.now()}
    assert requests_made.count('Query') == MANY  # for the watches of each
    # The confirmation and the stamp of each; the stamp of the portfolio; the turns of four requests, and that the node works; the run.
    assert requests_made.count('UpdateItem') <= 2 * MANY + 1 + 4 + 1 + 1
    assert requests_made.count('BatchGetItem') <= 2  # one of them for the line above
    assert len(requests_made) <= 3 * MANY + 9


@pytest.mark.parametrize('crowd', [9], indirect=True)
def test_those_that_moved_are_read_and_the_others_are_not(crowd: Server, queues: dict[str, str]) -> None:
    here = {'height': evm_nodes.height(WORLD), 'time': CLOCK.now()}
    more = [txn(200 + number, receiver=ADDRESSES[number], value=1, **here) for number in (3, 7)]
    crowd.tell(evm.World(1, (*FUNDED, *more)))
    assert refresh_job(record({'ledgers': PKS[:9]})) == []
    assert sorted(body['ledger'] for body in refresh_queue(queues).bodies()) == [PKS[3], PKS[7]]


def test_the_sweep_puts_those_of_all_shards_into_one_message_and_hands_them_out_once(crowd: Server, queues: dict[str, str]) -> None:
    queue = refresh_queue(queues)
    assert run_sweep() == 1
    [body] = queue.bodies()
    assert (sorted(body['ledgers']), body.keys()) == (PKS, {'ledgers'})
    assert run_sweep() == 0


@pytest.mark.parametrize('crowd', [2], indirect=True)
def test_a_refresh_that_a_sweeps_check_asks_for_is_the_work_of_who_looked_last(crowd: Server, api: Api, queues: dict[str, str]) -> None:
    Ledger.at(PKS[0]).update([Ledger.work_group.set('their group'), Ledger.mark.remove()])
    queue = refresh_queue(queues)
    run_sweep()
    queue.deliver()
    assert queue.bodies() == [{'ledger': PKS[0], 'group': 'their group'}]


@pytest.mark.parametrize('crowd', [51], indirect=True)
def test_a_reader_has_the_stale_ones_checked_by_one_message(crowd: Server, api: Api, queues: dict[str, str]) -> None:
    CLOCK.advance(6 * MINUTE)
    assert api.get('/api/portfolios/1/balances').status_code == 200
    [body] = refresh_queue(queues).bodies()
    assert body | {'ledgers': None} == {'ledgers': None, 'seen_at': CLOCK.now(), 'group': work_group(api.user_id)}
    assert len(set(body['ledgers']) & set(PKS)) == 50  # as many as one request enqueues
    assert refresh_job(record(body)) == []
    looked_at = [ledger for ledger in Ledger.find_many(body['ledgers']).values() if ledger.looked_at == CLOCK.now()]
    assert len(looked_at) == 50
    assert {(ledger.work_group, ledger.due_at) for ledger in looked_at} == {(work_group(api.user_id), CLOCK.now() + 5 * MINUTE)}
