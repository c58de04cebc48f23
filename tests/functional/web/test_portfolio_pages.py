"""Pages of portfolios: every figure is the API's to the digit, and what people and upstreams call things is text."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from html import unescape
from typing import Any

import pytest

from chalicelib import clock
from chalicelib.config import settings
from chalicelib.domain.conversion import Rate
from chalicelib.jobs import histories as job
from chalicelib.models import LatestRates
from chalicelib.services.rates import current
from infra.fake_upstreams.scripted_explorer import Explorer, Txn, txid
from tests.support.api import Api
from tests.support.browser import Browser
from tests.support.jobs import Queue, run_refresh
from tests.support.ledgers import SEGWIT, TAPROOT, observe

DAY, HOUR = 86_400, 3_600
NAME = '<script>alert("1")</script> & محمد'

Json = dict[str, Any]


@pytest.fixture
def history_queue(queues: dict[str, str], delayed_messages: list[tuple[Json, int]]) -> Queue:
    return Queue(queues[settings().history_queue], job.refresh_histories)


@pytest.fixture
def filled(api: Api, explorer: Explorer, history_queue: Queue) -> int:
    """A portfolio of two addresses and an offset with something that has no rate, and its history."""
    know_rates()
    explorer.chain[SEGWIT] = [payment(number, 1_000_000_000 + number) for number in (1, 3, 20, 100)]
    explorer.chain[TAPROOT] = [payment(10, 5)]
    number = api.portfolio(NAME, ('btc', 'usd'))
    api.address(number, SEGWIT, NAME)
    api.address(number, TAPROOT)
    offset = {'title': NAME, 'balances': [{'currency': 'usd', 'balance': '12500.50'}, {'currency': 'doge', 'balance': '90000'}]}
    assert api.post(f'/api/portfolios/{number}/offsets', offset).status_code == 201
    assert run_refresh(SEGWIT, TAPROOT)
    history_queue.drain()
    return number


def know_rates() -> None:
    now = clock.now()
    rates = [Rate('btc', 'usd', Decimal('11775.36'), now, 'bitstamp,kraken'), Rate('eur', 'usd', Decimal('1.25'), now, 'ecb')]
    assert LatestRates.find().store(now, [], rates, dict.fromkeys(('btc', 'doge', 'eur', 'usd'), now + DAY))
    current.forget()


def payment(days: int, satoshi: int) -> Txn:
    return Txn(txid(days), 800_000 - days * 10, (satoshi,), at=clock.now() - days * DAY)


def result(api: Api, path: str) -> Any:
    response = api.get(f'/api/portfolios/{path}')
    assert response.status_code == 200, response.body
    return response.json_body['result']


def cells(page: str, table: str) -> list[list[str]]:
    """Return the words of each cell of each row of the body of a table that begins so, without the commas between digits."""
    body = page.partition(table)[2].partition('<tbody>')[2].partition('</tbody>')[0]
    rows = [re.split(r'<t[hd][^>]*>', row)[1:] for row in body.split('<tr>')[1:]]
    return [[' '.join(unescape(re.sub('<[^>]*>', ' ', cell)).replace(',', '').split()) for cell in row] for row in rows]


def figure(page: str) -> str:
    return re.search(r'class="worth amount">([\d,.]+) ', page)[1].replace(',', '')


RANGES = (('30d', 'day', 30 * DAY), ('7d', 'hour', 7 * DAY), ('1y', 'day', 365 * DAY))


def test_each_figure_is_the_apis(logged_in: Browser, api: Api, filled: int):
    [usd] = [row for row in result(api, f'{filled}/converted?explain=true') if row['currency'] == 'usd']
    held = {row['currency']: row['balance'] for row in result(api, f'{filled}/balances')}
    for name, interval, seconds in RANGES:
        history = result(api, f'{filled}/converted/history?interval={interval}&from={iso(clock.now() - seconds)}')
        of_usd = [row for row in history if row['currency'] == 'usd']

        logged_in.get(f'/portfolios/{filled}?range={name}&in=usd')

        assert figure(logged_in.page) == usd['balance']
        newest, *drawn = cells(logged_in.page, '<figure')
        assert newest[1] == usd['balance'] + ' *'
        assert len(drawn) > 20
        assert drawn == [[label(row['balance_at']), row['balance'] + ('' if row['complete'] else ' *')] for row in of_usd[1:]]
        assert {row[0].lower(): row[1] for row in cells(logged_in.page, 'class="assets"')} == held
        assert [row[0] for row in cells(logged_in.page, 'class="assets"')] == ['BTC', 'USD', 'DOGE']
    assert 'Incomplete: 1 part is missing.' in logged_in.text
    assert '90,000.0 DOGE : no rate is known' in logged_in.text
    assert [part['reason'] for part in usd['missing']] == ['no_rate']


def label(instant: str) -> str:
    day, time = instant[:10], instant[11:16]
    return day if time == '00:00' else f'{day} {time}'


def iso(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat().replace('+00:00', 'Z')


def test_a_day_of_the_past_is_its_end_and_names_are_text(logged_in: Browser, api: Api, filled: int):
    day, end = iso(clock.now() - 2 * DAY)[:10], iso(clock.now() - DAY)[:10]

    logged_in.get(f'/portfolios/{filled}?at={day}&in=btc')

    [btc, _] = result(api, f'{filled}/converted?at={end}')
    assert figure(logged_in.page) == btc['balance']
    assert f'?explain=true&amp;at={end}T00:00:00+00:00' in logged_in.page
    assert logged_in.page.count('&lt;script&gt;alert(&#34;1&#34;)&lt;/script&gt; &amp; محمد') == 4
    assert '<script' not in logged_in.page
    assert not re.search(r'(?:src|href)="(?!/|#|data:image)', logged_in.page)
    assert ' style=' not in logged_in.page  # the policy forbids it
    logged_in.get(f'/portfolios/{filled}?at=2999-01-01')
    assert (logged_in.status, 'not in the future' in logged_in.text) == (422, True)
    logged_in.get(f'/portfolios/{filled}?at=<i>')
    assert (logged_in.status, '<i>' in logged_in.page) == (422, False)


def test_the_list_has_a_card_each_and_what_they_come_to(logged_in: Browser, api: Api, filled: int):
    second = api.portfolio('Second', ('usd',))
    assert (
        api.post(f'/api/portfolios/{second}/offsets', {'title': 'x', 'balances': [{'currency': 'usd', 'balance': '0.07'}]}).status_code
        == 201
    )
    api.portfolio('Third', ('usd',))

    logged_in.get('/portfolios')

    [_, first] = result(api, f'{filled}/converted')
    amounts = [amount.replace(',', '') for amount in re.findall(r'class="worth amount">([\d,.]+) ', logged_in.page)]
    assert amounts == [str(Decimal(first['balance']) + Decimal('0.07')), first['balance'], '0.07', '0.00']
    assert '1 part missing' in logged_in.text
    assert logged_in.page.count('<svg class="chart spark"') >= 1
    assert 'alert("1")' in logged_in.text
    assert '<script' not in logged_in.page


def test_while_nothing_is_known_the_page_says_so_and_loads_itself_again(logged_in: Browser, api: Api):
    number = api.portfolio()
    api.address(number, SEGWIT, 'Cold')

    for path in ('/portfolios', f'/portfolios/{number}'):
        logged_in.get(path)
        assert (logged_in.status, 'Being read' in logged_in.text) == (200, True)
        assert int(logged_in.response.headers['Refresh']) >= 5
    assert 'Cold' in logged_in.text
    observe(SEGWIT, 1, 1)
    know_rates()
    logged_in.get(f'/portfolios/{number}')
    assert (logged_in.status, 'Refresh' in logged_in.response.headers) == (200, False)


@pytest.mark.parametrize('path', ['/portfolios/1', '/portfolios/0', '/portfolios/x', '/portfolios/99999999999', '/portfolios?after=x'])
def test_anybody_elses_portfolio_is_a_page_that_says_not_found(logged_in: Browser, other: Api, path: str):
    other.portfolio()

    logged_in.get(path)

    assert (logged_in.status, logged_in.response.headers['Content-Type']) == (404, 'text/html; charset=utf-8')


@pytest.mark.parametrize(
    ('path', 'most'),
    [
        ('/portfolios', 7),
        ('/portfolios/1', 6),
        ('/portfolios/1?range=7d', 8),
        ('/portfolios/1?range=all', 6),
        ('/portfolios/1?at=2020-01-01', 10),
    ],
)
def test_a_page_costs_at_most(logged_in: Browser, filled: int, requests_made: list[str], path: str, most: int):
    requests_made.clear()

    logged_in.get(path)

    assert logged_in.status == 200
    assert len(requests_made) <= most, requests_made
