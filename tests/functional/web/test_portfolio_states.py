"""Portfolios that are unlike most: empty, worth nothing, in debt, immense, seen as of a day long ago."""

import re
from collections.abc import Callable
from html import unescape

import pytest

from chalicelib import clock
from chalicelib.models import Account
from chalicelib.services.portfolios import balances
from chalicelib.web import worth
from tests.support.api import Api
from tests.support.browser import Browser
from tests.support.jobs import Queue
from tests.support.kraken import CREDENTIALS
from tests.support.portfolio_pages import DAY, cells, figure, iso, know_rates, result


def holding(api: Api, **balances: str) -> int:
    know_rates()
    number = api.portfolio('Odd', ('usd',))
    body = {'title': 'By hand', 'balances': [{'currency': code, 'balance': balance} for code, balance in balances.items()]}
    assert api.post(f'/api/portfolios/{number}/offsets', body).status_code == 201
    return number


def test_an_empty_portfolio_says_what_to_do_instead_of_how_it_developed(logged_in: Browser, api: Api):
    know_rates()
    number = api.portfolio('Empty', ('usd',))

    logged_in.get(f'/portfolios/{number}')
    assert 'There is nothing in it yet: add addresses' in logged_in.text
    assert 'Complete' not in logged_in.text
    assert 'since' not in logged_in.text
    assert '<figure' not in logged_in.page
    logged_in.get('/portfolios')
    assert 'There is nothing in it yet.' in logged_in.text
    assert 'Complete' not in logged_in.text


def test_what_was_always_worth_nothing_has_no_chart_and_did_not_change(logged_in: Browser, api: Api):
    number = holding(api, usd='0')

    logged_in.get(f'/portfolios/{number}')

    assert 'There is no chart' in logged_in.text
    assert '<figure' not in logged_in.page
    assert 'unchanged since' in logged_in.text
    assert '+0.00' not in logged_in.text


def test_a_debt_has_neither_shares_nor_slices(logged_in: Browser, api: Api):
    number = holding(api, usd='-500', btc='0.01')

    logged_in.get(f'/portfolios/{number}')
    assert [row[0] for row in cells(logged_in.page, 'class="assets"')] == ['BTC', 'USD']
    assert {row[3] for row in cells(logged_in.page, 'class="assets"')} == {''}
    assert 'class="donut"' not in logged_in.page
    logged_in.post(f'/portfolios/{number}/share', {'name': 'All', 'shows': 'percentages', 'ends': iso(clock.now() + DAY)[:10]})
    logged_in.get(logged_in.location)
    logged_in.get('/s/' + re.search(r'/s/([A-Za-z0-9_-]{43})', logged_in.page)[1])
    assert cells(logged_in.page, 'class="shares"') == [['Bitcoin', ''], ['United States dollar', '']]


def test_a_share_that_rounds_to_nothing_is_not_shown_as_none(logged_in: Browser, api: Api):
    number = holding(api, usd='0.01', btc='1')

    logged_in.get(f'/portfolios/{number}')

    assert [row[3] for row in cells(logged_in.page, 'class="assets"')] == ['100.0 %', '< 0.1 %']


@pytest.mark.parametrize(('balance', 'breaks'), [('123456789.12', False), ('123456789012345678901.12', True)])
def test_only_an_immense_amount_may_be_broken(logged_in: Browser, api: Api, balance: str, breaks: bool):
    number = holding(api, usd=balance)

    logged_in.get(f'/portfolios/{number}')

    assert ('class="number amount long"' in logged_in.page) is breaks


@pytest.mark.parametrize('digits', [38, 60])
def test_an_amount_of_many_digits_is_shown_to_the_last_of_them_on_every_page(
    logged_in: Browser, new_browser: Callable[[], Browser], api: Api, history_queue: Queue, digits: int
):
    number = holding(api, usd='9' * (digits - 3) + '.99')
    a_cent_more = {'title': 'A cent', 'since': iso(clock.now() - 2 * DAY), 'balances': [{'currency': 'usd', 'balance': '0.01'}]}

    for offsets, amount, change in (([], '9' * (digits - 3) + '.99', ''), ([a_cent_more], '1' + '0' * (digits - 3) + '.00', '+0.01')):
        for offset in offsets:
            assert api.post(f'/api/portfolios/{number}/offsets', offset).status_code == 201
        history_queue.drain()
        for path in ('/portfolios', f'/portfolios/{number}', f'/portfolios/{number}?range=7d', shared(logged_in, number)):
            visitor = new_browser() if path.startswith('/s/') else logged_in
            visitor.get(path)
            assert visitor.status == 200, path
            assert figure(visitor.page) == amount, path
            assert '<path' in visitor.page, path
            assert change in visitor.text, path
        logged_in.get(f'/portfolios/{number}/statement')
        assert cells(logged_in.page, '<table')[0][1:3] == [api_notation(amount), amount]


def api_notation(amount: str) -> str:
    """Return an amount as balances are, without zeros at its end but one."""
    whole, _, fraction = amount.partition('.')
    return f'{whole}.{fraction.rstrip("0") or "0"}'


def shared(owner: Browser, number: int) -> str:
    """Make a link that shows the amounts of a portfolio; return its path."""
    owner.post(f'/portfolios/{number}/share', {'name': 'All', 'shows': 'amounts', 'ends': iso(clock.now() + DAY)[:10]})
    owner.get(owner.location)
    return re.search(r'(/s/[A-Za-z0-9_-]{43})', owner.page)[1]


def test_the_transactions_of_a_day_of_the_past_end_with_it(logged_in: Browser, api: Api, filled: int):
    every = result(api, f'{filled}/transactions')
    for days in (2, 15, 50):
        end = clock.now() // DAY * DAY - days * DAY

        logged_in.get(f'/portfolios/{filled}?at={iso(end - DAY)[:10]}')

        expected = [row['txn_at'][:10] for row in every if row['txn_at'] <= iso(end)]
        listed = re.findall(r'class="transaction"><time datetime="(.{10})', logged_in.page)
        assert listed == expected
        assert 0 < len(listed) < len(every)
        assert 'Latest transactions up to then' in logged_in.text


def test_the_question_whether_to_delete_isolates_the_title(logged_in: Browser, api: Api):
    number = api.portfolio('محمد (حساب) 1')

    logged_in.get(f'/portfolios/{number}/delete')

    assert '<h1>Delete \N{FIRST STRONG ISOLATE}محمد (حساب) 1\N{POP DIRECTIONAL ISOLATE}?</h1>' in unescape(logged_in.page)


def test_balances_that_a_refused_key_keeps_from_being_read_are_not_said_to_be_on_the_way(logged_in: Browser, api: Api):
    number = api.portfolio()
    assert api.post(f'/api/portfolios/{number}/accounts', {'wallet': 'kraken', 'credentials': CREDENTIALS}).status_code == 201

    logged_in.get(f'/portfolios/{number}/accounts/1')
    assert 'Being read' in logged_in.text
    Account.at(api.user_id, number, 1).update([Account.problem.set('wrong_key')])
    logged_in.get(f'/portfolios/{number}/accounts/1')
    assert ('They cannot be read, for the reason above.' in logged_in.text, 'Being read' in logged_in.text) == (True, False)


def test_a_value_of_nothing_but_missing_parts_is_unknown_and_no_zero(logged_in: Browser, new_browser: Callable[[], Browser], api: Api):
    number, holder = holding(api, btg='3'), new_browser()
    paths = [f'/portfolios/{number}', f'/portfolios/{number}/explain', '/portfolios']
    logged_in.post(f'/portfolios/{number}/share', {'name': 'All', 'shows': 'amounts', 'ends': iso(clock.now() + DAY)[:10]})
    logged_in.get(logged_in.location)
    shared = '/s/' + re.search(r'/s/([A-Za-z0-9_-]{43})', logged_in.page)[1]

    for browser, path in (*((logged_in, path) for path in paths), (holder, shared)):
        browser.get(path)
        assert ('<p class="worth">Unknown</p>' in browser.page, '0.00' in browser.text, 'worth nothing' in browser.text) == (
            True,
            False,
            False,
        ), path
    api.post(f'/api/portfolios/{number}/offsets', {'title': 'x', 'balances': [{'currency': 'usd', 'balance': '1'}]})
    logged_in.get(f'/portfolios/{number}')
    assert ('Unknown' in logged_in.text, '1.00 USD' in logged_in.text) == (False, True)


def test_portfolios_of_which_none_has_a_known_value_do_not_come_to_zero_together(logged_in: Browser, api: Api):
    for _ in range(2):
        holding(api, btg='3')

    logged_in.get('/portfolios')

    assert ('together' in logged_in.text, logged_in.text.count('Unknown')) == (False, 2)


def test_a_page_that_shows_one_currency_converts_into_no_other(api: Api):
    know_rates()
    number = api.portfolio('Many', ('btc', 'eur', 'usd'))
    assert (
        api.post(f'/api/portfolios/{number}/offsets', {'title': 'A', 'balances': [{'currency': 'btc', 'balance': '1'}]}).status_code == 201
    )

    row, totals = worth.row_of(balances.sum_up(api.user_id, number), 'eur', None)

    assert (row['currency'], [total.currency for total in totals.totals]) == ('eur', ['eur'])
