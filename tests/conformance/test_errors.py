"""The failures that the conventions name: status, keys, messages and headers, for every endpoint that can fail so."""

import json
from typing import Any

import pytest
from chalice.test import HTTPResponse

from infra import gateway
from tests.conformance import document
from tests.conformance.allowed import FURTHER_METHODS, NOT_BUILT
from tests.conformance.compare import Leeway, deviations
from tests.conformance.document import Example
from tests.conformance.preparations import World, a_refreshed_address, an_empty_portfolio
from tests.support.api import Api
from tests.support.ledgers import LEGACY, SEGWIT

SPECIFICATION = document.load()
EXAMPLES = [example for endpoint, example in SPECIFICATION.examples.items() if endpoint not in NOT_BUILT]
ROUTES = [endpoint.split() for endpoint in SPECIFICATION.endpoints if endpoint not in NOT_BUILT]
METHODS = ('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE')
KEYS = ('success', 'message', 'code')

BY_GATEWAY = {
    'success': False,
    'message': 'Not found',
    'code': 'not_found',
    'request_id': 'c6af9ac6-7b61-11e6-9a41-93e8deadbeef',
    'doc_url': 'https://cryptfolio.test/reference#error-not_found',
}
FAILURE = BY_GATEWAY | {'time': 1512697998}
NOT_READY = FAILURE | {'try_again_at': '2017-11-06T04:54:54+00:00'}
REQUIRED = 'must have at least one reporting currency selected'
INVALID = FAILURE | {'invalid': [REQUIRED], 'fields': [{'field': 'currencies', 'code': 'empty', 'message': REQUIRED}]}


def assert_fails(response: HTTPResponse, status: int, code: str, message: str | None = None, like: dict[str, Any] = FAILURE) -> None:
    """Assert that a failure has exactly the keys and types of `like`, this status and code, and this message if one is prescribed."""
    body = response.json_body
    assert (response.status_code, body['success'], body['code']) == (status, False, code)
    assert deviations(like, body, Leeway(optional={'request_id'})) == []
    assert message in (None, body['message'])


def path_of(endpoint: str, portfolio: int = 1, child: int = 1) -> str:
    return endpoint.split()[1].replace('ID', str(portfolio), 1).replace('ID', str(child)).replace('_currency_', 'btc')


def send(api: Api, example: Example, path: str) -> HTTPResponse:
    return api.request(example.method, path, example.body)


@pytest.fixture
def full(world: World) -> World:
    """A portfolio with a child of each kind, and an empty one."""
    world.portfolio()
    world.address(LEGACY)
    world.offset(btc='10')
    world.portfolio()
    return world


@pytest.mark.parametrize('example', [each for each in EXAMPLES if 'ID' in each.endpoint], ids=lambda example: example.endpoint)
def test_unknown_and_somebody_elses_are_not_found_alike(full: World, other: Api, example: Example):
    other.portfolio()  # their first, and none is their second
    answers = [
        send(full.api, example, path_of(example.endpoint, portfolio=99)),
        send(full.api, example, path_of(example.endpoint, portfolio=0)),
        send(other, example, path_of(example.endpoint, portfolio=2)),
    ]

    for answer in answers:
        assert_fails(answer, 404, 'not_found', 'Not found')


@pytest.mark.parametrize('example', [each for each in EXAMPLES if each.endpoint.count('ID') == 2], ids=lambda example: example.endpoint)
def test_an_unknown_child_and_one_of_another_parent_are_not_found_alike(full: World, other: Api, example: Example):
    other.portfolio()
    answers = [
        send(full.api, example, path_of(example.endpoint, child=99)),
        send(full.api, example, path_of(example.endpoint, portfolio=2)),
        send(other, example, path_of(example.endpoint)),
    ]

    for answer in answers:
        assert_fails(answer, 404, 'not_found', 'Not found')


@pytest.mark.parametrize('path', ['nosuch', 'nosuch/history'])
def test_the_balance_in_an_unknown_currency_is_not_found(full: World, path: str):
    assert_fails(full.api.get(f'/api/portfolios/1/balances/{path}'), 404, 'not_found', 'Not found')


@pytest.mark.parametrize('path', sorted({path for _, path in ROUTES}))
def test_a_method_that_a_path_does_not_have_is_405_and_says_which_it_has(world: World, path: str):
    allowed = {method for method, other_path in ROUTES if other_path == path} | FURTHER_METHODS.get(path, set())
    allowed |= {'HEAD'} if 'GET' in allowed else set()

    for method in set(METHODS) - allowed:
        answer = world.api.request(method, path_of(f'{method} {path}'))
        assert_fails(answer, 405, 'method_not_allowed')
        assert set(answer.headers['Allow'].split(', ')) == allowed


@pytest.mark.parametrize('example', [each for each in EXAMPLES if each.body], ids=lambda example: example.endpoint)
@pytest.mark.parametrize('body', [b'', b'{"title":', b'title=x'])
def test_a_malformed_body_is_a_bad_request(full: World, example: Example, body: bytes):
    assert_fails(full.api.request(example.method, path_of(example.endpoint), body), 400, 'bad_request')


@pytest.mark.parametrize('body', [b'title[=x', b'title=x&title[]=y'])
def test_a_malformed_form_is_a_bad_request(world: World, body: bytes):
    form = {'Content-Type': 'application/x-www-form-urlencoded'}

    assert_fails(world.api.request('POST', '/api/portfolios', body, form), 400, 'bad_request')


@pytest.mark.parametrize('example', [each for each in EXAMPLES if each.body], ids=lambda example: example.endpoint)
def test_a_body_that_cannot_be_carried_out_is_invalid_and_says_why(full: World, example: Example):
    answer = full.api.request(example.method, path_of(example.endpoint), {'title': ''})

    assert_fails(answer, 422, 'invalid', 'Invalid', INVALID)
    assert answer.json_body['invalid'] == [fault['message'] for fault in answer.json_body['fields']]
    assert 'title' in [fault['field'] for fault in answer.json_body['fields']]


def test_a_portfolio_without_currencies_is_refused_in_the_prescribed_words(world: World):
    answer = world.api.post('/api/portfolios', {'title': 'My portfolio', 'currencies': []})

    assert_fails(answer, 422, 'invalid', 'Invalid', INVALID)
    assert answer.json_body['invalid'] == [REQUIRED]


@pytest.mark.parametrize('below', ['', '/1/addresses', '/1/addresses/1/transactions', '/1/offsets'])
@pytest.mark.parametrize('query', ['cursor=nonsense', 'limit=0', 'limit=1001', 'limit=x'])
def test_a_bad_cursor_or_limit_is_invalid(full: World, below: str, query: str):
    assert_fails(full.api.get(f'/api/portfolios{below}?{query}'), 422, 'invalid', 'Invalid', INVALID)


@pytest.mark.parametrize(
    'body',
    [
        {'title': 'Again', 'address': LEGACY, 'currency': 'btc'},
        {'title': 'Checksum', 'address': LEGACY[:-1] + 'x', 'currency': 'btc'},
        {'title': 'Test network', 'address': 'tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx', 'currency': 'btc'},
        {'title': 'Other currency', 'address': '0xfb6916095ca1df60bb79ce92ce3ea74c37c5d359', 'currency': 'btc'},
    ],
    ids=lambda body: body['title'],
)
def test_an_address_that_cannot_be_added_is_invalid(full: World, body: dict[str, str]):
    assert_fails(full.api.post('/api/portfolios/1/addresses', body), 422, 'invalid', 'Invalid', INVALID)


@pytest.mark.parametrize('balance', ['NaN', '-Infinity', '1e400', '0.123456789', 'ten', '', None, True, [1, 2]])
def test_an_amount_that_is_none_is_invalid(full: World, balance: Any):
    body = {'title': 'x', 'balances': [{'currency': 'btc', 'balance': balance}]}

    assert_fails(full.api.post('/api/portfolios/1/offsets', body), 422, 'invalid', 'Invalid', INVALID)


@pytest.mark.parametrize('below', ['balances', 'balances/btc', 'addresses/1/balances', 'addresses/1/transactions'])
def test_what_was_never_known_is_not_ready_and_says_when_to_ask_again(world: World, below: str):
    an_empty_portfolio(world)
    world.address(LEGACY)

    answer = world.api.get(f'/api/portfolios/1/{below}')

    assert_fails(answer, 503, 'not_ready', 'Not ready', NOT_READY)
    assert int(answer.headers['Retry-After']) >= 1


@pytest.mark.parametrize('below', ['balances', 'balances/btc', 'addresses/1/balances', 'addresses/1/transactions'])
def test_what_was_known_once_is_never_not_ready_again(world: World, below: str):
    a_refreshed_address(world)
    world.address(SEGWIT)

    assert world.api.get(f'/api/portfolios/1/{below}').status_code == 200


@pytest.mark.parametrize('example', [each for each in EXAMPLES if each.method in ('PATCH', 'DELETE')], ids=lambda example: example.endpoint)
def test_another_version_than_the_expected_one_fails_the_precondition(full: World, example: Example):
    answer = full.api.request(example.method, path_of(example.endpoint), example.body, {'If-Match': '"another"'})

    assert_fails(answer, 412, 'precondition_failed')


def test_a_key_that_came_with_another_request_is_a_conflict(full: World):
    key = {'Idempotency-Key': 'once'}
    assert full.api.request('POST', '/api/portfolios', {'title': 'One', 'currencies': ['btc']}, key).status_code == 201

    assert_fails(full.api.request('POST', '/api/portfolios', {'title': 'Two', 'currencies': ['btc']}, key), 409, 'conflict')


@pytest.mark.parametrize('example', EXAMPLES, ids=lambda example: example.endpoint)
def test_no_token_and_a_bad_one_are_unauthorized_alike(world: World, example: Example):
    for headers in ({}, {'Authorization': ''}, {'Authorization': 'Bearer nonsense'}):
        answer = world.api.http.http.request(example.method, example.path, headers=headers)
        assert_fails(answer, 401, 'invalid_token', like=BY_GATEWAY)
        assert answer.headers['WWW-Authenticate'] == 'Bearer error="invalid_token"'


@pytest.mark.parametrize('example', EXAMPLES, ids=lambda example: example.endpoint)
def test_a_token_without_the_scope_is_forbidden(world: World, example: Example):
    public = Api(world.api.http, world.api.user_id, ['public'])

    assert_fails(send(public, example, example.path), 403, 'insufficient_scope', like=BY_GATEWAY)


def test_an_unknown_path_is_answered_by_the_gateway_as_an_unknown_id_is_by_the_api(world: World):
    by_gateway = gateway.responses()['MISSING_AUTHENTICATION_TOKEN']
    by_api = world.api.get('/api/portfolios/99')

    assert by_gateway.status == by_api.status_code
    assert {key: by_gateway.body[key] for key in KEYS} == {key: by_api.json_body[key] for key in KEYS}


@pytest.mark.parametrize('kind', gateway.responses())
def test_whatever_the_gateway_answers_by_itself_has_the_shape_of_a_failure(kind: str):
    body = json.loads(gateway.responses()[kind].render('1-2', 'https://api.example.com')[1])

    assert body['doc_url'] == f'https://api.example.com/reference#error-{body["code"]}'
    assert deviations(BY_GATEWAY, body, Leeway(optional={'request_id'})) == []
    assert body['success'] is False
