"""Addresses that did not move are confirmed without being read; whatever moves is noticed, and what cannot be noticed is read in a day."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.config import settings
from chalicelib.models import Address, Ledger, Portfolio
from chalicelib.providers.movements import BULK_SOURCES
from infra.fake_upstreams import evm
from infra.fake_upstreams.answer import Answer, as_json
from tests.support.api import Api
from tests.support.aws import Beginnings
from tests.support.clock import CLOCK
from tests.support.dynamodb import meanwhile, survives
from tests.support.evm import ME, Request, Server, leading_to, serving
from tests.support.jobs import record, refresh_job, refresh_queue, run_sweep
from tests.support.quiet import FUNDED, HOUR, MINUTE, PK, Chain, state
from tests.support.unforeseen import SAID, noted, surprised

DAY = 24 * HOUR
CHECK = {'ledgers': [PK]}


@pytest.fixture(scope='module')
def server() -> Iterator[Server]:
    with serving() as state:
        yield state


@pytest.fixture
def chain(api: Api, server: Server, queues: dict[str, str]) -> Iterator[Chain]:
    with leading_to(server) as led:
        yield Chain(api, led, refresh_queue(queues), evm.World(1, [FUNDED]))


@pytest.fixture
def settled(chain: Chain, beginnings: Beginnings) -> Chain:
    """A chain whose address need not be read any more."""
    chain.settle(beginnings)
    return chain


def header_of(api: Api) -> Portfolio:
    header = Portfolio.at(api.user_id, 1)
    header.refresh()
    return header


def methods(request: Request) -> set[str]:
    return {call['method'] for call in request.body}


def test_an_address_that_did_not_move_costs_two_requests_to_a_node_and_none_to_explorers(settled: Chain, api: Api) -> None:
    state_of_all, events = settled.look()
    assert [state_of_all.upstream, events.upstream] == ['publicnode', 'publicnode']
    assert methods(events) == {'eth_getLogs'}
    ledger = state()
    assert (ledger.updated_at, ledger.looked_at, ledger.due_at) == (CLOCK.now(), CLOCK.now(), CLOCK.now() + 5 * MINUTE)
    child, header = Address.find(api.user_id, 1, 1), header_of(api)
    assert (child.txns_last_updated, header.observed_at) == (CLOCK.now(), CLOCK.now())


def test_a_check_costs_fewer_writes_than_a_refresh(settled: Chain, requests_made: list[str]) -> None:
    CLOCK.advance(6 * MINUTE)
    requests_made.clear()
    assert refresh_job(record(CHECK)) == []
    # The turn of each request to the node, the confirmation, the stamps of child and portfolio, and, once a minute, what works.
    assert requests_made.count('BatchGetItem') == 1
    assert requests_made.count('Query') == 1
    assert 5 <= requests_made.count('UpdateItem') <= 7


MOVES: dict[str, Callable[[Chain], Any]] = {
    'coins come': lambda chain: chain.add(value=evm.ETHER),
    'coins go': lambda chain: chain.add(sender=ME, receiver=evm.STRANGER, value=evm.ETHER),
    'a contract pays coins': lambda chain: chain.add(receiver=evm.CONTRACT, inner=(evm.Inner(evm.CONTRACT, ME, 7),)),
    'a token that is held comes': lambda chain: chain.add(receiver=evm.USDC, transfers=(evm.Transfer(evm.USDC, evm.STRANGER, ME, 1),)),
    'another token comes': lambda chain: chain.add(receiver=evm.DAI, transfers=(evm.Transfer(evm.DAI, evm.STRANGER, ME, 1),)),
    'somebody else sends a token': lambda chain: chain.add(receiver=evm.USDC, transfers=(evm.Transfer(evm.USDC, ME, evm.STRANGER, 1),)),
    'a token comes and goes': lambda chain: chain.add(
        receiver=evm.CONTRACT,
        transfers=(evm.Transfer(evm.DAI, evm.STRANGER, ME, 9), evm.Transfer(evm.DAI, ME, evm.STRANGER, 9)),
    ),
    'nothing of a token comes': lambda chain: chain.add(receiver=evm.DAI, transfers=(evm.Transfer(evm.DAI, evm.STRANGER, ME, 0),)),
    'coins are wrapped by somebody else': lambda chain: chain.add(
        receiver=evm.CONTRACT,
        inner=(evm.Inner(ME, evm.WETH, 5),),
        wrappings=(evm.Wrapping(evm.WETH, ME, 5),),
    ),
    'coins are wrapped': lambda chain: chain.add(sender=ME, receiver=evm.WETH, value=5, wrappings=(evm.Wrapping(evm.WETH, ME, 5),)),
    'a transaction moves nothing and is free': lambda chain: chain.add(sender=ME, receiver=evm.CONTRACT, gas_price=0),
    'coins go and as many come': lambda chain: (
        chain.add(sender=ME, receiver=evm.STRANGER, value=evm.ETHER, gas_price=0),
        chain.add(value=evm.ETHER),
    ),
}


@pytest.mark.parametrize('move', MOVES)
def test_whatever_moves_is_noticed_at_the_next_look(settled: Chain, move: str) -> None:
    MOVES[move](settled)
    assert settled.asked_explorers(settled.look()) != []
    assert settled.is_known()


@pytest.mark.parametrize(
    ('looks', 'move'), [(0, 'coins go and as many come'), (1, 'a token comes and goes'), (1, 'coins are wrapped'), (2, 'coins go')]
)
def test_a_move_while_the_mark_is_made_is_never_confirmed_away(settled: Chain, looks: int, move: str) -> None:
    """It is listed by explorers half an hour late. Until then the address is read at each look, so that nobody is told it was quiet."""
    settled.add(value=1)  # so that its mark is made anew
    for _ in range(looks):
        settled.look()
    settled.listed = settled.world
    MOVES[move](settled)
    for _ in range(2):
        assert settled.asked_explorers(settled.look(after=14 * MINUTE)) != []
    settled.listed = None
    for seconds in (20 * MINUTE, 4 * HOUR, 20 * MINUTE, 31 * MINUTE):
        settled.look(after=seconds)
        assert settled.is_known()
    assert settled.asked_explorers(settled.look()) == []


def test_what_the_next_look_cannot_tell_is_read_within_a_day(settled: Chain) -> None:
    """A contract's account gets coins and passes them on by somebody else's transaction: its balance and number are as before."""
    settled.add(receiver=ME, value=7, inner=(evm.Inner(ME, evm.STRANGER, 7),))
    read_at = state().read_at
    assert settled.asked_explorers(settled.look()) == []
    assert not settled.is_known()
    for _ in range(5):
        settled.look(after=5 * HOUR)
    assert state().read_at > read_at
    assert settled.is_known()


def test_confirmations_move_the_next_reading_on_by_no_more_than_a_day(settled: Chain) -> None:
    read_at = state().read_at
    for hours in (2, 23):
        CLOCK.move_to(read_at + hours * HOUR)
        assert refresh_job(record(CHECK)) == []
        assert (state().updated_at, state().read_at) == (CLOCK.now(), read_at)
    assert state().due_at == read_at + DAY
    CLOCK.move_to(read_at + DAY)
    assert refresh_job(record(CHECK)) == []
    settled.queue.drain()
    assert state().read_at == CLOCK.now()


def test_while_nobody_looks_it_is_confirmed_once_a_day_and_read_once_a_week(settled: Chain) -> None:
    read_at, looked_at = state().read_at, state().looked_at
    for day in range(1, 7):
        CLOCK.move_to(looked_at + day * DAY)
        assert refresh_job(record(CHECK)) == []
        assert (state().updated_at, state().read_at) == (CLOCK.now(), read_at)
    assert state().due_at == read_at + 7 * DAY
    CLOCK.move_to(state().due_at)
    assert refresh_job(record(CHECK)) == []
    settled.queue.drain()
    assert state().read_at == CLOCK.now()


def test_who_looks_after_days_has_it_read(settled: Chain) -> None:
    CLOCK.advance(2 * DAY)
    assert refresh_job(record({'ledger': PK})) == []
    CLOCK.advance(DAY)
    assert refresh_job(record(CHECK)) == []
    assert settled.asked_explorers(settled.look(after=DAY)) != []


def test_a_day_of_looking_reads_it_once(settled: Chain) -> None:
    assert [hour for hour in range(0, 24, 3) if settled.asked_explorers(settled.look(after=3 * HOUR))] == [21]
    assert settled.is_known()


def test_a_transaction_that_may_be_undone_has_it_read_until_it_is_final(settled: Chain) -> None:
    undone = settled.add(value=evm.ETHER)
    settled.look()
    settled.world = replace(settled.world, transactions=[txn for txn in settled.world.transactions if txn != undone])
    assert settled.asked_explorers(settled.look()) != []
    assert settled.is_known()
    settled.add(value=1)
    for _ in range(2):
        assert settled.asked_explorers(settled.look(after=80 * MINUTE)) != []
    settled.look(after=80 * MINUTE)
    settled.look()
    assert settled.asked_explorers(settled.look()) == []


def test_a_token_that_a_reorganisation_moves_into_blocks_that_were_searched_is_noticed(settled: Chain) -> None:
    settled.add(ago=10 * MINUTE, receiver=evm.DAI, transfers=(evm.Transfer(evm.DAI, evm.STRANGER, ME, 1),))
    assert settled.asked_explorers(settled.look()) != []
    assert settled.is_known()


def _without_events(request: Request) -> Answer:
    refused = {'error': {'code': -32601, 'message': 'eth_getLogs is not available on this plan'}}
    return as_json([{'jsonrpc': '2.0', 'id': call['id'], **refused} for call in request.body])


FAULTS: dict[str, Callable[[Request], Answer]] = {
    'hangs up': lambda request: Answer(502, ''),
    'answers 429': lambda request: Answer(429, ''),
    'answers text': lambda request: Answer(200, 'busy', 'text/plain'),
    'answers another shape': lambda request: as_json([{'id': call['id'], 'result': {}} for call in request.body]),
    'refuses everything': _without_events,
}


@pytest.mark.parametrize('fault', FAULTS)
def test_sources_that_fail_cost_nobody_anything(settled: Chain, fault: str) -> None:
    settled.add(value=3)
    works = settled.server.answer
    settled.server.answer = lambda request: works(request) if _is_witness(request) else FAULTS[fault](request)
    settled.look()
    assert settled.is_known()
    assert (state().failures, state().last_error, state().is_whole) == (None, None, True)


def test_the_next_source_is_asked_where_one_fails_in_a_way_that_nobody_foresaw(settled: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    first, *others = BULK_SOURCES['eth']
    monkeypatch.setitem(BULK_SOURCES, 'eth', (surprised(first, 'look'), *others))
    asked = settled.look()
    assert settled.asked_explorers(asked) == []
    assert {request.upstream for request in asked} == {'drpc'}
    assert noted(first.endpoint.key) == SAID


def _is_witness(request: Request) -> bool:
    """Whether it is a question of a reading, and none about many addresses at once."""
    return request.body is None or not methods(request) & {'eth_getBlockByNumber', 'eth_getLogs'}


def _refusing_to_search(works: Callable[[Request], Answer]) -> Callable[[Request], Answer]:
    """Return a node that works, and does not search for events."""
    return lambda request: _without_events(request) if request.body is not None and 'eth_getLogs' in methods(request) else works(request)


def test_a_node_that_refuses_to_search_is_asked_for_all_balances(settled: Chain) -> None:
    settled.server.answer = _refusing_to_search(settled.server.answer)
    assert [request.upstream for request in settled.look()] == 3 * ['publicnode']
    assert state().updated_at == CLOCK.now()
    MOVES['another token comes'](settled)
    assert settled.asked_explorers(settled.look()) != []
    assert settled.is_known()


def test_a_token_that_came_and_went_while_no_node_searched_is_noticed_when_some_node_does(settled: Chain) -> None:
    works = settled.server.answer
    settled.server.answer = _refusing_to_search(works)
    MOVES['a token comes and goes'](settled)
    assert settled.asked_explorers(settled.look()) == []
    settled.server.answer = works
    assert settled.asked_explorers(settled.look()) != []
    assert settled.is_known()


def test_a_node_that_stands_still_is_not_believed(settled: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    settled.add(value=3)
    stopped = CLOCK.now()
    works, before = settled.server.answer, replace(settled.world, transactions=settled.world.transactions[:-1])

    def answer(request: Request) -> Answer:
        if _is_witness(request):
            return works(request)
        with monkeypatch.context() as patch:
            patch.setattr('infra.fake_upstreams.evm_nodes.now', lambda: stopped)
            settled.world, now = before, settled.world
            told = works(request)
            settled.world = now
        return told

    settled.server.answer = answer
    settled.look()
    assert settled.is_known()


@pytest.mark.parametrize('moment', [1, 2])
def test_a_reading_meanwhile_wins(settled: Chain, moment: int) -> None:
    """It begins after the check loaded the ledger, or after it asked the node: the confirmation then changes nothing."""
    CLOCK.advance(6 * MINUTE)
    stamped: list[Ledger] = []

    def read() -> None:
        CLOCK.advance(20)
        settled.add(value=3)
        refresh_job(record({'ledger': PK}))
        stamped.append(state())

    operation, number = [('BatchGetItem', 1), ('UpdateItem', 1)][moment - 1]
    with meanwhile(operation, read, number=number):
        assert refresh_job(record(CHECK)) == []
    [after] = stamped
    assert (state().updated_at, state().write_id, state().due_at) == (after.updated_at, after.write_id, after.due_at)
    assert settled.is_known()


def test_the_sweep_sends_what_is_due_to_be_checked(settled: Chain) -> None:
    CLOCK.move_to(state().due_at)
    assert run_sweep() == 1
    assert settled.queue.bodies() == [CHECK]  # and they are lost
    assert run_sweep() == 0
    CLOCK.advance(301)
    assert run_sweep() == 1
    settled.queue.drain()
    assert state().updated_at == CLOCK.now()


def test_a_look_whose_message_comes_late_does_not_undo_a_later_one(settled: Chain) -> None:
    looked_at = state().looked_at
    CLOCK.advance(6 * MINUTE)
    assert refresh_job(record(CHECK | {'seen_at': looked_at - HOUR, 'group': 'g'})) == []
    assert (state().updated_at, state().looked_at, state().due_at) == (CLOCK.now(), looked_at, CLOCK.now() + 5 * MINUTE)


def test_a_ledger_that_is_being_read_is_not_confirmed(settled: Chain) -> None:
    CLOCK.advance(6 * MINUTE)
    Ledger.lease(PK, owner='somebody', now=CLOCK.now(), looked_at=None)
    updated_at = state().updated_at
    assert refresh_job(record(CHECK)) == []
    assert state().updated_at == updated_at


def test_a_check_that_dies_after_any_write_is_repeated_without_harm(settled: Chain, api: Api) -> None:
    for writes in range(1, 30):
        CLOCK.advance(6 * MINUTE)
        through = survives(lambda: refresh_job(record(CHECK)), writes)
        CLOCK.advance(MINUTE)
        assert refresh_job(record(CHECK)) == []
        now = CLOCK.now()
        child, header = Address.find(api.user_id, 1, 1), header_of(api)
        assert (state().updated_at, child.txns_last_updated, header.observed_at) == (now, now, now)
        assert state().lease_owner is None
        if through:
            return
    raise AssertionError('it does not come to its end')


def test_a_ledger_that_nobody_watches_any_more_is_deleted(settled: Chain, api: Api) -> None:
    api.delete('/api/portfolios/1/addresses/1')
    settled.queue.bodies()  # the message that says so is lost
    CLOCK.advance(6 * MINUTE)
    assert refresh_job(record(CHECK)) == []
    settled.queue.drain()
    assert Ledger.find(PK) is None


def test_ledgers_that_are_gone_or_not_settled_are_left_to_a_refresh(settled: Chain) -> None:
    settled.add(value=3)
    settled.look()
    settled.queue.bodies()
    assert refresh_job(record({'ledgers': ['LEDGER#eth#0x0000000000000000000000000000000000000001', PK], 'seen_at': 5, 'group': 'g'})) == []
    assert settled.queue.bodies() == [{'ledger': PK, 'seen_at': 5, 'group': 'g'}]


def test_the_setting_has_each_address_read(settled: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('CHECK_QUIET', 'false')
    settings.cache_clear()
    assert settled.asked_explorers(settled.look()) != []


def test_a_token_that_moves_by_itself_has_its_holder_read(chain: Chain, beginnings: Beginnings) -> None:
    staked = evm.Transfer(evm.STETH, evm.STRANGER, ME, evm.ETHER)
    chain.world = evm.World(
        1, [FUNDED, FUNDED._replace(hash=evm.txn_hash('staked'), height=FUNDED.height + 1, value=0, transfers=(staked,))]
    )
    with pytest.raises(AssertionError):
        chain.settle(beginnings)
    assert state().is_whole


def test_what_a_check_asks_names_no_other_currency_than_those_of_the_chain(settled: Chain) -> None:
    _, events = settled.look()
    [to, by] = [call['params'][0] for call in events.body]
    assert to['address'] == by['address']
    assert evm.SPAM not in json.dumps(events.body)
    assert sorted([to['topics'].index([f'0x{ME[2:]:0>64}']), by['topics'].index([f'0x{ME[2:]:0>64}'])]) == [1, 2]
