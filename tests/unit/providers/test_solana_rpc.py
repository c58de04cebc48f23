"""Solana as its nodes tell of it: balances before and after, who pays, and every way in which an answer says no."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.domain.ledgers import Entry, Unreadable
from chalicelib.errors import Upstream, UpstreamNotAsked, UpstreamRejected
from chalicelib.providers.explorers import Page
from infra.fake_upstreams.answer import Answer, as_json
from infra.fake_upstreams.bitcoin_chain import BASE58
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


def tell_several(upstream: Server, *answers: dict[str, Any], times: dict[int, Any] | None = None, **row: Any) -> list[str]:
    """Answer about as many signatures, newest first, one slot apart, and nothing before them; return the signatures."""
    signatures = [SIGNATURE[:-1] + BASE58[number] for number in range(len(answers))]
    listed = [{'signature': each, 'slot': SLOT - number, 'blockTime': None} | row for number, each in enumerate(signatures)]

    def respond(question: dict[str, Any]) -> dict[str, Any]:
        method, [subject, *rest] = question['method'], question['params']
        if method == 'getTransaction':
            place = signatures.index(subject)
            answer = json.loads(json.dumps(answers[place]))
            if answer.get('result'):
                answer['result']['transaction']['signatures'] = [subject]
                answer['result']['slot'] = SLOT - place
            return answer
        if method == 'getBlockTime':
            time = (times or {}).get(subject, {'error': {'code': -32009, 'message': 'Slot was skipped'}})
            return time if isinstance(time, dict) else {'result': time}
        return {'result': {'value': 7} if method == 'getBalance' else [] if 'before' in rest[0] else listed}

    def answer(request: Request) -> Answer:
        questions = request.body if isinstance(request.body, list) else [request.body]
        told = [{'jsonrpc': '2.0', 'id': each['id']} | respond(each) for each in questions]
        return as_json(told if isinstance(request.body, list) else told[0])

    upstream.tell = answer
    return signatures


def result(gain: int, **changed: Any) -> dict[str, Any]:
    return {'result': txn([STRANGER, ADDRESS], [9, 2], [9, 2 + gain], **changed)}


def read_page(upstream: Server) -> Page:
    """Return the first page, the only one with rows."""
    page, last = SOLANA.read(accounts.http(), ADDRESS).pages
    assert (last.entries, list(last.unreadable), last.resume) == ([], [], None)
    return page


@pytest.mark.parametrize('version', [0, 1, 2, 200, 'legacy', 'something new'])
def test_a_transaction_of_any_version_is_read_like_the_others(upstream: Server, version: int | str) -> None:
    odd = result(5, version=version)
    odd['result']['transaction']['message'] |= {'transactionConfig': {'priorityFee': '7'}, 'instructions': 'of another shape'}
    signatures = tell_several(upstream, result(1, version='legacy'), odd, result(9, version=0))
    page = read_page(upstream)
    assert [(entry.reference, entry.delta * 10**9) for entry in page.entries] == list(zip(signatures, (1, 5, 9), strict=True))
    assert not page.unreadable


def test_every_version_is_asked_for(upstream: Server) -> None:
    read_one(upstream, txn([STRANGER, ADDRESS], [1, 2], [1, 5]))
    [asked] = [request.body['params'][1] for request in upstream.requests if request.body['method'] == 'getTransaction']
    assert asked == {'commitment': 'finalized', 'encoding': 'json', 'maxSupportedTransactionVersion': 255}


@pytest.mark.parametrize(
    ('answer', 'reason'),
    [
        ({'error': {'code': -32015, 'message': 'Transaction version (300) is not supported'}}, 'version not supported by the node'),
        ({'error': {'code': -32009, 'message': 'Slot 5 was skipped'}}, 'listed but not returned'),
        ({'error': {'code': -32603, 'message': 'Internal error'}}, 'listed but not returned'),
        ({'result': None}, 'listed but not returned'),
        (result(5, meta={'err': None}), 'unexpected shape'),
        (result(5, blockTime=None), 'no block time'),
    ],
)
def test_a_transaction_that_cannot_be_read_costs_only_itself(upstream: Server, answer: dict[str, Any], reason: str) -> None:
    first, odd, last = tell_several(upstream, result(1), answer, result(9))
    page = read_page(upstream)
    assert [(entry.reference, entry.delta * 10**9) for entry in page.entries] == [(first, 1), (last, 9)]
    at = 1_700_000_000 if reason == 'unexpected shape' else None
    assert page.unreadable == [Unreadable('sol', odd, reason, at=at, height=SLOT - 1)]


def test_a_version_that_the_node_does_not_support_is_no_failure_of_it_even_alone(upstream: Server) -> None:
    [only] = tell_several(upstream, {'error': {'code': -32015, 'message': 'Transaction version (300) is not supported'}})
    assert accounts.unread(SOLANA, ADDRESS) == [Unreadable('sol', only, 'version not supported by the node', at=None, height=SLOT)]


@pytest.mark.parametrize('answer', [{'result': None}, {'error': {'code': -32603, 'message': 'Internal error'}}])
def test_a_node_that_returns_none_of_the_transactions_it_lists_has_failed(upstream: Server, answer: dict[str, Any]) -> None:
    tell_several(upstream, answer, answer, answer)
    with pytest.raises(Upstream):
        accounts.read(SOLANA, ADDRESS)


@pytest.mark.parametrize(('code', 'throttled'), [(-32005, False), (-32011, False), (-32019, False), (429, True)])
def test_an_error_that_is_of_the_node_is_not_blamed_on_a_transaction(upstream: Server, code: int, throttled: bool) -> None:
    tell_several(upstream, result(1), {'error': {'code': code, 'message': 'not now'}}, result(9))
    with pytest.raises(Upstream) as caught:
        accounts.read(SOLANA, ADDRESS)
    assert caught.value.throttled == throttled


def test_a_time_that_a_transaction_lacks_is_that_of_its_block(upstream: Server) -> None:
    tell_several(upstream, result(1, blockTime=None), result(5), result(9, blockTime=None), times={SLOT: 1_600_000_000, SLOT - 2: None})
    page = read_page(upstream)
    assert [(entry.at, entry.height) for entry in page.entries] == [(1_600_000_000, SLOT), (1_700_000_000, SLOT - 1)]
    assert [(row.reason, row.height) for row in page.unreadable] == [('no block time', SLOT - 2)]


def test_a_time_that_the_list_of_signatures_tells_is_taken(upstream: Server) -> None:
    tell_several(upstream, result(1, blockTime=None), blockTime=1_600_000_001)
    assert [entry.at for entry in read_page(upstream).entries] == [1_600_000_001]


def test_several_transactions_of_nothing_but_another_shape_are_another_api(upstream: Server) -> None:
    tell_several(upstream, *[result(1, meta=None)] * 3)
    with pytest.raises(Upstream, match='unexpected shape'):
        accounts.read(SOLANA, ADDRESS)


@pytest.mark.parametrize(('first_block', 'refused'), [(0, False), (340_000_000, True)])
def test_an_empty_list_is_an_empty_history_only_at_a_node_that_keeps_all_of_it(upstream: Server, first_block: int, refused: bool) -> None:
    told = {'getBalance': {'value': 0}, 'getSignaturesForAddress': [], 'getFirstAvailableBlock': first_block}
    upstream.tell = lambda request: as_json({'id': 0, 'result': told[request.body['method']]})
    if refused:
        with pytest.raises(UpstreamNotAsked, match='recent ledgers only'):
            accounts.read(SOLANA, ADDRESS)
    else:
        assert accounts.read(SOLANA, ADDRESS)[1] == []


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
        txn([STRANGER, ADDRESS], [1, 2], [1, 5], slot='x'),
        txn([STRANGER, ADDRESS], [1, 2], [1, 5], transaction=['AQID', 'base64']),
        txn([STRANGER, ADDRESS], [1, 2], [1, 5], transaction={'signatures': ['other'], 'message': {'accountKeys': [STRANGER, ADDRESS]}}),
    ],
)
def test_a_transaction_of_another_shape_costs_only_itself(upstream: Server, told: dict[str, Any]) -> None:
    tell(upstream, told)
    assert accounts.unread(SOLANA, ADDRESS) == [Unreadable('sol', SIGNATURE, 'unexpected shape', at=1_700_000_000, height=SLOT)]


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
