"""Histories asked for at many more instants than a page has rows of: these take neither memory nor requests."""

import tracemalloc
from datetime import datetime

import pytest

from chalicelib import clock
from chalicelib.domain.timeline import DAY
from chalicelib.http_io.paging import encode_cursor
from chalicelib.services.histories import refresh
from tests.support.api import Api
from tests.support.kraken import create_account, observe_account

MEGABYTE = 1_000_000
YEAR_2100 = 4_102_444_800
OF_AN_ACCOUNT = 'portfolios/1/accounts/1/history'
NOT_STORED = ['portfolios/2/balances/history', 'portfolios/2/converted/history', OF_AN_ACCOUNT]
STORED = ['portfolios/2/balances/history', 'portfolios/2/converted/history']


@pytest.fixture(autouse=True)
def portfolios(api: Api) -> None:
    """One with an account, whose history is never stored, and one whose own is not stored yet."""
    api.portfolio()
    create_account(api)
    observe_account(api.user_id)
    api.portfolio(currencies=['usd'])
    held = {'title': 'Cold', 'balances': [{'currency': 'btc', 'balance': '1'}]}
    assert api.post('/api/portfolios/2/offsets', held).status_code == 201


def rows(api: Api, path: str, query: str) -> list[int]:
    """Return the instants of the rows of a page."""
    response = api.get(f'/api/{path}?{query}')
    assert response.status_code == 200, response.body
    return [int(datetime.fromisoformat(row['balance_at']).timestamp()) for row in response.json_body['result']]


def memory(api: Api, path: str, query: str) -> int:
    """Return how much memory a request had in use at most."""
    tracemalloc.start()
    assert len(rows(api, path, query)) == 1
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most


@pytest.mark.parametrize('path', NOT_STORED)
@pytest.mark.parametrize('order', ['asc', 'desc'])
def test_the_hours_of_decades_take_no_more_memory_than_their_days(api: Api, path: str, order: str):
    query = f'from=1970-01-01&limit=1&order={order}'
    rows(api, path, query)

    assert memory(api, path, f'{query}&interval=hour') < memory(api, path, query) + MEGABYTE


@pytest.mark.parametrize('path', NOT_STORED)
def test_a_made_up_cursor_of_a_history_that_is_not_stored_leads_to_no_instants_to_come(api: Api, path: str):
    made_up = encode_cursor(f'{YEAR_2100}#zzz##0#{YEAR_2100}#0')

    assert memory(api, path, f'interval=hour&limit=1&from=2026-11-01&cursor={made_up}') < 2 * MEGABYTE
    assert rows(api, path, f'interval=hour&limit=1&from=2026-11-01&cursor={made_up}')[0] <= clock.now()


@pytest.mark.parametrize('path', STORED)
@pytest.mark.parametrize('interval', ['hour', 'day'])
def test_a_made_up_cursor_of_a_stored_history_leads_to_no_instants_to_come(api: Api, path: str, interval: str):
    refresh.refresh(api.user_id, 2)
    made_up = encode_cursor(f'{YEAR_2100}#zzz##1#{YEAR_2100}#0')

    found = rows(api, path, f'interval={interval}&cursor={made_up}')

    assert found
    assert max(found) <= clock.now()


def test_a_made_up_cursor_of_now_has_nothing_of_the_grid_after_it(api: Api, requests_made: list[str]):
    refresh.refresh(api.user_id, 2)
    made_up = encode_cursor(f'0#zzz#now#1#{clock.now()}#{clock.now() - 3 * DAY}')
    requests_made.clear()

    assert rows(api, STORED[1], f'interval=hour&limit=1&order=asc&cursor={made_up}') == []
    assert len(requests_made) <= 2, requests_made


@pytest.mark.parametrize('order', ['asc', 'desc'])
def test_what_a_history_has_no_values_of_yet_takes_no_requests_for_its_hours(api: Api, requests_made: list[str], order: str):
    """As after a change of reporting currencies: the rates of its hours are not needed until it is computed anew."""
    refresh.refresh(api.user_id, 2)
    assert api.patch('/api/portfolios/2', {'currencies': ['gbp', 'chf']}).status_code == 200
    requests_made.clear()

    assert rows(api, STORED[1], f'interval=hour&limit=1&from=2014-12-01T05:00Z&to=2014-12-31T05:00Z&order={order}') == []
    assert requests_made == ['BatchGetItem']
