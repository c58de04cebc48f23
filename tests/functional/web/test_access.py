"""Ending what opens an account, the sessions that a person sees, and the mails that tell of what was added."""

import re
from collections.abc import Callable

import pytest
from chalice.test import Client as ChaliceClient

from chalicelib import clock
from chalicelib.config import settings
from chalicelib.models import Client, User
from chalicelib.oauth import consents
from infra.data import forget
from infra.data.progress import Progress
from infra.data.table import Table
from tests.support.api import PASSWORD
from tests.support.browser import Browser, Mailbox
from tests.support.clock import StoppedClock
from tests.support.passkey_device import Device, add_passkey, use_passkey
from tests.support.thief import EVERYTHING, NEW_PASSWORD, NOTHING, Thief

FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0'


def log_out_everywhere(browser: Browser, keep: list[str]) -> None:
    browser.post_all('/profile/sessions/end-all', [('keep', name) for name in keep])
    assert browser.location == '/profile/sessions?done=everywhere'


def change_password(browser: Browser, keep: list[str]) -> None:
    fields = [('current_password', PASSWORD), ('password', NEW_PASSWORD)]
    browser.post_all('/profile/password', [*fields, *(('keep', name) for name in keep)])
    assert browser.location == '/account/security?saved=password'


def be_forgotten(browser: Browser, keep: list[str]) -> None:
    user = User.with_email('test@example.com')
    forget.forget(Table(settings().table_name), user.user_id, Progress('deleted'))


@pytest.mark.parametrize('end', [log_out_everywhere, change_password, be_forgotten])
def test_every_way_of_ending_access_ends_all_that_is_not_kept(
    thief: Thief, logged_in: Browser, mailbox: Mailbox, stopped_clock: StoppedClock, end: Callable[[Browser, list[str]], None]
):
    logged_in.post('/forgot', {'email': 'test@example.com'})
    link = mailbox.link()
    stopped_clock.advance(1)

    end(logged_in, [])

    assert thief.opens() == NOTHING
    assert thief.browser.get(link).status_code == (200 if end is log_out_everywhere else 404)  # which whoever is in a session may do


@pytest.mark.parametrize('end', [log_out_everywhere, change_password])
def test_what_is_kept_goes_on(thief: Thief, logged_in: Browser, stopped_clock: StoppedClock, end: Callable[[Browser, list[str]], None]):
    stopped_clock.advance(1)

    end(logged_in, ['applications', 'api_keys', 'secrets', 'remote_login', 'share_links'])

    assert thief.opens() == EVERYTHING | {'session': False}
    assert logged_in.get('/profile').status_code == 200


def test_who_copied_the_cookie_of_a_session_removes_no_passkey(logged_in: Browser, new_browser: Callable[[], Browser], mailbox: Mailbox):
    """Whoever lost the recovery codes could never log in again."""
    device, thief, owner = Device(), new_browser(), new_browser()
    add_passkey(logged_in, device)
    thief.cookie = logged_in.cookie

    assert 'Passkeys' not in thief.get('/profile/sessions').body.decode()
    log_out_everywhere(thief, [])

    use_passkey(owner, device)
    assert owner.get('/profile').status_code == 200


@pytest.mark.parametrize('end', [change_password, be_forgotten])
def test_a_passkey_ends_too(
    logged_in: Browser, new_browser: Callable[[], Browser], stopped_clock: StoppedClock, end: Callable[[Browser, list[str]], None]
):
    device, thief = Device(), new_browser()
    add_passkey(logged_in, device)
    use_passkey(thief, device)
    assert thief.get('/profile').status_code == 200
    stopped_clock.advance(1)

    end(logged_in, [])

    use_passkey(thief, device)
    assert (thief.status, thief.get('/profile').status_code) == (422, 303)


@pytest.mark.parametrize('end', [log_out_everywhere, change_password])
def test_a_passkey_that_is_kept_goes_on(
    logged_in: Browser, new_browser: Callable[[], Browser], stopped_clock: StoppedClock, end: Callable[[Browser, list[str]], None]
):
    device, other = Device(), new_browser()
    add_passkey(logged_in, device)
    stopped_clock.advance(1)

    end(logged_in, ['passkeys'])

    use_passkey(other, device)
    assert other.get('/profile').status_code == 200


def test_a_person_sees_their_sessions_and_ends_one(
    browser: Browser, new_browser: Callable[[], Browser], make_user: Callable[..., User], user: User, stopped_clock: StoppedClock
):
    other, stranger = new_browser(), new_browser()
    browser.headers = {'User-Agent': FIREFOX}
    browser.log_in()
    stopped_clock.advance(7_200)
    other.log_in()
    stopped_clock.advance(3_600)
    make_user('other@example.com')
    stranger.log_in('other@example.com')

    browser.get('/profile/sessions')

    assert re.findall(r'<h2>([^<]+)', browser.page)[:2] == ['Firefox on Linux ', 'An unknown browser']  # last seen first
    assert 'Network 127.0.0.1' in browser.text
    [session_id] = re.findall('name="session_id" value="([^"]+)"', browser.page)
    for posted in ('x' * 5_000, '0' * 64, session_id):
        browser.post('/profile/sessions/end', {'session_id': posted})
        assert browser.location == '/profile/sessions?done=ended'
    assert (browser.get('/profile').status_code, other.get('/profile').status_code) == (200, 303)
    browser.get('/profile/sessions')
    own = re.findall('session_id" value="([^"]+)"', browser.page)
    assert own == []
    [session_id] = re.findall('name="session_id" value="([^"]+)"', stranger_page(stranger, other))
    browser.post('/profile/sessions/end', {'session_id': session_id})
    assert stranger.get('/profile').status_code == 200


def stranger_page(stranger: Browser, other: Browser) -> str:
    """Return the page on which a stranger sees another session of theirs, as `other`."""
    other.log_in('other@example.com')
    stranger.get('/profile/sessions')
    return stranger.page


@pytest.mark.parametrize('alone', [True, False])
def test_who_ends_the_owners_sessions_cannot_lock_them_out_where_they_are_known(
    logged_in: Browser, new_browser: Callable[[], Browser], mailbox: Mailbox, stopped_clock: StoppedClock, alone: bool
):
    thief, stranger = new_browser(), new_browser()
    thief.cookie = logged_in.cookie
    if alone:
        other = new_browser()
        other.log_in()
        thief.cookie, other.cookie = other.cookie, ''
        thief.get('/profile/sessions')
        [session_id] = re.findall('name="session_id" value="([^"]+)"', thief.page)
        thief.post('/profile/sessions/end', {'session_id': session_id})
    else:
        log_out_everywhere(thief, [])
    assert logged_in.get('/profile').status_code == 303
    for _ in range(11):
        stranger.log_in(password='a guess')
    assert stranger.status == 429
    for _ in range(6):
        stranger.post('/forgot', {'email': 'test@example.com'})
    assert stranger.status == 429
    logged_in.post('/forgot', {'email': 'test@example.com'})
    assert logged_in.status == 200

    logged_in.log_in()

    assert (logged_in.status, logged_in.get('/profile').status_code) == (303, 200)
    assert mailbox.last()[1].splitlines()[0] == 'Subject: New login'


def test_a_browser_whose_session_was_ended_is_not_known_any_more(
    logged_in: Browser, new_browser: Callable[[], Browser], mailbox: Mailbox, stopped_clock: StoppedClock
):
    stopped_clock.advance(1)
    thief = new_browser()
    thief.log_in()
    logged_in.get('/profile/sessions')
    assert 'change your password' in logged_in.text
    [session_id] = re.findall('name="session_id" value="([^"]+)"', logged_in.page)

    logged_in.post('/profile/sessions/end', {'session_id': session_id})
    mails = len(mailbox.read())
    thief.log_in()

    [(_, mail)] = mailbox.read()[mails:]
    assert mail.startswith('Subject: New login')
    logged_in.post('/logout')
    logged_in.log_in()
    assert len(mailbox.read()) == mails + 1


def test_ending_sessions_is_limited_and_ending_all_of_them_is_mailed(
    new_browser: Callable[[], Browser], user: User, mailbox: Mailbox, stopped_clock: StoppedClock
):
    stopped_clock.move_to(stopped_clock.now() // 3_600 * 3_600)
    browser = new_browser()
    browser.headers = {'User-Agent': FIREFOX}
    browser.log_in()
    mails = len(mailbox.read())

    for _ in range(5):
        log_out_everywhere(browser, [])
    browser.post('/profile/sessions/end-all', {})
    assert (browser.status, browser.response.headers['Retry-After']) == (429, '3600')
    assert len(mailbox.read()) == mails + 5
    to, text = mailbox.last()
    assert (to, text.splitlines()[0]) == (user.email, 'Subject: You were logged out everywhere else')
    for said in ('Firefox on Linux, network 127.0.0.1', 'If this was not you', 'https://cryptfolio.test/forgot'):
        assert said in text

    ended = [browser.post('/profile/sessions/end', {'session_id': '0' * 64}).status_code for _ in range(31)]
    assert ended == [303] * 30 + [429]
    assert browser.get('/profile').status_code == 200
    stopped_clock.advance(3_600)
    log_out_everywhere(browser, [])


def test_the_account_lists_what_gets_at_it_by_a_secret(logged_in: Browser, user: User, client: Client):
    Client.register(owner_id='somebody else', name='Theirs', redirect_uris=[], now=1)
    Client.register(owner_id=user.user_id, name='On a phone', redirect_uris=[], confidential=False, now=1)
    client.touch('secret', clock.now())

    logged_in.get('/account/applications')

    _, _, listed = logged_in.text.partition('can access all of your data without asking you.')
    assert listed.startswith(' Test app , secret last used')
    assert 'Theirs' not in logged_in.text
    assert 'On a phone' not in logged_in.text


def test_a_log_in_from_a_new_browser_is_mailed_once(browser: Browser, new_browser: Callable[[], Browser], user: User, mailbox: Mailbox):
    browser.headers = {'User-Agent': FIREFOX}
    browser.log_in()
    to, text = mailbox.last()
    assert to == user.email
    for said in ('Subject: New login', 'Firefox on Linux, network 127.0.0.1', 'https://cryptfolio.test/profile/sessions', '/forgot'):
        assert said in text

    browser.post('/logout')
    browser.log_in()
    assert len(mailbox.read()) == 1
    new_browser().log_in()
    assert len(mailbox.read()) == 2


def test_whoever_used_a_browser_before_is_not_known_by_its_token(
    browser: Browser, new_browser: Callable[[], Browser], make_user: Callable[..., User], user: User, mailbox: Mailbox
):
    make_user('other@example.com')
    browser.log_in('other@example.com')
    former = new_browser()
    former.known = browser.known  # as somebody may read it from the browser's settings
    browser.post('/logout')
    browser.log_in()
    for end in (lambda: None, lambda: log_out_everywhere(browser, [])):
        end()
        assert browser.known != former.known
        mails = len(mailbox.read())
        former.log_in()
        assert mailbox.read()[mails:][-1][1].startswith('Subject: New login')
        former.known = browser.known


def test_what_opens_an_account_is_mailed_when_it_is_added(
    http: ChaliceClient, logged_in: Browser, user: User, client: Client, mailbox: Mailbox
):
    user.forbid_remote()
    mailbox.read()

    logged_in.post('/profile/remote', {'allow_remote_login': 'on'})
    logged_in.post('/profile/remote', {'allow_remote_login': 'on'})
    logged_in.post('/profile/api-keys', {'name': 'My sheet', 'scopes': 'read'})
    logged_in.post('/oauth/applications', {'name': 'Charts', 'redirect_uris': 'https://c.example/', 'kind': 'confidential'})
    logged_in.post('/oauth/applications/test-app/secret')
    client.refresh()
    for scopes in ('read', 'read', 'read write'):
        consents.open_with_consent(user, client, scopes.split(), clock.now())
    change_password(logged_in, ['remote_login'])

    subjects = [text.splitlines()[0].removeprefix('Subject: ') for _, text in mailbox.read() if 'New login' not in text]
    assert subjects == [
        'Applications may log in with your password',
        'New API key',
        'New application',
        'New application secret',
        'An application was connected',
        'An application was connected',
        'Your password was changed',
    ]
    assert {to for to, _ in mailbox.read()} == {user.email}
    connected = mailbox.read()[-2][1]
    assert 'Test app' in connected
    assert 'Add and change account data' in connected


def test_a_stranger_who_guesses_locks_out_no_browser_that_the_user_has_used(
    logged_in: Browser, new_browser: Callable[[], Browser], user: User, stopped_clock: StoppedClock
):
    stopped_clock.move_to(stopped_clock.now() // 900 * 900)
    stranger = new_browser()
    for _ in range(10):
        assert stranger.log_in(password='wrong').status_code == 422
    assert stranger.log_in().status_code == 429

    logged_in.post('/profile/password', {'current_password': 'wrong', 'password': NEW_PASSWORD})
    assert logged_in.status == 422
    logged_in.post('/logout')
    assert logged_in.log_in().status_code == 303
    logged_in.post('/logout')
    for _ in range(10):  # it may not guess for ever either
        assert logged_in.log_in(password='wrong').status_code == 422
    assert logged_in.log_in().status_code == 429


def test_a_notice_that_cannot_be_sent_stops_nothing(browser: Browser, user: User, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv('MAIL_FROM', 'nobody@example.com')  # which SES does not know
    settings.cache_clear()
    try:
        assert browser.log_in().status_code == 303
    finally:
        monkeypatch.undo()
        settings.cache_clear()
