"""Solana as its nodes tell of it: balances before and after, who pays, and every way in which an answer says no."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.domain.ledgers import Entry
from chalicelib.errors import Upstream, UpstreamRejected
from infra.fake_upstreams.answer import Answer, as_json
from infra.fake_upstreams.solana import ADDRESS, STRANGER, SYSTEM
from tests.support.recordings import recorded
from tests.unit.providers import accounts
from tests.unit.providers.accounts import Request, Server

SOLANA = accounts.explorer_of('sol', 'solana')
SIGNATURE = '5gJFZweW8EsTQCNWH2EyjJA3vm2VcT91vQtrNAcx7YXeq4zHmqXzSqxxnhb9GxiLvecWJJZv8xxW6opHSnJME643'
SLOT = 250_000_000


@pytest.fixture(scope='module')
def server() -> Iterator[Server]:
    with accounts.serving() as server:
        yield server


@pytest.fixture
def upstream(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with accounts.leading_to(server, monkeypatch) as leading:
        yield leading


def txn(keys: list[str], before: list[int], after: list[int], **changed: Any) -> dict[str, Any]:
    """Return a transaction of two accounts by name and, in the order of `keys`, others that were loaded."""
    meta = {
        'err': None,
        'fee': 5_000,
        'preBalances': before,
        'postBalances': after,
        'loadedAddresses': {'writable': keys[2:3], 'readonly': keys[3:]},
    }
    message = {'signatures': [SIGNATURE], 'message': {'accountKeys': keys[:2]}}
    return {'slot': SLOT, 'blockTime': 1_700_000_000, 'meta': meta, 'transaction': message} | changed


def tell(upstream: Server, told: Any, **row: Any) -> None:
    """Answer one signature, with what the node tells of it, and nothing before that."""
    listed = {'signature': SIGNATURE, 'slot': SLOT, 'err': None, 'blockTime': 1_700_000_000} | row

    def result(body: dict[str, Any]) -> Any:
        first = 'before' not in body['params'][1]
        return {
            'getBalance': {'context': {}, 'value': 7},
            'getSignaturesForAddress': [listed] if first else [],
            'getTransaction': told,
        }[body['method']]

    upstream.tell = lambda request: as_json({'jsonrpc': '2.0', 'id': request.body['id'], 'result': result(request.body)})


def read_one(upstream: Server, told: Any, **row: Any) -> Entry:
    tell(upstream, told, **row)
    [entry] = accounts.read(SOLANA, ADDRESS)[1]
    return entry


def test_a_transaction_is_the_change_between_two_balances(upstream: Server) -> None:
    entry = read_one(upstream, txn([STRANGER, ADDRESS], [10**9, 4], [10**9 - 8_000, 3_004]))
    assert entry == Entry(SIGNATURE, 0, 'sol', Decimal('0.000003'), Decimal(0), 1_700_000_000, SLOT)


def test_who_comes_first_pays_the_fee_which_the_balances_show(upstream: Server) -> None:
    entry = read_one(upstream, txn([ADDRESS, STRANGER], [10**9, 0], [10**9 - 8_000, 3_000]))
    assert (entry.delta, entry.fee) == (Decimal('-0.000008'), Decimal('0.000005'))


def test_a_failed_transaction_costs_the_fee(upstream: Server) -> None:
    told = txn([ADDRESS, STRANGER], [10**9, 0], [10**9 - 5_000, 0])
    told['meta']['err'] = {'InstructionError': [0, {'Custom': 1}]}
    entry = read_one(upstream, told, err=told['meta']['err'])
    assert (entry.delta, entry.fee) == (Decimal('-0.000005'), Decimal('0.000005'))


@pytest.mark.parametrize('keys', [[STRANGER, SYSTEM, ADDRESS], [STRANGER, SYSTEM, STRANGER, ADDRESS]])
def test_an_address_out_of_a_table_has_a_balance_like_others(upstream: Server, keys: list[str]) -> None:
    before = [10] * len(keys)
    assert read_one(upstream, txn(keys, before, [*before[:-1], 11])).delta == Decimal('0.000000001')


@pytest.mark.parametrize('loaded', [None, {'writable': [], 'readonly': []}])
def test_older_transactions_load_nothing(upstream: Server, loaded: Any) -> None:
    told = txn([STRANGER, ADDRESS], [1, 2], [1, 5])
    told['meta']['loadedAddresses'] = loaded
    assert read_one(upstream, told).delta == Decimal('0.000000003')


def test_only_what_is_final_is_asked_for(upstream: Server) -> None:
    read_one(upstream, txn([STRANGER, ADDRESS], [1, 2], [1, 5]))
    assert [request.body['params'][1]['commitment'] for request in upstream.requests] == ['finalized'] * 4


def test_recorded_signatures_are_listed_and_gone_on_from_the_last(upstream: Server) -> None:
    address = '7T8ckKtdc5DH7ACS5AnCny7rVXYJPEsaAbdBri1FhPxY'
    rows = recorded('solana/getSignaturesForAddress_7T8ckKtd.json')['result']
    known = [row['signature'] for row in rows]

    def result(body: dict[str, Any]) -> Any:
        if body['method'] == 'getSignaturesForAddress':
            config = body['params'][1]
            start = known.index(config['before']) + 1 if 'before' in config else 0
            return rows[start : start + config['limit']]
        row = rows[known.index(body['params'][0])]
        told = txn([address, STRANGER], [10_000, 0], [5_000, 0], slot=row['slot'], blockTime=row['blockTime'])
        told['transaction']['signatures'] = [row['signature']]
        return told

    def answer(request: Request) -> Answer:
        batch = request.body if isinstance(request.body, list) else [request.body]
        if batch[0]['method'] == 'getBalance':
            return as_json({'id': 0, 'result': {'value': 0}})
        told = [{'id': body['id'], 'result': result(body)} for body in batch]
        return as_json(told if isinstance(request.body, list) else told[0])

    upstream.tell = answer
    entries = accounts.read(SOLANA, address)[1]
    assert [(entry.reference, entry.height, entry.at) for entry in entries] == [
        (row['signature'], row['slot'], row['blockTime']) for row in rows
    ]


def test_the_answers_of_a_batch_may_come_in_any_order(upstream: Server) -> None:
    signatures = [SIGNATURE[:-1] + last for last in '123']

    def answer(request: Request) -> Answer:
        if isinstance(request.body, list):
            told = []
            for body in request.body:
                each = txn([STRANGER, ADDRESS], [1, 2], [1, 2 + body['id']])
                each['transaction']['signatures'] = [body['params'][0]]
                told.append({'id': body['id'], 'result': each})
            return as_json(told[::-1])
        rows = [] if 'before' in request.body['params'][1] else [{'signature': each, 'slot': SLOT} for each in signatures]
        return as_json({'id': 0, 'result': {'value': 1} if request.body['method'] == 'getBalance' else rows})

    upstream.tell = answer
    assert [(entry.reference, entry.delta * 10**9) for entry in accounts.read(SOLANA, ADDRESS)[1]] == list(
        zip(signatures, range(3), strict=True)
    )


def test_a_transaction_that_is_listed_and_no_longer_kept_does_not_vanish(upstream: Server) -> None:
    with pytest.raises(Upstream, match='lacks a transaction'):
        read_one(upstream, None)


def error(code: int, message: str) -> dict[str, Any]:
    return {'jsonrpc': '2.0', 'id': 0, 'error': {'code': code, 'message': message}}


@pytest.mark.parametrize('message', ['Invalid param: WrongSize', 'Invalid param: Invalid'])
def test_an_address_that_it_cannot_read_is_rejected(upstream: Server, message: str) -> None:
    upstream.say(error(-32602, message))
    with pytest.raises(UpstreamRejected):
        accounts.read(SOLANA, ADDRESS)


@pytest.mark.parametrize(
    ('code', 'message'), [(429, 'Too many requests for a specific RPC call'), (-32429, 'slow down'), (-32005, 'Rate limit exceeded')]
)
def test_a_node_that_we_ask_too_often_is_left_alone(upstream: Server, code: int, message: str) -> None:
    upstream.say(error(code, message))
    with pytest.raises(Upstream) as caught:
        accounts.read(SOLANA, ADDRESS)
    assert caught.value.throttled


@pytest.mark.parametrize(
    ('code', 'message'),
    [
        (-32005, 'Node is behind by 42 slots'),
        (-32009, 'Slot 5 was skipped, or missing in long-term storage'),
        (-32011, 'Transaction history is not available from this node'),
        (-32015, 'Transaction version (1) is not supported by the requesting client'),
        (-32019, 'Failed to query long-term storage; please try again'),
        (-32602, 'Invalid param: not a signature'),
        (-32603, 'Internal error'),
    ],
)
@pytest.mark.parametrize('method', ['getSignaturesForAddress', 'getTransaction'])
def test_its_other_errors_are_failures_of_its_own(upstream: Server, method: str, code: int, message: str) -> None:
    tell(upstream, txn([STRANGER, ADDRESS], [1, 2], [1, 5]))
    usual = upstream.tell
    upstream.tell = lambda request: as_json(error(code, message)) if request.body['method'] == method else usual(request)
    with pytest.raises(Upstream, match='returned an error') as caught:
        accounts.read(SOLANA, ADDRESS)
    assert not isinstance(caught.value, UpstreamRejected)


@pytest.mark.parametrize(
    'told',
    [
        txn([STRANGER, SYSTEM], [1, 2], [1, 5]),
        txn([STRANGER, ADDRESS], [1], [1]),
        txn([STRANGER, ADDRESS], [1, 2], [1]),
        txn([STRANGER, ADDRESS], [1, 2.5], [1, 5]),
        txn([STRANGER, ADDRESS], [1, 2], [1, 5], meta=None),
        txn([STRANGER, ADDRESS], [1, 2], [1, 5], blockTime=None),
        txn([STRANGER, ADDRESS], [1, 2], [1, 5], slot='x'),
        txn([STRANGER, ADDRESS], [1, 2], [1, 5], transaction=['AQID', 'base64']),
        txn([STRANGER, ADDRESS], [1, 2], [1, 5], transaction={'signatures': ['other'], 'message': {'accountKeys': [STRANGER, ADDRESS]}}),
    ],
)
def test_a_transaction_of_another_shape_is_refused(upstream: Server, told: dict[str, Any]) -> None:
    with pytest.raises(Upstream, match='unexpected shape'):
        read_one(upstream, told)


@pytest.mark.parametrize('row', [{'signature': '0OIl' * 20}, {'signature': None}, {'slot': '1.5'}])
def test_a_list_of_something_else_than_signatures_is_refused(upstream: Server, row: dict[str, Any]) -> None:
    with pytest.raises(Upstream, match='unexpected shape'):
        read_one(upstream, txn([STRANGER, ADDRESS], [1, 2], [1, 5]), **row)


def test_a_page_that_repeats_the_one_before_is_refused(upstream: Server) -> None:
    tell(upstream, txn([STRANGER, ADDRESS], [1, 2], [1, 5]))
    usual = upstream.tell
    listed = {'id': 0, 'result': [{'signature': SIGNATURE, 'slot': SLOT}]}
    upstream.tell = lambda request: as_json(listed) if request.body['method'] == 'getSignaturesForAddress' else usual(request)
    with pytest.raises(Upstream, match='unexpected shape'):
        accounts.read(SOLANA, ADDRESS)
