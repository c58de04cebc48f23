"""The public catalogue of currencies."""

from typing import Any

import pytest
from chalice.test import Client as ChaliceClient
from chalice.test import HTTPResponse

from chalicelib.domain import currencies
from chalicelib.domain.chains import CHAINS

KEYS = {
    'id', 'code', 'title', 'created_at', 'updated_at', 'is_cryptocurrency', 'is_fiat', 'is_ethereum_token',
    'ethereum_contract_address', 'source',
}  # fmt: skip
KINDS = {'cryptocurrencies': 'is_cryptocurrency', 'fiat': 'is_fiat', 'tokens': 'is_ethereum_token'}
PATHS = ['/api/currencies', *(f'/api/currencies/{word}' for word in KINDS), '/api/currencies/btc']


def get(http: ChaliceClient, path: str, token: str | None = None) -> HTTPResponse:
    return http.http.get(path, headers={'Authorization': token} if token else {})


def result(http: ChaliceClient, path: str) -> Any:
    response = get(http, path)
    assert response.status_code == 200, response.body
    return response.json_body['result']


@pytest.fixture
def every(http: ChaliceClient) -> list[dict[str, Any]]:
    return result(http, '/api/currencies')['currencies']


def test_the_list_is_the_whole_catalogue_by_id_in_an_object_with_its_number(http: ChaliceClient):
    response = get(http, '/api/currencies').json_body

    assert response.keys() == {'success', 'time', 'result'}
    assert response['result'].keys() == {'count', 'currencies'}
    assert response['result']['count'] == len(currencies.every())
    assert [row['id'] for row in response['result']['currencies']] == [currency.id for currency in currencies.every()]


def test_a_cryptocurrency_is_shown_whole(http: ChaliceClient):
    assert result(http, '/api/currencies/btc') == {
        'id': 1,
        'code': 'btc',
        'title': 'Bitcoin',
        'created_at': '2026-11-22T13:24:51+00:00',
        'updated_at': '2026-11-22T13:24:51+00:00',
        'is_cryptocurrency': True,
        'is_fiat': False,
        'is_ethereum_token': False,
        'ethereum_contract_address': None,
        'source': 'cryptfolio',
    }


def test_a_fiat_currency_is_fiat_only(http: ChaliceClient):
    usd = result(http, '/api/currencies/usd')

    assert (usd['title'], usd['ethereum_contract_address']) == ('United States dollar', None)
    assert [usd[flag] for flag in KINDS.values()] == [False, True, False]


def test_a_token_is_no_cryptocurrency_and_has_its_contract(http: ChaliceClient):
    rep = result(http, '/api/currencies/rep')

    assert (rep['title'], rep['ethereum_contract_address']) == ('Augur', '0x221657776846890989a759BA2973e427DfF5C9bB')
    assert [rep[flag] for flag in KINDS.values()] == [False, False, True]


def test_each_entry_has_exactly_the_documented_keys(every: list[dict[str, Any]]):
    assert [row['code'] for row in every if row.keys() != KEYS] == []


def test_each_entry_is_of_exactly_one_kind(every: list[dict[str, Any]]):
    assert [row['code'] for row in every if [row[flag] for flag in KINDS.values()].count(True) != 1] == []


def test_exactly_the_tokens_on_ethereum_have_a_contract_there_and_it_is_checksummed(every: list[dict[str, Any]]):
    contracts = [row['ethereum_contract_address'] for row in every if row['ethereum_contract_address'] is not None]

    assert contracts == [CHAINS['eth'].normalise(contract.lower()) for contract in contracts]
    on_ethereum = {token.code for token in currencies.tokens_on('eth')}
    assert {row['code'] for row in every if row['ethereum_contract_address'] is not None} == on_ethereum


@pytest.mark.parametrize(('word', 'flag'), KINDS.items())
def test_each_kind_has_a_list_of_its_own_with_its_own_number(http: ChaliceClient, every: list[dict[str, Any]], word: str, flag: str):
    rows = [row for row in every if row[flag]]

    assert result(http, f'/api/currencies/{word}') == {'count': len(rows), 'currencies': rows}


@pytest.mark.parametrize('code', ['btc', 'BTC', 'Btc'])
def test_one_currency_is_found_in_any_case(http: ChaliceClient, code: str):
    assert result(http, f'/api/currencies/{code}')['code'] == 'btc'


def test_one_currency_is_what_the_list_says_of_it(http: ChaliceClient, every: list[dict[str, Any]]):
    assert result(http, '/api/currencies/mnt-eth') in every


@pytest.mark.parametrize('code', ['nosuch', 'history', '1', '%20', 'btc%20', '0x221657776846890989a759BA2973e427DfF5C9bB'])
def test_an_unknown_code_is_not_found(http: ChaliceClient, code: str):
    response = get(http, f'/api/currencies/{code}')

    assert (response.status_code, response.json_body['message'], response.json_body['code']) == (404, 'Not found', 'not_found')
    assert 'Cache-Control' not in response.headers


@pytest.mark.parametrize('path', PATHS)
def test_anybody_may_keep_the_answers_for_five_minutes(http: ChaliceClient, path: str):
    assert get(http, path).headers['Cache-Control'] == 'public, max-age=300'


@pytest.mark.parametrize('token', [None, 'Bearer garbage', 'Basic eDp5', 'nonsense'])
@pytest.mark.parametrize('path', PATHS)
def test_no_token_is_needed_and_a_bad_one_does_no_harm(http: ChaliceClient, path: str, token: str | None):
    assert get(http, path, token).status_code == 200


@pytest.mark.parametrize('path', PATHS)
def test_the_catalogue_cannot_be_written(http: ChaliceClient, path: str):
    response = http.http.post(path, headers={'Content-Type': 'application/json'}, body=b'{}')

    assert (response.status_code, response.headers['Allow']) == (405, 'GET, HEAD')


def test_pages_follow_each_other_to_the_end_and_count_all(http: ChaliceClient):
    whole = result(http, '/api/currencies/fiat')
    rows, cursor = [], ''
    while cursor is not None:
        page = get(http, '/api/currencies/fiat?limit=50' + (f'&cursor={cursor}' if cursor else '')).json_body
        assert page['result']['count'] == whole['count']
        assert len(page['result']['currencies']) <= 50
        rows += page['result']['currencies']
        cursor = page.get('next')

    assert rows == whole['currencies']


def test_a_page_links_to_the_next_one(http: ChaliceClient):
    response = get(http, '/api/currencies/tokens?limit=1')

    assert response.headers['Link'] == f'</api/currencies/tokens?limit=1&cursor={response.json_body["next"]}>; rel="next"'


@pytest.mark.parametrize('query', ['limit=0', 'limit=1001', 'limit=x', 'cursor=%21', 'cursor=YnRj'])
def test_a_bad_limit_or_cursor_is_invalid(http: ChaliceClient, query: str):
    assert get(http, f'/api/currencies?{query}').status_code == 422
