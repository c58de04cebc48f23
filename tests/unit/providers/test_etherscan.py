"""Etherscan and Blockscout: their rows and errors as they were recorded, and whole histories read back from them."""

import json
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from chalicelib.config import settings
from chalicelib.domain import ledgers
from chalicelib.domain.ledgers import Entry, Holding
from chalicelib.errors import Upstream, UpstreamNotAsked, UpstreamRejected
from chalicelib.providers.explorers.etherscan import Etherscan
from chalicelib.providers.explorers.explorer import Page
from infra.fake_upstreams import evm
from infra.fake_upstreams.answer import Answer, as_json
from tests.support.evm import (
    ME,
    Request,
    Server,
    balances,
    generated,
    leading_to,
    read,
    read_slices,
    serving,
    sums,
    telling,
    truth,
)
from tests.support.recordings import recorded
from tests.support.upstreams import explorer_of, http

ETHERSCAN, BLOCKSCOUT = explorer_of('eth', 'etherscan'), explorer_of('eth', 'blockscout')
BOTH = pytest.mark.parametrize('explorer', [ETHERSCAN, BLOCKSCOUT], ids=lambda explorer: explorer.endpoint.key)
EMPTY = {'status': '0', 'message': 'No transactions found', 'result': []}
HASH = '0x' + 'ab' * 32
AT = 1_600_000_000
LISTS = ('txlist', 'txlistinternal', 'tokentx', 'txsBeaconWithdrawal', 'getminedblocks')


@pytest.fixture(scope='module')
def server() -> Iterator[Server]:
    with serving() as state:
        yield state


@pytest.fixture
def upstream(server: Server) -> Iterator[Server]:
    with leading_to(server) as led:
        yield led


def newest_first(body: Any) -> Any:
    """Return a recorded list, which was asked for oldest first, as we ask for it."""
    return body | {'result': body['result'][::-1]}


def told(result: Any) -> Any:
    return {'status': '1', 'message': 'OK', 'result': result}


def answering(upstream: Server, **lists: Any) -> None:
    """Answer some actions with bodies, the other lists with nothing, balances with zero."""
    upstream.say(told('0'))
    upstream.say(EMPTY, *LISTS, 'tokenlist')
    for action, body in lists.items():
        upstream.say(body, action)


def paged(explorer: Any, first: int, page: int) -> Etherscan:
    """Return an explorer that asks for small pages."""
    assert isinstance(explorer, Etherscan)
    return replace(explorer, first_page=first, page=page)


# What was recorded


def test_both_tell_the_same_of_the_recorded_address(upstream: Server) -> None:
    address = '0x706A70067BE19BdadBea3600Db0626859Ff25D74'
    answering(upstream, txlist=newest_first(recorded('etherscan/txlist_0x706A7006_6rows.json')))
    ours = read(ETHERSCAN, address)[1]
    answering(upstream, txlist=newest_first(recorded('blockscout/eth_txlist_0x706A7006.json')))
    assert len(ours) == 6
    assert read(BLOCKSCOUT, address)[1] == ours


def test_the_recorded_fees_are_paid_by_the_address_when_it_sends_and_by_nobody_else(upstream: Server) -> None:
    address = '0x706a70067be19bdadbea3600db0626859ff25d74'
    body = recorded('etherscan/txlist_0x706A7006_6rows.json')
    answering(upstream, txlist=newest_first(body))
    rows = {row['hash']: row for row in body['result']}
    for entry in read(ETHERSCAN, address)[1]:
        row = rows[entry.reference]
        gas = Decimal(int(row['gasUsed']) * int(row['gasPrice'])).scaleb(-18)
        value = Decimal(int(row['value'])).scaleb(-18)
        sent = row['from'] == address
        assert (entry.fee, entry.delta) == ((gas, -gas - value) if sent else (0, value))


def test_what_the_first_block_gave_is_an_entry_like_others(upstream: Server) -> None:
    body = recorded('etherscan/txlist_genesis_0xA1E4380A_136rows.json')
    answering(upstream, txlist=newest_first(body))
    entries = read(paged(ETHERSCAN, 200, 200), '0xA1E4380A3B1f749673E270229993eE55F35663b4')[1]
    assert len(entries) == len({row['hash'] for row in body['result']}) == 136
    assert entries[-1] == Entry(
        'GENESIS_a1e4380a3b1f749673e270229993ee55f35663b4', 0, 'eth', Decimal(2000), Decimal(0), 1_438_269_973, 0
    )  # fmt: skip


# What Ethereum began with has no sender, no hash and no fee.
GENESIS = {
    'blockNumber': '0',
    'blockHash': '',
    'timeStamp': '1438269973',
    'hash': f'GENESIS_{ME.lower()[2:]}',
    'nonce': '',
    'input': '',
    'from': 'GENESIS',
    'to': ME.lower(),
    'value': '1337' + '0' * 18,
    'gas': '0',
    'gasPrice': '0',
    'gasUsed': '0',
    'contractAddress': '',
    'txreceipt_status': '',
    'isError': '0',
}
SPENT = GENESIS | {
    'blockNumber': '46200',
    'blockHash': HASH,
    'timeStamp': '1438919000',
    'hash': HASH,
    'from': ME.lower(),
    'to': evm.STRANGER.lower(),
    'value': '7' + '0' * 18,
    'gas': '21000',
    'gasPrice': '50000000000',
    'gasUsed': '21000',
    'txreceipt_status': '1',
}


def test_what_the_first_block_gave_is_told_among_what_came_later(upstream: Server) -> None:
    answering(upstream, txlist=told([SPENT, GENESIS]))
    fee = Decimal('0.00105')
    assert read(ETHERSCAN, ME)[1] == [
        Entry(HASH, 0, 'eth', -7 - fee, fee, 1_438_919_000, 46_200),
        Entry(f'GENESIS_{ME.lower()[2:]}', 0, 'eth', Decimal(1337), Decimal(0), 1_438_269_973, 0),
    ]


def test_the_recorded_transfers_are_those_of_tokens_by_contract(upstream: Server) -> None:
    address = '0xb8553d9ee35dd23bb96fbd679e651b929821969b'
    body = recorded('etherscan/tokentx_0xb8553D9e_5rows.json')
    answering(upstream, tokentx=newest_first(body))
    usdc = [row for row in body['result'] if row['contractAddress'] == evm.USDC]
    moved = sum(int(row['value']) * (1 if row['to'] == address else -1) for row in usdc)
    entries = [entry for entry in read(ETHERSCAN, address)[1] if entry.currency == 'usdc']
    assert sums(entries).get('usdc', 0) == Decimal(moved).scaleb(-6)
    assert {(entry.n, entry.fee) for entry in entries} == {(758, 0)}


def test_recorded_inner_calls_move_what_they_carry(upstream: Server) -> None:
    body = recorded('etherscan/v1_txlistinternal_paginated.json')
    answering(upstream, txlistinternal=newest_first(body))
    address = body['result'][0]['contractAddress']
    done = [row for row in body['result'] if row['isError'] == '0']
    moved = sum(int(row['value']) * ((row['to'] == address) - (row['from'] == address)) for row in done)
    assert 0 < len(done) < len(body['result'])
    assert sums(read(ETHERSCAN, address)[1]) == {'eth': Decimal(moved).scaleb(-18)}


@pytest.mark.parametrize('name', ['eth_txlist_empty', 'gnosis_txlistinternal_empty', 'optimism_tokentx_empty'])
def test_every_recorded_way_to_say_nothing_is_nothing(upstream: Server, name: str) -> None:
    upstream.say(recorded(f'blockscout/{name}.json'))
    upstream.say(recorded('etherscan/balance_zero.json'), 'balance')
    assert read(BLOCKSCOUT, ME) == ({'eth': Holding('eth', Decimal(0), None, None, None)}, [])


def test_the_recorded_balance_is_in_wei(upstream: Server) -> None:
    answering(upstream, balance=recorded('etherscan/balance_0x3C69Bc9B.json'))
    assert balances(read(ETHERSCAN, ME)[0]) == {'eth': Decimal('0.960071318')}


# Errors


def fails(explorer: Any) -> Upstream:
    with pytest.raises(Upstream) as caught:
        read(explorer, ME)
    return caught.value


THROTTLED, KEY = 'rate-limits us', 'set UPSTREAM_ETHERSCAN_KEY'


@pytest.mark.parametrize(
    ('name', 'kind', 'reason', 'throttled'),
    [
        ('error_free_api_temporarily_unavailable', Upstream, THROTTLED, True),
        ('error_rate_limit_calls_per_sec', Upstream, THROTTLED, True),
        ('error_rate_limit_doc', Upstream, THROTTLED, True),
        (
            'error_free_plan_chain_not_supported',
            UpstreamNotAsked,
            'needs a paid plan for this chain: set UPSTREAM_ETHERSCAN_KEY',
            False,
        ),
        ('error_invalid_address', UpstreamRejected, 'says that the address is invalid', False),
        ('error_invalid_api_key', Upstream, f'rejects our API key, or demands one: {KEY}', False),
        ('error_v1_deprecated', Upstream, 'no longer answers at this address', False),
        ('error_missing_chainid', Upstream, 'returned an error', False),
        ('error_getabi_not_verified', Upstream, 'returned an error', False),
        ('error_result_window', Upstream, 'returned an error', False),
    ],
)
@pytest.mark.parametrize('action', ['balance', 'txlist', 'tokentx'])
def test_recorded_errors_that_come_with_status_200_are_understood(
    upstream: Server, action: str, name: str, kind: type[Upstream], reason: str, throttled: bool
) -> None:
    answering(upstream, **{action: recorded(f'etherscan/{name}.json')})
    error = fails(ETHERSCAN)
    assert (type(error), error.reason, error.throttled) == (kind, reason, throttled)


@pytest.mark.parametrize(
    ('message', 'result', 'kind', 'reason', 'throttled'),
    [
        ('NOTOK', 'Free API access is temporarily unavailable: the network is busy', Upstream, THROTTLED, True),
        ('NOTOK', 'Max calls per sec rate limit reached (9/sec)', Upstream, THROTTLED, True),
        ('NOTOK', 'Max rate limit reached, use a key for more', Upstream, THROTTLED, True),
        (
            *('NOTOK', 'Free API access is not supported for this chain: upgrade', UpstreamNotAsked),
            *('needs a paid plan for this chain: set UPSTREAM_ETHERSCAN_KEY', False),
        ),
        ('NOTOK', 'Error! Invalid address format', UpstreamRejected, 'says that the address is invalid', False),
        ('NOTOK', 'Invalid API Key', Upstream, f'rejects our API key, or demands one: {KEY}', False),
        ('NOTOK', 'This endpoint is deprecated, ask another', Upstream, 'no longer answers at this address', False),
        ('NOTOK', 'Missing or unsupported chainid parameter', Upstream, 'returned an error', False),
        ('NOTOK', 'Contract source code not verified', Upstream, 'returned an error', False),
        ('Result window is too large: PageNo x Offset', None, Upstream, 'returned an error', False),
    ],
)
@pytest.mark.parametrize('action', ['balance', 'txlist', 'tokentx'])
def test_errors_that_come_with_status_200_are_understood_whatever_was_asked(
    upstream: Server, action: str, message: str, result: str | None, kind: type[Upstream], reason: str, throttled: bool
) -> None:
    answering(upstream, **{action: {'status': '0', 'message': message, 'result': result}})
    error = fails(ETHERSCAN)
    assert (type(error), error.reason, error.throttled) == (kind, reason, throttled)


@pytest.mark.parametrize(
    ('message', 'result', 'reason'),
    [
        ('NOTOK', 'Max calls per sec rate limit reached (5/sec)', THROTTLED),
        ('Too many requests. Increase limits now at https://dev.blockscout.com', None, THROTTLED),
        ('Invalid address hash', None, 'says that the address is invalid'),
        ('Something went wrong.', None, 'returned an error'),
        ('NOTOK', 'Missing/Invalid API Key', 'rejects our API key, or demands one: set {}'),
        ('chain not supported', None, 'does not cover this chain'),
        ('NOTOK', 'Free API access is not supported for this chain.', 'needs a paid plan for this chain: set {}'),
        ('NOTOK', 'Query Timeout occured. Please select a smaller result dataset', 'returned an error'),
        ('NOTOK', [], 'returned an error'),
    ],
)
@BOTH
def test_other_errors_with_status_200_are_no_empty_lists(upstream: Server, explorer: Any, message: str, result: Any, reason: str) -> None:
    answering(upstream, txlist={'status': '0', 'message': message, 'result': result})
    assert fails(explorer).reason == reason.format(f'UPSTREAM_{explorer.endpoint.key.upper()}_KEY')


@pytest.mark.parametrize(
    'body',
    [
        '<html>Sorry</html>',
        '',
        '{"status":"1","message":"OK","res',
        '[]',
        '"OK"',
        '{"status":"1","message":"OK"}',
        '{"status":"1","message":"OK","result":null}',
        '{"status":"1","message":"OK","result":"text"}',
        '{"status":"1","message":"OK","result":[{}]}',
        '{"status":"1","message":"OK","result":{"a":1}}',
        '{"status":"2","message":"not yet","result":[]}',
        '{"status":1,"message":"OK","result":[]}',
        '{"status":"0","message":null,"result":[]}',
    ],
)
@pytest.mark.parametrize('action', ['balance', 'txlist', 'tokentx', 'txlistinternal'])
@BOTH
def test_what_is_not_the_documented_shape_is_a_failure(upstream: Server, explorer: Any, action: str, body: str) -> None:
    answering(upstream)
    upstream.say(body, action)
    error = fails(explorer)
    assert not isinstance(error, UpstreamRejected)
    assert ME not in str(error)


@pytest.mark.parametrize('row', [{}, {'contractAddress': 3}, {'contractAddress': evm.USDC}])
def test_a_list_of_tokens_of_another_shape_is_a_failure(upstream: Server, row: Any) -> None:
    answering(upstream, tokenlist=told([row]))
    assert fails(BLOCKSCOUT).reason.startswith('returned tokens of an unexpected shape')


@pytest.mark.parametrize('status', [400, 404, 429, 500])
@BOTH
def test_another_status_is_a_failure(upstream: Server, explorer: Any, status: int) -> None:
    upstream.answer = lambda request: Answer(status, '{"status":"1","message":"OK","result":"1"}')
    assert (fails(explorer).reason, fails(explorer).throttled) == (f'returned {status}', status == 429)


def test_a_400_that_speaks_of_the_address_rejects_it(upstream: Server) -> None:
    upstream.answer = lambda request: Answer(400, '{"message":"Invalid address hash"}')
    assert isinstance(fails(BLOCKSCOUT), UpstreamRejected)


def test_a_key_is_needed_for_etherscan_itself_and_sent_where_it_is_set(upstream: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:  # to be undone before the fixture's own
        patch.delenv('UPSTREAM_URL')
        settings.cache_clear()
        assert fails(ETHERSCAN).reason == 'needs a key: set UPSTREAM_ETHERSCAN_KEY'
        patch.setenv('UPSTREAM_URL', upstream.url)
        patch.setenv('UPSTREAM_ETHERSCAN_KEY', 'sesame')
        settings.cache_clear()
        answering(upstream)
        read(ETHERSCAN, ME)
    assert {request.query['apikey'] for request in upstream.requests} == {'sesame'}
    assert {request.query['chainid'] for request in upstream.requests} == {'1'}


@pytest.mark.parametrize(
    ('chain', 'number'),
    [('pol', '137'), ('bnb', '56'), ('avax', '43114'), ('eth-arbitrum', '42161'), ('eth-optimism', '10'), ('eth-base', '8453')],
)
def test_each_chain_is_asked_for_by_its_number(upstream: Server, chain: str, number: str) -> None:
    answering(upstream)
    holdings, _ = read(explorer_of(chain, 'etherscan'), ME)
    assert [*holdings] == [chain]
    assert [(request.query['chainid'], request.action) for request in upstream.requests] == [
        (number, 'balance'), (number, 'txlist'), (number, 'txlistinternal'), (number, 'tokentx')
    ]  # fmt: skip


@pytest.mark.parametrize(
    ('chain', 'key', 'path'),
    [
        ('eth', 'routescan', '/v2/network/mainnet/evm/1/etherscan/api'),
        ('eth-optimism', 'routescan', '/v2/network/mainnet/evm/10/etherscan/api'),
        ('avax', 'routescan', '/v2/network/mainnet/evm/43114/etherscan/api'),
        ('eth-base', 'blockscout_pro', '/8453/api'),
        ('eth', 'blockscout', ''),
    ],
)
def test_a_host_of_several_chains_has_each_at_a_path_of_its_own(upstream: Server, chain: str, key: str, path: str) -> None:
    answering(upstream)
    read(explorer_of(chain, key), ME)
    assert {request.path for request in upstream.requests} == {path.lstrip('/')}
    assert not any('chainid' in request.query for request in upstream.requests)


# What rows mean


def txn(**changes: Any) -> evm.Transaction:
    return evm.Transaction(HASH, 18_000_000, AT, evm.STRANGER, ME)._replace(**changes)


FUNDS = evm.Transaction(
    evm.txn_hash('funds'), 17_000_000, AT, evm.EXCHANGE, ME, 9 * evm.ETHER, transfers=(evm.Transfer(evm.USDC, evm.EXCHANGE, ME, 9),)
)


def newest(explorer: Any, transaction: evm.Transaction, upstream: Server) -> list[Entry]:
    """Return the entries of a transaction of an address that has funds."""
    upstream.tell(evm.World(1, [FUNDS, transaction]))
    return [entry for entry in read(explorer, ME)[1] if entry.reference == transaction.hash]


def test_a_failed_transaction_costs_its_gas_and_moves_nothing(upstream: Server) -> None:
    inner = (evm.Inner(evm.CONTRACT, ME, 5),)
    failed = txn(sender=ME, receiver=evm.CONTRACT, value=evm.ETHER, gas_used=50_000, gas_price=10, failed=True, inner=inner)
    for explorer in (ETHERSCAN, BLOCKSCOUT):
        [entry] = newest(explorer, failed, upstream)
        assert (entry.delta, entry.fee) == (Decimal('-0.0000000000005'), Decimal('0.0000000000005'))


def test_a_payment_to_oneself_costs_its_gas(upstream: Server) -> None:
    [entry] = newest(ETHERSCAN, txn(sender=ME, value=evm.ETHER, gas_used=21_000, gas_price=1), upstream)
    assert (entry.delta, entry.fee) == (Decimal('-0.000000000000021'), Decimal('0.000000000000021'))


@BOTH
def test_making_a_contract_with_value_pays_that_value_once(upstream: Server, explorer: Any) -> None:
    made = txn(sender=ME, receiver='', created=evm.CONTRACT, value=evm.ETHER, gas_used=1, gas_price=1)
    [entry] = newest(explorer, made, upstream)
    assert entry.delta == Decimal('-1.000000000000000001')


@BOTH
def test_a_contract_gets_what_it_was_made_with(upstream: Server, explorer: Any) -> None:
    upstream.tell(evm.World(1, [txn(receiver='', created=ME, value=evm.ETHER)]))
    assert sums(read(explorer, ME)[1]) == {'eth': 1}


@pytest.mark.parametrize('kind', ['delegatecall', 'staticcall', 'callcode'])
@BOTH
def test_calls_that_only_show_the_value_around_them_move_nothing(upstream: Server, explorer: Any, kind: str) -> None:
    upstream.tell(evm.World(1, [txn(receiver=evm.CONTRACT, inner=(evm.Inner(evm.CONTRACT, ME, 7, kind=kind),))]))
    assert read(explorer, ME)[1] == []


@BOTH
def test_several_tokens_and_the_coin_of_one_transaction_are_an_entry_each(upstream: Server, explorer: Any) -> None:
    transfers = (
        evm.Transfer(evm.USDC, ME, evm.CONTRACT, 7),
        evm.Transfer(evm.USDC, evm.CONTRACT, ME, 2),
        evm.Transfer(evm.DAI, evm.CONTRACT, ME, 3),
    )
    entries = newest(explorer, txn(sender=ME, receiver=evm.CONTRACT, gas_used=1, gas_price=1, transfers=transfers), upstream)
    assert [(entry.reference, entry.n, entry.currency, entry.delta, entry.fee) for entry in sorted(entries)] == [
        (HASH, 0, 'eth', Decimal('-0.000000000000000001'), Decimal('0.000000000000000001')),
        (HASH, 618, 'dai', Decimal('0.000000000000000003'), 0),
        (HASH, 758, 'usdc', Decimal('-0.000005'), 0),
    ]


@BOTH
def test_tokens_are_known_by_their_contract_whatever_they_call_themselves(upstream: Server, explorer: Any) -> None:
    upstream.tell(evm.World(1, [txn(receiver=evm.SPAM, transfers=(evm.Transfer(evm.SPAM, evm.STRANGER, ME, 10**24),))]))
    holdings, entries = read(explorer, ME)
    assert ([*holdings], entries) == (['eth'], [])


@BOTH
def test_transfers_of_nothing_which_anybody_can_make_are_left_out(upstream: Server, explorer: Any) -> None:
    upstream.tell(evm.World(1, [txn(receiver=evm.USDC, transfers=(evm.Transfer(evm.USDC, ME, evm.STRANGER, 0),))]))
    assert read(explorer, ME)[1] == []


@BOTH
def test_the_largest_amount_there_can_be_is_exact(upstream: Server, explorer: Any) -> None:
    most = 2**256 - 1
    upstream.tell(evm.World(1, [txn(receiver=evm.DAI, transfers=(evm.Transfer(evm.DAI, evm.STRANGER, ME, most),))]))
    holdings, [entry] = read(explorer, ME)
    assert entry.delta == holdings['dai'].balance == Decimal(most).scaleb(-18, ledgers.money.EXACT)


def test_rows_without_a_hash_are_a_failure(upstream: Server) -> None:
    answering(upstream, txlistinternal=recorded('etherscan/txlistinternal_by_txhash_13rows.json'))
    assert fails(ETHERSCAN).reason.startswith('returned transactions of an unexpected shape')


def test_inner_calls_without_the_hash_of_their_transaction_are_a_failure(upstream: Server) -> None:
    row = {'blockNumber': '16000000', 'timeStamp': '1670831003', 'from': evm.STRANGER.lower(), 'to': ME.lower(), 'value': '799'}
    row |= {'contractAddress': '', 'input': '', 'type': 'call', 'gas': '843407', 'gasUsed': '0', 'isError': '0', 'errCode': ''}
    answering(upstream, txlistinternal=told([row] * 3))
    assert fails(ETHERSCAN).reason.startswith('returned transactions of an unexpected shape')
    answering(upstream, txlistinternal=told([row | {'hash': HASH}]), balance=told('799'))
    assert sums(read(ETHERSCAN, ME)[1]) == {'eth': Decimal(799).scaleb(-18)}


def answering_with_row(upstream: Server, world: evm.World, action: str, number: int, changes: dict[str, Any]) -> None:
    """Tell a world, but with other members in one row of a list."""

    def answer(request: Request) -> Answer:
        true = telling(world, request)
        if request.action != action:
            return true
        body = json.loads(true.body)
        body['result'][number] |= changes
        return as_json(body)

    upstream.answer = answer


@pytest.mark.parametrize(('name', 'value'), [('hash', '0xabc'), ('hash', None), ('blockNumber', ''), ('blockNumber', '-1')])
def test_a_row_of_nobody_knows_what_is_a_failure(upstream: Server, name: str, value: str | None) -> None:
    answering_with_row(upstream, evm.World(1, [txn()]), 'txlist', 0, {name: value})
    assert 'unexpected shape' in fails(ETHERSCAN).reason


def numbered(number: int, **changes: Any) -> evm.Transaction:
    return txn(hash=evm.txn_hash(number), height=18_000_000 + number, time=AT + 12 * number, **changes)


def pages(explorer: Etherscan) -> list[Page]:
    return list(explorer.read(http(), ME).pages)


ODD_ROWS = [
    {'isError': '2'},
    {'value': '1.5'},
    {'value': '0x10'},
    {'value': '1e9999999999'},
    {'value': '-1'},
    {'from': None},
    {'from': ME, 'gasUsed': {}},
    {'timeStamp': '1'},
    {'timeStamp': ''},
]


@pytest.mark.parametrize('changes', ODD_ROWS)
def test_a_row_that_cannot_be_read_costs_the_coin_of_its_transaction(upstream: Server, changes: dict[str, Any]) -> None:
    """The second of three: it pays a token too, which stays, and an inner call of it, which goes with the rest of its coins."""
    inner = evm.Inner(evm.STRANGER, ME, 7)
    middle = numbered(2, value=5, inner=(inner,), transfers=(evm.Transfer(evm.USDC, evm.STRANGER, ME, 9),))
    world = evm.World(1, [numbered(1, value=3), middle, numbered(3, value=4)])
    answering_with_row(upstream, world, 'txlist', 1, changes)

    [page] = pages(ETHERSCAN)

    assert {(entry.currency, entry.delta) for entry in page.entries} == {
        ('eth', Decimal('4E-18')),
        ('eth', Decimal('3E-18')),
        ('usdc', Decimal('0.000009')),
    }
    [row] = page.unreadable
    assert (row.currency, row.reference, row.height) == ('eth', middle.hash, middle.height)


def test_a_transfer_that_cannot_be_read_costs_its_token_alone(upstream: Server) -> None:
    two = (evm.Transfer(evm.USDC, evm.STRANGER, ME, 9), evm.Transfer(evm.DAI, evm.STRANGER, ME, 8))
    world = evm.World(1, [numbered(1, value=3, transfers=two)])
    listed = json.loads(telling(world, Request('etherscan', {'chainid': '1', 'address': ME, 'action': 'tokentx'})).body)['result']
    [of_dai] = [number for number, row in enumerate(listed) if row['contractAddress'].lower() == evm.DAI.lower()]
    answering_with_row(upstream, world, 'tokentx', of_dai, {'value': '1.5'})

    [page] = pages(ETHERSCAN)

    assert {(entry.currency, entry.delta) for entry in page.entries} == {('eth', Decimal('3E-18')), ('usdc', Decimal('0.000009'))}
    assert [row.currency for row in page.unreadable] == ['dai']


def test_where_most_rows_cannot_be_read_the_list_is_of_another_shape(upstream: Server) -> None:
    world = evm.World(1, [numbered(number, value=1) for number in range(4)])

    def answer(request: Request) -> Answer:
        body = json.loads(telling(world, request).body)
        if request.action == 'txlist':
            body['result'] = [row | {'value': '1.5'} for row in body['result'][:3]] + body['result'][3:]
        return as_json(body)

    upstream.answer = answer
    assert 'unexpected shape' in fails(ETHERSCAN).reason


# Balances


@BOTH
def test_a_token_that_is_held_is_told_though_none_of_its_transfers_are_read(upstream: Server, explorer: Any) -> None:
    upstream.tell(evm.World(1, [txn(receiver=evm.USDC, transfers=(evm.Transfer(evm.USDC, evm.STRANGER, ME, 5),))]))
    holdings = explorer.read(http(), ME, None, ('eth', 'usdc', 'dai')).holdings
    assert {holding.currency: holding.balance for holding in holdings} == {'eth': 0, 'usdc': Decimal('0.000005')}


@BOTH
def test_a_token_that_is_no_longer_held_is_not_told(upstream: Server, explorer: Any) -> None:
    there, back = evm.Transfer(evm.USDC, evm.STRANGER, ME, 5), evm.Transfer(evm.USDC, ME, evm.STRANGER, 5)
    upstream.tell(evm.World(1, [txn(transfers=(there,)), txn(hash='0x' + 'cd' * 32, height=18_000_001, transfers=(back,))]))
    holdings, entries = read(explorer, ME, ('usdc',))
    assert [*holdings] == ['eth']
    assert sums(entries) == {}


def test_tokens_are_asked_about_once_each_and_all_at_once_where_that_can_be_done(upstream: Server) -> None:
    upstream.tell(generated(1, 60, rewards=False))
    read(paged(ETHERSCAN, 5, 5), ME)
    assert upstream.count('tokenbalance') == 3
    upstream.requests.clear()
    read(paged(BLOCKSCOUT, 5, 5), ME)
    assert (upstream.count('tokenbalance'), upstream.count('tokenlist')) == (0, 1)


# Whole histories


@pytest.mark.parametrize('page', [7, 8, 13, 1_000])
@pytest.mark.parametrize('seed', range(4))
@pytest.mark.parametrize(('key', 'rewards'), [('etherscan', True), ('blockscout', False)])
def test_a_history_is_read_back_whole_at_each_page_size(upstream: Server, key: str, rewards: bool, seed: int, page: int) -> None:
    world = generated(seed, 120, rewards=rewards)
    upstream.tell(world)
    holdings, entries = read(paged(explorer_of('eth', key), page, page), ME)
    assert balances(holdings) == sums(entries) == truth(world)
    assert len({(entry.reference, entry.n) for entry in entries}) == len(entries)
    assert [entry.height for entry in entries] == sorted((entry.height for entry in entries), reverse=True)
    assert {entry.reference for entry in entries if entry.reference.startswith('0x')} >= {
        txn.hash for txn in world.transactions if ME in (txn.sender, txn.receiver, txn.created)
    }


@pytest.mark.parametrize('pages', [1, 2, 5])
@pytest.mark.parametrize(('key', 'rewards'), [('etherscan', True), ('blockscout', False)])
def test_a_history_is_the_same_when_each_process_reads_only_some_pages(upstream: Server, key: str, rewards: bool, pages: int) -> None:
    upstream.tell(generated(5, 150, rewards=rewards))
    explorer = paged(explorer_of('eth', key), 9, 12)
    at_once, entries = read(explorer, ME)
    holdings, in_slices = read_slices(explorer, ME, pages)
    assert in_slices == entries
    assert balances(holdings) == balances(at_once)


@BOTH
def test_a_block_is_never_cut_in_two(upstream: Server, explorer: Any) -> None:
    upstream.tell(generated(2, 150, rewards=False))
    pages = [page.entries for page in paged(explorer, 9, 12).read(http(), ME).pages]
    heights = [{entry.height for entry in entries} for entries in pages if entries]
    assert all(min(newer) > max(older) for newer, older in pairwise(heights))


@BOTH
def test_a_block_with_more_rows_than_a_page_is_read_page_by_page(upstream: Server, explorer: Any) -> None:
    full = [txn(hash=evm.txn_hash(n), value=n, height=100, time=AT) for n in range(1, 40)]
    world = evm.World(1, [txn(height=99, value=5), *full, txn(hash='0x' + 'cd' * 32, height=101, value=6)])
    upstream.tell(world)
    holdings, entries = read(paged(explorer, 4, 4), ME)
    assert len(entries) == 41
    assert sums(entries) == balances(holdings) == truth(world)


def test_a_block_with_more_rows_than_can_be_paged_to_is_a_failure(upstream: Server) -> None:
    upstream.tell(evm.World(1, [txn(hash=evm.txn_hash(n), value=1) for n in range(10_001)]))
    assert fails(paged(ETHERSCAN, 100, 5_000)).reason == 'has more in one block than it lists'


@pytest.mark.parametrize('number', [0, 1, 100, 101, 1_100, 1_101])
def test_requests_are_as_many_as_there_are_pages(upstream: Server, number: int) -> None:
    upstream.tell(evm.World(1, [txn(hash=evm.txn_hash(n), height=n, value=1) for n in range(1, number + 1)]))
    assert len(read(BLOCKSCOUT, ME)[1]) == number
    full_pages = (number >= 100) + (number >= 1_099)
    assert upstream.count('txlist') - upstream.count('txlistinternal') == 1 + full_pages


def test_what_is_new_costs_one_request_for_each_list_however_long_they_are(upstream: Server) -> None:
    upstream.tell(generated(3, 400, rewards=True))
    next(iter(ETHERSCAN.read(http(), ME).pages))
    assert {action: upstream.count(action) for action in ('tokentx', 'txsBeaconWithdrawal', 'getminedblocks', 'balance')} == {
        'tokentx': 1, 'txsBeaconWithdrawal': 1, 'getminedblocks': 1, 'balance': 4
    }  # fmt: skip


@pytest.mark.parametrize('order', ['asc', 'unlimited'])
def test_an_explorer_that_does_not_heed_how_it_is_asked_is_not_believed(upstream: Server, order: str) -> None:
    world = evm.World(1, [txn(hash=evm.txn_hash(n), height=n, value=1) for n in range(1, 30)])
    ignored = {'sort': 'asc'} if order == 'asc' else {'offset': '9999', 'page': '1'}
    upstream.answer = lambda request: telling(world, Request(request.upstream, request.query | ignored))
    assert fails(paged(ETHERSCAN, 5, 5)).reason == 'returned a list of an unexpected shape (ValueError)'


# What happens meanwhile


def reconciles(holdings: dict[str, Holding], entries: list[Entry]) -> bool:
    return not ledgers.discrepancies(holdings.values(), ledgers.tally(entries))


@pytest.mark.parametrize('after', range(1, 9))
@BOTH
def test_a_transaction_that_comes_between_two_requests_loses_and_doubles_nothing(upstream: Server, explorer: Any, after: int) -> None:
    """It is either seen, not seen, or shows in a sum; then the next reading is right."""
    before = generated(4, 40, rewards=False)
    paid = txn(hash='0x' + 'cd' * 32, height=10**6, value=10**18, transfers=(evm.Transfer(evm.USDC, evm.STRANGER, ME, 10**6),))
    later = replace(before, transactions=[*before.transactions, paid])

    def answer(request: Request) -> Answer:
        return telling(before if len(upstream.requests) <= after else later, request)

    upstream.answer = answer
    _, entries = read(paged(explorer, 10, 10), ME)
    assert len({(entry.reference, entry.n) for entry in entries}) == len(entries)
    older = [entry for entry in entries if entry.reference != paid.hash]
    assert sums(older) == truth(before)
    assert reconciles(*read(paged(explorer, 10, 10), ME))


def test_a_transaction_that_came_after_the_balance_was_told_shows_in_the_sum(upstream: Server) -> None:
    before = evm.World(1, [txn(value=5)])
    later = evm.World(1, [txn(value=5), txn(hash='0x' + 'cd' * 32, height=18_000_001, value=7)])
    upstream.answer = lambda request: telling(before if request.action == 'balance' else later, request)
    assert not reconciles(*read(ETHERSCAN, ME))


def test_a_row_that_an_explorer_does_not_list_shows_in_the_sum(upstream: Server) -> None:
    world = generated(6, 30, rewards=False)
    upstream.answer = lambda request: telling(world, request)
    upstream.say(as_json(EMPTY).body, 'txlistinternal')
    assert not reconciles(*read(ETHERSCAN, ME))
