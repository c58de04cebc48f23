"""Nodes: what they say is held, exactly, and every way in which they do not say it."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.domain import currencies
from chalicelib.domain.ledgers import Holding, Unreadable
from chalicelib.errors import Upstream
from chalicelib.providers.explorers.evm_chains import EVM_EXPLORERS
from chalicelib.providers.explorers.json_rpc import JsonRpc
from infra.fake_upstreams import evm, evm_nodes
from infra.fake_upstreams.answer import Answer, as_json
from tests.support.evm import (
    ME,
    Request,
    Server,
    balances,
    generated,
    leading_to,
    read,
    serving,
    telling,
    truth,
)
from tests.support.recordings import recorded
from tests.support.upstreams import explorer_of, http

NODE = explorer_of('eth', 'publicnode')
WORLD = evm.World(1, [evm.Transaction('0x' + 'ab' * 32, 1, 1, evm.STRANGER, ME, 5)])


@pytest.fixture(scope='module')
def server() -> Iterator[Server]:
    with serving() as state:
        yield state


@pytest.fixture
def upstream(server: Server) -> Iterator[Server]:
    with leading_to(server) as led:
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


def called(request: Request) -> str:
    """Return which contract the first question of a request is for, an empty text if it is for none."""
    question = request.body[0]
    return str(question['params'][0]['to']) if question['method'] == 'eth_call' else ''


def aggregated(request: Request) -> int:
    """Return how many calls a request puts into one, 0 if it does not."""
    return int(request.body[0]['params'][0]['data'][74:138], 16) if called(request) == evm_nodes.MULTICALL else 0


def refusing(upstream: Server, world: evm.World, refuses: Callable[[Request], Any]) -> None:
    """Answer each question of a request with what `refuses` returns for it, unless that is None."""

    def answer(request: Request) -> Answer:
        instead = refuses(request)
        if instead is None:
            return telling(world, request)
        return as_json([{'jsonrpc': '2.0', 'id': question['id'], **instead} for question in request.body])

    upstream.answer = answer


OUT_OF_GAS = {'error': {'code': -32000, 'message': 'out of gas'}}
HOLDING = evm.World(1, [WORLD.transactions[0]._replace(transfers=(evm.Transfer(evm.USDC, evm.STRANGER, ME, 5_000_000),))])
HELD = {'eth': Decimal('0.000000000000000005'), 'usdc': Decimal(5)}


@pytest.mark.parametrize('seed', range(5))
@pytest.mark.parametrize('key', ['publicnode', 'merkle'])
def test_the_coin_and_every_token_of_the_catalogue_are_told_exactly(upstream: Server, key: str, seed: int) -> None:
    world = generated(seed, 60, rewards=True)
    upstream.tell(world)
    holdings, entries = read(explorer_of('eth', key), ME)
    assert balances(holdings) == truth(world)
    assert entries == []
    assert {(row.sent, row.received, row.transactions) for row in holdings.values()} == {(None, None, None)}


def test_all_tokens_of_the_catalogue_are_asked_about_in_one_call(upstream: Server) -> None:
    upstream.tell(HOLDING)
    assert balances(read(NODE, ME)[0]) == HELD
    assert [aggregated(request) for request in upstream.requests] == [0, len(currencies.tokens_on('eth'))]
    asked = upstream.requests[1].body[0]['params'][0]['data']
    assert all(str(token.contract)[2:].lower() in asked for token in currencies.tokens_on('eth'))


@pytest.mark.parametrize('limit', [25, 50, 100, 200])
def test_a_call_that_is_too_much_for_a_node_is_made_in_halves(upstream: Server, limit: int) -> None:
    refusing(upstream, HOLDING, lambda request: OUT_OF_GAS if aggregated(request) > limit else None)
    assert balances(read(NODE, ME)[0]) == HELD
    assert len(upstream.requests) <= 20


@pytest.mark.parametrize('answer', [OUT_OF_GAS, {'result': '0x'}])
def test_where_nothing_aggregates_tokens_are_asked_about_one_by_one(upstream: Server, answer: Any) -> None:
    refusing(upstream, HOLDING, lambda request: answer if aggregated(request) else None)
    assert balances(read(NODE, ME)[0]) == HELD
    assert len(upstream.requests) <= 20


@pytest.mark.parametrize('aggregates', [True, False])
def test_a_token_that_tells_no_balance_is_unreadable_and_the_others_are_told(upstream: Server, aggregates: bool) -> None:
    world = replace(HOLDING, broken=frozenset({evm.DAI}))
    refusing(upstream, world, lambda request: OUT_OF_GAS if aggregated(request) and not aggregates else None)
    report = NODE.read(http(), ME)
    assert {held.currency: held.balance for held in report.holdings} == HELD
    assert report.unreadable == [Unreadable('dai', '0x6B175474E89094C44Da98b954EedeAC495271d0F', 'the contract tells no balance')]


@pytest.mark.parametrize('returned', ['', '00' * 31])
def test_a_token_that_returns_less_than_a_number_is_unreadable(upstream: Server, returned: str) -> None:
    def answer(request: Request) -> Answer:
        if called(request) == evm_nodes.MULTICALL:
            return as_json([{'jsonrpc': '2.0', 'id': 0, **OUT_OF_GAS}])
        rows = json.loads(telling(HOLDING, request).body)
        for question, row in zip(request.body, rows, strict=True):
            if question['method'] == 'eth_call' and question['params'][0]['to'].lower() == evm.DAI:
                row['result'] = '0x' + returned
        return as_json(rows)

    upstream.answer = answer
    report = NODE.read(http(), ME)
    assert {held.currency: held.balance for held in report.holdings} == HELD
    assert [unreadable.currency for unreadable in report.unreadable] == ['dai']


@pytest.mark.parametrize('cut', [1, 64, 640, 20_000])
def test_an_answer_that_is_cut_off_is_a_failure(upstream: Server, cut: int) -> None:
    def answer(request: Request) -> Answer:
        rows = json.loads(telling(HOLDING, request).body)
        return as_json([row | {'result': row['result'][:-cut]} if aggregated(request) else row for row in rows])

    upstream.answer = answer
    assert 'unexpected shape' in fails().reason


@pytest.mark.parametrize(
    ('chain', 'key', 'number'),
    [
        ('etc', 'rivet', 61),
        ('pol', 'publicnode_pol', 137),
        ('bnb', 'publicnode_bnb', 56),
        ('avax', 'avalanche', 43114),
        ('eth-arbitrum', 'arbitrum', 42161),
        ('eth-optimism', 'optimism', 10),
        ('eth-base', 'base', 8453),
    ],
)
def test_other_chains_are_asked_about_their_own_tokens(upstream: Server, chain: str, key: str, number: int) -> None:
    upstream.tell(replace(HOLDING, chain_id=number))
    assert read(explorer_of(chain, key), ME)[0] == {chain: Holding(chain, Decimal('0.000000000000000005'), None, None, None)}
    asked = [question['params'][0]['to'].lower() for request in upstream.requests[1:] for question in request.body]
    assert sorted(asked) == sorted(str(token.contract).lower() for token in currencies.tokens_on(chain))


@pytest.mark.parametrize(
    ('chain', 'key', 'change', 'wei'),
    [
        ('eth', 'publicnode', {}, 42_000),
        ('eth', 'publicnode', {'blob_fee': 131_072}, 173_072),
        ('eth-optimism', 'optimism', {'l1_fee': 23_100_000}, 23_142_000),
    ],
)
def test_a_receipt_tells_all_that_a_transaction_cost(upstream: Server, chain: str, key: str, change: dict[str, Any], wei: int) -> None:
    paid = WORLD.transactions[0]._replace(gas_used=21_000, gas_price=2, **change)
    upstream.tell(evm.World(1, [paid]))
    node = explorer_of(chain, key)
    assert isinstance(node, JsonRpc)
    assert node.fees(http(), [paid.hash, '0x' + 'cd' * 32]) == {paid.hash: Decimal(wei).scaleb(-18)}


def test_the_operator_of_a_rollup_is_paid_by_the_gas_and_by_the_transaction(upstream: Server) -> None:
    receipt = {
        'gasUsed': '0x5208',
        'effectiveGasPrice': '0x0',
        'operatorFeeScalar': '0xf4240',
        'operatorFeeConstant': '0x7',
        'l1Fee': '0x1',
    }
    upstream.say([{'jsonrpc': '2.0', 'id': 0, 'result': receipt}])
    node = explorer_of('eth-base', 'base')
    assert isinstance(node, JsonRpc)
    assert node.fees(http(), ['0x' + 'ab' * 32]) == {'0x' + 'ab' * 32: Decimal(21_000 + 7 + 1).scaleb(-18)}


def test_nodes_list_no_transactions_and_are_the_last_to_be_asked() -> None:
    for explorers in EVM_EXPLORERS.values():
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


def test_a_recorded_balance_of_the_coin_is_a_quantity(upstream: Server) -> None:
    result = recorded('ethereum_rpc/eth_getBalance.json')['result']
    refusing(upstream, WORLD, lambda request: None)
    changing(upstream, 1, {'result': result})
    assert read(NODE, ME)[0]['eth'].balance == Decimal(int(result, 16)).scaleb(-18)


def test_a_recorded_balance_of_a_token_is_read(upstream: Server) -> None:
    result = recorded('ethereum_rpc/eth_call_balanceOf_DAI.json')['result']
    refusing(upstream, WORLD, lambda request: {'result': result} if called(request).lower() == evm.DAI else None)
    [held] = NODE.token_balances(http(), ME, ['dai']).holdings if isinstance(NODE, JsonRpc) else []
    assert held.balance == Decimal(int(result, 16)).scaleb(-18)


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
@pytest.mark.parametrize('number', [0, 1])
def test_an_error_among_the_answers_is_a_failure(upstream: Server, number: int, error: Any, throttled: bool) -> None:
    changing(upstream, number, {'error': error})
    assert (fails().throttled, fails().reason) == (throttled, 'rate-limits us' if throttled else 'returned an error')


def test_a_node_that_calls_no_contract_at_all_has_failed(upstream: Server) -> None:
    refusing(upstream, WORLD, lambda request: OUT_OF_GAS if called(request) else None)
    assert fails().reason == 'returned an error'


def test_one_error_for_a_whole_batch_is_a_failure(upstream: Server) -> None:
    upstream.say({'jsonrpc': '2.0', 'id': None, 'error': {'code': -32600, 'message': 'batch limit exceeded'}})
    assert fails().throttled is True


@pytest.mark.parametrize('result', [None, '', '5', '0x', '0xzz', '0x' + 'f' * 65, 5, '-0x1', []])
def test_what_is_no_quantity_is_a_failure(upstream: Server, result: Any) -> None:
    changing(upstream, 1, {'result': result})
    assert 'unexpected shape' in fails().reason


@pytest.mark.parametrize('result', [None, '', '5', '0xzz', '0x1', 5, '-0x1', [], '0x' + '00' * 32, '0x' + 'ff' * 64])
def test_what_is_no_answer_of_many_calls_is_a_failure(upstream: Server, result: Any) -> None:
    refusing(upstream, WORLD, lambda request: {'result': result} if aggregated(request) else None)
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
