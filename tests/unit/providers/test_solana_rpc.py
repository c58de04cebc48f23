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
from tests.support import account_explorers
from tests.support.account_explorers import Request, Server
from tests.support.recordings import recorded
from tests.support.solana import SIGNATURE, SLOT, SOLANA, answer, calls, tell, txn
from tests.support.upstreams import http


@pytest.fixture(scope='module')
def server() -> Iterator[Server]:
    with account_explorers.serving() as server:
        yield server


@pytest.fixture
def upstream(server: Server) -> Iterator[Server]:
    with account_explorers.leading_to(server) as leading:
        yield leading


def read_one(upstream: Server, told: Any, **row: Any) -> Entry:
    tell(upstream, told, **row)
    [entry] = account_explorers.read(SOLANA, ADDRESS)[1]
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
    methods = ('getBalance', 'getTokenAccountsByOwner', 'getSignaturesForAddress', 'getTransaction')
    assert {params[-1]['commitment'] for method in methods for params in calls(upstream, method)} == {'finalized'}


def test_recorded_signatures_are_listed_and_gone_on_from_the_last(upstream: Server) -> None:
    address = '7T8ckKtdc5DH7ACS5AnCny7rVXYJPEsaAbdBri1FhPxY'
    rows = recorded('solana/getSignaturesForAddress_7T8ckKtd.json')['result']
    known = [row['signature'] for row in rows]

    def respond(method: str, subject: Any, config: Any) -> dict[str, Any] | None:
        if method == 'getSignaturesForAddress' and subject == address:
            start = known.index(config['before']) + 1 if 'before' in config else 0
            return {'result': rows[start : start + config['limit']]}
        if method != 'getTransaction':
            return None
        row = rows[known.index(subject)]
        told = txn([address, STRANGER], [10_000, 0], [5_000, 0], slot=row['slot'], blockTime=row['blockTime'])
        told['transaction']['signatures'] = [row['signature']]
        return {'result': told}

    answer(upstream, respond)
    entries = account_explorers.read(SOLANA, address)[1]
    assert [(entry.reference, entry.height, entry.at) for entry in entries] == [
        (row['signature'], row['slot'], row['blockTime']) for row in rows
    ]


def test_the_answers_of_a_batch_may_come_in_any_order(upstream: Server) -> None:
    signatures = tell_several(upstream, *(result(gain) for gain in range(3)))
    usual = upstream.tell

    def backwards(request: Request) -> Answer:
        told = json.loads(usual(request).body)
        return as_json(told[::-1] if isinstance(told, list) else told)

    upstream.tell = backwards
    assert [(entry.reference, entry.delta * 10**9) for entry in account_explorers.read(SOLANA, ADDRESS)[1]] == list(
        zip(signatures, range(3), strict=True)
    )


def tell_several(upstream: Server, *answers: dict[str, Any], times: dict[int, Any] | None = None, **row: Any) -> list[str]:
    """Answer about as many signatures, newest first, one slot apart, and nothing before them; return the signatures."""
    signatures = [SIGNATURE[:-1] + BASE58[number] for number in range(len(answers))]
    listed = [{'signature': each, 'slot': SLOT - number, 'blockTime': None} | row for number, each in enumerate(signatures)]

    def respond(method: str, subject: Any, config: Any) -> dict[str, Any] | None:
        if method == 'getTransaction':
            place = signatures.index(subject)
            told = json.loads(json.dumps(answers[place]))
            if told.get('result'):
                told['result']['transaction']['signatures'] = [subject]
                told['result']['slot'] = SLOT - place
            return dict(told)
        if method == 'getBlockTime':
            time = (times or {}).get(subject, {'error': {'code': -32009, 'message': 'Slot was skipped'}})
            return time if isinstance(time, dict) else {'result': time}
        if method == 'getSignaturesForAddress' and subject == ADDRESS:
            return {'result': [] if 'before' in config else listed}
        return None

    answer(upstream, respond)
    return signatures


def result(gain: int, **changed: Any) -> dict[str, Any]:
    return {'result': txn([STRANGER, ADDRESS], [9, 2], [9, 2 + gain], **changed)}


def read_page(upstream: Server) -> Page:
    """Return the first page, the only one with rows, of an address that holds no tokens."""
    page, last = SOLANA.read(http(), ADDRESS, held_codes=['sol']).pages
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
    [[_, config]] = calls(upstream, 'getTransaction')
    assert config == {'commitment': 'finalized', 'encoding': 'json', 'maxSupportedTransactionVersion': 255}


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
    assert account_explorers.unread(SOLANA, ADDRESS) == [Unreadable('sol', only, 'version not supported by the node', at=None, height=SLOT)]


@pytest.mark.parametrize('answer', [{'result': None}, {'error': {'code': -32603, 'message': 'Internal error'}}])
def test_a_node_that_returns_none_of_the_transactions_it_lists_has_failed(upstream: Server, answer: dict[str, Any]) -> None:
    tell_several(upstream, answer, answer, answer)
    with pytest.raises(Upstream):
        account_explorers.read(SOLANA, ADDRESS)


@pytest.mark.parametrize(('code', 'throttled'), [(-32005, False), (-32011, False), (-32019, False), (429, True)])
def test_an_error_that_is_of_the_node_is_not_blamed_on_a_transaction(upstream: Server, code: int, throttled: bool) -> None:
    tell_several(upstream, result(1), {'error': {'code': code, 'message': 'not now'}}, result(9))
    with pytest.raises(Upstream) as caught:
        account_explorers.read(SOLANA, ADDRESS)
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
        read_page(upstream)


@pytest.mark.parametrize(('first_block', 'refused'), [(0, False), (340_000_000, True)])
def test_an_empty_list_is_an_empty_history_only_at_a_node_that_keeps_all_of_it(upstream: Server, first_block: int, refused: bool) -> None:
    answer(upstream, lambda method, *_: {'result': first_block} if method == 'getFirstAvailableBlock' else None)
    if refused:
        with pytest.raises(UpstreamNotAsked, match='recent ledgers only'):
            account_explorers.read(SOLANA, ADDRESS)
    else:
        assert account_explorers.read(SOLANA, ADDRESS)[1] == []


def test_a_transaction_that_is_listed_and_no_longer_kept_does_not_vanish(upstream: Server) -> None:
    with pytest.raises(Upstream, match='lacks a transaction'):
        read_one(upstream, None)


@pytest.mark.parametrize('message', ['Invalid param: WrongSize', 'Invalid param: Invalid'])
def test_an_address_that_it_cannot_read_is_rejected(upstream: Server, message: str) -> None:
    answer(upstream, lambda *_: {'error': {'code': -32602, 'message': message}})
    with pytest.raises(UpstreamRejected):
        account_explorers.read(SOLANA, ADDRESS)


@pytest.mark.parametrize(
    ('code', 'message'), [(429, 'Too many requests for a specific RPC call'), (-32429, 'slow down'), (-32005, 'Rate limit exceeded')]
)
def test_a_node_that_we_ask_too_often_is_left_alone(upstream: Server, code: int, message: str) -> None:
    answer(upstream, lambda *_: {'error': {'code': code, 'message': message}})
    with pytest.raises(Upstream) as caught:
        account_explorers.read(SOLANA, ADDRESS)
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
@pytest.mark.parametrize('method', ['getTokenAccountsByOwner', 'getSignaturesForAddress', 'getTransaction'])
def test_its_other_errors_are_failures_of_its_own(upstream: Server, method: str, code: int, message: str) -> None:
    def respond(asked: str, subject: Any, config: Any) -> dict[str, Any] | None:
        if asked == method:
            return {'error': {'code': code, 'message': message}}
        lists = asked == 'getSignaturesForAddress' and subject == ADDRESS and 'before' not in config
        return {'result': [{'signature': SIGNATURE, 'slot': SLOT}]} if lists else None

    answer(upstream, respond)
    with pytest.raises(Upstream, match='returned an error') as caught:
        account_explorers.read(SOLANA, ADDRESS)
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
    assert account_explorers.unread(SOLANA, ADDRESS) == [Unreadable('sol', SIGNATURE, 'unexpected shape', at=1_700_000_000, height=SLOT)]


@pytest.mark.parametrize('row', [{'signature': '0OIl' * 20}, {'signature': None}, {'slot': '1.5'}])
def test_a_list_of_something_else_than_signatures_is_refused(upstream: Server, row: dict[str, Any]) -> None:
    with pytest.raises(Upstream, match='unexpected shape'):
        read_one(upstream, txn([STRANGER, ADDRESS], [1, 2], [1, 5]), **row)


def test_a_page_that_repeats_the_one_before_is_refused(upstream: Server) -> None:
    listed, told = [{'signature': SIGNATURE, 'slot': SLOT}], txn([STRANGER, ADDRESS], [1, 2], [1, 5])
    answer(
        upstream, lambda asked, *_: {'result': listed if 'Signatures' in asked else told} if asked.startswith(('getS', 'getT')) else None
    )
    with pytest.raises(Upstream, match='unexpected shape'):
        account_explorers.read(SOLANA, ADDRESS)
