"""What a run over the whole service leaves in the log, and the ids and cross-origin headers that its answers carry."""

import http.client
import io
import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from chalice.app import Chalice, Response
from chalice.test import Client as ChaliceClient
from chalice.test import HTTPResponse
from pynamodb.exceptions import PynamoDBException

from app import app
from chalicelib.config import settings
from chalicelib.http_io.request_log import log_requests
from chalicelib.http_io.response import CORS
from chalicelib.jobs import purge, refresh
from chalicelib.models import Client, Item, Ledger, User
from infra import gateway
from infra.fake_upstreams.faults import changed, status
from infra.fake_upstreams.scripted_explorer import Explorer, payments, serving, txid
from tests.support.api import PASSWORD, Api
from tests.support.browser import Browser, Mailbox
from tests.support.clock import CLOCK
from tests.support.dynamodb import refusing
from tests.support.jobs import record, run_purge, run_sweep
from tests.support.ledgers import ADDRESS, SEGWIT, observe, pk_of
from tests.support.logs import Line, Lines, captured
from tests.support.oauth import BASIC
from tests.support.upstreams import upstreams_at

ADDRESSES = '/api/portfolios/1/addresses'
EXPOSED = {
    'ETag',
    'Link',
    'Location',
    'Retry-After',
    'X-Request-Id',
    'RateLimit-Limit',
    'RateLimit-Remaining',
    'RateLimit-Reset',
    'WWW-Authenticate',
    'X-Complete',
}


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    with captured() as stream:
        yield stream


@pytest.fixture
def lines(stream: io.StringIO) -> Lines:
    """Return what was logged so far, a JSON object a line."""
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.fixture
def told(lines: Lines) -> Callable[[str], list[Line]]:
    """Return the lines so far that tell a request or message of a service."""
    return lambda service: [line for line in lines() if line['logger'] == f'chalicelib.telemetry.{service}']


ReadLines = Callable[[str], list[Line]]


@pytest.fixture
def ready(api: Api) -> None:
    api.portfolio()
    api.address(1, ADDRESS)
    observe(ADDRESS, 3, 3)


@pytest.mark.usefixtures('ready')
@pytest.mark.parametrize(
    ('method', 'path', 'body', 'status', 'route'),
    [
        ('GET', '/api/portfolios/1', None, 200, '/api/portfolios/{portfolio_id}'),
        ('POST', '/api/portfolios', {'title': 'x', 'currencies': ['btc']}, 201, '/api/portfolios'),
        ('GET', '/api/portfolios/99', None, 404, '/api/portfolios/{portfolio_id}'),
        ('PUT', '/api/portfolios/1', None, 405, '/api/portfolios/{portfolio_id}'),
        ('POST', '/api/portfolios', b'{', 400, '/api/portfolios'),
        ('POST', '/api/portfolios', {}, 422, '/api/portfolios'),
        ('GET', '/api/currencies/btc', None, 200, '/api/currencies/{code}'),
        ('GET', '/login', None, 200, '/login'),
        ('GET', '/profile', None, 303, '/profile'),
        ('GET', '/oauth/applications/nosuch', None, 303, '/oauth/applications/{client_id}'),
        ('DELETE', '/login', None, 405, '/login'),
        ('POST', '/oauth/token', {}, 415, '/oauth/token'),
        ('GET', '/.well-known/jwks.json', None, 200, '/.well-known/jwks.json'),
    ],
)
def test_each_request_is_told_once_with_the_id_that_its_answer_carries(
    api: Api, told: ReadLines, method: str, path: str, body: Any, status: int, route: str
):
    before = len(told('api'))

    response = api.request(method, path, body)

    [line] = told('api')[before:]
    assert (response.status_code, line['status'], line['method'], line['route']) == (status, status, method, route)
    assert response.headers['X-Request-Id'] == line['request_id']


def test_an_answer_that_was_not_changed_is_told_and_has_an_id(api: Api, told: ReadLines):
    tag = api.get('/api/portfolios').headers['ETag']

    response = api.request('GET', '/api/portfolios', headers={'If-None-Match': tag})

    assert told('api')[-1]['status'] == 304
    assert response.headers['X-Request-Id'] == told('api')[-1]['request_id']


def test_two_requests_have_two_ids(api: Api):
    ids = {api.get('/api/portfolios').headers['X-Request-Id'] for _ in range(3)}

    assert len(ids) == 3


def test_an_id_that_api_gateway_gave_is_kept(told: ReadLines):
    event = {
        'requestContext': {'httpMethod': 'GET', 'resourcePath': '/api/currencies', 'path': '/api/currencies', 'requestId': 'given'},
        'headers': {},
        'pathParameters': None,
        'multiValueQueryStringParameters': None,
        'stageVariables': None,
        'body': None,
    }

    answer = app(event, SimpleNamespace(aws_request_id='lambda'))

    assert answer['headers']['X-Request-Id'] == 'given'
    assert told('api')[-1]['request_id'] == 'given'


@pytest.mark.parametrize(
    ('method', 'path', 'body'), [('GET', '/api/portfolios/99', None), ('PUT', '/api/user', None), ('POST', '/api/portfolios', b'{')]
)
def test_an_error_says_the_id_of_its_request_beside_its_code(api: Api, method: str, path: str, body: Any):
    response = api.request(method, path, body)

    assert response.json_body['request_id'] == response.headers['X-Request-Id']


def test_an_error_of_oauth_has_the_rfcs_members_only(http: ChaliceClient, client: Client):
    response = http.http.post('/oauth/token', headers={'Content-Type': 'application/json'}, body=b'{}')

    assert set(response.json_body) == {'error', 'error_description', 'error_uri'}
    assert response.headers['X-Request-Id']


def test_the_authorizer_and_the_api_tell_a_request_by_the_same_id(api: Api, told: ReadLines):
    api.get('/api/portfolios')

    [checked], [answered] = told('authorizer'), told('api')
    assert checked['request_id'] == answered['request_id']
    for line in (checked, answered):
        assert (line['user_id'], line['client_id'], line['route']) == (api.user_id, 'test-app', '/api/portfolios')


def test_a_refused_token_is_told_with_the_reason_and_the_id_that_the_answer_carries(api: Api, told: ReadLines):
    response = api.request('GET', '/api/portfolios', headers={'Authorization': 'Bearer nonsense'})

    [line] = told('authorizer')
    assert (line['refused'], line['TokensRefused'], line['user_id']) == ('JWTError', 1, None)
    assert response.status_code == 401
    assert line['request_id'] == response.headers['X-Request-Id'] == response.json_body['request_id']
    assert told('api') == []


def test_a_token_that_lacks_the_scope_gets_an_answer_with_the_requests_id(http: ChaliceClient, user: User, told: ReadLines):
    response = Api(http, user.user_id, ['info']).get('/api/portfolios')

    assert (response.status_code, response.json_body['code']) == (403, 'insufficient_scope')
    assert told('authorizer')[0]['request_id'] == response.headers['X-Request-Id'] == response.json_body['request_id']


@pytest.mark.usefixtures('ready')
@pytest.mark.parametrize(
    ('method', 'path', 'body'),
    [
        ('GET', '/api/currencies', None),
        ('GET', '/api/status', None),
        ('GET', '/api/user', None),
        ('GET', f'{ADDRESSES}/1/balances', None),
        ('GET', f'{ADDRESSES}/1/transactions', None),
        ('POST', ADDRESSES, {'address': SEGWIT, 'currency': 'btc'}),
        ('PATCH', '/api/portfolios/1', {'title': 'y'}),
        ('DELETE', '/api/portfolios/1', None),
        ('GET', '/api/portfolios/99', None),
    ],
)
def test_a_line_says_how_many_requests_to_dynamodb_its_request_made(
    api: Api, told: ReadLines, requests_made: list[str], method: str, path: str, body: Any
):
    api.request(method, path, body)

    assert told('api')[-1]['dynamodb_requests'] == len(requests_made)


@pytest.mark.usefixtures('ready')
def test_requests_to_dynamodb_from_other_threads_are_counted(api: Api, told: ReadLines, requests_made: list[str]):
    api.get('/api/portfolios/1/balances')

    assert told('api')[-1]['dynamodb_requests'] == len(requests_made) == 2


@pytest.mark.usefixtures('ready')
def test_every_request_to_dynamodb_asks_what_it_consumed(api: Api, told: ReadLines):
    asked: dict[str, str] = {}

    def note(model: Any, params: dict[str, Any], **_: Any) -> None:
        asked[model.name] = json.loads(params['body']).get('ReturnConsumedCapacity')

    events = Item.connection().client.meta.events
    events.register('before-call.dynamodb', note)
    try:
        api.get('/api/portfolios')
        api.get(f'{ADDRESSES}/1/balances')
        api.patch(f'{ADDRESSES}/1', {'title': 'x'})
        api.post('/api/portfolios', {'title': 'x', 'currencies': ['btc']})
        api.delete('/api/portfolios/1')
        run_purge(api.user_id, 1)
    finally:
        events.unregister('before-call.dynamodb', note)

    assert {'GetItem', 'Query', 'BatchGetItem', 'UpdateItem', 'TransactWriteItems', 'DeleteItem'} <= set(asked)
    assert set(asked.values()) == {'TOTAL'}


@pytest.mark.usefixtures('ready')
def test_a_line_says_the_capacity_that_its_request_consumed(api: Api, told: ReadLines):
    api.get('/api/user')
    api.get(f'{ADDRESSES}/1/balances')

    of_one, of_several = (line['dynamodb_capacity_units'] for line in told('api')[-2:])
    assert of_one in (0.5, 1)  # a consistent read is one unit; moto says half
    assert of_several > 0.5


def test_a_request_to_dynamodb_that_botocore_repeats_counts_each_time(api: Api, told: ReadLines):
    with refusing('ProvisionedThroughputExceededException', times=2) as refused:
        assert api.get('/api/user').status_code == 200

    assert len(refused) == 2
    assert told('api')[0]['dynamodb_requests'] == 3


def test_an_unforeseen_error_is_logged_on_one_line_with_the_requests_id(api: Api, lines: Lines, told: ReadLines):
    with refusing('ResourceNotFoundException'):
        response = api.get('/api/user')

    assert (response.status_code, told('api')[0]['Errors5xx']) == (500, 1)
    [error] = [line for line in lines() if line['level'] == 'ERROR']
    assert error['request_id'] == response.json_body['request_id']
    assert error['exception'].startswith('Traceback')


def test_an_error_in_a_middleware_is_told_once():
    broken = Chalice('broken', configure_logs=False)
    broken.register_middleware(log_requests, 'http')

    @broken.middleware('http')
    def fail(_: Any, __: Any) -> Response:
        raise ZeroDivisionError

    broken.route('/')(dict)
    with captured() as stream:
        response = ChaliceClient(broken).http.get('/')

    assert response.status_code == 500
    [line] = [line for line in map(json.loads, stream.getvalue().splitlines()) if 'status' in line]
    assert (line['status'], line['route']) == (500, '/')


# Jobs


@pytest.fixture
def explorer() -> Iterator[Explorer]:
    """Every upstream."""
    with serving(Explorer()) as found, upstreams_at(found.url):
        yield found


@pytest.fixture
def browser(http: ChaliceClient) -> Browser:
    return Browser(http)


@pytest.fixture
def mailbox(capsys: pytest.CaptureFixture[str]) -> Mailbox:
    return Mailbox(capsys)


def watch(api: Api) -> str:
    """Have somebody watch an address; return its ledger."""
    api.portfolio()
    api.address(1, SEGWIT)
    return pk_of(SEGWIT)


CONTEXT = SimpleNamespace(aws_request_id='run-1')


def test_each_message_is_told_in_one_line(api: Api, explorer: Explorer, told: ReadLines, requests_made: list[str]):
    explorer.chain[SEGWIT] = payments(3)
    messages = [record({'ledger': watch(api)}), record({'ledger': pk_of(ADDRESS)}, receives=3)]
    requests_made.clear()

    refresh.refresh_ledgers({'Records': messages}, CONTEXT)

    found = {line['message_id']: line for line in told('refresh_ledgers')}
    assert len(found) == len(told('refresh_ledgers')) == 2
    read, unknown = (found[message['messageId']] for message in messages)
    for line in (read, unknown):
        assert (line['request_id'], line['job'], line['failed']) == ('run-1', 'refresh_ledgers', False)
        assert (line['Messages'], line.get('MessageFailures')) == (1, None)
    assert (read['receives'], unknown['receives']) == (1, 3)
    assert (read['UpstreamRequests'], unknown.get('UpstreamRequests')) == (2, None)
    assert read['dynamodb_requests'] + unknown['dynamodb_requests'] == len(requests_made) - 1  # that the job ran is noted once
    assert read['dynamodb_capacity_units'] > 0
    assert read['Milliseconds'] == read['ms'] > 0


def test_a_message_that_failed_is_told_and_its_error_logged_with_its_ids(lines: Lines, told: ReadLines):
    message = record({'nonsense': 1})

    purge.purge_portfolios({'Records': [message]}, CONTEXT)

    [line] = told('purge_portfolios')
    assert (line['failed'], line['MessageFailures'], line['message_id']) == (True, 1, message['messageId'])
    [error] = [line for line in lines() if line['message'].endswith("failed: not a message of this queue: ['nonsense']")]
    assert 'ValueError' in error['exception']
    assert (error['request_id'], error['message_id']) == ('run-1', message['messageId'])


def test_messages_that_are_handled_at_once_do_not_mix(api: Api, told: ReadLines, requests_made: list[str]):
    messages = [record({'user_id': api.user_id, 'portfolio_id': number}) for number in range(1, 11)]
    api.portfolio()
    api.delete('/api/portfolios/1')
    requests_made.clear()

    purge.purge_portfolios({'Records': messages}, CONTEXT)

    lines = told('purge_portfolios')
    assert sorted(line['message_id'] for line in lines) == sorted(message['messageId'] for message in messages)
    assert sum(line['dynamodb_requests'] for line in lines) == len(requests_made) - 1  # that the job ran is noted once
    assert max(line['dynamodb_requests'] for line in lines) < 10


def test_a_run_of_the_sweep_is_told_with_what_it_sent(api: Api, told: ReadLines):
    watch(api)
    Ledger.at(pk_of(SEGWIT)).update([Ledger.due_at.set(1)])

    run_sweep()

    [line] = told('sweep_due')
    assert (line['job'], line['failed'], line['sent'], line['Runs'], line['MessagesSent']) == ('sweep_due', False, 1, 1, 1)
    assert line['dynamodb_requests'] > 1


def test_a_run_of_the_sweep_that_fails_is_told(told: ReadLines):
    with refusing('ResourceNotFoundException'), pytest.raises(PynamoDBException):
        run_sweep()

    [line] = told('sweep_due')
    assert (line['failed'], line['sent'], line['Runs']) == (True, None, 1)


def test_failures_of_upstreams_and_circuits_that_open_are_counted_by_upstream(api: Api, explorer: Explorer, lines: Lines):
    explorer.fail(status(500), 'blockstream')
    explorer.fail(status(429), 'mempool')
    message = record({'ledger': watch(api)})

    refresh.refresh_ledgers({'Records': [message]}, CONTEXT)

    counted = [
        (line['Upstream'], name)
        for line in lines()
        for name in ('UpstreamFailures', 'CircuitOpened')
        if line.get(name) == 1 and line['message_id'] == message['messageId']
    ]
    assert counted == [('blockstream', 'UpstreamFailures'), ('mempool', 'UpstreamFailures'), ('mempool', 'CircuitOpened')]


def test_an_upstream_that_was_not_asked_did_not_fail(api: Api, explorer: Explorer, lines: Lines):
    explorer.fail(status(429))
    ledger = watch(api)
    refresh.refresh_ledgers({'Records': [record({'ledger': ledger})]}, CONTEXT)
    before = len(lines())
    CLOCK.advance(5)  # the circuits of all explorers still rest

    refresh.refresh_ledgers({'Records': [record({'ledger': ledger})]}, CONTEXT)

    assert [line for line in lines()[before:] if line.get('failed')]
    assert not [line for line in lines()[before:] if 'UpstreamFailures' in line]


@pytest.mark.parametrize(('kept_back', 'counted'), [((), None), ((2,), 1)])
def test_a_ledger_that_does_not_add_up_is_counted(
    api: Api, explorer: Explorer, told: ReadLines, kept_back: tuple[int, ...], counted: int | None
):
    explorer.chain[SEGWIT] = payments(3)
    explorer.unlisted = {txid(number) for number in kept_back}
    ledger = watch(api)

    refresh.refresh_ledgers({'Records': [record({'ledger': ledger})]}, CONTEXT)

    assert [line.get('LedgerIncomplete') for line in told('refresh_ledgers')] == [counted]


@pytest.mark.parametrize(('told_by_mempool', 'disagreements'), [(2, 1), (3, None)])
def test_comparisons_of_two_explorers_are_counted_and_disagreements_by_the_second(
    api: Api, explorer: Explorer, lines: Lines, monkeypatch: pytest.MonkeyPatch, told_by_mempool: int, disagreements: int | None
):
    monkeypatch.setenv('CROSS_CHECK_RATE', '1')
    settings.cache_clear()
    explorer.chain[SEGWIT] = payments(3)
    explorer.fail(changed(lambda stats: stats['chain_stats'].update(tx_count=told_by_mempool)), 'mempool')
    message = record({'ledger': watch(api)})

    refresh.refresh_ledgers({'Records': [message]}, CONTEXT)

    of_message = [line for line in lines() if line.get('message_id') == message['messageId']]
    [summary] = [line for line in of_message if line.get('CrossChecks') == 1]
    assert summary.get('CrossCheckDisagreements') == disagreements
    by_upstream = [line['Upstream'] for line in of_message if 'CrossCheckDisagreements' in line and 'Upstream' in line]
    assert by_upstream == ['mempool'] * (disagreements or 0)


# Secrets


def test_nothing_secret_is_logged(
    http: ChaliceClient, browser: Browser, mailbox: Mailbox, api: Api, client: Client, explorer: Explorer, stream: io.StringIO
):
    secrets = [PASSWORD, 'the secret password', 'new@example.com', 'test@example.com', 'a secret title']

    def grant(**fields: str) -> HTTPResponse:
        headers = {'Content-Type': 'application/x-www-form-urlencoded', 'Authorization': BASIC}
        response = http.http.post('/oauth/token', headers=headers, body=urlencode(fields).encode())
        secrets.extend(value for name, value in (response.json_body or {}).items() if name.endswith('_token'))
        return response

    given = grant(grant_type='password', username='test@example.com', password=PASSWORD, scope='read write').json_body
    grant(grant_type='password', username='test@example.com', password='the secret password')
    grant(grant_type='refresh_token', refresh_token=given['refresh_token'])
    grant(grant_type='refresh_token', refresh_token=given['refresh_token'])
    secrets.append(BASIC.removeprefix('Basic '))

    browser.post('/signup', {'name': 'a secret title', 'email': 'new@example.com', 'password': 'the secret password'})
    secrets.append(parse_qs(urlsplit(mailbox.link()).query)['token'][0])
    browser.get(mailbox.link())
    browser.post('/confirm', {'token': secrets[-1]})
    browser.post('/forgot', {'email': 'test@example.com'})
    browser.log_in()
    secrets.append(browser.cookie)
    browser.post('/profile/api-keys', {'name': 'a secret title', 'scopes': 'read'})
    browser.get(browser.location)
    key = re.search(r'cfk_[\w-]{43}', browser.page)[0]
    secrets.append(key)

    assert http.http.get(f'/api/portfolios?api_key={key}').status_code == 200
    assert http.http.get('/api/portfolios', headers={'X-API-KEY': key}).status_code == 200
    assert http.http.get('/api/portfolios', headers={'Authorization': f'Bearer {key}'}).status_code == 200
    assert http.http.get(f'/api/portfolios?api_key={key[:-1]}').status_code == 401
    assert http.http.get('/api/portfolios', headers={'Authorization': f'Bearer {given["access_token"]}x'}).status_code == 401
    secrets.append(key[:-1])
    api.portfolio('a secret title')
    api.post('/api/portfolios', {'title': 'a secret title', 'currencies': []})
    api.address(1, ADDRESS, 'a secret title')
    with refusing('ResourceNotFoundException'):
        api.post('/api/portfolios', {'title': 'a secret title', 'currencies': ['btc']})
        browser.log_in()
        grant(grant_type='password', username='test@example.com', password=PASSWORD)
    explorer.fail(status(500, 'a secret title'))
    refresh.refresh_ledgers({'Records': [record({'ledger': pk_of(ADDRESS)})]}, CONTEXT)

    logged = stream.getvalue()
    assert logged.count('"status":') > 20
    assert [secret for secret in secrets if secret in logged] == []


# What browsers on other sites may read, and what API Gateway answers by itself


def ask(server: tuple[str, int], method: str, path: str, **headers: str) -> tuple[int, http.client.HTTPMessage, Any]:
    connection = http.client.HTTPConnection(*server, timeout=120)
    try:
        connection.request(method, path, headers={'Origin': 'https://app.example'} | headers)
        answer = connection.getresponse()
        body = answer.read()
        return answer.status, answer.headers, json.loads(body) if body else None
    finally:
        connection.close()


def listed(value: str) -> set[str]:
    return {one.strip() for one in value.split(',')}


def test_a_preflight_allows_what_clients_send_and_may_be_kept(server: tuple[str, int]):
    asked = {'Access-Control-Request-Method': 'PATCH', 'Access-Control-Request-Headers': 'authorization, if-match'}

    code, headers, _ = ask(server, 'OPTIONS', '/api/portfolios/1', **asked)

    assert code == 200
    assert headers['Access-Control-Allow-Origin'] == '*'
    assert {'GET', 'PATCH', 'DELETE'} <= listed(headers['Access-Control-Allow-Methods'])
    allowed = listed(headers['Access-Control-Allow-Headers'].lower())
    assert {'authorization', 'content-type', 'x-api-key', 'if-match', 'if-none-match', 'idempotency-key'} <= allowed
    assert headers['Access-Control-Max-Age'] == '86400'


@pytest.mark.parametrize(
    ('method', 'path', 'authorized', 'expected'),
    [
        ('GET', '/api/portfolios', True, 200),
        ('GET', '/api/currencies', False, 200),
        ('GET', '/api/portfolios/99', True, 404),
        ('PUT', '/api/portfolios', True, 405),
        ('GET', '/api/portfolios', False, 401),
        ('GET', '/nosuch', False, 404),
        ('POST', '/oauth/token', False, 415),
    ],
)
def test_another_site_may_read_an_answer_and_its_headers(
    api: Api, server: tuple[str, int], method: str, path: str, authorized: bool, expected: int
):
    sent = {'Authorization': f'Bearer {api.token()}'} if authorized else {}

    code, headers, _ = ask(server, method, path, **sent)

    assert code == expected
    assert headers.get_all('Access-Control-Allow-Origin') == ['*']
    assert [listed(value) for value in headers.get_all('Access-Control-Expose-Headers')] == [EXPOSED]
    assert len(headers.get_all('X-Request-Id')) == 1


def test_another_site_may_read_that_something_went_wrong(api: Api, server: tuple[str, int]):
    with refusing('ResourceNotFoundException'):
        code, headers, body = ask(server, 'GET', '/api/user', Authorization=f'Bearer {api.token()}')

    assert (code, headers['Access-Control-Allow-Origin'], listed(headers['Access-Control-Expose-Headers'])) == (500, '*', EXPOSED)
    assert body['request_id'] == headers['X-Request-Id']


def test_api_gateways_own_answers_say_the_requests_id_in_header_and_body(server: tuple[str, int], told: ReadLines):
    ids = set()
    for path, headers in (('/nosuch', {}), ('/api/user', {}), ('/api/user', {'Authorization': 'Bearer x'})):
        _, answered, body = ask(server, 'GET', path, **headers)
        assert body['request_id'] == answered['X-Request-Id']
        ids.add(body['request_id'])

    assert len(ids) == 3
    assert {line['request_id'] for line in told('authorizer')} < ids


def test_requests_that_come_at_once_are_told_apart(api: Api, server: tuple[str, int], told: ReadLines):
    token = api.token()
    paths = ['/api/user', '/api/currencies'] * 16

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda path: ask(server, 'GET', path, Authorization=f'Bearer {token}'), paths))

    lines = {line['request_id']: line for line in told('api')}
    assert len(lines) == len(paths)
    for path, (_, headers, _) in zip(paths, answers, strict=True):
        line = lines[headers['X-Request-Id']]
        assert (line['route'], line['dynamodb_requests']) == (path, 1 if path == '/api/user' else 0)


def test_what_api_gateway_is_told_of_its_answers_is_what_ours_carry():
    ours = CORS.get_access_control_headers()

    for response in gateway.additions('x', 'https://api.example.com')['x-amazon-apigateway-gateway-responses'].values():
        headers = {name.removeprefix('gatewayresponse.header.'): value for name, value in response['responseParameters'].items()}
        assert headers['X-Request-Id'] == 'context.requestId'
        for name in ('Access-Control-Allow-Origin', 'Access-Control-Expose-Headers'):
            assert headers[name] == f"'{ours[name]}'"
        body = json.loads(response['responseTemplates']['application/json'])
        assert (body['success'], body['request_id']) == (False, '$context.requestId')


def test_every_path_of_the_api_may_be_asked_by_other_sites():
    shared = [views for path, views in app.routes.items() if path.startswith(('/api/', '/.well-known/', '/oauth/token'))]

    assert all(entry.cors == CORS for views in shared for entry in views.values())
