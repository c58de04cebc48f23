"""Every amount on every page that shows any is one of the API's, to the digit: of the calls that the page names at its foot."""

import re
from collections.abc import Iterator
from decimal import ROUND_HALF_EVEN, Context, Decimal
from html import unescape
from typing import Any

import pytest

from chalicelib import clock
from chalicelib.domain.ledgers import Holding
from chalicelib.models import Account, Cursor, Ledger
from tests.support.api import Api
from tests.support.browser import Browser
from tests.support.kraken import CREDENTIALS
from tests.support.portfolio_pages import DAY, iso

Json = dict[str, Any]
EXACT = Context(prec=100)
NUMBER = re.compile(r'[-+−]?\d[\d,]*(?:\.\d+)?')  # noqa: RUF001
SHOWN = re.compile(r'<(?!text)\w+[^>]*class="[^"]*\bamount\b[^"]*"[^>]*>(?:<strong>)?([^<]*)')  # the lines of a chart are round
POINT = re.compile(r'\d{9,}:(-?[\d.]+)')
CALL = re.compile(r'GET (/api/\S+?)(?=,? |$)')


@pytest.fixture
def whole(api: Api, filled: int) -> int:
    """A portfolio with parts of all kinds, each of which holds something, debts too."""
    assert api.post(f'/api/portfolios/{filled}/accounts', {'wallet': 'kraken', 'credentials': CREDENTIALS}).status_code == 201
    ledger = Ledger.lease(Account.find(api.user_id, filled, 1).ledger, owner='test', now=clock.now(), looked_at=None)
    assert ledger
    held = [Holding('usd', Decimal('1234567.891'), None, None, None), Holding('btc', Decimal('-0.00000001'), None, None, None)]
    ledger.observe(holdings=held, source='kraken_accounts', counts_p2pk=True, incomplete=None, cursor=Cursor(run='x'), now=clock.now())
    return filled


def numbers_in(value: Any) -> Iterator[Decimal]:
    """Yield the amounts in an answer of the API, and each as it is rounded to the digits of money and of coins."""
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from numbers_in(each)
    elif isinstance(value, str) and re.fullmatch(r'-?\d+(\.\d+)?', value):
        number = Decimal(value)
        yield number
        yield from (number.quantize(unit, ROUND_HALF_EVEN, EXACT) for unit in (Decimal('0.01'), Decimal('1e-8')))


def amounts_on(page: str) -> list[Decimal]:
    shown = [number for text in SHOWN.findall(page) for number in NUMBER.findall(unescape(text))]
    return [Decimal(number.replace(',', '').replace('−', '-')) for number in [*shown, *POINT.findall(page)]]  # noqa: RUF001


@pytest.mark.parametrize(
    ('path', 'fewest'),
    [
        ('?in=usd', 40),
        ('?in=btc&range=1y', 40),
        ('?in=usd&at={day}', 30),
        ('/explain?in=usd', 6),
        ('/explain?in=btc&at={day}', 2),
        ('/statement', 8),
        ('/statement?at={today}', 8),
        ('/statement?at={day}', 6),
        ('/addresses/1', 5),
        ('/accounts/1', 2),
    ],
)
def test_each_amount_is_one_of_the_calls_that_the_page_names(logged_in: Browser, api: Api, whole: int, path: str, fewest: int):
    logged_in.get(f'/portfolios/{whole}' + path.format(day=iso(clock.now() - 2 * DAY)[:10], today=iso(clock.now())[:10]))
    assert logged_in.status == 200
    calls = CALL.findall(unescape(logged_in.page.partition('<footer>')[2].partition('</code>')[0]))
    answers = [api.get(call.replace('+', '%2B')).json_body for call in calls]

    of_api = {number for answer in answers for number in numbers_in(answer['result'])}
    shown = amounts_on(logged_in.page)

    assert calls
    assert len(shown) >= fewest
    assert [number for number in shown if number not in of_api] == []
