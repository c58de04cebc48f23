"""Links that show a portfolio without a login: what they show, what they never show, and when they show nothing."""

import re
from collections.abc import Callable
from decimal import Decimal
from html import unescape

import pytest

from chalicelib import clock
from chalicelib.models import ShareLink, User
from chalicelib.web.share_links import MOST_LINKS
from infra.fake_upstreams.kraken_account import LedgerRow
from tests.support.api import Api
from tests.support.browser import Browser, Mailbox
from tests.support.clock import StoppedClock
from tests.support.dynamodb import table
from tests.support.jobs import accounts_queue, run_purge
from tests.support.kraken import FIRST_AT, Kraken, create_account, trades
from tests.support.ledgers import SEGWIT, TAPROOT
from tests.support.portfolio_pages import DAY, NAME, cells, figure, iso, know_rates, result

RANGES = ('24h', '7d', '30d', '1y', 'all')


def share(owner: Browser, number: int, shows: str, name: str = 'My accountant') -> str:
    """Make a link that works until tomorrow; return its path."""
    ends = iso(clock.now() + DAY)[:10]
    owner.post(f'/portfolios/{number}/share', {'name': name, 'shows': shows, 'ends': ends})
    assert owner.status == 303, owner.text
    owner.get(owner.location)
    return re.search(r'https://cryptfolio\.test(/s/[\w-]{43})<', owner.page)[1]


def percent(part: str, whole: str) -> str:
    return str((Decimal(part) * 100 / Decimal(whole)).quantize(Decimal('0.1')))


def test_a_link_with_percentages_shows_no_amount_anywhere(
    logged_in: Browser, new_browser: Callable[[], Browser], api: Api, filled: int, requests_made: list[str]
):
    api.patch(f'/api/portfolios/{filled}', {'title': 'Savings'})
    path, holder = share(logged_in, filled, 'percentages'), new_browser()
    amounts = {row['balance'] for row in result(api, f'{filled}/balances')}
    amounts |= {row['delta'] for row in result(api, f'{filled}/transactions')}
    for currency in ('usd', 'btc'):
        [row] = [row for row in result(api, f'{filled}/converted?explain=true') if row['currency'] == currency]
        history = result(api, f'{filled}/converted/history?interval=day&from={iso(clock.now() - 30 * DAY)}')
        past = [row['balance'] for row in reversed(history) if row['currency'] == currency]
        amounts |= {row['balance'], *past, *(share['value'] for share in row['explain'])}
        for name in RANGES:
            requests_made.clear()
            holder.get(f'{path}?range={name}&in={currency}&format=csv&at=2020-01-01')

            assert holder.status == 200
            assert len(requests_made) <= (8 if name in ('24h', '7d') else 6), requests_made
            assert not [amount for amount in amounts if len(amount) > 4 and amount in holder.page.replace(',', '')]
            assert not [text for text in ('GET /api/', 'class="worth', ' USD<', ' BTC<') if text in holder.page]
        holder.get(f'{path}?in={currency}')
        assert 'Incomplete: 1 part is missing.' in holder.text
        shares = [row[1] for row in cells(holder.page, 'class="shares"')]
        values = [share['value'] for share in row['explain'] if Decimal(share['balance'])]
        assert sorted(shares) == sorted(['no rate is known', *(f'{percent(value, row["balance"])} %' for value in values)])
        highest = max(map(Decimal, [*past, row['balance']]))
        begins = next(n for n, balance in enumerate(past) if Decimal(balance) * 100 >= highest)  # none is complete
        assert '100 % is what was counted on' in holder.text
        points = [row[1].removesuffix(' *') for row in reversed(cells(holder.page, '<figure'))]
        percents = [percent(balance, past[begins]) for balance in [*past[begins:-1], row['balance']]]  # the last is now
        assert points == [text if Decimal(text) < 1_000 else str(int(Decimal(text) + Decimal('0.5'))) for text in percents]

    headers = holder.response.headers
    assert 'Savings' in holder.text
    of_the_owner = ('alert(', 'My address', SEGWIT, TAPROOT, 'test@example.com', 'Test user', 'My accountant', 'class="transaction"')
    assert not [text for text in (*of_the_owner, '<form') if text in holder.page]
    assert (headers['X-Robots-Tag'], headers['Referrer-Policy']) == ('noindex, nofollow', 'no-referrer')
    assert headers['Cache-Control'] == 'no-store'
    assert 'Set-Cookie' not in headers


def test_a_link_with_percentages_tells_nothing_of_what_grew_from_dust(
    logged_in: Browser, new_browser: Callable[[], Browser], api: Api, stopped_clock: StoppedClock
):
    """Of a growth from 121 satoshi the per cents of the whole would fit one number of satoshi only."""
    number, holder = api.portfolio('Mine', ('btc',)), new_browser()
    for days, amount in ((20, '0.00000121'), (10, '0.61234567')):
        logged_in.post(
            f'/portfolios/{number}/offsets',
            {'title': amount, 'balances': f'{amount} btc', 'since': iso(clock.now() - days * DAY)[:10]},
        )
        assert logged_in.status == 303, logged_in.text

    path = share(logged_in, number, 'percentages')

    for name in RANGES:
        holder.get(f'{path}?range={name}')
        assert (holder.status, 'unchanged since' in holder.text) == (200, True)
        assert {row[1] for row in cells(holder.page, '<figure')} == {'100.0'}


def test_a_link_with_percentages_tells_nothing_of_what_debts_leave_little_of(
    logged_in: Browser, new_browser: Callable[[], Browser], api: Api
):
    """1.23456789 BTC are worth 14,537.48 USD; of the 0.02 that are left, shares with all of their digits would tell both amounts."""
    know_rates()
    number, holder = api.portfolio('Mine', ('usd',)), new_browser()
    logged_in.post(f'/portfolios/{number}/offsets', {'title': 'Mine', 'balances': '1.23456789 btc\n-14537.46 usd'})
    assert logged_in.status == 303, logged_in.text

    holder.get(share(logged_in, number, 'percentages'))

    assert cells(holder.page, 'class="shares"') == [['Bitcoin', '68090000 %'], ['United States dollar', '\N{MINUS SIGN}68090000 %']]
    described = re.search(r'<desc[^>]*>(.*?)</desc>', holder.page, re.DOTALL)[1]
    assert described.replace(',', '').split('%')[0].strip() == 'Bitcoin 68090000'


def test_a_portfolio_that_was_never_worth_anything_has_no_chart_and_none_is_promised(
    logged_in: Browser, new_browser: Callable[[], Browser], api: Api
):
    number, holder = api.portfolio(), new_browser()
    paths = [share(logged_in, number, shows) for shows in ('percentages', 'amounts')]

    for browser, path in ((logged_in, f'/portfolios/{number}'), *((holder, path) for path in paths)):
        browser.get(f'{path}?range=all')
        assert browser.status == 200
        assert (
            'There is no chart: as far as is known, it was worth nothing before' if browser is holder else 'There is nothing in it yet'
        ) in browser.text
        assert 'minutes' not in browser.text


def test_a_link_with_amounts_shows_the_apis(logged_in: Browser, new_browser: Callable[[], Browser], api: Api, filled: int):
    api.patch(f'/api/portfolios/{filled}', {'title': '<i>Savings</i>'})
    path, holder = share(logged_in, filled, 'amounts'), new_browser()
    [usd] = [row for row in result(api, f'{filled}/converted?explain=true') if row['currency'] == 'usd']
    held = {row['currency']: row['balance'] for row in result(api, f'{filled}/balances')}

    holder.get(path)

    assert figure(holder.page) == usd['balance']
    assert {row[0].lower(): row[1] for row in cells(holder.page, 'class="assets"')} == held
    assert cells(holder.page, '<figure')[0][1] == usd['balance'] + ' *'
    assert ('<i>' in holder.page, 'alert(' in holder.page, 'My address' in holder.page, SEGWIT in holder.page) == (False,) * 4


def test_a_link_that_is_unknown_revoked_or_ended_and_one_to_nothing_look_the_same(
    logged_in: Browser,
    new_browser: Callable[[], Browser],
    api: Api,
    user: User,
    stopped_clock: StoppedClock,
    requests_made: list[str],
    mailbox: Mailbox,
):
    number, holder = api.portfolio('Savings'), new_browser()
    ends, revoked = (share(logged_in, number, 'amounts', name) for name in ('Ends', 'Revoked'))
    gone = share(logged_in, api.portfolio('Gone'), 'amounts')
    assert mailbox.last()[1].startswith('Subject: New link to a portfolio')
    assert [holder.get(path).status_code for path in (ends, revoked, gone)] == [200] * 3
    logged_in.get(f'/portfolios/{number}/share')
    [link_id] = [link.link_id for link in ShareLink.of_portfolio(user.user_id, number) if link.name == 'Revoked']
    assert ('Ends' in logged_in.text, f'value="{link_id}"' in logged_in.page, '/s/' in logged_in.page) == (True, True, False)

    logged_in.post(f'/portfolios/{number}/share/revoke', {'link_id': link_id})
    logged_in.get(logged_in.location)
    assert 'The link was revoked.' in logged_in.text
    assert [holder.get(path).status_code for path in (ends, revoked)] == [200, 404]
    api.delete(f'/api/portfolios/{number + 1}')
    answers = [holder.get(path) for path in (revoked, gone, f'/s/{"A" * 43}')]
    assert run_purge(user.user_id, number + 1)
    assert not [item for item in table() if 'SHARE' in str(item) and f'{number + 1:06}' in str(item['sk'])]
    assert len([item for item in table() if item['pk']['S'].startswith('SHARE#')]) == 1
    stopped_clock.move_to((clock.now() // DAY + 2) * DAY - 1)
    assert holder.get(ends).status_code == 200
    stopped_clock.advance(1)
    answers.append(holder.get(ends))
    requests_made.clear()
    answers += [holder.get(f'/s/{path}') for path in ('x', 'A' * 44, 'A' * 42 + '%2F')]

    assert requests_made == []
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.body for answer in answers}) == 1
    assert {answer.headers['Referrer-Policy'] for answer in answers} == {'no-referrer'}
    assert 'This link is not valid' in holder.text


def test_a_form_makes_one_link_with_an_end_and_tells_each_fault(
    logged_in: Browser, api: Api, other: Api, user: User, stopped_clock: StoppedClock
):
    number = api.portfolio(NAME)
    page = f'/portfolios/{number}/share'
    today = iso(clock.now())[:10]
    for ends in ('', 'x', f'{today}T00:00:00Z', iso(clock.now() - DAY)[:10], iso(clock.now() + 366 * DAY)[:10], '9999-12-31'):
        logged_in.post(page, {'name': ' ', 'ends': ends, 'shows': 'amounts'})
        assert logged_in.status == 422
        assert re.findall(r'<li><a href="#(\w+)">', logged_in.page) == ['name', 'ends']
        assert f'value="{ends}"' in logged_in.page
        assert 'value="amounts" checked' in logged_in.page
    for name in ('Bob". Wrong? https://evil.example/undo ("', 'x' * 65):  # which the mail that warns of a link would say
        logged_in.post(page, {'name': name, 'ends': today, 'shows': 'amounts'})
        assert (logged_in.status, re.findall(r'<li><a href="#(\w+)">', logged_in.page)) == (422, ['name'])
    form = {'name': NAME, 'ends': today, 'shows': '?', 'csrf': logged_in.csrf(page)}
    for _ in range(2):
        logged_in.post(page, form)
        assert (logged_in.status, logged_in.location.startswith(f'{page}?form=')) == (303, True)
    shown_at = logged_in.location
    logged_in.get(shown_at)
    [token] = re.findall(r'/s/([\w-]{43})', logged_in.page)
    assert '<script>' not in logged_in.page
    logged_in.get(shown_at)
    assert token not in logged_in.page
    [link] = ShareLink.of_user(user.user_id)
    assert (link.shows_amounts, token in str(table())) == (False, False)  # less, where it is not said
    assert unescape(logged_in.page).count(NAME) == 3  # crumb, name and label of the button

    stranger = other.portfolio()
    for _ in range(MOST_LINKS - 1):
        share(logged_in, number, 'amounts')
    logged_in.post(page, form | {'csrf': logged_in.csrf(page)})
    assert (logged_in.status, f'There are {MOST_LINKS} links' in logged_in.text) == (422, True)
    stopped_clock.advance(DAY)
    logged_in.post(page, form | {'csrf': logged_in.csrf(page), 'ends': iso(clock.now())[:10]})
    assert logged_in.status == 303  # the first has ended
    for path in (page.replace(str(number), '99'), f'/portfolios/{stranger + 1}/share'):
        assert logged_in.get(path).status_code == 404
        assert logged_in.post(path, form | {'csrf': logged_in.csrf(page), 'ends': iso(clock.now())[:10]}).status_code == 404


@pytest.mark.usefixtures('user')
def test_while_nothing_is_known_a_shared_page_loads_itself_again(logged_in: Browser, new_browser: Callable[[], Browser], api: Api):
    number, holder = api.portfolio(), new_browser()
    api.address(number, SEGWIT, 'Cold')

    holder.get(share(logged_in, number, 'amounts'))

    assert (holder.status, 'Being read' in holder.text, 'Cold' in holder.page) == (200, True, False)
    assert int(holder.response.headers['Refresh']) >= 5


@pytest.mark.parametrize('shows', ['percentages', 'amounts'])
def test_a_link_does_not_say_at_which_exchange_an_unlisted_currency_is(
    logged_in: Browser, new_browser: Callable[[], Browser], api: Api, kraken: Kraken, queues: dict[str, str], shows: str
):
    know_rates()
    kraken.account.rows = [*trades(1), LedgerRow('LC', 'R9', FIRST_AT - 1, 'deposit', 'KFEE', Decimal(100))]
    number = api.portfolio()
    create_account(api)
    accounts_queue(queues).drain()
    logged_in.get(f'/portfolios/{number}')
    assert 'KFEE at kraken' in logged_in.page

    holder = new_browser()
    holder.get(share(logged_in, number, shows))

    assert (holder.status, 'KFEE' in holder.page, 'kraken' in holder.page.lower()) == (200, True, False)
