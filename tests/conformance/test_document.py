"""Every example of the document, asked of the API: the answer has its shape, and its values where the request decides them."""

import json
import re

import pytest
from chalice.test import HTTPResponse

from tests.conformance import document
from tests.conformance.allowed import BESIDE, INSIDE, NOT_BUILT, unlike_document
from tests.conformance.compare import deviations, other_values
from tests.conformance.document import Example
from tests.conformance.preparations import (
    PREPARATIONS,
    World,
    a_full_portfolio,
    a_refreshed_address,
    ten_bitcoin,
    ten_bitcoin_and_the_documents_rate,
)
from tests.support.ledgers import SEGWIT
from tests.support.routes import routes

SPECIFICATION = document.load()
BUILT = [endpoint for endpoint in SPECIFICATION.examples if endpoint not in NOT_BUILT]
CREATES = [endpoint for endpoint in BUILT if endpoint.startswith('POST')]
BALANCES = 'GET /api/portfolios/ID/balances'

INSTANTS = {
    'time', 'created_at', 'updated_at', 'balance_at', 'txn_at', 'txns_last_updated', 'balances_last_updated', 'histories_last_updated',
    'converted_balances_last_updated', 'converted_histories_last_updated', 'last_updated', 'history_last_updated',
}  # fmt: skip
# What else is not decided by the request: the document's exchange and explorer are gone, its transactions are made up.
VARYING = {
    'GET /api/portfolios/ID': {'wallet'},
    'GET /api/portfolios/ID/accounts': {'wallet'},
    'GET /api/portfolios/ID/addresses/ID/balances': {'source'},
    'GET /api/portfolios/ID/addresses/ID/transactions': {'source', 'delta', 'reference'},
}


def ask(world: World, endpoint: str) -> tuple[Example, HTTPResponse]:
    """Make what an example needs, and send its request."""
    PREPARATIONS[endpoint](world)
    example = SPECIFICATION.examples[endpoint]
    return example, world.api.request(example.method, example.path, example.body)


def routed() -> set[str]:
    """The routes of the API, by the names of the document."""
    known = {re.sub(r'\{\w+\}', '*', f'{method} {path}') for method, path in routes()}
    return {endpoint for endpoint in SPECIFICATION.endpoints if re.sub(r'\bID\b|_currency_', '*', endpoint) in known}


@pytest.mark.parametrize('endpoint', BUILT)
def test_an_answer_has_the_documents_keys_nesting_and_types(world: World, endpoint: str):
    _, response = ask(world, endpoint)

    assert unlike_document(SPECIFICATION, endpoint, response.json_body) == []


@pytest.mark.parametrize('endpoint', BUILT)
def test_an_answer_has_the_documents_values_where_the_request_decides_them(world: World, endpoint: str):
    example, response = ask(world, endpoint)

    assert other_values(example.answer, response.json_body, INSTANTS | VARYING.get(endpoint, set())) == []


@pytest.mark.parametrize('endpoint', BUILT)
def test_a_create_is_201_and_everything_else_200(world: World, endpoint: str):
    example, response = ask(world, endpoint)

    assert response.status_code == (201 if example.method == 'POST' else 200)
    assert response.headers['Content-Type'] == 'application/json'
    assert ('Location' in response.headers) == (example.method == 'POST')


@pytest.mark.parametrize('endpoint', CREATES)
def test_what_is_created_is_where_the_answer_says(world: World, endpoint: str):
    example, response = ask(world, endpoint)

    assert response.headers['Location'] == f'{example.path}/{response.json_body["result"]["id"]}'
    assert world.api.get(response.headers['Location']).json_body['result'] == response.json_body['result']


@pytest.mark.parametrize('endpoint', [endpoint for endpoint in BUILT if endpoint.startswith('DELETE')])
def test_a_delete_answers_with_the_object_as_it_was(world: World, endpoint: str):
    PREPARATIONS[endpoint](world)
    example = SPECIFICATION.examples[endpoint]
    before = world.api.get(example.path).json_body['result']

    assert world.api.delete(example.path).json_body['result'] == before
    assert world.api.get(example.path).status_code == 404


def test_a_portfolio_shows_its_children_as_their_lists_do(world: World):
    a_full_portfolio(world)

    shown = world.api.get('/api/portfolios/1').json_body['result']

    for children in ('accounts', 'addresses', 'offsets'):
        assert shown[children]
        assert shown[children] == world.api.get(f'/api/portfolios/1/{children}').json_body['result']


def test_what_was_refreshed_says_when(world: World):
    a_refreshed_address(world)
    portfolios = [world.api.get('/api/portfolios').json_body['result'][0], world.api.get('/api/portfolios/1').json_body['result']]
    address = world.api.get('/api/portfolios/1/addresses/1').json_body['result']

    assert [portfolio['balances_last_updated'] for portfolio in portfolios] == [address['txns_last_updated']] * 2
    assert deviations('2017-11-23T23:01:44+00:00', address['txns_last_updated']) == []


def test_what_is_missing_from_balances_is_said_in_its_row_in_the_documented_shape(world: World):
    a_refreshed_address(world)
    world.address(SEGWIT)

    body = world.api.get(SPECIFICATION.examples[BALANCES].path).json_body

    assert unlike_document(SPECIFICATION, BALANCES, body) == []
    assert {row['currency']: (row['complete'], len(row.get('missing', ()))) for row in body['result']} == {
        'btc': (False, 1),
        'usd': (True, 0),
    }


def test_complete_balances_miss_nothing(world: World):
    _, response = ask(world, BALANCES)

    assert [(row['complete'], 'missing' in row) for row in response.json_body['result']] == [(True, False), (True, False)]


def test_one_currencys_balance_is_the_element_of_the_list(world: World):
    ten_bitcoin(world)
    path = SPECIFICATION.examples[BALANCES].path

    body = world.api.get(f'{path}/btc').json_body

    assert unlike_document(SPECIFICATION, BALANCES, body | {'result': [body['result']]}) == []
    assert body['result'] == world.api.get(path).json_body['result'][0]


def test_the_converted_balances_are_the_documents_to_the_last_digit(world: World):
    example, response = ask(world, 'GET /api/portfolios/ID/converted')

    rows = [[(row['currency'], row['balance']) for row in answer['result']] for answer in (example.answer, response.json_body)]
    assert rows[0] == rows[1] == [('btc', '10.0'), ('usd', '117753.60')]


def test_histories_are_lists_of_the_elements_of_balances_and_of_converted_ones(world: World):
    ten_bitcoin_and_the_documents_rate(world)
    further = {'complete', 'covered', 'total'}
    for element, paths in (('balances', ('balances/history', 'balances/btc/history')), ('converted', ('converted/history',))):
        shown = world.api.get(f'/api/portfolios/1/{element}').json_body['result'][0]
        for path in paths:
            rows = world.api.get(f'/api/portfolios/1/{path}').json_body['result']
            assert rows
            assert all(row.keys() - {'missing'} == shown.keys() | further for row in rows)


def test_what_is_not_built_is_exactly_what_is_listed_so():
    assert set(NOT_BUILT) == set(SPECIFICATION.endpoints) - routed()


def test_every_example_of_what_is_built_is_prepared_and_nothing_else():
    assert set(PREPARATIONS) == set(BUILT)


def test_additions_and_varying_values_are_of_examples():
    assert {*INSIDE, *BESIDE, *VARYING} <= set(SPECIFICATION.examples)


def test_every_request_of_the_document_is_one_of_its_endpoint():
    asked = {f'{example.method} {re.sub(r"[0-9]+", "ID", example.path)}' for example in SPECIFICATION.examples.values()}

    assert asked == set(SPECIFICATION.examples)


@pytest.mark.skipif(not document.DOCUMENT.exists(), reason='the document is not here')
def test_the_table_is_the_documents():
    parsed = document.parse(document.DOCUMENT.read_text())

    assert parsed == json.loads(document.TABLE.read_text()), 'python -m tests.conformance.document > tests/conformance/examples.json'
    assert len(parsed['examples']) == 21
