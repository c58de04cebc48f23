"""Pages of a history that is computed anew between two of them, or while one is read: no row is lost, twice, or of another time."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any
from urllib.parse import quote

import pytest

from chalicelib import clock
from chalicelib.http_io.paging import encode_cursor
from chalicelib.models import History, HistoryMonth
from chalicelib.services.histories import refresh
from tests.support.api import Api
from tests.support.clock import StoppedClock
from tests.support.dynamodb import meanwhile, survives

DAY = 86_400
CODES = ('btc', 'eth', 'usd')
Json = dict[str, Any]


@pytest.fixture
def portfolio(api: Api) -> int:
    """A portfolio of 1 btc, whose history is stored."""
    number = api.portfolio(currencies=CODES)
    body = {'title': 'Cold', 'balances': [{'currency': 'btc', 'balance': '1'}]}
    assert api.post(f'/api/portfolios/{number}/offsets', body).status_code == 201
    refresh.refresh(api.user_id, number)
    return number


def get(api: Api, portfolio: int, **query: str) -> Json:
    asked = '&'.join(f'{name.rstrip("_")}={quote(value)}' for name, value in query.items())
    response = api.get(f'/api/portfolios/{portfolio}/balances/history?{asked}')
    assert response.status_code == 200, response.body
    body: Json = response.json_body
    return body


def pages(api: Api, portfolio: int, **query: str) -> Iterator[Json]:
    """Yield the pages, one row each."""
    page = get(api, portfolio, limit='1', **query)
    while True:
        yield page
        if 'next' not in page:
            return
        page = get(api, portfolio, limit='1', **query, cursor=page['next'])


def midnight(days_ago: int = 0) -> str:
    day = datetime.fromtimestamp(clock.now(), UTC).replace(hour=0, minute=0, second=0) - timedelta(days=days_ago)
    return day.isoformat()


@pytest.mark.parametrize('order', ['desc', 'asc'])
@pytest.mark.parametrize('starts_at_midnight', [False, True])
def test_no_row_is_lost_or_twice_when_now_moves_between_all_pages(
    api: Api, portfolio: int, stopped_clock: StoppedClock, order: str, starts_at_midnight: bool
) -> None:
    if starts_at_midnight:
        stopped_clock.move_to(clock.now() // DAY * DAY + DAY)
        refresh.refresh(api.user_id, portfolio)
    first, grid = clock.now(), midnight(1 if starts_at_midnight else 0)
    rows, nows = [], {first}
    for page in pages(api, portfolio, from_=grid, order=order):
        rows += [(row['balance_at'], row['currency']) for row in page['result']]
        stopped_clock.advance(600)
        refresh.refresh(api.user_id, portfolio)
        nows.add(clock.now())
    of_grid = [(at, code) for at, code in rows if at == grid]
    of_now = [(at, code) for at, code in rows if at != grid]
    assert [code for _, code in of_grid] == [code for _, code in of_now] == list(CODES)
    assert rows == (of_now + of_grid if order == 'desc' else of_grid + of_now)
    assert {int(datetime.fromisoformat(at).timestamp()) for at, _ in of_now} <= nows


def test_now_may_pass_midnight_between_two_pages(api: Api, portfolio: int, stopped_clock: StoppedClock) -> None:
    grid = midnight()
    found = []
    for page in pages(api, portfolio, from_=grid):
        found += [(row['balance_at'] == grid, row['currency']) for row in page['result']]
        stopped_clock.advance(DAY)
        refresh.refresh(api.user_id, portfolio)
    assert found == [(of_grid, code) for of_grid in (False, True) for code in CODES]


def test_the_last_row_of_a_year_is_still_there_on_the_next_day(api: Api, portfolio: int, stopped_clock: StoppedClock) -> None:
    stopped_clock.move_to(clock.now() // DAY * DAY + DAY - 60)
    refresh.refresh(api.user_id, portfolio)
    oldest = get(api, portfolio)
    half = get(api, portfolio, limit='500')
    stopped_clock.advance(120)
    rest = get(api, portfolio, cursor=half['next'])
    assert 'next' in oldest
    assert len(half['result']) + len(rest['result']) == 3 * (365 + 1)


def test_pages_that_are_still_the_same_do_not_say_that_they_changed(api: Api, portfolio: int, stopped_clock: StoppedClock) -> None:
    stopped_clock.move_to(clock.now() // DAY * DAY + DAY + 3_600)  # a midnight between them would be a change
    refresh.refresh(api.user_id, portfolio)
    page = get(api, portfolio, limit='4')
    stopped_clock.advance(600)
    refresh.refresh(api.user_id, portfolio)
    rest = get(api, portfolio, cursor=page['next'])
    assert (rest['complete'], 'changed' in page, 'changed' in rest) == (True, False, False)


@pytest.mark.parametrize('from_', [midnight(40), '2001-01-01'])
def test_pages_that_are_others_than_they_were_at_the_first_say_so(api: Api, portfolio: int, from_: str) -> None:
    page = get(api, portfolio, from_=from_, order='asc', limit='4')
    assert api.patch(f'/api/portfolios/{portfolio}/offsets/1', {'balances': [{'currency': 'btc', 'balance': '2'}]}).status_code == 200
    refresh.refresh(api.user_id, portfolio)
    rest = get(api, portfolio, from_=from_, order='asc', cursor=page['next'])
    assert (page.get('changed'), rest['changed']) == (None, True)
    assert {row['balance'] for row in rest['result'] if row['currency'] == 'btc'} == {'2.0'}


def test_rows_of_a_computation_under_way_are_incomplete_until_it_ends(api: Api, portfolio: int) -> None:
    [stored] = HistoryMonth.every(pk(api, portfolio), 'DAY', clock.now(), clock.now(), newest_first=True)
    stored.update([HistoryMonth.version.set(stored.version + 1)])  # the header is written last
    page = get(api, portfolio, limit='6')
    assert (page['complete'], page['reason'], {row['complete'] for row in page['result']}) == (False, 'history_pending', {False})
    with meanwhile('BatchGetItem', lambda: finish(api, portfolio), number=2):
        page = get(api, portfolio, limit='6')
    assert (page['complete'], {row['complete'] for row in page['result']}) == (True, {True})


def finish(api: Api, portfolio: int) -> None:
    History.at(api.user_id, portfolio).update([History.version.add(1)])


def pk(api: Api, portfolio: int) -> str:
    return str(History.at(api.user_id, portfolio).pk)


def test_what_a_worker_that_died_left_behind_does_not_stay(api: Api, portfolio: int) -> None:
    """It died amid writing what a change made, and the change was taken back before the next worker came."""
    before = get(api, portfolio, from_=midnight(200))['result']
    writes = 1
    while True:
        body = {'title': 'Short', 'balances': [{'currency': 'btc', 'balance': '5'}]}
        added = api.post(f'/api/portfolios/{portfolio}/offsets', body).json_body['result']['id']
        finished = survives(lambda: refresh.refresh(api.user_id, portfolio), writes)
        assert api.delete(f'/api/portfolios/{portfolio}/offsets/{added}').status_code == 200
        History.at(api.user_id, portfolio).update([History.lease_until.set(0)])  # time passes
        refresh.refresh(api.user_id, portfolio)
        assert get(api, portfolio, from_=midnight(200))['result'] == before, writes
        if finished:
            break
        writes += 1
    assert writes > 5


def test_what_did_not_change_is_not_written_again(api: Api, portfolio: int, requests_made: list[str]) -> None:
    requests_made.clear()
    refresh.refresh(api.user_id, portfolio)
    assert 'BatchWriteItem' not in requests_made


def test_the_cursor_of_an_earlier_release_is_read(api: Api, portfolio: int) -> None:
    today = clock.now() // DAY * DAY
    page = get(api, portfolio, cursor=encode_cursor(f'{today}#btc'), limit='2')
    assert [(row['balance_at'], row['currency']) for row in page['result']] == [(midnight(), 'eth'), (midnight(), 'usd')]


AFTER_TIME = '253402300800'  # the first second of the year 10000


@pytest.mark.parametrize(
    'text',
    [
        *('1#btc#', '1#btc#now', '1#btc##1#1', '1#btc#then#1#1#1', '1#btc#now#x#1#1', '1#btc#now#1#1#1#1', '1#btc#now#1#1#-1', ''),
        *(f'{AFTER_TIME}#btc', f'{AFTER_TIME}#btc#now#1#1#1', f'1#btc#now#1#{AFTER_TIME}#1', f'1#btc#now#1#1#{AFTER_TIME}'),
    ],
)
def test_what_is_no_cursor_is_refused(api: Api, portfolio: int, text: str) -> None:
    response = api.get(f'/api/portfolios/{portfolio}/balances/history?cursor={encode_cursor(text)}')
    assert (response.status_code, response.json_body['fields'][0]['field']) == (422, 'cursor')


def test_a_made_up_cursor_is_answered_with_rows_of_its_list_in_order(api: Api, portfolio: int) -> None:
    texts = ['{0}#btc', '{0}#zzz#now#{1}#{0}#{0}', '{0}#btc##{1}#0#0', '0#btc##0#{0}#{0}', '0#a#now#{1}#0#{0}']
    cursors = [encode_cursor(text.format(int(AFTER_TIME) - 1, '9' * 12)) for text in texts]
    paths = ['balances/history', 'balances/btc/history', 'converted/history']
    shown = 0
    for cursor, path, order, interval in product(cursors, paths, ['asc', 'desc'], ['hour', 'day', 'week']):
        response = api.get(f'/api/portfolios/{portfolio}/{path}?cursor={cursor}&order={order}&interval={interval}')
        assert response.status_code == 200, response.body
        times = [row['balance_at'] for row in response.json_body['result']]
        assert times == sorted(times, reverse=order == 'desc')
        shown += bool(times)
    assert shown > 10
