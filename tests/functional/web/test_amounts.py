"""Hiding amounts in one browser: by the stylesheet alone, so every amount on every page must be marked as one."""

import re

from chalicelib import clock
from tests.support.api import Api
from tests.support.browser import Browser
from tests.support.portfolio_pages import DAY, iso, result

HOST = 'cryptfolio.test'
MARKED = re.compile(r'<\w+ [^>]*\bclass="[^"]*\bamount\b[^"]*"[^>]*>[^<]*(?:<strong>[^<]*)?')
OF_CHARTS = re.compile(r'<(title|desc) id=.*?</\1>| data-points="[^"]*"', re.DOTALL)  # which are hidden whole, or for a script alone


def test_amounts_are_hidden_until_they_are_shown_again_and_each_is_marked(logged_in: Browser, api: Api, filled: int):
    page = f'/portfolios/{filled}?range=7d&in=usd'
    logged_in.get(page)
    assert '<body>' in logged_in.page

    logged_in.post('/amounts', {'show': 'no'}, Referer=f'https://{HOST}{page}', Host=HOST)

    assert (logged_in.status, logged_in.location) == (303, page)
    assert re.fullmatch(r'__Host-amounts=hidden; Path=/; Max-Age=\d{8}; HttpOnly; SameSite=Lax; Secure', logged_in.set_cookie)
    amounts = {row['balance'] for what in ('balances', 'converted') for row in result(api, f'{filled}/{what}')}
    amounts |= {row['balance'] for row in result(api, f'{filled}/converted/history?interval=hour&from={iso(clock.now() - DAY)}')}
    amounts |= {row['delta'] for row in result(api, f'{filled}/transactions')}
    below = ('', '?range=24h&in=usd', '/explain?in=usd', '/statement', '/addresses/1')
    for path in ('/portfolios', *(f'/portfolios/{filled}{each}' for each in below)):
        logged_in.get(path)
        assert (logged_in.status, '<body class="hides-amounts">' in logged_in.page) == (200, True)
        assert [amount for amount in amounts if amount in logged_in.page.replace(',', '')]
        unmarked = OF_CHARTS.sub('', MARKED.sub('', logged_in.page)).replace(',', '')
        assert not [amount for amount in amounts if len(amount) > 4 and amount in unmarked], path

    for referrer in (f'https://{HOST}//evil.example', 'https://evil.example/portfolios', ''):
        logged_in.post('/amounts', {'show': 'yes'}, Referer=referrer, Host=HOST)
        assert logged_in.location == '/'
    assert 'Max-Age=0' in logged_in.set_cookie
    logged_in.get(page)
    assert '<body>' in logged_in.page
