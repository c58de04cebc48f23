"""Pages and their mails in the language of their reader; the API in English."""

import re

import pytest

from chalicelib.models import Account, RecoveryCodes, User, transact
from tests.support.api import Api
from tests.support.browser import Browser, Mailbox
from tests.support.kraken import CREDENTIALS

GERMAN = {'Accept-Language': 'de-AT,de;q=0.9,en;q=0.5'}
PREFERENCES = {
    '': 'en',
    'de': 'de',
    'de-AT,de;q=0.9,en;q=0.5': 'de',
    'fr, de;q=0.2': 'de',
    'en;q=0.8, DE': 'de',
    'de;q=0.8, en': 'en',
    'de;q=0, fr': 'en',
    '*': 'en',
    'dek': 'en',
    ',;q=,de;q=x': 'en',
    f'{"x" * 5_000},de': 'en',
}


def language_of(browser: Browser) -> str:
    """Return the language that a page says it is in, in its headers and in itself."""
    found = re.search(r'<html lang="(\w+)">', browser.page)
    assert found is not None
    assert browser.response.headers['Content-Language'] == found[1]
    assert browser.response.headers['Vary'] == 'Accept-Language, Cookie'
    return found[1]


def test_a_browser_gets_the_language_that_it_prefers(browser: Browser):
    for accepted, code in PREFERENCES.items():
        browser.headers = {'Accept-Language': accepted}
        browser.get('/forgot')
        assert (language_of(browser), 'Passwort vergessen?' in browser.text) == (code, code == 'de'), accepted


def test_a_language_that_was_chosen_stays_whatever_the_browser_prefers(browser: Browser):
    browser.headers = {'Host': 'cryptfolio.test'} | GERMAN
    browser.get('/login')
    assert language_of(browser) == 'de'
    assert '<a href="/language?to=en" referrerpolicy="same-origin" lang="en" hreflang="en">English</a>' in browser.page

    browser.request('GET', '/language?to=en', Referer='https://cryptfolio.test/login?next=%2Fprofile')
    assert (browser.status, browser.location) == (303, '/login?next=%2Fprofile')
    assert browser.set_cookie == '__Host-language=en; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax; Secure'
    browser.get('/login')
    assert language_of(browser) == 'en'

    for elsewhere in ('https://evil.example/login', 'https://cryptfolio.test//evil.example', 'https://[::1/', 'x', ''):
        browser.request('GET', '/language?to=fr', Referer=elsewhere)
        assert (browser.status, browser.location, browser.set_cookie) == (303, '/', ''), elsewhere
    browser.language = 'fr'
    browser.get('/login')
    assert language_of(browser) == 'de'


def test_after_a_page_that_answered_a_form_comes_one_that_is_there(browser: Browser):
    browser.headers = {'Host': 'cryptfolio.test'}
    for before, after in {
        '/profile/password': '/profile',
        '/profile/second-factor/app?x=y': '/profile/second-factor',
        '/oauth/applications/new': '/oauth/applications/new',
        '/oauth/applications/a/secret': '/oauth/applications/a/secret',
        '/portfolios/1/offsets': '/portfolios/1',
        '/portfolios/1/share/revoke': '/portfolios/1/share',
        f'/s/{"A" * 43}?range=7d': f'/s/{"A" * 43}?range=7d',
        '/logout': '/',
        '/amounts': '/',
        '/nothing/here': '/',
    }.items():
        browser.request('GET', '/language?to=de', Referer=f'https://cryptfolio.test{before}')
        assert (browser.status, browser.location) == (303, after), before


def test_a_form_from_a_mail_that_was_refused_is_there_in_another_language_too(browser: Browser, user: User, mailbox: Mailbox):
    browser.headers = {'Host': 'cryptfolio.test'}
    browser.post('/forgot', {'email': user.email})
    link = mailbox.link()
    browser.get(link)
    [address] = re.findall(r'action="(/reset[^"]*)"', browser.page)
    browser.post(address, {'token': link.partition('token=')[2], 'password': 'short', 'email': user.email})
    assert (browser.status, f'action="{address}"' in browser.page) == (422, True)

    browser.request('GET', '/language?to=de', Referer=f'https://cryptfolio.test{address}')
    browser.get(browser.location)
    assert (browser.status, language_of(browser), f'action="{address}"' in browser.page) == (200, 'de', True)


@pytest.mark.parametrize('path', ['/login', '/login/passkey', '/login/second'])
def test_a_log_in_that_was_refused_leads_where_it_was_to_lead_in_another_language_too(browser: Browser, user: User, path: str):
    if path == '/login/second':
        transact(RecoveryCodes.creation(user.user_id, ['a code']))
        browser.log_in(next='/profile/sessions')
    if path == '/login/passkey':
        browser.post('/login/passkey/begin')
    browser.headers = {'Host': 'cryptfolio.test'}
    browser.get(f'{path}?next=%2Fprofile%2Fsessions')
    [address] = re.findall(rf'action="({path}\?[^"]*)"', browser.page)
    browser.post(address, {'next': '/profile/sessions', 'email': user.email, 'password': 'wrong'})
    assert browser.status == 422

    browser.request('GET', '/language?to=de', Referer=f'https://cryptfolio.test{address}')
    browser.get(browser.location)
    assert (browser.status, language_of(browser)) == (200, 'de')
    assert '<input type="hidden" name="next" value="/profile/sessions">' in browser.page


def test_mails_are_in_the_language_of_the_page_that_sent_them(browser: Browser, mailbox: Mailbox):
    browser.headers = GERMAN
    browser.post('/signup', {'name': '', 'email': 'de@example.com', 'password': 'geheime worte'})
    assert 'Wir haben eine E-Mail an de@example.com geschickt.' in browser.text
    to, text = mailbox.last()
    assert (to, text.splitlines()[0]) == ('de@example.com', 'Subject: Bestätigen Sie Ihre E-Mail-Adresse')
    assert 'Der Link funktioniert einmal' in text

    link = mailbox.link()
    browser.get(link)
    browser.post_from(link, '/confirm', {'token': link.partition('token=')[2]})
    browser.post('/profile/remote', {'allow_remote_login': 'yes'})
    assert 'kommt jemand an Ihr Konto' in mailbox.last()[1]  # the end of a warning
    assert 'forgot' in mailbox.last()[1]

    browser.headers = {}
    browser.post('/profile/remote', {})
    browser.post('/profile/remote', {'allow_remote_login': 'yes'})
    assert mailbox.last()[1].startswith('Subject: Applications may log in with your password')


def test_faults_and_amounts_are_written_and_read_as_the_language_does_and_the_api_stays_english(api: Api, logged_in: Browser):
    number = api.portfolio()
    base = f'/portfolios/{number}/offsets'
    logged_in.headers = GERMAN

    logged_in.post(base, {'title': '', 'balances': '1.234 eur\r\nx usd\r\n1 xyzzy\r\n12500,50 usd'})
    assert logged_in.status == 422
    assert 'Es gibt Probleme' in logged_in.text
    for said in (
        'Zeile 1: „1.234“ kann zwei Beträge bedeuten: Schreiben Sie 1234 oder 1.2340',
        'Zeile 2: muss eine Zahl in einfacher Dezimalschreibweise sein',
        'Unbekannte Währung „xyzzy“',
        'Der Titel muss 1 bis 255 Zeichen haben',
    ):
        assert said in logged_in.text, said

    logged_in.post(base, {'title': 'Bargeld', 'balances': '12500,50 usd\r\n1,2340 btc\r\n7.5 gbp'})
    assert logged_in.status == 303, logged_in.text
    stored = api.request('GET', f'/api/portfolios/{number}/offsets/1', headers=GERMAN).json_body['result']
    assert [row['balance'] for row in stored['balances']] == ['1.234', '7.5', '12500.5']
    logged_in.get(f'{base}/1')
    assert '1,2340 btc\n7,5 gbp\n12500,5 usd\n</textarea>' in logged_in.page
    logged_in.get(f'/portfolios/{number}')
    assert ('12.500,5' in logged_in.text, 'Von Hand eingetragen' in logged_in.text) == (True, True)

    refused = api.request('POST', f'/api/portfolios/{number}/offsets', {'title': '', 'balances': []}, GERMAN)
    assert refused.json_body['invalid'] == ['title must have 1 to 255 characters']
    logged_in.headers = {}
    logged_in.get(f'{base}/1')
    assert (language_of(logged_in), '1.234 btc' in logged_in.page) == ('en', True)


@pytest.mark.parametrize(
    ('detail', 'german', 'english'),
    [
        ('Query <Ledger> Entries', ': <q lang="en">Query &lt;Ledger&gt; Entries</q><', ': Query &lt;Ledger&gt; Entries<'),
        ('reading balances', ': Bestände lesen<', ': reading balances<'),
    ],
)
def test_what_an_exchange_calls_things_in_english_is_a_quotation(api: Api, logged_in: Browser, detail: str, german: str, english: str):
    number = api.portfolio()
    assert api.post(f'/api/portfolios/{number}/accounts', {'wallet': 'kraken', 'credentials': CREDENTIALS}).status_code == 201
    Account.at(api.user_id, number, 1).update([Account.problem.set('permission_missing'), Account.problem_detail.set(detail)])

    for headers, expected in ((GERMAN, german), ({}, english)):
        logged_in.headers = headers
        logged_in.get(f'/portfolios/{number}/accounts/1')
        assert expected in logged_in.page
        logged_in.get(f'/portfolios/{number}/accounts/new?wallet=kraken')
        assert ('<q lang="en">' in logged_in.page) is (headers == GERMAN)


def test_a_new_portfolio_is_shown_in_the_money_that_readers_of_the_language_mostly_have(logged_in: Browser):
    for headers, expected in ((GERMAN, ['eur', 'btc']), ({}, ['usd', 'btc'])):
        logged_in.headers = headers
        logged_in.get('/portfolios/new')
        assert re.findall('value="([a-z]+)" checked', logged_in.page) == expected
