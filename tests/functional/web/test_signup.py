"""Signing up, confirming, forgotten passwords: what is mailed, and that no answer tells who has an account."""

import logging
import re
from collections.abc import Callable
from typing import Any

import boto3
import pytest

from chalicelib import clock, mail
from chalicelib.config import settings
from chalicelib.errors import NotSent
from chalicelib.models import Client, EmailToken, Grant, Item, User
from chalicelib.passwords import hash_password
from chalicelib.services.users import sign_ups
from tests.support.api import PASSWORD
from tests.support.browser import Browser, Mailbox
from tests.support.clock import StoppedClock

NEW = {'name': 'Ada', 'email': 'ada@example.com', 'password': 'a good long one'}
TAKEN = {'email': 'test@example.com', 'password': 'a good long one'}


def confirm(browser: Browser, link: str) -> None:
    token = link.partition('token=')[2]
    browser.post('/confirm', {'token': token})


def test_a_new_account_is_confirmed_by_a_mailed_link_and_then_logged_in(browser: Browser, mailbox: Mailbox):
    browser.post('/signup', NEW)
    assert (browser.status, 'Almost there We sent an email to ada@example.com' in browser.text) == (200, True)

    to, _ = mailbox.last()
    browser.get(mailbox.link())
    confirm(browser, mailbox.link())

    assert to == 'ada@example.com'
    assert (browser.status, browser.location) == (303, '/portfolios/new')
    browser.get('/profile')
    assert 'Ada' in browser.text
    user = User.with_email('ada@example.com')
    assert (user.allow_remote_login, user.confirmed_at is None) == (False, False)


def test_who_follows_the_link_of_a_strangers_sign_up_gets_no_account_with_the_strangers_password(
    browser: Browser, new_browser: Callable[[], Browser], mailbox: Mailbox
):
    stranger = browser
    stranger.post('/signup', NEW)
    token, owner = mailbox.link().partition('token=')[2], new_browser()

    owner.get(mailbox.link())
    assert 'type="password"' in owner.page
    for password in ('', 'what the owner may think of'):
        owner.post('/confirm', {'token': token, 'password': password})
        assert (owner.status, 'not the password' in owner.text) == (422, True)
    stranger.log_in('ada@example.com', NEW['password'])
    assert stranger.status == 422

    owner.post('/confirm', {'token': token, 'password': NEW['password']})  # as whoever signed up in another browser knows it
    assert owner.location == '/portfolios/new'


def test_the_password_of_a_sign_up_is_not_guessed_by_its_link(browser: Browser, new_browser: Callable[[], Browser], mailbox: Mailbox):
    browser.post('/signup', NEW)
    other, token = new_browser(), mailbox.link().partition('token=')[2]
    for _ in range(10):
        other.post('/confirm', {'token': token, 'password': 'wrong'})

    assert other.post('/confirm', {'token': token, 'password': NEW['password']}).status_code == 429


def test_following_the_link_alone_confirms_nothing(browser: Browser, mailbox: Mailbox):
    browser.post('/signup', NEW)

    browser.get(mailbox.link())

    assert 'ada@example.com' in browser.text
    assert User.with_email('ada@example.com').confirmed_at is None
    browser.log_in('ada@example.com', NEW['password'])
    assert browser.status == 422


def test_a_confirmation_link_works_once(browser: Browser, new_browser: Callable[[], Browser], mailbox: Mailbox):
    browser.post('/signup', NEW)
    confirm(browser, mailbox.link())
    other = new_browser()

    confirm(other, mailbox.link())

    assert (other.status, 'no longer valid' in other.text) == (404, True)
    assert other.get('/profile').status_code == 303


def test_a_confirmation_link_works_for_a_day(browser: Browser, mailbox: Mailbox):
    browser.post('/signup', NEW)
    token = mailbox.link().partition('token=')[2]
    now = clock.now()

    assert EmailToken.find(token, 'confirm', now + 86_300)
    EmailToken.find(token, 'confirm', now).update([EmailToken.expires_at.set(now)])

    assert browser.get(mailbox.link()).status_code == 404


def test_signing_up_again_before_confirming_brings_a_link_for_the_new_password(browser: Browser, mailbox: Mailbox):
    browser.post('/signup', NEW)
    browser.post('/signup', NEW | {'password': 'another long one', 'name': 'Ada L'})
    confirm(browser, mailbox.link())

    browser.log_in('ada@example.com', NEW['password'])
    assert browser.status == 422
    browser.log_in('ada@example.com', 'another long one')
    assert browser.status == 303
    assert User.with_email('ada@example.com').name == 'Ada L'


def test_each_link_confirms_the_sign_up_it_was_mailed_for_and_only_while_unconfirmed(browser: Browser, mailbox: Mailbox):
    """Or somebody else's later sign-up would put their password on the account of whoever follows their own link."""
    browser.post('/signup', NEW)
    first = mailbox.link()
    browser.post('/signup', NEW | {'password': 'the password of a thief'})
    second = mailbox.link()

    confirm(browser, first)
    confirm(browser, second)

    assert browser.status == 404
    browser.log_in('ada@example.com', 'the password of a thief')
    assert browser.status == 422
    browser.log_in('ada@example.com', NEW['password'])
    assert browser.status == 303


def test_an_account_that_exists_gets_word_of_the_attempt_and_stays_as_it_is(browser: Browser, user: User, mailbox: Mailbox):
    browser.post('/signup', TAKEN | {'email': 'Test@Example.com', 'name': 'Thief'})

    to, text = mailbox.last()
    assert to == 'test@example.com'
    assert 'already has an account' in text
    assert 'https://cryptfolio.test/login' in text
    assert mailbox.link().startswith('/reset?')
    browser.log_in()
    assert browser.status == 303
    assert User.find(user.user_id).name == 'Test user'


def test_signing_up_looks_and_works_the_same_whoever_has_an_account(
    browser: Browser, make_user: Callable[..., User], requests_made: list[str], hashes: list[str], mailbox: Mailbox
):
    make_user()
    make_user('half@example.com').update([User.confirmed_at.remove()])
    seen = []

    for email in ('test@example.com', 'half@example.com', 'none@example.com'):
        token = browser.csrf()
        requests_made.clear()
        hashes.clear()
        before = len(mailbox.read())
        browser.post('/signup', NEW | {'email': email, 'csrf': token})
        page = re.sub(r'name="csrf" value="[^"]+"', '', browser.page).replace(email, 'EMAIL')
        headers = {name: value for name, value in browser.response.headers.items() if name not in ('Set-Cookie', 'X-Request-Id')}
        seen.append((browser.status, page, headers, list(requests_made), list(hashes), len(mailbox.read()) - before))

    assert seen[0] == seen[1] == seen[2]
    assert seen[0][3:] == ([*['UpdateItem'] * 3, *['GetItem'] * 3, 'TransactWriteItems'], ['hash'], 1)


def test_asking_for_a_new_password_looks_and_works_the_same_whoever_has_an_account(
    browser: Browser, user: User, requests_made: list[str], mailbox: Mailbox
):
    seen = []

    for email in ('test@example.com', 'none@example.com'):
        token = browser.csrf()
        requests_made.clear()
        before = len(mailbox.read())
        browser.post('/forgot', {'email': email, 'csrf': token})
        seen.append((browser.status, browser.page.replace(email, 'EMAIL'), list(requests_made), len(mailbox.read()) - before))

    assert seen[0] == seen[1]
    assert 'no account uses this email address' in mailbox.last()[1]
    assert 'token=' not in mailbox.last()[1]


@pytest.mark.parametrize(
    ('change', 'sentence'),
    [
        ({'email': ''}, 'Enter an email address'),
        ({'email': 'ada'}, 'Enter an email address'),
        ({'email': 'ada@localhost'}, 'Enter an email address'),
        ({'email': 'a b@example.com'}, 'Enter an email address'),
        ({'email': 'ada@example.com\r\nBcc: x@example.com'}, 'Enter an email address'),
        ({'email': 'ada@exämple.com'}, 'Enter an email address'),
        ({'email': 'ada@example.com,eve@example.com'}, 'Enter an email address'),
        ({'email': f'{"a" * 65}@example.com'}, 'Enter an email address'),
        ({'email': f'a@{"a." * 120}com'}, 'Enter an email address'),
        ({'password': 'short one'}, 'at least 10 characters'),
        ({'password': 'x' * 201}, 'at most 200 characters'),
        ({'password': 'Password123'}, 'This password is too common'),
        ({'password': 'aaaaaaaaaaaa'}, 'This password is too common'),
        ({'password': 'ADA@example.com'}, 'Your password must not be your email address'),
        ({'name': 'x' * 256}, 'A name must have 1 to 255 characters'),
        ({'name': 'a\u202eb'}, 'A name must not contain control characters'),
    ],
)
def test_what_is_wrong_with_a_sign_up_is_said_and_nothing_is_mailed(browser: Browser, mailbox: Mailbox, change: dict, sentence: str):
    browser.post('/signup', NEW | change)

    assert (browser.status, sentence in browser.text) == (422, True)
    assert mailbox.read() == []
    assert NEW['password'] not in browser.page


def test_everything_wrong_with_a_sign_up_is_said_at_once(browser: Browser, mailbox: Mailbox):
    browser.post('/signup', {'name': 'a\x07b', 'email': 'ada', 'password': 'short'})

    assert browser.status == 422
    assert all(f'id="{field}-error"' in browser.page for field in ('name', 'email', 'password'))
    assert mailbox.read() == []


@pytest.mark.parametrize(
    'password',
    ['ten chars!', 'ä' * 3 + 'öüé' * 3, ' leading and trailing ', '🙂🙃😉🙂🙃😉🙂🙃😉🙂', 'x"<>&\'\x00+%41', 'y' * 99 + 'abcd' * 25],
)
def test_any_characters_make_a_password(browser: Browser, mailbox: Mailbox, password: str):
    browser.post('/signup', NEW | {'password': password})
    confirm(browser, mailbox.link())

    browser.log_in('ada@example.com', password)

    assert browser.status == 303


def test_a_name_is_optional_and_shown_as_text(browser: Browser, mailbox: Mailbox):
    evil = '<img src=x onerror=alert(1)>"\'{{7*7}}'
    browser.post('/signup', NEW | {'name': evil})
    confirm(browser, mailbox.link())

    browser.get('/profile')

    assert '<img' not in browser.page
    assert evil in browser.text


def test_two_who_sign_up_at_once_both_get_a_mail(browser: Browser, mailbox: Mailbox):
    events = Item.connection().client.meta.events

    def be_faster(**_: Any) -> None:
        events.unregister('before-call.dynamodb.TransactWriteItems', be_faster)
        sign_ups.sign_up(name=None, email=NEW['email'], password='the faster one', browser=None, network='192.0.2.1', now=clock.now())

    events.register('before-call.dynamodb.TransactWriteItems', be_faster)
    browser.post('/signup', NEW)

    assert browser.status == 200
    assert len(mailbox.read()) == 2
    confirm(browser, mailbox.link())
    browser.log_in('ada@example.com', NEW['password'])
    assert browser.status == 303


def test_a_forgotten_password_is_replaced_by_a_mailed_link(browser: Browser, user: User, mailbox: Mailbox):
    browser.post('/forgot', {'email': 'TEST@example.com'})
    browser.get(mailbox.link())
    assert browser.status == 200
    browser.post('/reset', {'token': mailbox.link().partition('token=')[2], 'password': 'the new password'})

    assert (browser.status, browser.location) == (303, '/account/security?saved=password')
    assert browser.get('/profile').status_code == 200
    browser.log_in()
    assert browser.status == 422
    browser.log_in(password='the new password')
    assert browser.status == 303


def test_a_reset_link_works_once_and_not_with_a_bad_password(browser: Browser, user: User, mailbox: Mailbox):
    browser.post('/forgot', {'email': user.email})
    token = mailbox.link().partition('token=')[2]

    browser.post('/reset', {'token': token, 'password': 'short', 'email': user.email})
    assert (browser.status, 'at least 10' in browser.text) == (422, True)
    browser.post('/reset', {'token': token, 'password': 'the new password'})
    assert browser.status == 303
    browser.post('/reset', {'token': token, 'password': 'the newest password'})
    assert browser.status == 404


def test_reset_links_die_when_the_password_or_the_address_changes(browser: Browser, user: User, mailbox: Mailbox):
    browser.post('/forgot', {'email': user.email})
    link = mailbox.link()
    user.set_password(hash_password('another password'))

    assert browser.get(link).status_code == 404
    browser.post('/reset', {'token': link.partition('token=')[2], 'password': 'the new password'})
    assert browser.status == 404


def test_a_reset_link_works_for_an_hour(browser: Browser, user: User, mailbox: Mailbox):
    browser.post('/forgot', {'email': user.email})
    token = mailbox.link().partition('token=')[2]
    now = clock.now()

    assert EmailToken.find(token, 'reset', now).expires_at in range(now + 3_590, now + 3_601)


def test_a_reset_confirms_the_address(browser: Browser, user: User, mailbox: Mailbox):
    user.update([User.confirmed_at.remove()])
    browser.post('/forgot', {'email': user.email})

    browser.post('/reset', {'token': mailbox.link().partition('token=')[2], 'password': 'the new password'})

    assert browser.get('/profile').status_code == 200


def test_a_reset_ends_every_other_session_and_every_applications_access(
    browser: Browser,
    new_browser: Callable[[], Browser],
    user: User,
    client: Client,
    mailbox: Mailbox,
    stopped_clock: StoppedClock,
):
    Grant.allow(user, client.client_id, ['read'], 0)
    other = new_browser()
    other.log_in()
    browser.post('/forgot', {'email': user.email})
    stopped_clock.advance(1)

    browser.post('/reset', {'token': mailbox.link().partition('token=')[2], 'password': 'the new password'})

    assert other.get('/profile').status_code == 303
    assert browser.get('/profile').status_code == 200
    assert Grant.of_user(user.user_id) == []


def test_a_link_is_good_for_its_own_purpose_only(browser: Browser, user: User, mailbox: Mailbox):
    browser.post('/forgot', {'email': user.email})
    reset = mailbox.link().partition('token=')[2]
    browser.post('/signup', NEW)
    confirmation = mailbox.link().partition('token=')[2]

    confirm(browser, f'token={reset}')
    assert browser.status == 404
    browser.post('/reset', {'token': confirmation, 'password': 'the new password'})
    assert browser.status == 404


@pytest.mark.parametrize('token', ['', 'x', 'a' * 43, 'ä', 'x' * 5_000, '#', '../'])
def test_a_token_that_was_never_mailed_is_not_found(browser: Browser, token: str):
    for path in ('/confirm', '/reset'):
        browser.post(path, {'token': token, 'password': 'the new password'})
        assert browser.status == 404


def test_nothing_secret_is_stored_or_logged(browser: Browser, user: User, mailbox: Mailbox, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    browser.post('/signup', NEW)
    links = [mailbox.link()]
    browser.post('/forgot', {'email': user.email})
    links.append(mailbox.link())
    browser.get(links[1])
    browser.post('/reset', {'token': links[1].partition('token=')[2], 'password': 'the new password'})
    browser.log_in(password='the new password')

    stored = ' '.join(str(item.serialize()) for item in Item.scan())
    ours = ' '.join(record.getMessage() for record in caplog.records if record.name.startswith(('chalicelib', 'cryptfolio')))
    for secret in (NEW['password'], PASSWORD, 'the new password', browser.cookie, *(link.partition('token=')[2] for link in links)):
        assert secret not in stored
        assert secret not in ours
    assert 'token' not in browser.location


def test_mail_goes_through_ses_where_there_is_a_sender(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    boto3.client('sesv2').create_email_identity(EmailIdentity='folio@example.com')
    monkeypatch.setenv('MAIL_FROM', 'folio@example.com')
    settings.cache_clear()
    sent: list[dict[str, Any]] = []
    mail._ses().meta.events.register('provide-client-params.sesv2.SendEmail', lambda params, **_: sent.append(params))

    mail.send('ada@example.com', mail.MailTemplate('A subject', 'Text with {letter}'), letter='ü')

    [message] = sent
    assert (message['FromEmailAddress'], message['Destination']) == ('folio@example.com', {'ToAddresses': ['ada@example.com']})
    letter = message['Content']['Simple']
    assert (letter['Subject']['Data'], letter['Body']['Text']['Data']) == ('A subject', 'Text with ü')
    assert capsys.readouterr().err == ''
    mail._ses.cache_clear()
    monkeypatch.undo()
    settings.cache_clear()


def test_mail_is_never_printed_on_aws(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.delenv('AWS_CHALICE_CLI_MODE')
    settings.cache_clear()

    with pytest.raises(NotSent) as refused:
        mail.send('ada@example.com', mail.MailTemplate('A subject', 'secret'))
    assert 'MAIL_FROM' in refused.value.reason

    assert 'secret' not in capsys.readouterr().err
    monkeypatch.undo()
    settings.cache_clear()


@pytest.mark.parametrize(('to', 'subject'), [('a@example.com\nBcc: b@example.com', 'x'), ('a@example.com', 'x\r\nBcc: b@example.com')])
def test_nothing_can_be_added_to_the_head_of_a_mail(to: str, subject: str):
    with pytest.raises(ValueError, match='control characters'):
        mail.send(to, mail.MailTemplate(subject, 'text'))
