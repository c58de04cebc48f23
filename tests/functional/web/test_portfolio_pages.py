"""Pages of portfolios: every figure is the API's to the digit, and what people and upstreams call things is text."""

import csv
import json
import re
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from jose import jws

from chalicelib import clock
from chalicelib.config import settings
from chalicelib.models import Ledger
from chalicelib.oauth import signed_statements
from chalicelib.services.histories import refresh
from tests.support.api import Api
from tests.support.browser import Browser
from tests.support.clock import CLOCK
from tests.support.dynamodb import Killed, killed_after
from tests.support.kraken import KEY, SECRET
from tests.support.ledgers import LEGACY, SEGWIT, TAPROOT, observe, state
from tests.support.portfolio_pages import DAY, NAME, cells, figure, iso, know_rates, result

HOUR = 3_600
EVM = '0x00000000219ab540356cBB839Cbe05303d7705Fa'
WIF = '5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1jvhTVqvbTLvyTJ'  # of Bitcoin's wiki
XPRV = 'xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPPqjiChkVvvNKmPGJxWUtg6LnF5kejMRNNU3TGtRBeJgk33yuGBxrMPHi'  # of BIP-32


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
    newest = [(row['txn_at'][:10], row['delta']) for row in result(api, f'{filled}/transactions')]
    listed = re.findall(r'class="transaction"><time datetime="(.{10})[^>]*>.*?amount">\+([\d.,]+) BTC', logged_in.page)
    assert len(newest) == 5
    assert [(day, amount.replace(',', '')) for day, amount in listed] == newest
    assert 'Incomplete: 1 part is missing.' in logged_in.text
    assert '90,000.0 DOGE : no rate is known' in logged_in.text
    assert [part['reason'] for part in usd['missing']] == ['no_rate']


def label(instant: str) -> str:
    day, time = instant[:10], instant[11:16]
    return day if time == '00:00' else f'{day} {time}'


def test_a_day_of_the_past_is_its_end_and_names_are_text(logged_in: Browser, api: Api, filled: int):
    day, end = iso(clock.now() - 2 * DAY)[:10], iso(clock.now() - DAY)[:10]

    logged_in.get(f'/portfolios/{filled}?at={day}&in=btc')

    [btc, _] = result(api, f'{filled}/converted?at={end}')
    assert figure(logged_in.page) == btc['balance']
    assert f'?explain=true&amp;at={end}T00:00:00+00:00' in logged_in.page
    assert (
        logged_in.page.count('&lt;script&gt;alert(&#34;1&#34;)&lt;/script&gt; &amp; محمد') == 7
    )  # of its five transactions one was not made by then
    assert all(tag.startswith('<script src="/static/') for tag in re.findall('<script[^>]*>', logged_in.page))
    assert not re.search(r'(?:src|href)="(?!/|#|data:image)', logged_in.page)
    assert ' style=' not in logged_in.page  # the policy forbids it
    logged_in.get(f'/portfolios/{filled}?at={day}T12:00:00%2B02:00&in=btc')
    links = re.findall(r'href="([^"]+/(?:explain\?in=btc&amp;|statement\?)at=[^"]+)"', logged_in.page)
    assert len(links) == 3  # the last is of 31 December
    for each in links[:2]:
        logged_in.get(unescape(each))
        assert (logged_in.status, ', 10:00 UTC' in logged_in.text) == (200, True)
    assert f'at={day}T12%3A00%3A00%2B02%3A00' in logged_in.page
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
    assert 'All 3 together' in logged_in.text
    assert 'Incomplete: parts of the portfolios below are missing.' in logged_in.text
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
    logged_in.get(f'/portfolios/{number}/addresses/1')
    assert ('Refresh' in logged_in.response.headers, 'name="title"' in logged_in.page) == (True, False)
    assert 'Transactions Being read …' in logged_in.text  # not that there are none
    logged_in.get(re.search(r'href="([^"]+)">Change the title', logged_in.page)[1])
    assert ('Refresh' in logged_in.response.headers, 'name="title"' in logged_in.page) == (False, True)
    for path in (f'/portfolios/{number}/statement', f'/portfolios/{number}/statement?format=csv'):
        logged_in.get(path)
        assert (logged_in.status, 'for the first time' in logged_in.text, 'Refresh' in logged_in.response.headers) == (503, True, True)
    state(SEGWIT).update([Ledger.needs_key.set(True)])
    logged_in.post(f'/portfolios/{number}/share', {'name': 'x', 'ends': iso(clock.now())[:10]})
    logged_in.get(logged_in.location)
    shared = re.search(r'/s/[\w-]{43}', logged_in.page)[0]
    for path in ('/portfolios', f'/portfolios/{number}', f'/portfolios/{number}/statement', shared):
        logged_in.get(path)
        assert 'no explorer reports it without an API key' in logged_in.text
        assert 'for the first time' not in logged_in.text
    observe(SEGWIT, 1, 1)
    know_rates()
    for is_reading in (True, False):  # first the chart is to come
        logged_in.get(f'/portfolios/{number}')
        assert (logged_in.status, 'Refresh' in logged_in.response.headers) == (200, is_reading)
        refresh.refresh(api.user_id, number)
    api.post(f'/api/portfolios/{number}/offsets', {'title': 'x', 'balances': [{'currency': 'btg', 'balance': '1'}]})
    for is_reading in (True, False):  # for ten minutes
        logged_in.get(f'/portfolios/{number}')
        assert ('its rate is being fetched' in logged_in.text, 'Refresh' in logged_in.response.headers) == (True, is_reading)
        CLOCK.advance(601)


@pytest.mark.parametrize('path', ['/portfolios/1', '/portfolios/0', '/portfolios/x', '/portfolios/99999999999', '/portfolios?after=x'])
def test_anybody_elses_portfolio_is_a_page_that_says_not_found(logged_in: Browser, other: Api, path: str):
    other.portfolio()

    logged_in.get(path)

    assert (logged_in.status, logged_in.response.headers['Content-Type']) == (404, 'text/html; charset=utf-8')


def test_a_page_has_no_list_without_entries(logged_in: Browser, api: Api):
    for path in (f'/portfolios/{api.portfolio()}', '/portfolios/1/explain', '/developers', '/account/applications', '/profile/api-keys'):
        logged_in.get(path)

        assert (logged_in.status, re.findall(r'<[uo]l[^>]*>\s*</[uo]l>', logged_in.page)) == (200, []), path


def test_a_page_that_only_names_a_portfolio_reads_none_of_its_contents(logged_in: Browser, api: Api, requests_made: list[str]):
    number = api.portfolio()
    for page in ('settings', 'delete', 'addresses/new', 'accounts/new', 'offsets/new', 'import', 'share'):
        requests_made.clear()
        logged_in.get(f'/portfolios/{number}/{page}')

        links = ['Query'] if page == 'share' else []
        assert (logged_in.status, [request for request in requests_made if request != 'GetItem']) == (200, links), page
        assert logged_in.get(f'/portfolios/{number + 1}/{page}').status_code == 404


@pytest.mark.parametrize(
    ('path', 'most'),
    [
        ('/portfolios', 7),
        ('/portfolios/1', 8),
        ('/portfolios/1?range=7d', 10),
        ('/portfolios/1?range=all', 8),
        ('/portfolios/1?at=2020-01-01', 12),
        ('/portfolios/1/addresses/1', 4),
    ],
)
def test_a_page_costs_at_most(logged_in: Browser, filled: int, requests_made: list[str], path: str, most: int):
    requests_made.clear()

    logged_in.get(path)

    assert logged_in.status == 200
    assert len(requests_made) <= most, requests_made


def lines(*texts: str) -> str:
    return '\r\n'.join(texts)


def test_a_portfolio_is_made_of_pasted_addresses_line_by_line(logged_in: Browser, api: Api, queues: dict[str, str]):
    logged_in.get('/portfolios/new')
    assert logged_in.status == 200
    pasted = [f'{SEGWIT}, Cold, wallet', '', 'vitalik.eth', EVM, f'{SEGWIT}, again', f'{LEGACY}, {NAME}, doge', WIF, f'{LEGACY}']
    form = {'title': '', 'currency': 'usd', 'more': 'SEK, nosuch', 'addresses': lines(*pasted)}

    logged_in.post('/portfolios', form)

    assert logged_in.status == 422
    assert 'title must have 1 to 255 characters' in logged_in.text
    assert 'Unknown currency "nosuch"' in logged_in.text
    faults = re.findall(r'<li value="(\d)"><code>(.*?)</code><br><span class="error">(.*?)</span>', logged_in.page)
    assert [(number, fault.partition(':')[0]) for number, _, fault in faults] == [
        ('3', 'This is an ENS name'),
        ('5', 'This address is already on an earlier line'),
        ('6', 'This is not an address for doge'),
        ('7', 'This is a private key'),
    ]
    assert WIF not in logged_in.page
    assert logged_in.page.count('<select') == 2  # Ethereum and its like; Bitcoin and Bitcoin Cash
    assert 'Cold, wallet' in logged_in.page
    assert result(api, '?limit=5') == []

    good = form | {'title': NAME, 'more': 'SEK', 'addresses': lines(f'{SEGWIT}, Cold, wallet', f'{EVM}\tHot', f'{LEGACY}, , btc')}
    logged_in.post('/portfolios', good)
    assert (logged_in.status, logged_in.page.count('<select')) == (422, 1)
    [question] = re.findall(r'<select id="[^"]+" name="([^"]+)"', logged_in.page)
    logged_in.post('/portfolios', good | {question: 'pol'})

    assert (logged_in.status, logged_in.location) == (303, '/portfolios/1')
    assert [code['code'] for code in result(api, '1')['currencies']] == ['usd', 'sek']
    made = [(address['title'], address['address'], address['currency']['code']) for address in result(api, '1/addresses')]
    assert made == [('Cold, wallet', SEGWIT, 'btc'), ('Hot', EVM, 'pol'), ('Bitcoin address', LEGACY, 'btc')]


SEED = '\n'.join(['abandon'] * 11 + ['about'])  # the first test vector of BIP-39, a word on each line


@pytest.mark.parametrize('line', [SEED, WIF, f'{SEGWIT}, {WIF}', f'{SEGWIT}, my {XPRV}', f'wsh(sortedmulti(2,{XPRV},{XPRV}', 'ab' * 32])
def test_a_private_key_anywhere_in_a_line_is_refused_and_not_repeated(logged_in: Browser, line: str):
    logged_in.post('/portfolios', {'title': 'First', 'currency': 'usd', 'addresses': line})

    assert (logged_in.status, 'private key' in logged_in.text.partition('Addresses')[0]) == (422, True)
    assert not any(secret in logged_in.page for secret in ('abandon', WIF, XPRV, 'ab' * 32))


@pytest.mark.parametrize(
    'path', ['/portfolios', '/portfolios/1/settings', '/portfolios/1/offsets', '/portfolios/1/addresses/1', '/profile/name']
)
def test_a_private_key_as_a_name_is_refused_by_page_and_api_and_not_repeated(logged_in: Browser, api: Api, path: str):
    api.address(api.portfolio(), SEGWIT)

    logged_in.post(path, {'title': f'My {WIF}', 'name': f'My {WIF}', 'currency': 'usd'})

    assert (logged_in.status, 'must not contain a private key' in logged_in.text, WIF in logged_in.page) == (422, True, False)
    answer = api.post('/api/portfolios', {'title': f'My {WIF}', 'currencies': ['usd']})
    assert (answer.status_code, answer.json_body['invalid']) == (
        422,
        ['title must not contain a private key, which nobody else must ever see'],
    )


@pytest.mark.parametrize(
    ('path', 'field', 'line', 'said'),
    [
        ('/portfolios', 'addresses', 'z', 'Enter at most 100 lines'),
        ('/portfolios/1/addresses', 'addresses', ',', 'Enter at most 100 lines'),
        ('/portfolios/1/offsets', 'balances', 'z', 'Enter at most 200 lines'),
        ('/portfolios/1/settings', 'more', 'z', 'currencies'),
        ('/oauth/applications', 'redirect_uris', 'z', 'Enter between 1 and 20 redirect URIs'),
    ],
)
def test_of_thousands_of_lines_none_is_looked_at_or_answered(logged_in: Browser, api: Api, path: str, field: str, line: str, said: str):
    api.portfolio()
    others = {'title': 'First', 'currency': 'usd', 'name': 'x', 'confidential': 'yes'}

    logged_in.post(path, {**others, field: '\n'.join(f'{line}{number}' for number in range(6_000))})

    assert (logged_in.status, said in logged_in.text) == (422, True)
    assert logged_in.page.count(f'{line}5999') <= 1  # as it was typed, at most
    assert len(logged_in.page) < 100_000


def test_too_many_lines_are_refused_and_stay_in_the_form(logged_in: Browser):
    pasted = [f'{SEGWIT}, {number}' for number in range(103)]

    logged_in.post('/portfolios', {'title': 'First', 'currency': 'usd', 'addresses': lines(*pasted)})

    assert (logged_in.status, 'Enter at most 100 lines' in logged_in.text) == (422, True)
    assert logged_in.page.partition('<textarea')[2].partition('>\n')[2].partition('</textarea>')[0].splitlines() == pasted


@pytest.mark.parametrize(
    ('path', 'fields', 'listed'),
    [
        ('/portfolios', {'title': 'Twice', 'currency': 'usd'}, ''),
        ('/portfolios/1/offsets', {'title': 'Cash', 'balances': '5 usd'}, '1/offsets'),
        ('/portfolios/1/accounts', {'wallet': 'generic', 'url': 'https://sample.example/balances.json', 'title': 'Own'}, '1/accounts'),
    ],
)
def test_a_form_that_is_sent_twice_makes_one_thing_and_one_that_was_changed_another(
    logged_in: Browser, api: Api, path: str, fields: dict[str, str], listed: str
):
    api.portfolio('First')
    before = len(result(api, listed))
    sent = fields | {'csrf': logged_in.csrf()}

    logged_in.post(path, sent)
    assert logged_in.status == 303
    first = logged_in.location
    logged_in.post(path, sent)
    assert (logged_in.status, logged_in.location) == (303, first)
    assert len(result(api, listed)) == before + 1
    logged_in.post(path, sent | {'title': 'Another'})
    assert len(result(api, listed)) == before + 2


def test_forms_have_a_limit_of_their_own_however_little_the_api_takes(logged_in: Browser, api: Api, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv('MAX_BODY_BYTES', '10')
    settings.cache_clear()

    logged_in.post('/portfolios', {'title': 'A title of more than ten letters', 'currency': 'usd'})

    monkeypatch.undo()
    settings.cache_clear()
    assert logged_in.status == 303


@pytest.mark.parametrize('writes', [1, 2, 3])
def test_a_form_whose_worker_died_between_two_addresses_is_finished_when_it_is_sent_again(logged_in: Browser, api: Api, writes: int):
    form = {'title': 'New', 'currency': 'usd', 'addresses': lines(SEGWIT, TAPROOT), 'csrf': logged_in.csrf()}

    with pytest.raises(Killed), killed_after(writes):
        logged_in.post('/portfolios', form)
    logged_in.post('/portfolios', form)

    [portfolio] = result(api, '')
    assert (logged_in.status, logged_in.location) == (303, f'/portfolios/{portfolio["id"]}')
    assert [row['address'] for row in result(api, f'{portfolio["id"]}/addresses')] == [SEGWIT, TAPROOT]


def test_addresses_accounts_and_amounts_are_added_changed_and_removed(logged_in: Browser, api: Api, queues: dict[str, str]):
    number = api.portfolio('First')
    base = f'/portfolios/{number}'
    know_rates()

    logged_in.post(f'{base}/addresses', {'addresses': ''})
    assert (logged_in.status, 'Enter an address' in logged_in.text) == (422, True)
    logged_in.post(f'{base}/addresses', {'addresses': SEGWIT})
    assert logged_in.location == base
    logged_in.post(f'{base}/addresses', {'addresses': lines(SEGWIT, TAPROOT)})
    assert (logged_in.status, 'this portfolio already has this address' in logged_in.text) == (422, True)
    assert len(result(api, f'{number}/addresses')) == 2
    logged_in.post(f'{base}/addresses/1', {'title': ' '})
    assert logged_in.status == 422
    logged_in.post(f'{base}/addresses/1', {'title': NAME})
    observe(SEGWIT, 5, 30)
    logged_in.get(f'{base}/addresses/1')
    assert [cells(logged_in.page, 'id="balances"')[0][1], logged_in.page.count('class="transaction"')] == ['0.00000005', 25]
    assert '<script' not in logged_in.page
    logged_in.get(re.search(r'href="([^"]+cursor=[^"]+)"', logged_in.page)[1])
    assert logged_in.page.count('class="transaction"') == 5

    logged_in.post(f'{base}/accounts', {'wallet': 'kraken', 'key': KEY})
    assert (logged_in.status, 'Secret is required' in logged_in.text) == (422, True)
    logged_in.post(f'{base}/accounts', {'wallet': 'kraken', 'key': KEY, 'secret': SECRET, 'title': ''})
    logged_in.post(f'{base}/accounts/1', {'title': 'Mine', 'key': '', 'secret': ''})
    logged_in.post(f'{base}/accounts', {'wallet': 'kraken', 'key': KEY, 'secret': SECRET, 'title': ''})
    assert (logged_in.status, 'already has an account with this API key' in logged_in.text) == (422, True)
    logged_in.post(f'{base}/accounts', {'wallet': 'kraken', 'key': KEY[::-1], 'secret': SECRET, 'title': ''})
    logged_in.post(f'{base}/accounts/3', {'title': 'Second', 'key': KEY, 'secret': SECRET})
    assert (logged_in.status, 'already has an account with this API key' in logged_in.text) == (422, True)
    logged_in.post(f'{base}/accounts/3/delete')
    assert [account['title'] for account in result(api, f'{number}/accounts')] == ['Mine']
    logged_in.get(f'{base}/accounts/1')
    assert (logged_in.status, SECRET in logged_in.page, 'There are no known problems.' in logged_in.text) == (200, False, True)

    amounts = {'title': 'Bank', 'balances': lines('12,500.50 usd', 'usd -1', 'x btc')}
    logged_in.post(f'{base}/offsets', amounts)
    assert logged_in.status == 422
    for ambiguous, said in (('500,500 usd', 'is not an amount'), ('1,1 btc', 'is not an amount'), ('usd 5 5', 'Unknown currency')):
        logged_in.post(f'{base}/offsets', amounts | {'balances': ambiguous})
        assert (logged_in.status, said in logged_in.text) == (422, True)
    logged_in.post(f'{base}/offsets', amounts | {'balances': lines('12500.50 usd', 'btc -1'), 'since': '2020-01-01'})
    logged_in.get(f'{base}/offsets/1')
    assert 'value="2020-01-01"' in logged_in.page
    logged_in.post(f'{base}/offsets/1', {'title': 'Bank', 'balances': 'x usd', 'since': ''})
    assert (logged_in.status, 'value="2020-01-01"' in logged_in.page) == (422, False)
    logged_in.post(f'{base}/offsets/1', {'title': 'Bank', 'balances': '3 usd', 'since': ''})
    offset = result(api, f'{number}/offsets/1')
    assert ([(row['currency'], row['balance']) for row in offset['balances']], offset['since']) == ([('usd', '3.0')], None)

    logged_in.post(f'{base}/settings', {'title': 'Second', 'currency': 'eur'})
    assert (result(api, f'{number}')['title'], result(api, f'{number}')['currencies'][0]['code']) == ('Second', 'eur')
    for kind in ('addresses', 'accounts', 'offsets'):
        logged_in.get(f'{base}/{kind}/1/delete')
        assert (logged_in.status, 'Remove' in logged_in.text) == (200, True)
        logged_in.post(f'{base}/{kind}/1/delete')
        assert logged_in.location == base
    assert [len(result(api, f'{number}')[kind]) for kind in ('addresses', 'accounts', 'offsets')] == [1, 0, 0]
    logged_in.post(f'{base}/delete')
    assert (logged_in.location, result(api, '?limit=5')) == ('/portfolios', [])


@pytest.mark.parametrize(
    ('path', 'form', 'sentence'),
    [
        ('/portfolios', {'title': 'Second', 'currency': 'usd'}, 'you can have at most 1 portfolios'),
        ('/portfolios/1/offsets', {'title': 'x', 'balances': '1 usd'}, 'a portfolio can have at most 1 offsets'),
        ('/portfolios/1/accounts', {'wallet': 'kraken', 'key': KEY, 'secret': SECRET}, 'a portfolio can have at most 1 accounts'),
        ('/portfolios/1/addresses', {'addresses': SEGWIT}, 'a portfolio can have at most 1 addresses'),
    ],
)
def test_a_form_for_more_than_there_may_be_says_so(
    logged_in: Browser, api: Api, monkeypatch: pytest.MonkeyPatch, path: str, form: dict[str, str], sentence: str
):
    api.portfolio()
    for name in ('MAX_PORTFOLIOS', 'MAX_OFFSETS', 'MAX_ACCOUNTS', 'MAX_ADDRESSES'):
        monkeypatch.setenv(name, '1')
    settings.cache_clear()

    logged_in.post(path, form)
    logged_in.post(path, form)

    assert (logged_in.status, sentence in logged_in.text) == (422, True)


def test_a_statement_is_the_apis_and_anybody_can_verify_it(
    logged_in: Browser, new_browser: Any, api: Api, filled: int, requests_made: list[str]
):
    end = iso(clock.now() - DAY)[:10]
    day = iso(clock.now() - 2 * DAY)[:10]
    path = f'/portfolios/{filled}/statement?at={day}'
    expected = {
        'balances': result(api, f'{filled}/balances?at={end}'),
        'converted': result(api, f'{filled}/converted?explain=true&at={end}'),
    }

    logged_in.get(f'/portfolios/{filled}')
    logged_in.get(re.search(r'href="([^"]+/statement)"', logged_in.page)[1])
    assert (logged_in.status, 'Held at' in logged_in.text, 'closing rates' in logged_in.text) == (200, True, False)  # of now
    assert logged_in.text.count('DOGE : no rate is known') == 1  # though it is missing from both totals
    logged_in.get(path)
    assert (logged_in.status, 'None is known.' in logged_in.text) == (200, True)  # no close of that day
    assert '<script' not in logged_in.page
    totals = [row[-2:] for row in cells(logged_in.page.replace('<tfoot>', '<tbody>').replace('</tfoot>', '</tbody>'), '</tbody>')]
    assert totals == [[row['balance'] + ' *' for row in expected['converted']]]
    logged_in.get(f'{path}&format=json')
    told = json.loads(logged_in.page)
    assert {name: told[name] for name in expected} == expected
    logged_in.get(f'{path}&format=csv')
    assert logged_in.response.headers['Content-Disposition'] == f'attachment; filename="statement-{filled}-{day}.csv"'
    by_code = {row['currency']: row for row in csv.DictReader(logged_in.page.splitlines())}
    assert (by_code['doge']['balance'], by_code['doge']['usd'], by_code['doge']['complete']) == ('90000.0', '', 'true')
    assert [by_code['total'][row['currency']] for row in expected['converted']] == [row['balance'] for row in expected['converted']]

    logged_in.get(f'{path}&format=jws')
    signed = logged_in.page
    keys = api.http.http.get('/.well-known/jwks.json').json_body
    assert json.loads(jws.verify(signed, keys, ['ES256']))['statement'] == told
    assert api.http.http.get('/api/user', headers={'Authorization': f'Bearer {signed}'}).status_code == 401  # it is no access token
    visitor = new_browser()
    visitor.post('/statement/verify', {'jws': f' {signed[:50]}\n{signed[50:]} '})
    assert (visitor.status, 'Signed by this server' in visitor.text, '<script' in visitor.page) == (200, True, False)
    assert 'The owner may have entered amounts by hand' in visitor.text
    header, claims, signature = signed.split('.')
    for forged in (f'{header}.{claims[:-8]}AAAAAAAA.{signature}', f'{claims}.{claims}.{signature}', api.token(), 'x', 'a.b.c'):
        visitor.post('/statement/verify', {'jws': forged})
        assert (visitor.status, 'Not signed by this server' in visitor.text) == (422, True)

    logged_in.get(f'/portfolios/{filled}/explain?in=usd')
    [usd] = [row for row in result(api, f'{filled}/converted?explain=true') if row['currency'] == 'usd']
    shares = re.findall(r'= <strong class="amount">([\d,.]+) USD', logged_in.page)
    assert [share.replace(',', '') for share in shares] == [share['value'] for share in usd['explain'] if share['balance'] != '0.0']
    for page in ('statement', 'explain'):
        requests_made.clear()
        logged_in.get(f'/portfolios/{filled}/{page}?at=nonsense')
        assert (logged_in.status, 'must be an instant' in logged_in.text, 'Log out' in logged_in.page) == (422, True, True)
        assert len(requests_made) == 2  # session and user


def test_a_statement_as_large_as_lambda_answers_with_is_verified(browser: Browser):
    held = [{'currency': f'token-{number}', 'balance': '0.0', 'complete': True} for number in range(55_000)]
    statement = {'portfolio': {'id': 1, 'title': 'Everything'}, 'at': iso(clock.now()), 'balances': held, 'converted': []}
    signed = signed_statements.sign_statement(statement, clock.now())
    assert 4_000_000 < len(signed) < 5_000_000

    browser.post('/statement/verify', {'jws': signed})
    assert (browser.status, 'Signed by this server' in browser.text) == (200, True)
    browser.post('/statement/verify', {'jws': f'{signed}A'})
    assert (browser.status, 'Not signed by this server' in browser.text, len(browser.page) < 10_000) == (422, True, True)
    assert browser.post('/statement/verify', {'jws': signed + 'A' * 1_000_000}).status_code == 413


@pytest.mark.parametrize('path', ['/nosuch', '/docs/of/it', '/portfolios/1/nosuch', '/robots.txt'])
def test_an_unknown_path_is_a_page_that_leads_on(browser: Browser, path: str):
    browser.request('GET', path, Accept='text/html,application/xhtml+xml,*/*;q=0.8')

    assert (browser.status, browser.response.headers['Content-Type']) == (404, 'text/html; charset=utf-8')
    assert 'Page not found' in browser.text
    assert 'href="/"' in browser.page
    assert "default-src 'none'" in browser.response.headers['Content-Security-Policy']


@pytest.mark.parametrize('path', ['/api/nosuch', '/api/portfolios/1/nosuch/2', '/.well-known/nosuch', '/static/nosuch.css'])
def test_an_unknown_path_of_the_api_is_in_the_envelope(browser: Browser, path: str):
    browser.request('GET', path, Accept='text/html')

    assert (browser.status, json.loads(browser.page)['code']) == (404, 'not_found')


def test_a_program_is_told_of_an_unknown_path_in_the_envelope(browser: Browser):
    browser.request('GET', '/nosuch', Accept='*/*')

    assert (browser.status, json.loads(browser.page)['code']) == (404, 'not_found')
