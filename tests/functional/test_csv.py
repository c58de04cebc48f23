"""Lists as CSV: what a spreadsheet reads is what the API answers as JSON, cell by cell."""

import csv
import io
from typing import Any

import pytest

from tests.support.api import Api
from tests.support.ledgers import SEGWIT, observe

LISTS = [
    '/api/portfolios',
    '/api/portfolios/1/balances',
    '/api/portfolios/1/addresses',
    '/api/portfolios/1/addresses/1/transactions',
    '/api/portfolios/1/transactions',
    '/api/portfolios/1/offsets',
]


@pytest.fixture
def filled(api: Api) -> Api:
    """A portfolio with an observed address, and a title that a spreadsheet would run."""
    api.portfolio(currencies=('btc', 'usd'))
    api.address(1, SEGWIT, '=HYPERLINK("https://evil.example")')
    observe(SEGWIT, 3, 3)
    return api


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def cell(value: Any) -> str:
    if isinstance(value, dict):
        value = value.get('code') or value['title']
    return '' if value is None else str(value).lower() if isinstance(value, bool) else str(value)


@pytest.mark.parametrize('path', LISTS)
def test_a_list_as_csv_has_the_rows_and_fields_of_its_json(filled: Api, path: str):
    rows = filled.get(path).json_body['result']

    answer = filled.get(f'{path}?format=csv')

    assert (answer.status_code, answer.headers['Content-Type']) == (200, 'text/csv; charset=utf-8')
    table = rows_of(answer.body.decode())
    assert len(table) == len(rows)
    for row, cells in zip(rows, table, strict=True):
        assert row.keys() <= cells.keys()
        for name, value in row.items():
            if not isinstance(value, list):
                assert cells[name].removeprefix("'") == cell(value), name
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
