"""What nodes show of many addresses at once, and what they are asked for that."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.domain import currencies
from chalicelib.domain.chains import CHAINS
from chalicelib.domain.marks import Sight
from chalicelib.errors import Upstream
from chalicelib.providers.movements import Subject, bulk_sources_of
from infra.fake_upstreams import evm, evm_nodes
from infra.fake_upstreams.answer import Answer, as_json
from tests.support.clock import CLOCK, StoppedClock
from tests.support.evm import ME, Request, Server, leading_to, serving, telling
from tests.support.evm_ledgers import txn
from tests.support.upstreams import http

OTHERS = [f'0x{number:040x}' for number in range(1, 100)]


@pytest.fixture(scope='module')
def server() -> Iterator[Server]:
    with serving() as state:
        yield state


@pytest.fixture
def upstream(server: Server, stopped_clock: StoppedClock) -> Iterator[Server]:
    with leading_to(server) as led:
        yield led


def world_of(chain: str) -> evm.World:
    """Return a chain on which the address has sent one transaction, and has a token where there are any."""
    held = next((token.contract.lower() for token in currencies.tokens_on(chain) if token.decimals == 6 and token.contract), None)
    tokens = (evm.Transfer(held, evm.STRANGER, ME, 7_000_000),) if held else ()
    number = CHAINS[chain].evm_id or 0
    return evm.World(number, [txn(0, value=3 * evm.ETHER, transfers=tokens), txn(1, sender=ME, gas_price=0, receiver=evm.STRANGER)])


def look(chain: str, *subjects: Subject) -> dict[str, Sight]:
    return dict(bulk_sources_of(chain)[0].look(http(), subjects))


@pytest.mark.parametrize('chain', [code for code, chain in CHAINS.items() if chain.evm_id])
def test_it_shows_what_is_held_and_how_much_was_sent(upstream: Server, chain: str) -> None:
    world = world_of(chain)
    upstream.tell(world)
    token = next((token.code for token in currencies.tokens_on(chain) if (token.contract or '').lower() in world.tokens(ME)), None)
    sights = look(chain, Subject(ME, ('eth-nothing', *([token] if token else [])), None), Subject(OTHERS[0], (), None))
    height = evm_nodes.height(world)
    assert sights[ME] == Sight({chain: Decimal(3)} | ({token: Decimal(7)} if token else {}), '1', height)
    assert sights[OTHERS[0]] == Sight({}, '0', height)


@pytest.mark.parametrize(('chain', 'requests'), [('eth', 4), ('eth-base', 3), ('etc', 5)])
def test_a_hundred_addresses_cost_a_few_requests(upstream: Server, chain: str, requests: int) -> None:
    world = world_of(chain)
    upstream.tell(world)
    height = evm_nodes.height(world)
    assert len(look(chain, *(Subject(address, ('usdc', 'dai'), height - 300) for address in (ME, *OTHERS)))) == 100
    assert len(upstream.requests) == requests
    assert max(len(request.body) for request in upstream.requests) <= 50
    assert all(len(json.dumps(call)) < 100_000 for request in upstream.requests for call in request.body)


def test_a_hundred_addresses_cost_twelve_requests_where_events_are_not_searched(upstream: Server) -> None:
    upstream.answer = answering(world_of('eth'), 'eth_getLogs', None)
    height = evm_nodes.height(world_of('eth'))
    assert len(look('eth', *(Subject(address, ('usdc', 'dai'), height - 300) for address in (ME, *OTHERS)))) == 100
    assert len(upstream.requests) == 12


def moved(upstream: Server, position: int, *more: evm.Transaction) -> bool:
    world = world_of('eth')
    upstream.tell(replace(world, transactions=[*world.transactions, *more]))
    return look('eth', Subject(evm.ADDRESS, ('usdc',), position))[evm.ADDRESS].has_moved


def test_events_are_searched_from_where_a_reorganisation_may_reach(upstream: Server) -> None:
    height = 19_000_000
    at = {'height': height, 'time': CLOCK.now() - 12 * 600}
    to_me, by_me = (evm.Transfer(evm.DAI, *parties, 5) for parties in ((evm.STRANGER, ME), (ME, evm.STRANGER)))
    for transfer in (to_me, by_me):
        moving = txn(2, receiver=evm.DAI, transfers=(transfer,), **at)
        assert moved(upstream, height, moving)
        assert moved(upstream, height + 95, moving)
        assert not moved(upstream, height + 96, moving)
    assert not moved(upstream, height, txn(2, receiver=evm.SPAM, transfers=(to_me._replace(contract=evm.SPAM),), **at))
    assert not moved(upstream, height, txn(2, receiver=evm.DAI, transfers=(to_me._replace(receiver=evm.EXCHANGE),), **at))


def test_a_mark_that_is_too_old_to_search_from_counts_as_a_movement(upstream: Server) -> None:
    height = evm_nodes.height(world_of('eth'))
    assert not moved(upstream, height - 9_000)
    asked = [call for request in upstream.requests for call in request.body if call['method'] == 'eth_getLogs']
    assert [int(call['params'][0]['fromBlock'], 16) for call in asked[::2]] == list(range(height - 9_096, height + 1, 1_000))
    assert int(asked[-1]['params'][0]['toBlock'], 16) == height
    assert moved(upstream, height - 10_000)


def test_an_address_with_a_token_that_tells_no_balance_is_left_out(upstream: Server) -> None:
    upstream.tell(replace(world_of('eth'), broken=frozenset({evm.DAI})))
    assert look('eth', Subject(ME, ('dai',), None), Subject(OTHERS[0], ('usdc',), None)).keys() == {OTHERS[0]}


def answering(world: evm.World, method: str, result: Any) -> Callable[[Request], Answer]:
    """Return a node that answers one kind of question differently."""

    def answer(request: Request) -> Answer:
        rows = json.loads(telling(world, request).body)
        named = {call['id'] for call in request.body if call['method'] == method}
        return as_json([{**row, 'result': result} if row['id'] in named else row for row in rows])

    return answer


@pytest.mark.parametrize(
    ('method', 'result', 'reason'),
    [
        ('eth_chainId', '0x38', 'is a node of another chain'),
        ('eth_getBlockByNumber', {'number': '0x10', 'timestamp': '0x10'}, 'is behind its chain'),
        ('eth_getBlockByNumber', None, 'returned a state of an unexpected shape'),
        ('eth_getTransactionCount', '0x', 'returned a state of an unexpected shape'),
        ('eth_call', '0x', 'returned a state of an unexpected shape'),
        ('eth_call', '0x' + 64 * '0', 'returned a state of an unexpected shape'),
    ],
)
def test_an_answer_that_cannot_be_right_is_none(upstream: Server, method: str, result: Any, reason: str) -> None:
    upstream.answer = answering(world_of('eth'), method, result)
    with pytest.raises(Upstream, match=reason):
        look('eth', Subject(ME, (), 19_000_000))


@pytest.mark.parametrize('result', [{}, [{'topics': []}], None])
def test_where_events_cannot_be_searched_all_balances_are_asked_for(upstream: Server, result: Any) -> None:
    """The position stays, so that a later search goes on from there."""
    world = world_of('eth')
    other = txn(2, receiver=evm.DAI, transfers=(evm.Transfer(evm.DAI, evm.STRANGER, ME, 10**18),))
    upstream.answer = answering(replace(world, transactions=[*world.transactions, other]), 'eth_getLogs', result)
    position = evm_nodes.height(world) - 300
    usdt = next(code for code in look('eth', Subject(ME, (), position))[ME].balances or () if code not in ('eth', 'dai'))
    upstream.requests.clear()
    sights = look('eth', Subject(ME, (usdt,), position), *(Subject(address, (), position) for address in OTHERS[:7]))
    assert sights[ME] == Sight({'eth': Decimal(3), usdt: Decimal(7), 'dai': Decimal(1)}, '1', position)
    assert len(upstream.requests) == 3


def test_what_came_after_a_first_look_without_a_search_is_found_by_a_later_search(upstream: Server) -> None:
    world = world_of('eth')
    upstream.answer = answering(world, 'eth_getLogs', None)
    first = look('eth', Subject(ME, (), None), Subject(OTHERS[0], (), evm_nodes.height(world) - 300))[ME]
    dai = txn(
        2, receiver=evm.DAI, transfers=(evm.Transfer(evm.DAI, evm.STRANGER, ME, 5),), height=evm_nodes.height(world), time=CLOCK.now()
    )
    upstream.tell(replace(world, transactions=[*world.transactions, dai]))
    assert look('eth', Subject(ME, (), first.position))[ME].has_moved


def test_a_node_that_is_asked_too_often_is_not_asked_for_more(upstream: Server) -> None:
    world = world_of('eth')

    def answer(request: Request) -> Answer:
        if any(call['method'] == 'eth_getLogs' for call in request.body):
            return Answer(429, '')
        return telling(world, request)

    upstream.answer = answer
    with pytest.raises(Upstream, match='429'):
        look('eth', Subject(ME, (), evm_nodes.height(world) - 300))
