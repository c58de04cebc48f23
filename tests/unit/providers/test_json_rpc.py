"""Nodes: what they say is held, exactly, and every way in which they do not say it."""

import json
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.domain import currencies
from chalicelib.domain.ledgers import Holding
from chalicelib.errors import Upstream
from chalicelib.providers.explorers import EXPLORERS
from infra.fake_upstreams import evm
from infra.fake_upstreams.answer import Answer, as_json
from tests.support.recordings import recorded
from tests.unit.providers.evm import ME, Request, Server, balances, explorer_of, generated, leading_to, read, serving, telling, truth

NODE = explorer_of('eth', 'publicnode')
WORLD = evm.World(1, [evm.Transaction('0x' + 'ab' * 32, 1, 1, evm.STRANGER, ME, 5)])


@pytest.fixture(scope='module')
def server() -> Iterator[Server]:
    with serving() as state:
        yield state


@pytest.fixture
def upstream(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with leading_to(server, monkeypatch) as led:
        yield led


def fails() -> Upstream:
    with pytest.raises(Upstream) as caught:
        read(NODE, ME)
    return caught.value


def changing(upstream: Server, number: int, change: dict[str, Any]) -> None:
    """Change the answer to one of the questions of each request that has so many."""

    def answer(request: Request) -> Answer:
        rows = json.loads(telling(WORLD, request).body)
        rows[number : number + 1] = [{'jsonrpc': '2.0', 'id': number} | change] if number < len(rows) else []
        return as_json(rows)

    upstream.answer = answer


@pytest.mark.parametrize('seed', range(5))
@pytest.mark.parametrize('key', ['publicnode', 'merkle'])
def test_the_coin_and_every_token_of_the_catalogue_are_told_exactly(upstream: Server, key: str, seed: int) -> None:
    world = generated(seed, 60, rewards=True)
    upstream.tell(world)
    holdings, entries = read(explorer_of('eth', key), ME)
    assert balances(holdings) == truth(world)
    assert entries == []
    assert {(row.sent, row.received, row.transactions) for row in holdings.values()} == {(None, None, None)}


def test_all_tokens_of_the_catalogue_are_asked_about_in_few_requests(upstream: Server) -> None:
    upstream.tell(WORLD)
    read(NODE, ME)
    asked = {question['params'][0]['to'] for request in upstream.requests for question in request.body if question['method'] == 'eth_call'}
    assert asked == {str(token.contract).lower() for token in currencies.of_kind('token')}
    assert len(upstream.requests) == -(-(len(asked) + 2) // 50)


@pytest.mark.parametrize(
    ('chain', 'key', 'number'),
    [
        ('etc', 'rivet', 61),
        ('pol', 'publicnode_pol', 137),
        ('bnb', 'publicnode_bnb', 56),
        ('avax', 'publicnode_avax', 43114),
    ],
)
def test_other_chains_have_no_tokens_and_take_one_request(upstream: Server, chain: str, key: str, number: int) -> None:
    upstream.tell(replace(WORLD, chain_id=number))
    assert read(explorer_of(chain, key), ME)[0] == {chain: Holding(chain, Decimal('0.000000000000000005'), None, None, None)}
    assert len(upstream.requests) == 1


def test_nodes_list_no_transactions_and_are_the_last_to_be_asked() -> None:
    for explorers in (EXPLORERS['eth'], EXPLORERS['etc'], EXPLORERS['pol'], EXPLORERS['bnb'], EXPLORERS['avax']):
        lists = [explorer.info.lists_transactions for explorer in explorers]
        assert lists == sorted(lists, reverse=True)
        assert lists[-1] is False


def test_a_node_of_another_chain_is_not_believed(upstream: Server) -> None:
    upstream.tell(replace(WORLD, chain_id=5))
    assert fails().reason == 'is a node of another chain'


def test_answers_may_come_in_any_order(upstream: Server) -> None:
    upstream.answer = lambda request: as_json(json.loads(telling(WORLD, request).body)[::-1])
    assert balances(read(NODE, ME)[0]) == {'eth': Decimal('0.000000000000000005')}


def test_the_largest_amount_there_can_be_is_exact(upstream: Server) -> None:
    most = 2**256 - 1
    tokens = (evm.Transfer(evm.USDC, evm.STRANGER, ME, most),)
    upstream.tell(evm.World(1, [WORLD.transactions[0]._replace(transfers=tokens)]))
    assert read(NODE, ME)[0]['usdc'].balance.as_tuple().digits == Decimal(most).as_tuple().digits


@pytest.mark.parametrize(('name', 'number'), [('eth_getBalance', 1), ('eth_call_balanceOf_DAI', 2)])
def test_recorded_answers_are_quantities(upstream: Server, name: str, number: int) -> None:
    result = recorded(f'ethereum_rpc/{name}.json')['result']
    changing(upstream, number, {'result': result})
    found = balances(read(NODE, ME)[0]).values()
    assert Decimal(int(result, 16)).scaleb(-18) in found


@pytest.mark.parametrize(
    ('error', 'throttled'),
    [
        ({'code': -32005, 'message': 'too fast'}, True),
        ({'code': 429, 'message': 'Too Many Requests'}, True),
        ({'code': -32000, 'message': 'rate limit reached'}, True),
        ({'code': 3, 'message': 'execution reverted', 'data': '0x08c379a0'}, False),
        ({'code': -32602, 'message': 'invalid argument 0'}, False),
        ({'code': -32601, 'message': 'the method does not exist'}, False),
    ],
)
@pytest.mark.parametrize('number', [0, 1, 49])
def test_an_error_among_the_answers_is_a_failure(upstream: Server, number: int, error: Any, throttled: bool) -> None:
    changing(upstream, number, {'error': error})
    assert (fails().throttled, fails().reason) == (throttled, 'rate-limits us' if throttled else 'returned an error')


def test_one_error_for_a_whole_batch_is_a_failure(upstream: Server) -> None:
    upstream.say({'jsonrpc': '2.0', 'id': None, 'error': {'code': -32600, 'message': 'batch limit exceeded'}})
    assert fails().throttled is True


@pytest.mark.parametrize('result', [None, '', '5', '0x', '0xzz', '0x' + 'f' * 65, 5, '-0x1', []])
@pytest.mark.parametrize('number', [1, 30])
def test_what_is_no_quantity_is_a_failure_but_for_tokens_without_a_contract(upstream: Server, number: int, result: Any) -> None:
    changing(upstream, number, {'result': result})
    if (number, result) == (30, '0x'):
        assert balances(read(NODE, ME)[0]) == {'eth': Decimal('0.000000000000000005')}
    else:
        assert 'unexpected shape' in fails().reason


@pytest.mark.parametrize(
    'body', ['<html>Sorry</html>', '', '[', '[]', '{}', '"x"', 'null', '[1]', '[{"id":0,"result":"0x1"}]', '[{"error":"no"}]']
)
def test_what_is_no_batch_is_a_failure(upstream: Server, body: str) -> None:
    upstream.say(body)
    assert ME not in str(fails())


@pytest.mark.parametrize('status', [400, 404, 413, 429, 500])
def test_another_status_is_a_failure(upstream: Server, status: int) -> None:
    upstream.answer = lambda request: Answer(status, '[]')
    assert (fails().reason, fails().throttled) == (f'returned {status}', status == 429)
