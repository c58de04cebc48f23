"""Ethereum with its tokens, and chains like it, through the refresh job: whole ledgers of several currencies, exact."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from chalicelib.models import Ledger, UpstreamState
from infra.fake_upstreams import evm
from infra.fake_upstreams.answer import Answer
from tests.support.api import Api
from tests.support.clock import CLOCK
from tests.support.evm import ME, Request, Server, generated, leading_to, serving, telling, truth
from tests.support.evm_ledgers import FUNDED, PATH, PK, listed, refresh, shown, stored_sums, txn, watch


@pytest.fixture(scope='module')
def server() -> Iterator[Server]:
    with serving() as state:
        yield state


@pytest.fixture
def upstream(server: Server) -> Iterator[Server]:
    with leading_to(server) as led:
        yield led


@pytest.mark.parametrize('seed', range(3))
def test_a_ledger_of_several_currencies_is_whole(api: Api, upstream: Server, seed: int) -> None:
    world = generated(seed, 300, rewards=True)
    upstream.tell(world)
    watch(api)
    assert refresh()
    ledger = Ledger.find(PK)
    assert ledger is not None
    assert (ledger.source, ledger.incomplete, ledger.last_error) == ('etherscan', None, None)
    assert {held.currency: held.balance for held in ledger.holdings} == truth(world) == stored_sums()


def test_what_is_new_is_added_and_costs_one_request_for_each_list(api: Api, upstream: Server) -> None:
    world = generated(7, 300, rewards=False)
    upstream.tell(world)
    watch(api)
    assert refresh()
    height = world.transactions[-1].height + 3
    more = txn(1, height=height, sender=ME, receiver=evm.USDC, transfers=(evm.Transfer(evm.USDC, ME, evm.STRANGER, 17),))
    world = replace(world, transactions=[*world.transactions, more])
    upstream.tell(world)
    upstream.requests.clear()
    assert refresh()
    assert shown(api)[1] is True
    assert stored_sums() == truth(world)
    lists = ['txlist', 'txlistinternal', 'tokentx', 'txsBeaconWithdrawal', 'getminedblocks']
    assert [request.action for request in upstream.requests] == ['', 'balance', *lists]


def test_a_reorganised_transaction_is_taken_back(api: Api, upstream: Server) -> None:
    world = generated(8, 200, rewards=False)
    upstream.tell(world)
    watch(api)
    assert refresh()
    world = replace(world, transactions=world.transactions[:-3])
    upstream.tell(world)
    assert refresh()
    assert stored_sums() == truth(world)
    assert shown(api)[1] is True


def test_amounts_with_eighteen_decimals_are_shown_to_the_last(api: Api, upstream: Server) -> None:
    upstream.tell(evm.World(1, [txn(1, value=123_456_789_012_345_678_901_234_567)]))
    watch(api)
    assert refresh()
    assert shown(api) == ({'eth': '123456789.012345678901234567'}, True)
    assert [(row['delta'], row['fee']) for row in listed(api)] == [('123456789.012345678901234567', '0.0')]


def test_the_largest_amount_there_can_be_is_kept(api: Api, upstream: Server) -> None:
    most = evm.Transfer(evm.DAI, evm.STRANGER, ME, 2**256 - 1)
    upstream.tell(evm.World(1, [txn(1, transfers=(most,))]))
    watch(api)
    assert refresh()
    amount = '115792089237316195423570985008687907853269984665640564039457.584007913129639935'
    assert shown(api) == ({'eth': '0.0', 'dai': amount}, True)
    assert amount in [row['delta'] for row in listed(api)]


def test_a_failed_transaction_costs_its_gas(api: Api, upstream: Server) -> None:
    failed = txn(1, sender=ME, receiver=evm.CONTRACT, value=evm.ETHER, gas_used=50_000, gas_price=10**9, failed=True)
    upstream.tell(evm.World(1, [FUNDED, failed]))
    watch(api)
    assert refresh()
    assert shown(api) == ({'eth': '9.99995', 'usdc': '5.0'}, True)
    assert [(row['delta'], row['fee']) for row in listed(api) if row['reference'] == failed.hash] == [('-0.00005', '0.00005')]


def test_what_a_contract_pays_is_income_without_a_fee(api: Api, upstream: Server) -> None:
    paid = txn(1, receiver=evm.CONTRACT, inner=(evm.Inner(evm.CONTRACT, ME, 7 * evm.ETHER),))
    upstream.tell(evm.World(1, [paid]))
    watch(api)
    assert refresh()
    assert shown(api) == ({'eth': '7.0'}, True)
    assert [(row['delta'], row['fee']) for row in listed(api)] == [('7.0', '0.0')]


def test_several_tokens_of_one_transaction_are_rows_of_their_own(api: Api, upstream: Server) -> None:
    swap = (evm.Transfer(evm.USDC, ME, evm.CONTRACT, 2_000_000), evm.Transfer(evm.DAI, evm.CONTRACT, ME, 1_999 * 10**15))
    swapped = txn(1, sender=ME, receiver=evm.CONTRACT, gas_used=100_000, gas_price=10**9, transfers=swap)
    upstream.tell(evm.World(1, [FUNDED, swapped]))
    watch(api)
    assert refresh()
    rows = {row['currency']['code']: (row['delta'], row['fee']) for row in listed(api) if row['reference'] == swapped.hash}
    assert rows == {'eth': ('-0.0001', '0.0001'), 'usdc': ('-2.0', '0.0'), 'dai': ('1.999', '0.0')}
    assert shown(api) == ({'eth': '9.9999', 'usdc': '3.0', 'dai': '1.999'}, True)


def test_a_token_that_is_no_longer_held_is_no_longer_shown(api: Api, upstream: Server) -> None:
    upstream.tell(evm.World(1, [FUNDED]))
    watch(api)
    assert refresh()
    gone = txn(200, sender=ME, receiver=evm.USDC, gas_price=0, transfers=(evm.Transfer(evm.USDC, ME, evm.STRANGER, 5_000_000),))
    upstream.tell(evm.World(1, [FUNDED, gone]))
    assert refresh()
    assert shown(api) == ({'eth': '10.0'}, True)
    back = txn(400, receiver=evm.USDC, transfers=(evm.Transfer(evm.USDC, evm.STRANGER, ME, 1),))
    upstream.tell(evm.World(1, [FUNDED, gone, back]))
    assert refresh()
    assert shown(api) == ({'eth': '10.0', 'usdc': '0.000001'}, True)


def test_portfolio_balances_have_each_token_by_its_code(api: Api, upstream: Server) -> None:
    upstream.tell(evm.World(1, [FUNDED]))
    watch(api)
    assert refresh()
    result = api.get('/api/portfolios/1/balances').json_body['result']
    assert {row['currency']: (row['balance'], row['complete']) for row in result} == {
        'eth': ('10.0', True), 'usdc': ('5.0', True), 'usd': ('0.0', True)
    }  # fmt: skip


def test_a_token_whose_transfers_do_not_add_up_makes_the_address_incomplete(api: Api, upstream: Server) -> None:
    """As those do whose balances change by themselves."""
    grown = evm.World(1, [FUNDED, txn(1, transfers=(evm.Transfer(evm.USDC, evm.EXCHANGE, ME, 1),))])

    def answer(request: Request) -> Answer:
        return telling(grown if request.body else evm.World(1, [FUNDED]), request)

    upstream.answer = answer
    watch(api)
    for _ in range(3):
        assert refresh()
    assert shown(api) == ({'eth': '10.0', 'usdc': '5.000001'}, False)
    assert api.get(f'{PATH}/balances').json_body['reason'] == 'transactions_missing'


def test_where_no_explorer_answers_a_node_tells_what_is_held(api: Api, upstream: Server) -> None:
    upstream.answer = lambda request: telling(evm.World(1, [FUNDED]), request) if request.body else Answer(500, '')
    watch(api)
    assert refresh()
    assert shown(api) == ({'eth': '10.0', 'usdc': '5.0'}, False)
    assert api.get(f'{PATH}/balances').json_body['reason'] == 'transactions_unknown'
    assert listed(api) == []


def test_an_explorer_that_works_again_lists_what_the_node_could_not(api: Api, upstream: Server) -> None:
    upstream.answer = lambda request: telling(evm.World(1, [FUNDED]), request) if request.body else Answer(500, '')
    watch(api)
    assert refresh()
    upstream.tell(evm.World(1, [FUNDED]))
    CLOCK.advance(301)
    for key in ('etherscan', 'blockscout'):
        UpstreamState.at(key).update([UpstreamState.kind.set(UpstreamState), UpstreamState.open_until.set(0)])
    assert refresh()
    assert shown(api) == ({'eth': '10.0', 'usdc': '5.0'}, True)
    assert len(listed(api)) == 2


@pytest.mark.parametrize(
    ('code', 'source', 'coins', 'tokens'),
    [
        ('etc', 'blockscout_etc', '1.924898530987654323', {}),
        ('pol', 'etherscan', '1.924898530987654323', {'usdc-pol': '7.0'}),
        ('bnb', 'etherscan', '1.924898530987654323', {'usdc-bnb': '0.000000000007'}),
        ('avax', 'etherscan', '1.924898530987654323', {'usdc-avax': '7.0'}),
        ('eth-arbitrum', 'etherscan', '1.924898530987654323', {'usdc-arbitrum': '7.0'}),
        ('eth-optimism', 'etherscan', '1.924852330987654323', {'usdc-optimism': '7.0'}),
        ('eth-base', 'etherscan', '1.924852330987654323', {'usdc-base': '7.0'}),
    ],
)
def test_the_sample_address_is_whole_on_every_chain(
    api: Api, upstream: Server, code: str, source: str, coins: str, tokens: dict[str, str]
) -> None:
    upstream.tell(evm.WORLDS[code])
    watch(api, code)
    assert refresh(f'LEDGER#{code}#{evm.ADDRESS}')
    balances = api.get(f'{PATH}/balances').json_body
    assert {row['currency']['code']: row['balance'] for row in balances['result']} == {code: coins, **tokens}
    assert {row['source'] for row in balances['result']} == {source}
    assert balances['complete'] is True
    assert len(listed(api)) == 4 + len(tokens)
