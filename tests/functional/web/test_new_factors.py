"""New second factors and recovery codes: they take a link to the account's mailbox, so that the password alone adds and replaces none."""

import re
from collections.abc import Callable
from html import unescape

import pyotp
import pytest

from chalicelib import clock
from chalicelib.models import Item, LogInStep, User
from tests.support.api import PASSWORD
from tests.support.browser import Browser, Mailbox
from tests.support.clock import StoppedClock
from tests.support.passkey_device import WITH_PASSWORD, Device, add_passkey, options

FACTORS = '/profile/second-factor'
BEGINNINGS = {f'{FACTORS}/app': 'Set up an app', '/profile/passkeys': 'Add a passkey'}


def ask(browser: Browser, path: str = f'{FACTORS}/app') -> None:
    browser.post(path, WITH_PASSWORD)
    assert (browser.status, 'We sent an email to test@example.com' in browser.text) == (200, True)


def press(browser: Browser, link: str) -> None:
    """Open the link and press its button."""
    browser.get(link)
    fields = dict(re.findall(r'name="(what|token|csrf)" value="([^"]+)"', browser.page))
    browser.post(unescape(re.search(r'action="([^"]+begin[^"]*)"', browser.page)[1]), fields)


def shown_codes(browser: Browser) -> list[str]:
    browser.get(browser.location)
    return re.findall(r'\b(?:[a-z2-9]{5}-){2}[a-z2-9]{5}\b', browser.page)


def factors_of(user: User) -> list[str]:
    return sorted(str(item.serialize()) for item in Item.scan() if item.pk == user.pk and item.sk.startswith(('FACTOR#', 'PASSKEY#')))


@pytest.mark.parametrize('path', list(BEGINNINGS))
def test_it_is_begun_by_a_button_behind_a_mailed_link(logged_in: Browser, user: User, mailbox: Mailbox, path: str):
    ask(logged_in, path)
    assert (logged_in.step, list(LogInStep.scan())) == ('', [])

    to, text = mailbox.last()
    assert (to, text.splitlines()[0]) == (user.email, 'Subject: Add a second factor')
    assert text.endswith('set a new password, which revokes all other access to your account:\n\nhttps://cryptfolio.test/forgot')
    logged_in.get(mailbox.link())
    assert (logged_in.status, BEGINNINGS[path] in logged_in.text, logged_in.step) == (200, True, '')  # nothing yet

    press(logged_in, mailbox.link())

    if path == '/profile/passkeys':
        assert logged_in.location == path
        logged_in.post('/profile/passkeys/new', {'credential': Device().create(options(logged_in, path)), 'name': 'My phone'})
    else:
        assert logged_in.location == FACTORS
        logged_in.get(FACTORS)
        app = pyotp.TOTP(re.search('secret=([A-Z2-7]+)', logged_in.page)[1])
        logged_in.post(f'{FACTORS}/confirm', {'code': app.at(clock.now())})
    assert logged_in.status == 303
    logged_in.post('/logout')
    logged_in.log_in()
    assert logged_in.location.startswith('/login/second')


def test_who_knows_the_password_alone_adds_none(logged_in: Browser, new_browser: Callable[[], Browser], user: User, mailbox: Mailbox):
    thief = new_browser()
    thief.log_in()

    for path in BEGINNINGS:
        ask(thief, path)
    for path in (FACTORS, '/profile/passkeys'):
        thief.get(path)
        assert not re.search('otpauth|data-options', thief.page)
    thief.post(f'{FACTORS}/begin', {'what': 'app', 'token': ''})
    assert thief.status == 404
    press(logged_in, mailbox.link())  # even if the owner does what the mail is for
    thief.get('/profile/passkeys')

    assert thief.location == FACTORS
    assert Item.count(user.pk, Item.sk.startswith('FACTOR#')) == 0


@pytest.mark.parametrize('what_happened', ['used', 'an hour', 'another user', 'a new password', 'another kind'])
def test_a_link_works_once_in_time_and_for_its_user(
    logged_in: Browser, make_user: Callable[..., User], mailbox: Mailbox, stopped_clock: StoppedClock, what_happened: str
):
    ask(logged_in)
    link = mailbox.link()
    match what_happened:
        case 'used':
            press(logged_in, link)
        case 'an hour':
            stopped_clock.advance(3_600)
        case 'another user':
            make_user('other@example.com')
            logged_in.log_in('other@example.com')
        case 'a new password':
            logged_in.post('/profile/password', WITH_PASSWORD | {'password': 'the new password'})
        case 'another kind':
            link = link.replace('what=app', 'what=passkey')

    assert logged_in.get(link).status_code == 404
    assert 'This link is no longer valid' in logged_in.text
    logged_in.post(f'{FACTORS}/begin', {'what': 'passkey' if 'passkey' in link else 'app', 'token': link.partition('token=')[2]})
    assert logged_in.status == 404


def test_it_is_opened_where_somebody_logs_in_first(logged_in: Browser, new_browser: Callable[[], Browser], mailbox: Mailbox):
    ask(logged_in)
    link, elsewhere = mailbox.link(), new_browser()

    elsewhere.get(link)
    assert elsewhere.location.startswith('/login?next=')
    elsewhere.get(elsewhere.location)
    elsewhere.log_in(next=link)
    assert elsewhere.location == link
    press(elsewhere, link)

    assert elsewhere.location == FACTORS
    assert elsewhere.step != ''


def test_a_thief_in_a_session_who_knows_the_password_replaces_no_factor_of_the_owner(
    logged_in: Browser, new_browser: Callable[[], Browser], user: User, mailbox: Mailbox
):
    add_passkey(logged_in, Device())
    codes = shown_codes(logged_in)
    stored = factors_of(user)

    for path in (*BEGINNINGS, f'{FACTORS}/codes'):
        ask(logged_in, path)
        logged_in.post(f'{FACTORS}/begin', {'what': path.rpartition('/')[2].removesuffix('s'), 'token': ''})
        assert logged_in.status == 404
    for path in (FACTORS, '/profile/passkeys'):
        logged_in.get(path)
        assert not re.search(r'otpauth|data-options|[a-z2-9]{5}-[a-z2-9]{5}-', logged_in.page)

    assert factors_of(user) == stored
    owner = new_browser()
    owner.post('/forgot', {'email': user.email})
    owner.post('/reset', {'token': mailbox.link().partition('token=')[2], 'password': 'the new password'})
    owner.post('/login/second', {'code': codes[0], 'next': '/profile'})
    assert owner.get('/profile').status_code == 200


def test_recovery_codes_are_replaced_by_a_button_behind_a_mailed_link_once(logged_in: Browser, user: User, mailbox: Mailbox):
    add_passkey(logged_in, Device())
    before = shown_codes(logged_in)
    ask(logged_in, f'{FACTORS}/codes')
    link = mailbox.link()
    assert mailbox.last()[1].startswith('Subject: New recovery codes\n')
    logged_in.get(link)
    assert (logged_in.status, 'The earlier ones will no longer work' in logged_in.text) == (200, True)
    stored = factors_of(user)
    csrf = re.search('name="csrf" value="([^"]+)"', logged_in.page)[1]
    form = {'what': 'codes', 'token': link.partition('token=')[2]}

    logged_in.post(f'{FACTORS}/begin', form | {'csrf': csrf})
    again = [logged_in.location]
    after = shown_codes(logged_in)
    mails = len(mailbox.read())
    assert (len(set(after)), set(after) & set(before)) == (10, set())
    assert factors_of(user) != stored
    assert 'New recovery codes were generated for your CryptFolio account.' in mailbox.last()[1]
    logged_in.post(f'{FACTORS}/begin', form | {'csrf': csrf})  # the same form, sent twice
    assert [logged_in.location] == again
    assert shown_codes(logged_in) == []

    logged_in.get(link)
    assert logged_in.status == 404
    assert logged_in.post(f'{FACTORS}/begin', form).status_code == 404
    assert len(mailbox.read()) == mails


def test_there_are_no_recovery_codes_without_a_factor(logged_in: Browser, user: User, mailbox: Mailbox):
    """Alone they would make each log-in ask for one."""
    mails = len(mailbox.read())
    assert logged_in.post(f'{FACTORS}/codes', WITH_PASSWORD).status_code == 404
    assert len(mailbox.read()) == mails

    device = Device()
    add_passkey(logged_in, device)
    ask(logged_in, f'{FACTORS}/codes')
    logged_in.get(FACTORS)
    logged_in.post(f'{FACTORS}/remove', WITH_PASSWORD | {'what': re.search('name="what" value="([^"]+)"', logged_in.page)[1]})
    link = next(text for _, text in reversed(mailbox.read()) if 'what=codes' in text)
    logged_in.post(f'{FACTORS}/begin', {'what': 'codes', 'token': re.search(r'token=(\S+)', link)[1]})

    assert (logged_in.status, factors_of(user)) == (404, [])


def test_links_are_limited(logged_in: Browser, mailbox: Mailbox, stopped_clock: StoppedClock):
    stopped_clock.move_to(stopped_clock.now() // 3_600 * 3_600)
    mails = len(mailbox.read())
    for _ in range(5):
        ask(logged_in)

    assert logged_in.post('/profile/passkeys', WITH_PASSWORD).status_code == 429
    assert len(mailbox.read()) == mails + 5


def test_an_owner_who_is_logged_in_reads_what_to_do_about_a_factor_of_somebody_else(logged_in: Browser, mailbox: Mailbox):
    add_passkey(logged_in, Device())
    text = ' '.join(mailbox.last()[1].split())
    assert 'first remove the factor on the page above: a new password does not remove it. Then set a new password' in text
    assert text.index('https://cryptfolio.test/profile/second-factor') < text.index('https://cryptfolio.test/forgot')

    logged_in.post('/forgot', {'email': 'test@example.com'})
    text = ' '.join(mailbox.last()[1].split())
    assert 'if you did not add it, first remove it where you are still logged in: https://cryptfolio.test/profile/second-factor' in text

    logged_in.post('/logout')
    logged_in.log_in('test@example.com', PASSWORD)
    assert 'ask the operator of this server' in logged_in.get(logged_in.location).body.decode()
