"""Portfolios, as the document shows them."""

import pytest

from tests.support.api import Api

LIST_KEYS = [
    'id', 'title', 'created_at', 'updated_at',
    'balances_last_updated', 'histories_last_updated',
    'converted_balances_last_updated', 'converted_histories_last_updated',
    'currencies', 'accounts', 'addresses', 'offsets',
]  # fmt: skip


def test_a_new_portfolio_has_the_documents_shape(api: Api):
    response = api.post('/api/portfolios', {'title': 'My portfolio', 'currencies': ['btc', 'usd']})

    assert response.status_code == 201
    assert response.headers['Location'] == '/api/portfolios/1'
    assert list(response.json_body) == ['success', 'time', 'result']
    result = response.json_body['result']
    assert list(result) == [*LIST_KEYS, 'source']
    assert result['id'] == 1
    assert result['currencies'] == [
        {'title': 'Bitcoin', 'code': 'btc'},
        {'title': 'United States dollar', 'code': 'usd'},
    ]
    assert [result[key] for key in LIST_KEYS[4:8]] == [None] * 4
    assert [result[key] for key in ('accounts', 'addresses', 'offsets')] == [[], [], []]
    assert result['source'] == 'private-api'


def test_the_list_shows_counts_by_id(api: Api):
    api.portfolio('One')
    api.portfolio('Two', ('eur',))

    result = api.get('/api/portfolios').json_body['result']

    assert [list(portfolio) for portfolio in result] == [LIST_KEYS] * 2
    assert [(portfolio['id'], portfolio['title'], portfolio['currencies']) for portfolio in result] == [
        (1, 'One', 2),
        (2, 'Two', 1),
    ]


def test_no_portfolios_are_an_empty_list(api: Api):
    assert api.get('/api/portfolios').json_body['result'] == []


def test_a_portfolio_lists_its_addresses_as_the_address_list_does(api: Api):
    portfolio = api.portfolio()
    api.address(portfolio, '1JfbZRwdDHKZmuiZgYArJZhcuuzuw2HuMu')

    detail = api.get(f'/api/portfolios/{portfolio}').json_body['result']

    assert detail['addresses'] == api.get(f'/api/portfolios/{portfolio}/addresses').json_body['result']
    assert api.get('/api/portfolios').json_body['result'][0]['addresses'] == 1


def test_a_change_keeps_what_it_does_not_name(api: Api):
    api.portfolio()

    result = api.patch('/api/portfolios/1', {'title': 'My updated portfolio'}).json_body['result']

    assert result['title'] == 'My updated portfolio'
    assert [currency['code'] for currency in result['currencies']] == ['btc', 'usd']
    assert api.get('/api/portfolios/1').json_body['result'] == result


def test_a_change_of_currencies_replaces_them_all(api: Api):
    api.portfolio()

    result = api.patch('/api/portfolios/1', {'currencies': ['EUR', 'eur', 'ltc']}).json_body['result']

    assert [currency['code'] for currency in result['currencies']] == ['eur', 'ltc']
    assert result['title'] == 'My portfolio'


def test_a_deleted_portfolio_is_shown_as_it_was_and_then_gone(api: Api):
    api.portfolio()
    api.address(1, '1JfbZRwdDHKZmuiZgYArJZhcuuzuw2HuMu')
    before = api.get('/api/portfolios/1').json_body['result']

    response = api.delete('/api/portfolios/1')

    assert (response.status_code, response.json_body['result']) == (200, before)
    for path in ('', '/balances', '/addresses', '/addresses/1', '/addresses/1/balances', '/addresses/1/transactions'):
        assert api.get('/api/portfolios/1' + path).status_code == 404, path
    assert api.delete('/api/portfolios/1').status_code == 404
    assert api.get('/api/portfolios').json_body['result'] == []


def test_ids_are_never_given_twice(api: Api):
    api.portfolio()
    api.delete('/api/portfolios/1')

    assert api.portfolio() == 2


@pytest.mark.parametrize(
    ('body', 'sentences'),
    [
        ({}, ['title is required', 'must have at least one reporting currency selected']),
        ({'title': 'x', 'currencies': []}, ['must have at least one reporting currency selected']),
        ({'title': 'x'}, ['must have at least one reporting currency selected']),
        ({'title': 'x', 'currencies': ['btc', 'nope']}, ['Unknown currency "nope"']),
        ({'title': 'x', 'currencies': ['nope', 'btc', 'NADA', 'nope']}, ['Unknown currency "nope"', 'Unknown currency "NADA"']),
        ({'currencies': [7, 'nope']}, ['title is required', 'currencies must be a string', 'Unknown currency "nope"']),
        (
            {'title': 'x', 'currencies': ['Bitcoin', 'united states dollar']},
            ['Unknown currency "Bitcoin": did you mean "btc"?', 'Unknown currency "united states dollar": did you mean "usd"?'],
        ),
        ({'title': '  ', 'currencies': ['btc']}, ['title must have 1 to 255 characters']),
        ({'title': 'x' * 256, 'currencies': ['btc']}, ['title must have 1 to 255 characters']),
        ({'title': 5, 'currencies': [7]}, ['title must be a string', 'currencies must be a string']),
        ({'title': None, 'currencies': {'btc': 1}}, ['title must be a string', 'currencies must be a string']),
    ],
)
def test_everything_wrong_is_said_at_once(api: Api, body: dict, sentences: list[str]):
    response = api.post('/api/portfolios', body)

    assert response.status_code == 422
    assert response.json_body['message'] == 'Invalid'
    assert response.json_body['invalid'] == sentences
    assert [fault['message'] for fault in response.json_body['fields']] == sentences
    assert all(fault['code'] and fault['field'] in ('title', 'currencies') for fault in response.json_body['fields'])
    assert api.get('/api/portfolios').json_body['result'] == []


def test_no_more_unknown_currencies_are_said_than_a_portfolio_may_have(api: Api):
    response = api.post('/api/portfolios', {'title': 'x', 'currencies': [f'nope{number}' for number in range(5_000)]})

    assert response.json_body['invalid'] == [f'Unknown currency "nope{number}"' for number in range(50)]


def test_a_single_value_stands_for_a_list_and_a_list_of_one_for_a_value(api: Api):
    result = api.post('/api/portfolios', {'title': ['One'], 'currencies': 'btc'}).json_body['result']

    assert (result['title'], len(result['currencies'])) == ('One', 1)


@pytest.mark.parametrize('path_id', ['0', '2', '01', 'x', '-1', '1.0', '999999999999999999999', '%31'])
def test_ids_that_are_not_there_are_not_found(api: Api, path_id: str):
    api.portfolio()

    for method in ('GET', 'PATCH', 'DELETE'):
        response = api.request(method, f'/api/portfolios/{path_id}', {'title': 'x'})
        body = response.json_body
        assert (response.status_code, body['message'], body['code']) == (404, 'Not found', 'not_found'), method


def test_somebody_elses_portfolio_is_not_found(api: Api, other: Api):
    api.portfolio()
    api.address(1, '1JfbZRwdDHKZmuiZgYArJZhcuuzuw2HuMu')

    for method, path in (
        ('GET', ''), ('PATCH', ''), ('DELETE', ''), ('GET', '/balances'), ('GET', '/addresses'), ('POST', '/addresses'),
        ('GET', '/addresses/1'), ('PATCH', '/addresses/1'), ('DELETE', '/addresses/1'),
        ('GET', '/addresses/1/balances'), ('GET', '/addresses/1/transactions'),
    ):  # fmt: skip
        body = {'title': 'x', 'address': '1JfbZRwdDHKZmuiZgYArJZhcuuzuw2HuMu', 'currency': 'btc'}
        del body[{'PATCH': 'currency'}.get(method, 'title')]
        assert other.request(method, '/api/portfolios/1' + path, body).status_code == 404, (method, path)
    assert api.get('/api/portfolios/1').json_body['result']['addresses'] != []


def test_a_long_list_goes_on_at_next(api: Api):
    for number in range(5):
        api.portfolio(f'Portfolio {number}')

    first = api.get('/api/portfolios?limit=2')
    second = api.get(f'/api/portfolios?limit=2&cursor={first.json_body["next"]}')
    third = api.get(f'/api/portfolios?limit=2&cursor={second.json_body["next"]}')

    pages = [[entry['id'] for entry in page.json_body['result']] for page in (first, second, third)]
    assert pages == [[1, 2], [3, 4], [5]]
    assert first.headers['Link'] == f'</api/portfolios?limit=2&cursor={first.json_body["next"]}>; rel="next"'
    assert 'next' not in third.json_body
    assert 'Link' not in third.headers


def test_the_link_to_the_rest_repeats_no_api_key(api: Api):
    api.portfolio()
    api.portfolio()

    link = api.get('/api/portfolios?limit=1&api_key=cfk_secret').headers['Link']

    assert 'limit=1' in link
    assert 'cfk_' not in link


@pytest.mark.parametrize(
    'query', ['cursor=!', 'cursor=AAA', 'cursor=', 'limit=0', 'limit=1001', 'limit=x', 'limit=-1', 'limit=1.5', 'limit=000000001999']
)
def test_a_bad_cursor_or_limit_is_invalid(api: Api, query: str):
    response = api.get(f'/api/portfolios?{query}')

    assert response.status_code == 422
    assert response.json_body['fields'][0]['field'] == query.partition('=')[0]


@pytest.mark.parametrize(
    ('method', 'path', 'allow'),
    [
        ('PUT', '/api/user', 'GET, HEAD'),
        ('DELETE', '/api/portfolios', 'POST, GET, HEAD'),
        ('PUT', '/api/portfolios/1', 'GET, PATCH, DELETE, HEAD'),
        ('POST', '/api/portfolios/1/balances', 'GET, HEAD'),
        ('PATCH', '/api/portfolios/1/addresses/1/transactions', 'GET, HEAD'),
    ],
)
def test_a_known_path_with_a_wrong_method_says_which_it_has(api: Api, method: str, path: str, allow: str):
    response = api.request(method, path, b'<x/>', {'Content-Type': 'text/xml'})

    assert (response.status_code, response.headers['Allow']) == (405, allow)
    assert (response.json_body['code'], response.json_body['success']) == ('method_not_allowed', False)
