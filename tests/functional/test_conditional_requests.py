"""ETag, If-None-Match and If-Match (RFC 9110 sections 8.8.3, 13.1.1 and 13.1.2)."""

import hashlib
import json
from typing import Any

import pytest
from chalice.test import HTTPResponse

from chalicelib.models import Address, Portfolio
from tests.support.api import Api
from tests.support.aws import Beginnings
from tests.support.ledgers import ADDRESS, SEGWIT, observe

PATHS = ('/api/user', '/api/portfolios', '/api/portfolios/1', '/api/portfolios/1/balances', '/api/portfolios/1/addresses/1/balances')
CHANGES: dict[str, list[dict[str, Any]]] = {
    '/api/portfolios/1': [{'title': 'Other'}, {'currencies': ['eth']}],
    '/api/portfolios/1/addresses/1': [{'title': 'Other'}, {'address': SEGWIT}],
    '/api/portfolios/1/offsets/1': [{'title': 'Other'}, {'balances': [{'currency': 'btc', 'balance': '2'}]}],
}
EACH_CHANGE = [(path, change) for path, changes in CHANGES.items() for change in changes]


def get(api: Api, path: str, tag: str | None = None) -> HTTPResponse:
    return api.request('GET', path, headers={'If-None-Match': tag} if tag else None)


def change(api: Api, path: str, tag: str, body: dict[str, Any]) -> HTTPResponse:
    return api.request('PATCH', path, body, {'If-Match': tag})


def delete(api: Api, path: str, tag: str) -> HTTPResponse:
    return api.request('DELETE', path, headers={'If-Match': tag})


@pytest.fixture(autouse=True)
def ready(api: Api, beginnings: Beginnings) -> None:
    beginnings.begin(__name__, lambda: fill(api))


def fill(api: Api) -> None:
    api.portfolio()
    api.address(1, ADDRESS)
    observe(ADDRESS, 1, 1)
    assert api.post('/api/portfolios/1/offsets', {'title': 'x', 'balances': [{'currency': 'btc', 'balance': '1'}]}).status_code == 201


@pytest.mark.parametrize('path', PATHS)
def test_who_has_the_answer_already_is_told_so(api: Api, path: str):
    tag = get(api, path).headers['ETag']

    again = get(api, path, tag)

    assert (again.status_code, again.body, again.headers['ETag']) == (304, b'', tag)


@pytest.mark.parametrize('path', [*PATHS, '/api/portfolios/1/balances?format=csv'])
def test_no_cache_that_many_share_keeps_what_is_somebodys(api: Api, path: str):
    answer = get(api, path)
    again = get(api, path, answer.headers['ETag'])

    assert [(each.status_code, each.headers['Cache-Control']) for each in (answer, again)] == [
        (200, 'private, no-cache'),
        (304, 'private, no-cache'),
    ]


def test_the_tag_is_of_the_body_as_it_is_sent_without_its_time_so_that_it_is_written_once(api: Api):
    api.patch('/api/portfolios/1', {'title': '"time":1, Größe 💶'})

    answer = get(api, '/api/portfolios/1')

    untimed = answer.body.decode().replace(f'"time":{answer.json_body["time"]},', '', 1)
    assert '"time"' not in untimed.replace(r'\"time\"', '')
    assert json.loads(untimed)['result']['title'] == '"time":1, Größe 💶'
    assert answer.headers['ETag'].endswith(f'-{hashlib.sha256(untimed.encode()).hexdigest()[:32]}"')


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


def test_a_create_and_a_change_answer_with_the_tag_of_what_then_is(api: Api):
    made = api.post('/api/portfolios', {'title': 'x', 'currencies': ['btc']})
    changed = api.patch('/api/portfolios/1', {'title': 'Other'})

    assert made.headers['ETag'] == get(api, made.headers['Location']).headers['ETag']
    assert changed.headers['ETag'] == get(api, '/api/portfolios/1').headers['ETag']


def test_neither_errors_nor_what_is_deleted_have_a_tag(api: Api):
    assert 'ETag' not in get(api, '/api/portfolios/99', '*').headers
    assert get(api, '/api/portfolios/99', '*').status_code == 404
    assert 'ETag' not in api.delete('/api/portfolios/1/addresses/1').headers


@pytest.mark.parametrize(('path', 'body'), EACH_CHANGE)
def test_a_change_of_the_version_that_was_read_goes_through(api: Api, path: str, body: dict[str, Any]):
    changed = change(api, path, get(api, path).headers['ETag'], body)

    assert changed.status_code == 200
    assert change(api, path, changed.headers['ETag'], {'title': 'Next'}).status_code == 200


@pytest.mark.parametrize(('path', 'body'), EACH_CHANGE)
def test_a_change_of_another_version_is_refused_and_changes_nothing(api: Api, path: str, body: dict[str, Any]):
    tag = get(api, path).headers['ETag']
    api.patch(path, {'title': 'First'})
    before = get(api, path).json_body['result']

    refused = change(api, path, tag, body)

    assert (refused.status_code, refused.json_body['code']) == (412, 'precondition_failed')
    assert get(api, path).json_body['result'] == before


@pytest.mark.parametrize('path', CHANGES)
def test_what_was_changed_since_it_was_read_is_not_deleted(api: Api, path: str):
    tag = get(api, path).headers['ETag']
    changed = api.patch(path, {'title': 'First'}).headers['ETag']

    assert delete(api, path, tag).status_code == 412
    assert get(api, path).status_code == 200
    assert delete(api, path, changed).status_code == 200
    assert get(api, path).status_code == 404


@pytest.mark.parametrize('path', CHANGES)
def test_a_change_that_changes_nothing_minds_the_version_too(api: Api, path: str):
    tag = get(api, path).headers['ETag']

    assert change(api, path, tag, {}).status_code == 200
    assert change(api, path, '"77-x"', {}).status_code == 412
    assert get(api, path).headers['ETag'] == tag


@pytest.mark.parametrize('path', CHANGES)
@pytest.mark.parametrize(('form', 'status'), [('W/TAG', 200), ('"x", TAG', 200), ('*', 200), ('"x"', 412), ('nonsense', 412), ('"1', 412)])
def test_forms_of_if_match(api: Api, path: str, form: str, status: int):
    tag = get(api, path).headers['ETag']

    assert change(api, path, form.replace('TAG', tag), {'title': 'Other'}).status_code == status


def test_more_tags_than_a_condition_can_name_are_a_bad_request(api: Api):
    assert change(api, '/api/portfolios/1', ', '.join(f'"{number}-x"' for number in range(101)), {'title': 'x'}).status_code == 400


@pytest.mark.parametrize('path', ['/api/portfolios/99', '/api/portfolios/1/addresses/99', '/api/portfolios/1/offsets/99'])
def test_a_version_of_what_is_not_there_is_not_found(api: Api, path: str):
    assert change(api, path, '"1-x"', {'title': 'x'}).status_code == 404
    assert delete(api, path, '"1-x"').status_code == 404


def test_what_jobs_write_stands_in_nobodys_way(api: Api):
    portfolio, address = (get(api, path).headers['ETag'] for path in ('/api/portfolios/1', '/api/portfolios/1/addresses/1'))
    Portfolio.at(api.user_id, 1).update_existing([Portfolio.balances_last_updated.set(1)])
    Address.at(api.user_id, 1, 1).update_existing([Address.txns_last_updated.set(1)])

    assert get(api, '/api/portfolios/1').headers['ETag'] != portfolio
    assert change(api, '/api/portfolios/1', portfolio, {'title': 'Other'}).status_code == 200
    assert change(api, '/api/portfolios/1/addresses/1', address, {'title': 'Other'}).status_code == 200


def test_a_portfolio_that_got_or_lost_a_child_is_another_version(api: Api):
    tag = get(api, '/api/portfolios/1').headers['ETag']
    api.address(1, SEGWIT)
    added = get(api, '/api/portfolios/1').headers['ETag']
    api.delete('/api/portfolios/1/offsets/1')

    assert delete(api, '/api/portfolios/1', tag).status_code == 412
    assert delete(api, '/api/portfolios/1', added).status_code == 412
