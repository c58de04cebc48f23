"""HEAD is GET without the body: on every path of the API, the OAuth2 server and the pages."""

import re

import pytest
from chalice.test import Client as ChaliceClient
from chalice.test import HTTPResponse

from app import app
from chalicelib.models import Client
from tests.support.api import Api
from tests.support.aws import Beginnings
from tests.support.ledgers import LEGACY, observe
from tests.support.routes import routes

PATHS = sorted(path for method, path in routes() if method == 'GET')
VARIABLES = {'currency': 'btc', 'code': 'btc', 'key': 'blockstream', 'client_id': 'test-app'}
VOLATILE = {'x-request-id', 'ratelimit-remaining', 'set-cookie'}


def filled(path: str) -> str:
    return re.sub(r'{(\w+)}', lambda variable: VARIABLES.get(variable[1], '1'), path)


def headers(response: HTTPResponse) -> dict[str, str]:
    return {name: value for name, value in response.headers.items() if name.lower() not in VOLATILE}


@pytest.fixture
def full(api: Api, client: Client, beginnings: Beginnings) -> Api:
    """A portfolio with an address that was read, and an offset."""
    beginnings.begin(__name__, lambda: fill(api))
    return api


def fill(api: Api) -> None:
    portfolio = api.portfolio()
    api.address(portfolio, LEGACY)
    observe(LEGACY, 5, 0)
    api.post(f'/api/portfolios/{portfolio}/offsets', {'title': 'x', 'balances': []})


def test_there_are_paths_of_every_kind():
    assert {'/api/portfolios/{portfolio_id}', '/api/status', '/openapi.json', '/.well-known/jwks.json', '/login', '/'} <= {*PATHS}
    assert len(PATHS) > 35


@pytest.mark.parametrize('path', PATHS)
def test_it_has_the_status_and_headers_of_get_and_no_body(full: Api, path: str):
    got, asked = (full.request(method, filled(path)) for method in ('GET', 'HEAD'))

    assert (asked.status_code, headers(asked), asked.body) == (got.status_code, headers(got), b'')
    assert got.body != b'' or got.status_code == 303


@pytest.mark.parametrize('path', PATHS)
def test_it_has_gets_authorizer_and_scopes(full: Api, http: ChaliceClient, path: str):
    nobody = [http.http.request(method, filled(path)).status_code for method in ('GET', 'HEAD')]
    barely = [Api(http, full.user_id, ['public']).request(method, filled(path)).status_code for method in ('GET', 'HEAD')]

    assert nobody[0] == nobody[1]
    assert barely[0] == barely[1]
    if path.startswith(('/api/portfolios', '/api/user')):
        assert (nobody[0], barely[0]) == (401, 403)


def test_a_tag_and_a_next_page_are_told(full: Api):
    full.portfolio()

    response = full.request('HEAD', '/api/portfolios?limit=1')

    assert re.fullmatch(r'"[0-9a-f]{32}"', response.headers['ETag'])
    assert response.headers['Link'].endswith('; rel="next"')


def test_what_is_current_is_not_modified(full: Api):
    tag = full.request('HEAD', '/api/portfolios/1').headers['ETag']

    response = full.request('HEAD', '/api/portfolios/1', headers={'If-None-Match': tag})

    assert (response.status_code, response.body, response.headers['ETag']) == (304, b'', tag)
    assert full.get('/api/portfolios/1').headers['ETag'] == tag


@pytest.mark.parametrize(('path', 'status'), [('/api/portfolios/9', 404), ('/api/portfolios?limit=0', 422), ('/oauth/token', 405)])
def test_a_refusal_has_no_body_either(full: Api, path: str, status: int):
    response = full.request('HEAD', path)

    assert (response.status_code, response.body) == (status, b'')


def test_what_is_allowed_names_it():
    unknown = '/{proxy+}'  # where API Gateway refuses other methods by itself
    for path, methods in app.routes.items():
        assert path == unknown or set(methods) == {'GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'}, path
        declared = {method for method, entry in methods.items() if entry.view_function.__name__ != 'method_not_allowed'}
        assert ('HEAD' in declared) == ('GET' in declared), path
