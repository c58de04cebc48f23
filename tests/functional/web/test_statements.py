"""Statements as people read them: amounts side by side while there is room, each rate once, and what a verified one lacks."""

import re
from html import unescape

import pytest

from chalicelib import clock
from chalicelib.models import LatestRates
from chalicelib.services.rates import current
from tests.support.api import Api
from tests.support.browser import Browser
from tests.support.portfolio_pages import DAY, iso, know_rates

CODES = ('usd', 'eur', 'btc', 'eth', 'gbp', 'chf', 'jpy', 'sek', 'nok', 'dkk', 'czk', 'pln', 'huf')


def hold(api: Api, balances: dict[str, str], reporting: tuple[str, ...]) -> int:
    number = api.portfolio(currencies=reporting)
    body = {'title': 'Cold', 'balances': [{'currency': code, 'balance': balance} for code, balance in balances.items()]}
    assert api.post(f'/api/portfolios/{number}/offsets', body).status_code == 201
    return number


@pytest.mark.parametrize(
    ('balance', 'currencies', 'layout'),
    [
        ('1.83530503', 2, 'narrow'),
        ('999.123456789012345678', 3, 'narrow'),  # a table of five columns has room beside each other
        ('999.123456789012345678', 7, 'broad'),
        ('12345678901234567890123456.123456789012345678', 3, 'broad'),
        ('999.123456789012345678', 13, 'stacked'),
    ],
)
def test_amounts_are_side_by_side_while_there_is_room(logged_in: Browser, api: Api, balance: str, currencies: int, layout: str):
    LatestRates.find().store(clock.now(), [], [], dict.fromkeys(CODES, clock.now() + DAY))
    current.forget()
    number = hold(api, {'eth': balance}, CODES[:currencies])

    logged_in.get(f'/portfolios/{number}/statement')

    assert re.search('<table class="([^"]+)"', logged_in.page)[1] == f'statement {layout}'
    assert f'<main id="main" class="{"broad" if layout == "broad" else "wide"}">' in logged_in.page


def test_each_rate_that_was_used_is_listed_once_with_what_its_sources_are_called(logged_in: Browser, api: Api):
    know_rates()
    number = hold(api, {'btc': '2', 'eur': '5'}, ('btc', 'eur', 'usd'))

    logged_in.get(f'/portfolios/{number}/statement')

    rates = re.findall(r'<li>(1 .*?)</li>', logged_in.page)
    assert [re.sub('<[^>]*>', '', rate) for rate in rates] == [
        '1 BTC = 11,775.36 USD (Bitstamp, Kraken)',
        '1 EUR = 1.25 USD (European Central Bank)',
    ]


def test_a_verified_statement_says_of_which_day_it_is_and_what_it_lacks(logged_in: Browser, api: Api, filled: int):
    day = clock.now() // DAY * DAY - 2 * DAY
    logged_in.get(f'/portfolios/{filled}/statement?format=jws')
    now = logged_in.page
    logged_in.get(f'/portfolios/{filled}/statement?format=jws&at={iso(day)[:10]}')

    logged_in.post('/statement/verify', {'jws': logged_in.page})
    assert 'Held at the end of ' in logged_in.text
    logged_in.post('/statement/verify', {'jws': now})
    assert '(incomplete)' in logged_in.text
    assert 'Not in it: 90,000.0 DOGE : no rate is known' in logged_in.text


def test_a_title_written_from_right_to_left_does_not_reorder_the_sentence_it_is_in(logged_in: Browser, api: Api):
    know_rates()
    number = api.portfolio('محمد (حساب) 1')

    logged_in.get(f'/portfolios/{number}/statement')

    assert '<h1>Statement of \N{FIRST STRONG ISOLATE}محمد (حساب) 1\N{POP DIRECTIONAL ISOLATE}</h1>' in unescape(logged_in.page)


def test_a_statement_longer_than_kms_signs_whole_is_signed_and_verified(logged_in: Browser, api: Api):
    LatestRates.find().store(clock.now(), [], [], dict.fromkeys(CODES, clock.now() + DAY))
    current.forget()
    number = hold(api, {'eth': '2', 'btc': '1'}, CODES)

    logged_in.get(f'/portfolios/{number}/statement?format=jws')
    signed = logged_in.page
    assert len(signed.rpartition('.')[0]) > 4_096
    spaced = '\u3000\n'.join(signed[start : start + 64] for start in range(0, len(signed), 64)) + '\u00a0'
    for pasted in (signed, spaced):
        logged_in.post('/statement/verify', {'jws': pasted})
        assert 'Signed by this server' in logged_in.text
    logged_in.post('/statement/verify', {'jws': f'{signed}\u6f22'})
    assert logged_in.status == 422
