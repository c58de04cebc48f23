"""What is begun in an account before everything that opens it is ended does not open it afterwards, wherever in it that happens."""

import itertools
import re
from collections.abc import Callable
from urllib.parse import urlencode

import pytest
from chalice.test import Client as ChaliceClient

from chalicelib import clock
from chalicelib.models import ApiKey, Client, Grant, KnownBrowser, Passkey, ShareLink, User, new_token, transact
from chalicelib.passwords import verify_password
from chalicelib.services.users import access, authentication, second_factors
from chalicelib.services.users.new_factors import FactorKind
from tests.support.api import PASSWORD
from tests.support.browser import Browser, Mailbox
from tests.support.dynamodb import before_write
from tests.support.oauth import GOOD, ask
from tests.support.passkey_device import Device, add_passkey, begin_factor, options
from tests.support.thief import NEW_PASSWORD, as_it_was

KEEP_ALL = [('keep', opener.name) for opener in access.OPENERS]
Act = Callable[[], object]
REDIRECT = 'https://b.example/'
CONSENT = urlencode({'response_type': 'code', 'client_id': 'test-app', 'redirect_uri': REDIRECT, 'scope': 'read', 'state': 'x'})


@pytest.fixture
def others_client() -> Client:
    return Client.register(client_id='test-app', secret='secret', owner_id='somebody else', name='x', redirect_uris=[REDIRECT], now=1)[0]


def post(browser: Browser, path: str, fields: dict[str, str]) -> Act:
    """Return what sends a form, whose page was read already."""
    sent = {'csrf': browser.csrf()} | fields
    return lambda: browser.post(path, sent)


def log_in_by_passkey(browser: Browser, device: Device) -> Act:
    browser.post('/logout')
    return post(browser, '/login/passkey', {'credential': device.get(options(browser, '/login/passkey'))})


def log_in_again(browser: Browser) -> Act:
    browser.post('/logout')
    return post(browser, '/login', {'email': 'test@example.com', 'password': PASSWORD})


def add_another_passkey(browser: Browser) -> Act:
    begin_factor(browser, FactorKind.PASSKEY)
    return post(browser, '/profile/passkeys/new', {'credential': Device().create(options(browser, '/profile/passkeys')), 'name': 'x'})


def share_a_portfolio(browser: Browser) -> Act:
    browser.post('/portfolios', {'title': 'x', 'currency': 'usd'})  # the first time; then it is there
    page = '/portfolios/1/share'
    browser.get(page)
    ends = re.search(r'name="ends"[^>]* value="([^"]+)"', browser.page)[1]
    return post(browser, page, {'name': 'x', 'ends': ends, 'shows': 'amounts'})


def beginnings(http: ChaliceClient, browser: Browser, device: Device) -> dict[str, Callable[[], Act]]:
    """Return all that a thief may be about to do, by name; each is got ready by a call, and sent by a second one."""
    return {
        'password grant': lambda: lambda: ask(http, GOOD),
        'log-in': lambda: log_in_again(browser),
        'consent': lambda: post(browser, '/oauth/authorize', {'query': CONSENT, 'decision': 'allow', 'granted': 'read'}),
        'API key': lambda: post(browser, '/profile/api-keys', {'name': 'x', 'scopes': 'read', 'lifetime': ''}),
        'application': lambda: post(
            browser, '/oauth/applications', {'name': 'x', 'redirect_uris': 'https://c.example/', 'kind': 'confidential'}
        ),
        'remote log-in': lambda: post(browser, '/profile/remote', {'allow_remote_login': 'on'}),
        'password': lambda: post(browser, '/profile/password', {'current_password': PASSWORD, 'password': 'the password of a thief'}),
        'log out everywhere': lambda: post(browser, '/profile/sessions/end-all', {}),
        'deletion': lambda: post(browser, '/profile/data/delete', {'current_password': PASSWORD}),
        'link to a portfolio': lambda: share_a_portfolio(browser),
        'passkey': lambda: add_another_passkey(browser),
        'log-in by passkey': lambda: log_in_by_passkey(browser, device),
    }


@pytest.mark.parametrize('what', list(beginnings(None, None, None)))  # type: ignore[arg-type]
def test_what_was_begun_before_a_password_reset_does_not_outlive_it(
    http: ChaliceClient, browser: Browser, others_client: Client, user: User, what: str
):
    for number in itertools.count(1):
        device = Device()
        as_it_was(user).save()
        second_factors.remove_all(user.user_id)
        browser.log_in()
        if what == 'log-in by passkey':
            add_passkey(browser, device)
        begun = beginnings(http, browser, device)[what]()

        with before_write(number, lambda: reset(user.user_id), user.pk) as writes:
            begun()

        if len(writes) < number:
            break
        assert_nothing_opens(browser, User.find(user.user_id))
    assert number > 1


ENDS: dict[str, Callable[[Browser, User], object]] = {
    'password change': lambda browser, _: browser.post_all(
        '/profile/password', [('current_password', PASSWORD), ('password', NEW_PASSWORD), *KEEP_ALL]
    ),
    'log out everywhere': lambda browser, _: browser.post_all('/profile/sessions/end-all', KEEP_ALL),
    'reset': lambda _, user: reset(user.user_id),
}


@pytest.mark.parametrize('how', list(ENDS))
def test_who_logs_in_while_all_sessions_end_is_logged_out_too(browser: Browser, new_browser: Callable[[], Browser], user: User, how: str):
    began = 0
    for number in itertools.count(1):
        as_it_was(user).save()
        browser.log_in()
        thief = new_browser()
        log_in = post(thief, '/login', {'email': 'test@example.com', 'password': PASSWORD})

        with before_write(number, log_in, user.pk) as writes:
            ENDS[how](browser, user)

        if len(writes) < number:
            break
        if thief.status == 303 and len(writes) > number:  # the last write begins the session of who ended all others
            began += 1
            assert thief.get('/profile').status_code == 303
        assert browser.get('/profile').status_code == (303 if how == 'reset' else 200)
    assert number > 3
    assert began > 1


def reset(user_id: str) -> None:
    """Set a new password by a mailed link, as far as the table goes."""
    token, user = new_token(), User.find(user_id)
    transact(authentication.reset_token(token, user, clock.now()))
    authentication.reset_password(token, NEW_PASSWORD, now=clock.now())


def assert_nothing_opens(browser: Browser, user: User) -> None:
    assert verify_password(user.password_hash, NEW_PASSWORD)
    assert not user.allow_remote_login
    assert user.delete_at is None
    assert browser.get('/profile').status_code == 303
    assert [*Grant.of_user(user.user_id), *ApiKey.of_user(user.user_id), *Passkey.of_user(user.user_id)] == []
    assert ShareLink.of_user(user.user_id) == []
    assert [client for client in Client.owned_by(user.user_id) if client.secret_created_at is not None] == []
    known_browser = KnownBrowser.find(user.user_id, browser.known, clock.now()) if browser.known else None
    assert known_browser is None or known_browser.doubted


def test_log_in_by_applications_that_is_allowed_again_as_it_is_forbidden_is_mailed(logged_in: Browser, user: User, mailbox: Mailbox):
    """A thief in a session may send it over and over, to be there when its owner forbids it."""
    user.allow_remote()
    forbid, allow = (post(logged_in, '/profile/remote', fields) for fields in ({}, {'allow_remote_login': 'yes'}))
    allow()
    mails = len(mailbox.read())

    with before_write(1, forbid, f'USER#{user.user_id}'):
        allow()

    assert User.find(user.user_id).allow_remote_login
    assert 'may now log in' in mailbox.last()[1]
    assert len(mailbox.read()) == mails + 1
