"""Balances of tokens have a witness that knows nothing of the lists of transfers: a node, asked for all tokens, and daily again."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from chalicelib import clock
from chalicelib.formats import format_instant
from chalicelib.models import Ledger, UpstreamState
from chalicelib.providers.explorers import EXPLORERS
from chalicelib.providers.explorers.json_rpc import JsonRpc
from infra.fake_upstreams import evm
from infra.fake_upstreams.answer import Answer, as_json
from tests.support.api import Api
from tests.support.clock import CLOCK
from tests.support.evm import ME, Request, Server, leading_to, serving, telling
from tests.support.evm_ledgers import FUNDED, PATH, PK, listed, refresh, shown, stored_sums, txn, watch
from tests.support.unforeseen import SAID, noted, surprised

DAY = 86_400
WORLD = evm.World(1, [FUNDED])  # 10 ether and 5 USDC


@pytest.fixture(scope='module')
def server() -> Iterator[Server]:
    with serving() as state:
        yield state


@pytest.fixture
def upstream(server: Server) -> Iterator[Server]:
    with leading_to(server) as led:
        yield led


def rows(api: Api) -> dict[str, tuple[str, bool, str | None]]:
    """Return what the portfolio has of each currency: the balance, whether it is complete, and why it is not."""
    result = api.get('/api/portfolios/1/balances').json_body['result']
    return {row['currency']: (row['balance'], row['complete'], (row.get('missing') or [{}])[0].get('reason')) for row in result}


def read_by(upstream: Server, nodes: Callable[[Request], Answer | None], world: evm.World = WORLD) -> None:
    """Tell a world, but of nodes what `nodes` returns unless that is None."""
    upstream.answer = lambda request: (nodes(request) if request.body else None) or telling(world, request)


def asked_of_nodes(upstream: Server) -> list[int]:
    """Return of how many tokens each request to a node asked; those that are called in one are counted, too."""
    calls = [question['params'][0]['data'] for request in upstream.requests if request.body for question in request.body[:1]]
    sizes = [len(request.body) for request in upstream.requests if request.body]
    return [int(data[74:138], 16) if data.startswith('0x82ad56cb') else size for data, size in zip(calls, sizes, strict=True)]


def test_a_token_that_came_without_an_event_is_held_and_what_is_missing_is_told(api: Api, upstream: Server) -> None:
    upstream.tell(replace(WORLD, grown={(evm.DAI, ME): 3 * 10**18}))
    watch(api)
    for _ in range(3):
        assert refresh()
    assert rows(api) == {
        'dai': ('3.0', False, 'transactions_missing'),
        'eth': ('10.0', True, None),
        'usd': ('0.0', True, None),
        'usdc': ('5.0', True, None),
    }
    ledger = Ledger.find(PK)
    assert ledger is not None
    assert [(gap.currency, gap.difference) for gap in ledger.gaps] == [('dai', Decimal(3))]


def test_a_contract_that_fails_costs_its_own_token_alone(api: Api, upstream: Server) -> None:
    upstream.tell(replace(WORLD, broken=frozenset({evm.DAI})))
    watch(api)
    assert refresh()
    assert rows(api) == {
        'dai': ('0.0', False, 'balance_unreadable'),
        'eth': ('10.0', True, None),
        'usd': ('0.0', True, None),
        'usdc': ('5.0', True, None),
    }


def test_a_contract_that_works_again_is_asked_at_the_next_refresh(api: Api, upstream: Server) -> None:
    upstream.tell(replace(WORLD, broken=frozenset({evm.DAI})))
    watch(api)
    assert refresh()
    upstream.tell(WORLD)
    assert refresh()
    assert shown(api) == ({'eth': '10.0', 'usdc': '5.0'}, True)


def test_where_no_node_answers_tokens_are_unconfirmed_and_the_coin_is_complete(api: Api, upstream: Server) -> None:
    read_by(upstream, lambda _: Answer(500, ''))
    watch(api)
    assert refresh()
    assert rows(api) == {
        'eth': ('10.0', True, None),
        'usd': ('0.0', True, None),
        'usdc': ('5.0', False, 'token_balances_unconfirmed'),
    }
    assert api.get(f'{PATH}/balances').json_body['reason'] == 'token_balances_unconfirmed'
    assert api.get('/api/portfolios/1/balances/dai').json_body['result']['complete'] is False
    assert api.get('/api/portfolios/1/balances/btc').json_body['result']['complete'] is True


def test_a_node_that_answers_again_confirms_them(api: Api, upstream: Server) -> None:
    read_by(upstream, lambda _: Answer(500, ''))
    watch(api)
    assert refresh()
    upstream.tell(WORLD)
    for key in ('publicnode', 'drpc', 'merkle'):
        UpstreamState.at(key).update([UpstreamState.kind.set(UpstreamState), UpstreamState.open_until.set(0)])
    assert refresh()
    assert shown(api) == ({'eth': '10.0', 'usdc': '5.0'}, True)


def test_the_next_node_is_asked_where_one_fails(api: Api, upstream: Server) -> None:
    read_by(upstream, lambda request: Answer(500, '') if request.upstream == 'publicnode' else None)
    watch(api)
    assert refresh()
    assert shown(api) == ({'eth': '10.0', 'usdc': '5.0'}, True)
    assert {request.upstream for request in upstream.requests if request.body} == {'publicnode', 'drpc'}


def test_the_next_node_is_asked_where_one_fails_in_a_way_that_nobody_foresaw(
    api: Api, upstream: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream.tell(WORLD)
    first = next(one for one in EXPLORERS['eth'] if isinstance(one, JsonRpc))
    changed = tuple(surprised(one, 'token_balances') if one is first else one for one in EXPLORERS['eth'])
    monkeypatch.setitem(EXPLORERS, 'eth', changed)
    watch(api)
    assert refresh()
    assert shown(api) == ({'eth': '10.0', 'usdc': '5.0'}, True)
    assert noted(first.endpoint.key) == SAID


def test_all_tokens_are_asked_for_at_first_and_a_day_later_and_those_held_in_between(api: Api, upstream: Server) -> None:
    upstream.tell(WORLD)
    watch(api)
    told = []
    for wait in (0, DAY // 2, DAY // 2, 3_600):
        CLOCK.advance(wait)
        upstream.requests.clear()
        assert refresh()
        told.append([number > 300 for number in asked_of_nodes(upstream)])
    assert told == [[True], [False], [True], [False]]


def test_a_token_that_came_without_an_event_is_found_within_a_day(api: Api, upstream: Server) -> None:
    upstream.tell(WORLD)
    watch(api)
    assert refresh()
    upstream.tell(replace(WORLD, grown={(evm.DAI, ME): 10**18}))
    CLOCK.advance(DAY)
    assert refresh()
    assert rows(api)['dai'] == ('1.0', False, 'transactions_missing')
    assert rows(api)['usdc'] == ('5.0', True, None)


def test_a_token_that_was_held_once_is_asked_for_again_with_whatever_is_new(api: Api, upstream: Server) -> None:
    there, back = evm.Transfer(evm.DAI, evm.STRANGER, ME, 5), evm.Transfer(evm.DAI, ME, evm.STRANGER, 5)
    old = [FUNDED, txn(1, transfers=(there,)), txn(2, transfers=(back,)), *(txn(400 * n, value=1) for n in range(1, 4))]
    upstream.tell(evm.World(1, old))
    watch(api)
    assert refresh()
    upstream.answer = lambda request: telling(later, request)
    later = evm.World(1, [*old, txn(2_000, value=1)], grown={(evm.DAI, ME): 10**18})
    assert refresh()
    assert shown(api)[0]['dai'] == '1.0'


def test_an_address_that_holds_no_token_costs_no_request_to_a_node_until_the_next_day(api: Api, upstream: Server) -> None:
    upstream.tell(evm.World(1, [txn(0, value=5)]))
    watch(api)
    assert refresh()
    upstream.requests.clear()
    assert refresh()
    assert asked_of_nodes(upstream) == []


def test_coins_put_into_a_contract_like_weth9_are_as_many_tokens(api: Api, upstream: Server) -> None:
    put = txn(1, sender=ME, receiver=evm.WETH, value=evm.ETHER, gas_price=0, wrappings=(evm.Wrapping(evm.WETH, ME, evm.ETHER),))
    upstream.tell(evm.World(1, [FUNDED, put]))
    watch(api)
    assert refresh()
    assert shown(api) == ({'eth': '9.0', 'usdc': '5.0', 'weth': '1.0'}, True)
    moved = {(row['currency']['code'], row['delta'], row['fee']) for row in listed(api) if row['reference'] == put.hash}
    assert moved == {('eth', '-1.0', '0.0'), ('weth', '1.0', '0.0')}


def test_a_token_whose_balance_moves_by_itself_is_what_it_is_now_and_marks_nothing(api: Api, upstream: Server) -> None:
    got = txn(1, transfers=(evm.Transfer(evm.STETH, evm.EXCHANGE, ME, evm.ETHER),))
    world = evm.World(1, [FUNDED, got])
    upstream.tell(world)
    watch(api)
    assert refresh()
    for grown in (10**16, 2 * 10**16):
        upstream.tell(replace(world, grown={(evm.STETH, ME): grown}))
        upstream.requests.clear()
        assert refresh()
        assert upstream.count('txlist') == 2  # its own and that of inner calls: no second reading, no download
    assert shown(api) == ({'eth': '10.0', 'usdc': '5.0', 'steth': '1.02'}, True)
    assert stored_sums() == {'eth': Decimal(10), 'usdc': Decimal(5), 'steth': Decimal(1)}


def then(api: Api, at: int) -> tuple[str, bool]:
    """Return what the portfolio held of stETH at an instant, and whether that is complete."""
    row: dict[str, Any] = api.get(f'/api/portfolios/1/balances/steth?at={format_instant(at)[:19]}Z').json_body['result']
    return row['balance'], row['complete']


def test_the_past_of_a_token_whose_balance_moves_by_itself_is_what_was_observed(api: Api, upstream: Server) -> None:
    now = clock.now()
    got = txn(1, time=now - 50 * DAY, transfers=(evm.Transfer(evm.STETH, evm.EXCHANGE, ME, evm.ETHER),))
    world = evm.World(1, [FUNDED, got], grown={(evm.STETH, ME): 10**16})
    upstream.tell(world)
    watch(api)
    assert refresh()
    CLOCK.advance(2 * DAY)
    upstream.tell(replace(world, grown={(evm.STETH, ME): 3 * 10**16}))
    assert refresh()
    assert then(api, now - 51 * DAY) == ('0.0', True)
    assert then(api, now - 49 * DAY) == ('1.0', False)
    assert then(api, now + 60) == ('1.01', True)
    assert then(api, now + 2 * DAY) == ('1.03', True)
    assert rows(api)['eth'] == ('10.0', True, None)


def test_a_fee_that_the_explorer_does_not_tell_is_told_by_the_receipt(api: Api, upstream: Server) -> None:
    funded = txn(0, time=1_700_000_000, value=evm.ETHER)
    paid = txn(1, time=1_700_000_012, sender=ME, receiver=evm.STRANGER, value=7, gas_used=21_000, gas_price=10, l1_fee=23_100_000)
    world = evm.World(8453, [funded, paid])

    def answer(request: Request) -> Answer:
        told = telling(world, request)
        return replace(told, body=told.body.replace('L1FeesPaid', 'unknown'))

    upstream.answer = answer
    watch(api, 'eth-base')
    assert refresh(f'LEDGER#eth-base#{evm.ADDRESS}')
    [outgoing] = [row for row in listed(api) if row['reference'] == paid.hash]
    assert outgoing['fee'] == '0.00000000002331'
    assert outgoing['delta'] == '-0.000000000023310007'
    assert shown(api) == ({'eth-base': '0.999999999976689993'}, True)


def test_what_a_reverted_call_paid_was_not_paid_at_first_and_when_it_is_new(api: Api, upstream: Server) -> None:
    old = txn(1, receiver=evm.CONTRACT, inner=(evm.Inner(evm.CONTRACT, ME, 5 * evm.ETHER, undone=True, trace='0_1_0'),))
    upstream.tell(evm.World(1, [FUNDED, old]))
    watch(api)
    assert refresh()
    new = txn(900, receiver=evm.CONTRACT, inner=(evm.Inner(evm.CONTRACT, ME, 3 * evm.ETHER, undone=True, trace='0_1_0'),))
    upstream.tell(evm.World(1, [FUNDED, old, new]))
    for _ in range(2):
        upstream.requests.clear()
        assert refresh()
        assert upstream.count('txlist') == 2
        assert shown(api) == ({'eth': '10.0', 'usdc': '5.0'}, True)
        assert {row['reference'] for row in listed(api)} == {FUNDED.hash}


def test_what_a_transaction_paid_for_blobs_is_told_by_its_receipt(api: Api, upstream: Server) -> None:
    """Its row tells of gas alone."""
    paid = txn(1, sender=ME, receiver=evm.STRANGER, value=7, gas_used=21_000, gas_price=10, blob_fee=131_072)
    plain = txn(2, sender=ME, receiver=evm.STRANGER, gas_used=21_000, gas_price=10)
    upstream.tell(evm.World(1, [FUNDED, paid, plain]))
    watch(api)
    for _ in range(2):
        upstream.requests.clear()
        assert refresh()
        assert upstream.count('txlist') == 2
        assert shown(api) == ({'eth': '9.999999999999448921', 'usdc': '5.0'}, True)
        fees = {row['reference']: (row['fee'], row['delta']) for row in listed(api) if row['currency']['code'] == 'eth'}
        assert fees[paid.hash] == ('0.000000000000341072', '-0.000000000000341079')
        assert fees[plain.hash] == ('0.00000000000021', '-0.00000000000021')


def test_a_fee_that_nobody_tells_is_unknown_and_its_coin_incomplete(api: Api, upstream: Server) -> None:
    funded = txn(0, time=1_700_000_000, value=evm.ETHER)
    paid = txn(1, time=1_700_000_012, sender=ME, receiver=evm.STRANGER, value=7, gas_used=21_000, gas_price=10, l1_fee=23_100_000)
    world = evm.World(8453, [funded, paid])

    def answer(request: Request) -> Answer:
        told = Answer(500, '') if request.body else telling(world, request)
        return replace(told, body=told.body.replace('L1FeesPaid', 'unknown'))

    upstream.answer = answer
    watch(api, 'eth-base')
    for _ in range(2):
        assert refresh(f'LEDGER#eth-base#{evm.ADDRESS}')
    assert [(row['fee'], row['delta']) for row in listed(api) if row['reference'] == paid.hash] == [(None, '-0.000000000000000007')]
    assert rows(api)['eth-base'] == ('0.999999999976689993', False, 'transactions_missing')


def test_a_row_that_cannot_be_read_is_named_and_costs_nothing_else(api: Api, upstream: Server) -> None:
    def answer(request: Request) -> Answer:
        true = telling(world, request)
        if request.action != 'txlist':
            return true
        body = json.loads(true.body)
        body['result'][0]['value'] = 'NaN'
        return as_json(body)

    paid = txn(1, value=2 * evm.ETHER)
    world = evm.World(1, [FUNDED, paid])
    upstream.answer = answer
    watch(api)

    assert refresh()

    assert rows(api) == {
        'eth': ('12.0', False, 'transactions_unreadable'),
        'usd': ('0.0', True, None),
        'usdc': ('5.0', True, None),
    }
    [unreadable] = api.get(f'{PATH}/transactions').json_body['unreadable']
    assert (unreadable['currency']['code'], unreadable['reference']) == ('eth', paid.hash)
    assert {row['currency']['code']: row['delta'] for row in listed(api)} == {'eth': '10.0', 'usdc': '5.0'}
