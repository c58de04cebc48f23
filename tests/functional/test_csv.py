"""Lists as CSV: what a spreadsheet reads is what the API answers as JSON, cell by cell."""

import csv
import io
import json
import re
from decimal import Decimal
from typing import Any

import pytest
from chalice.test import Client as ChaliceClient

from chalicelib import clock
from chalicelib.domain.conversion import Rate
from chalicelib.models import LatestRates
from chalicelib.services.histories import refresh
from tests.support.api import Api
from tests.support.aws import Beginnings
from tests.support.kraken import create_account, observe_account
from tests.support.ledgers import SEGWIT, observe

PORTFOLIO, ADDRESS, ACCOUNT = '/api/portfolios/1', '/api/portfolios/1/addresses/1', '/api/portfolios/1/accounts/1'
LISTS = [
    '/api/portfolios',
    '/api/wallets',
    '/api/sources',
    *(f'{PORTFOLIO}/{part}' for part in ('balances', 'converted', 'transactions', 'txns', 'addresses', 'accounts', 'offsets')),
    *(f'{PORTFOLIO}/{part}/history' for part in ('balances', 'balances/btc', 'converted')),
    *(f'{ADDRESS}/{part}' for part in ('balances', 'transactions', 'txns')),
    *(f'{ACCOUNT}/{part}' for part in ('balances', 'transactions', 'txns', 'history')),
]
FORMULAS = ('-1+1', '=HYPERLINK("https://evil.example")', '@SUM(1)', '+1')


@pytest.fixture
def filled(api: Api, beginnings: Beginnings) -> Api:
    """A portfolio of everything, with an amount below zero and titles that a spreadsheet would run."""
    beginnings.begin(__name__, lambda: fill(api))
    return api


def fill(api: Api) -> None:
    portfolio, address, account, offset = FORMULAS
    api.portfolio(portfolio, currencies=('btc', 'usd'))
    api.address(1, SEGWIT, address)
    observe(SEGWIT, 3, 3)
    create_account(api, title=account)
    observe_account(api.user_id)
    debt = {'title': offset, 'balances': [{'currency': 'ltc', 'balance': '-7.5'}]}
    assert api.post(f'{PORTFOLIO}/offsets', debt).status_code == 201
    now = clock.now()
    rate = Rate('btc', 'usd', Decimal('11775.36'), now, 'bitstamp')
    LatestRates.find().store(now, [], [rate], dict.fromkeys(('btc', 'ltc', 'usd'), now + 86_400))
    refresh.refresh(api.user_id, 1)


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def cell(value: Any) -> str:
    if isinstance(value, dict):
        value = value.get('code') or value['title']
    text = '' if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    return f"'{text}" if text in FORMULAS else text


def test_there_is_no_other_list(http: ChaliceClient):
    paths = http.http.get('/openapi.json').json_body['paths']
    described = [path for path, operations in paths.items() if 'text/csv' in json.dumps(operations)]

    assert sorted(re.sub(r'{\w+_id}', '1', path.replace('{currency}', 'btc')) for path in described) == sorted(LISTS)


@pytest.mark.parametrize('path', LISTS)
def test_a_list_as_csv_has_the_rows_and_fields_of_its_json(filled: Api, path: str):
    rows = filled.get(path).json_body['result']

    answer = filled.get(f'{path}?format=csv')

    assert (answer.status_code, answer.headers['Content-Type']) == (200, 'text/csv; charset=utf-8')
    assert [filled.get(path).headers['Vary'], answer.headers['Vary']] == ['Accept', 'Accept']
    tag = answer.headers['ETag']
    assert tag != filled.get(path).headers['ETag']
    again = filled.request('GET', f'{path}?format=csv', None, {'If-None-Match': tag})
    assert (again.status_code, again.headers['ETag'], again.headers['Vary']) == (304, tag, 'Accept')
    table = rows_of(answer.body.decode())
    assert len(table) == len(rows) > 0
    for row, cells in zip(rows, table, strict=True):
        assert row.keys() <= cells.keys()
        for name, value in row.items():
            if not isinstance(value, list):
                assert cells[name] == cell(value), name
    assert [text for cells in table for text in cells.values() if text.startswith('=')] == []


def test_the_type_may_be_asked_for_by_header_and_the_parameter_decides(filled: Api):
    path = '/api/portfolios/1/balances'

    assert filled.request('GET', path, None, {'Accept': 'text/csv'}).headers['Content-Type'].startswith('text/csv')
    assert filled.request('GET', path, None, {'Accept': 'application/json, text/csv'}).headers['Content-Type'] == 'application/json'
    assert filled.request('GET', f'{path}?format=json', None, {'Accept': 'text/csv'}).json_body['success'] is True
    assert filled.get(f'{path}?format=xml').status_code == 422


def test_pages_follow_each_other_and_say_what_is_missing(filled: Api):
    filled.address(1, 'bc1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3qccfmv3', 'unread')

    answer = filled.get('/api/portfolios/1/transactions?format=csv&limit=1')

    assert answer.headers['X-Complete'] == 'false'
    assert 'rel="next"' in answer.headers['Link']
    assert 'format=csv' in answer.headers['Link']
    assert len(rows_of(answer.body.decode())) == 1
    assert filled.get('/api/portfolios/1/offsets?format=csv').body.decode().startswith('id,title')
