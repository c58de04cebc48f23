"""DynamoDB carries a write out and its answer is lost: botocore sends it again, and nobody notices."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError
from chalice.test import Client as ChaliceClient

from chalicelib import clock, errors, vault
from chalicelib.models import AttemptCounter, Client, History, Ledger, TrackedCurrency, UpstreamState, User
from chalicelib.oauth import signing
from chalicelib.services.histories import refresh
from infra.fake_upstreams.scripted_explorer import Explorer, payments
from tests.support.api import Api
from tests.support.clock import CLOCK
from tests.support.dynamodb import answers_lost, cancelled_when_repeated, no_answers, refusing
from tests.support.hd_wallets import ZPUB
from tests.support.jobs import run_refresh
from tests.support.ledgers import SEGWIT, assert_whole, pk_of
from tests.support.oauth import GOOD, ask

pytestmark = pytest.mark.usefixtures('impatient_botocore')


def test_what_users_change_is_changed_once_and_said_to_be(api: Api) -> None:
    with answers_lost() as lost:
        assert [api.portfolio(), api.portfolio()] == [1, 2]  # no id is skipped
        assert [api.address(1, SEGWIT)] == [1]
        for path in ('/api/portfolios/1', '/api/portfolios/1/addresses/1'):
            before = api.get(path).headers['ETag']
            changed = api.request('PATCH', path, {'title': 'Other'}, {'If-Match': before})
            assert (changed.status_code, changed.json_body['result']['title']) == (200, 'Other')
            assert api.request('PATCH', path, {'title': 'Third'}, {'If-Match': before}).status_code == 412
        assert api.patch('/api/portfolios/99', {'title': 'x'}).status_code == 404
    assert lost.count('UpdateItem') == 5


def test_no_token_is_taken_for_a_stolen_one(http: ChaliceClient, user: User, client: Client) -> None:
    with answers_lost() as lost:
        first = ask(http, GOOD)
        for _ in range(3):
            CLOCK.advance(3_600)
            first = ask(http, {'grant_type': 'refresh_token', 'refresh_token': first.json_body['refresh_token']})
            assert first.status_code == 200
    assert lost


def test_a_transaction_that_is_cancelled_when_it_is_repeated_is_not_refused_for_what_it_did(
    http: ChaliceClient, api: Api, user: User, client: Client
) -> None:
    with cancelled_when_repeated() as cancelled:
        assert [api.portfolio(), api.portfolio()] == [1, 2]
        assert api.address(1, SEGWIT) == 1
        cash = {'title': 'Cash', 'balances': [{'currency': 'btc', 'balance': '1'}]}
        assert api.post('/api/portfolios/1/offsets', cash).status_code == 201
        assert api.delete('/api/portfolios/1/addresses/1').status_code == 200
        first = ask(http, GOOD)
        for _ in range(3):
            CLOCK.advance(3_600)
            first = ask(http, {'grant_type': 'refresh_token', 'refresh_token': first.json_body['refresh_token']})
            assert (first.status_code, first.json_body.get('error')) == (200, None)
    assert len(cancelled) >= 9


def test_attempts_and_failures_are_counted_once(api: Api) -> None:
    with answers_lost():
        for _ in range(3):
            AttemptCounter.record('test', 'somebody', 3, 900, clock.now())
        with pytest.raises(errors.TooMany):
            AttemptCounter.record('test', 'somebody', 3, 900, clock.now())
        assert UpstreamState.take('test', 1_000, clock.now_ms()).wait_ms == 0
        assert UpstreamState.take('test', 1_000, clock.now_ms()).wait_ms == 1_000
        UpstreamState.fail(errors.Upstream('test', 'down', blame=errors.Blame.HOST), 'address')
        assert UpstreamState.find_many(['test'])['test'].failures == 1
        assert [TrackedCurrency.register('btc', clock.now()) for _ in range(2)] == [True, False]


def test_leases_are_taken_kept_and_given_back(api: Api, explorer: Explorer) -> None:
    explorer.chain[SEGWIT] = payments(5)
    with answers_lost() as lost:
        api.address(api.portfolio(), SEGWIT)
        assert run_refresh(SEGWIT)
        refresh.refresh(api.user_id, 1)
    assert lost
    assert_whole(SEGWIT, explorer.chain[SEGWIT])
    ledger, history = Ledger.find(pk_of(SEGWIT)), History.get(f'HISTORY#{api.user_id}#000001', 'STATE')
    assert ledger is not None
    assert (ledger.lease_owner, history.lease_owner, history.version) == (None, None, 1)


def test_a_ledger_nobody_watches_is_gone(api: Api, explorer: Explorer) -> None:
    api.address(api.portfolio(), SEGWIT)
    assert run_refresh(SEGWIT)
    assert api.delete('/api/portfolios/1/addresses/1').status_code == 200
    with answers_lost():
        assert run_refresh(SEGWIT)
    assert Ledger.find(pk_of(SEGWIT)) is None


# DynamoDB's own failures

FAILURES: dict[str, Any] = {
    'a failure': lambda *operations: refusing('InternalServerError', status=500, operations=operations),
    'unavailable': lambda *operations: refusing('ServiceUnavailable', status=503, operations=operations),
    'throttled': lambda *operations: refusing('ThrottlingException', operations=operations),
    'over its throughput': lambda *operations: refusing('ProvisionedThroughputExceededException', operations=operations),
    'no answer': lambda *operations: no_answers(operations),
    'no connection': lambda *operations: no_answers(operations, EndpointConnectionError),
    'no connection in time': lambda *operations: no_answers(operations, ConnectTimeoutError),
}


@pytest.mark.parametrize('fail', FAILURES.values(), ids=FAILURES.keys())
def test_a_database_that_fails_is_busy(http: ChaliceClient, api: Api, client: Client, fail: Any) -> None:
    api.portfolio()
    with fail():
        answers = [
            api.get('/api/portfolios'),  # a query
            api.get('/api/user'),  # a get
            api.patch('/api/portfolios/1', {'title': 'x'}),  # an update
            ask(http, GOOD),
        ]
    for operation in ('TransactWriteItems', 'BatchGetItem'):
        with fail(operation):
            answers.append(api.delete('/api/portfolios/1') if operation == 'TransactWriteItems' else api.get('/api/sources'))
    assert [(answer.status_code, answer.headers['Retry-After']) for answer in answers] == [(503, '1')] * 6
    assert [answer.json_body.get('code') or answer.json_body['error'] for answer in answers] == [
        *['busy'] * 3,
        'temporarily_unavailable',
        *['busy'] * 2,
    ]
    assert api.get('/api/portfolios/1').status_code == 200


def test_a_conflict_has_no_client_of_oauth2_give_up(http: ChaliceClient, user: User, client: Client) -> None:
    with refusing('TransactionConflictException', operations=['PutItem']) as refused:
        answer = ask(http, GOOD)
    assert (answer.status_code, answer.headers['Retry-After'], answer.json_body['error']) == (503, '1', 'temporarily_unavailable')
    assert len(refused) > 1
    assert ask(http, GOOD).status_code == 200


def test_keys_that_cannot_be_used_now_are_busy(http: ChaliceClient, api: Api, client: Client) -> None:
    api.portfolio()
    hd_wallet = {'address': ZPUB, 'currency': 'btc'}
    asked: list[tuple[Any, Callable[[], Any], int]] = [
        (signing._kms(), lambda: ask(http, GOOD), 200),
        (vault._kms(), lambda: api.post('/api/portfolios/1/addresses', hd_wallet), 201),
    ]
    for kms, send, status in asked:
        with silent(kms):
            answer = send()
        assert (answer.status_code, answer.headers['Retry-After']) == (503, '1')
        assert send().status_code == status


@contextmanager
def silent(kms: Any) -> Iterator[None]:
    """Let requests to KMS time out."""

    def fail(request: Any, **_: Any) -> None:
        raise ReadTimeoutError(endpoint_url=request.url)

    kms.meta.events.register_first('before-send.kms', fail)
    try:
        yield
    finally:
        kms.meta.events.unregister('before-send.kms', fail)
