"""What each endpoint costs in DynamoDB requests: the table in docs/scaling.md, held."""

from typing import Any

import pytest

from tests.support.api import Api
from tests.support.aws import Beginnings
from tests.support.kraken import create_account, observe_account
from tests.support.ledgers import ADDRESS, SEGWIT, observe

ADDRESSES = '/api/portfolios/1/addresses'
ACCOUNTS = '/api/portfolios/1/accounts'
OFFSETS = '/api/portfolios/1/offsets'
OFFSET_PATH = f'{OFFSETS}/1'
ACCOUNT = {'wallet': 'kraken', 'credentials': {'key': 'k', 'secret': 'c2VjcmV0'}}
OFFSET = {'title': 'x', 'balances': [{'currency': 'btc', 'balance': '1'}]}


@pytest.fixture
def ready(api: Api, beginnings: Beginnings) -> None:
    beginnings.begin(__name__, lambda: fill(api))


def fill(api: Api) -> None:
    api.portfolio()
    api.address(1, ADDRESS)
    observe(ADDRESS, 3, 3)
    create_account(api)
    observe_account(api.user_id)
    assert api.post(OFFSETS, OFFSET).status_code == 201


@pytest.mark.usefixtures('ready')
@pytest.mark.parametrize(
    ('method', 'path', 'body', 'status', 'most'),
    [
        ('GET', '/api/currencies', None, 200, 0),
        ('GET', '/api/currencies/tokens', None, 200, 0),
        ('GET', '/api/currencies/btc', None, 200, 0),
        ('GET', '/api/status', None, 200, 3),
        ('GET', '/api/sources', None, 200, 1),
        ('GET', '/api/sources/mempool', None, 200, 1),
        ('GET', '/api/sources/nosuch', None, 404, 0),
        ('GET', '/api/user', None, 200, 1),
        ('GET', '/api/portfolios', None, 200, 1),
        ('GET', '/api/portfolios/1', None, 200, 1),
        ('GET', ADDRESSES, None, 200, 1),
        ('GET', f'{ADDRESSES}/1', None, 200, 1),
        ('GET', f'{ADDRESSES}/1/balances', None, 200, 2),
        ('GET', f'{ADDRESSES}/1/transactions', None, 200, 2),
        ('GET', '/api/portfolios/1/balances', None, 200, 2),
        ('GET', '/api/portfolios/1/transactions', None, 200, 4),
        ('GET', '/api/portfolios/1/balances/btc', None, 200, 2),
        ('GET', '/api/portfolios/1/balances/nosuch', None, 404, 0),
        ('POST', '/api/portfolios', {'title': 'x', 'currencies': ['btc']}, 201, 2),
        ('PATCH', '/api/portfolios/1', {'title': 'x'}, 200, 2),
        ('DELETE', '/api/portfolios/1', None, 200, 2),
        ('POST', ADDRESSES, {'address': SEGWIT, 'currency': 'btc'}, 201, 2),
        ('PATCH', f'{ADDRESSES}/1', {'title': 'x'}, 200, 2),
        ('DELETE', f'{ADDRESSES}/1', None, 200, 2),
        ('GET', '/api/wallets', None, 200, 0),
        ('GET', ACCOUNTS, None, 200, 1),
        ('GET', f'{ACCOUNTS}/1', None, 200, 1),
        ('GET', f'{ACCOUNTS}/1/balances', None, 200, 2),
        ('GET', f'{ACCOUNTS}/1/txns', None, 200, 2),
        ('GET', f'{ACCOUNTS}/1/transactions', None, 200, 2),
        ('GET', f'{ACCOUNTS}/1/history', None, 200, 4),
        ('POST', ACCOUNTS, ACCOUNT, 201, 3),
        ('PATCH', f'{ACCOUNTS}/1', {'title': 'x'}, 200, 2),
        ('PATCH', f'{ACCOUNTS}/1', {'credentials': {'key': 'other', 'secret': 'c2VjcmV0'}}, 200, 4),
        ('DELETE', f'{ACCOUNTS}/1', None, 200, 2),
        ('POST', ACCOUNTS, {}, 422, 0),
        ('GET', f'{ACCOUNTS}/99', None, 404, 1),
        ('GET', OFFSETS, None, 200, 1),
        ('GET', f'{OFFSETS}/1', None, 200, 1),
        ('POST', OFFSETS, OFFSET, 201, 2),
        ('PATCH', f'{OFFSETS}/1', {'title': 'y', 'balances': []}, 200, 2),
        ('PATCH', f'{OFFSETS}/1', OFFSET, 200, 1),
        ('DELETE', f'{OFFSETS}/1', None, 200, 2),
        ('GET', f'{OFFSETS}/99', None, 404, 1),
        ('POST', '/api/portfolios/99/offsets', OFFSET, 404, 1),
        ('POST', OFFSETS, {}, 422, 0),
        ('GET', f'{ADDRESSES}/99', None, 404, 1),
        ('GET', '/api/portfolios/99/balances', None, 404, 1),
        ('POST', '/api/portfolios/99/addresses', {'address': SEGWIT, 'currency': 'btc'}, 404, 1),
        ('POST', ADDRESSES, {'address': 'x', 'currency': 'btc'}, 422, 0),
    ],
)
def test_an_endpoint_costs_at_most(api: Api, requests_made: list[str], method: str, path: str, body: Any, status: int, most: int):
    requests_made.clear()

    response = api.request(method, path, body)

    assert response.status_code == status, response.body
    assert len(requests_made) <= most, requests_made


@pytest.mark.usefixtures('ready')
@pytest.mark.parametrize(
    ('method', 'path', 'most'), [('PATCH', '/api/portfolios/1', 2), ('PATCH', OFFSET_PATH, 2), ('DELETE', OFFSET_PATH, 2)]
)
def test_if_match_costs_nothing(api: Api, requests_made: list[str], method: str, path: str, most: int):
    tag = api.get(path).headers['ETag']
    requests_made.clear()

    response = api.request(method, path, {'title': 'y'}, {'If-Match': tag})

    assert response.status_code == 200
    assert len(requests_made) <= most, requests_made


def test_an_idempotency_key_costs_one_read_and_its_repetition_that_alone(api: Api, requests_made: list[str]):
    for most in (3, 1):
        requests_made.clear()
        assert api.request('POST', '/api/portfolios', {'title': 'x', 'currencies': ['btc']}, {'Idempotency-Key': 'k'}).status_code == 201
        assert len(requests_made) <= most, requests_made


def test_portfolio_balances_cost_one_request_and_one_for_each_hundred_ledgers(api: Api, requests_made: list[str]):
    api.portfolio()
    for number in range(101):
        api.address(1, p2wpkh(number))
    observe(p2wpkh(0), 1, 1)
    requests_made.clear()

    response = api.get('/api/portfolios/1/balances')

    assert requests_made == ['Query', 'BatchGetItem', 'BatchGetItem']
    assert len(response.json_body['result'][0]['missing']) == 100


def p2wpkh(number: int) -> str:
    """Return one of many valid addresses."""
    from embit import bech32

    return str(bech32.encode('bc', 0, number.to_bytes(20, 'big')))
