"""The document's sentences on scopes, for every route and every set of scopes."""

from itertools import combinations

import pytest
from chalice.test import Client

from chalicelib.models import User
from tests.conformance import document
from tests.conformance.allowed import NOT_BUILT
from tests.support.api import ALL_SCOPES, Api

SPECIFICATION = document.load()
ROUTES = [endpoint for endpoint in SPECIFICATION.endpoints if endpoint not in NOT_BUILT]
SUBSETS = [frozenset(chosen) for size in range(len(ALL_SCOPES) + 1) for chosen in combinations(ALL_SCOPES, size)]


def request_of(endpoint: str) -> tuple[str, str]:
    method, path = endpoint.replace('ID', '1').replace('_currency_', 'btc').split()
    return method, path


def is_open_to(scopes: frozenset[str], endpoint: str) -> bool:
    """Whether of each set of scopes that the document names one is there."""
    needed = SPECIFICATION.scopes.get(endpoint) or SPECIFICATION.scopes[endpoint.split()[0]]
    return all(scopes & set(one_of) for one_of in needed)


@pytest.mark.parametrize('scopes', SUBSETS, ids=lambda scopes: '+'.join(sorted(scopes)) or 'none')
def test_these_scopes_open_exactly_the_routes_that_the_document_says(http: Client, user: User, scopes: frozenset[str]):
    headers = {'Authorization': f'Bearer {Api(http, user.user_id, sorted(scopes)).token()}'}

    statuses = {endpoint: http.http.request(*request_of(endpoint), headers=headers).status_code for endpoint in ROUTES}

    assert {endpoint for endpoint, status in statuses.items() if status != 403} == {each for each in ROUTES if is_open_to(scopes, each)}
    assert 401 not in statuses.values()


@pytest.mark.parametrize('endpoint', ROUTES)
def test_without_a_token_every_route_is_401(http: Client, endpoint: str):
    assert http.http.request(*request_of(endpoint)).status_code == 401


def test_the_document_is_understood():
    assert SPECIFICATION.scopes == {
        'GET': [['admin', 'read']],
        'POST': [['admin', 'read'], ['admin', 'write']],
        'PATCH': [['admin', 'read'], ['admin', 'write']],
        'DELETE': [['admin', 'read'], ['admin', 'delete']],
        'GET /api/user': [['admin', 'read', 'info']],
    }
