"""ETag and If-None-Match (RFC 9110 sections 8.8.3 and 13.1.2)."""

import pytest
from chalice.test import HTTPResponse

from tests.functional.conftest import Api
from tests.functional.test_addresses import ADDRESS, observe

PATHS = ('/api/user', '/api/portfolios', '/api/portfolios/1', '/api/portfolios/1/balances', '/api/portfolios/1/addresses/1/balances')


def get(api: Api, path: str, tag: str | None = None) -> HTTPResponse:
    return api.request('GET', path, headers={'If-None-Match': tag} if tag else None)


@pytest.fixture(autouse=True)
def ready(api: Api) -> None:
    api.portfolio()
    api.address(1, ADDRESS)
    observe(ADDRESS, 1, 1)


@pytest.mark.parametrize('path', PATHS)
def test_who_has_the_answer_already_is_told_so(api: Api, path: str):
    tag = get(api, path).headers['ETag']

    again = get(api, path, tag)

    assert (again.status_code, again.body, again.headers['ETag']) == (304, b'', tag)


def test_a_change_changes_the_tag(api: Api):
    tag = get(api, '/api/portfolios/1').headers['ETag']

    api.patch('/api/portfolios/1', {'title': 'Other'})

    changed = get(api, '/api/portfolios/1', tag)
    assert changed.status_code == 200
    assert changed.headers['ETag'] != tag


@pytest.mark.parametrize(('form', 'status'), [('W/TAG', 304), ('"x", TAG', 304), ('*', 304), ('"x"', 200), ('', 200), ('nonsense', 200)])
def test_forms_of_the_header(api: Api, form: str, status: int):
    tag = get(api, '/api/user').headers['ETag']

    assert get(api, '/api/user', form.replace('TAG', tag)).status_code == status


def test_nothing_but_answers_to_get_has_a_tag(api: Api):
    assert 'ETag' not in api.post('/api/portfolios', {'title': 'x', 'currencies': ['btc']}).headers
    assert 'ETag' not in get(api, '/api/portfolios/99', '*').headers
    assert get(api, '/api/portfolios/99', '*').status_code == 404
