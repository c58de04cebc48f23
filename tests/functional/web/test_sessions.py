"""Logging in and out, the session cookie, and where one may be sent afterwards."""

from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.errors import NotFound
from chalicelib.models import EmailToken, Item, LogInStep, Session, User
from chalicelib.models.session import IDLE_SECONDS, LONGEST_SECONDS
from tests.support.api import PASSWORD
from tests.support.browser import Browser
from tests.support.clock import StoppedClock
from tests.support.dynamodb import meanwhile


def test_logging_in_leads_to_the_profile(browser: Browser, user: User):
    browser.log_in()

    assert (browser.status, browser.location) == (303, '/portfolios')
    browser.get('/profile')
    assert 'test@example.com' in browser.text


def test_the_cookie_of_an_https_site_is_held_to_its_host_and_kept_from_scripts(logged_in: Browser):
    name, _, rest = logged_in.set_cookie.partition('=')

    assert name == '__Host-session'
    assert set(rest.split('; ')[1:]) == {'Path=/', 'Max-Age=7776000', 'HttpOnly', 'SameSite=Lax', 'Secure'}


@pytest.mark.usefixtures('plain_http')
def test_the_cookie_of_a_local_run_works_over_http(browser: Browser, user: User):
    browser.get('/login')

    name, _, rest = browser.set_cookie.partition('=')
    assert name == 'session'
    assert set(rest.split('; ')[1:]) == {'Path=/', 'HttpOnly', 'SameSite=Lax'}
    assert 'Strict-Transport-Security' not in browser.response.headers


def test_logging_in_always_makes_a_new_token(browser: Browser, user: User):
    browser.get('/login')
    planted = browser.cookie

    browser.log_in()
    first = browser.cookie
    browser.get('/signup')
    browser.log_in()

    assert len({planted, first, browser.cookie}) == 3
    browser.cookie = planted
    assert browser.get('/profile').status_code == 303
    browser.cookie = first
    assert browser.get('/profile').status_code == 303


def test_only_the_hash_of_a_session_is_stored(logged_in: Browser):
    stored = ' '.join(str(item.serialize()) for item in Item.scan())

    assert 'SESSION#' in stored
    assert logged_in.cookie not in stored


def test_logging_out_ends_the_session_and_forgets_the_cookie(logged_in: Browser):
    held = logged_in.cookie

    logged_in.post('/logout')

    assert (logged_in.status, logged_in.location) == (303, '/')
    assert 'Max-Age=0' in logged_in.set_cookie
    logged_in.cookie = held
    assert logged_in.get('/profile').status_code == 303


def test_logging_out_needs_a_post(logged_in: Browser):
    logged_in.get('/logout')

    assert (logged_in.status, logged_in.response.headers['Allow']) == (405, 'POST')
    assert logged_in.get('/profile').status_code == 200


def test_pages_for_users_lead_others_to_log_in_and_back(browser: Browser, user: User):
    browser.get('/oauth/applications/new?a=1&a=%26+b')
    assert (browser.status, browser.location) == (303, '/login?next=%2Foauth%2Fapplications%2Fnew%3Fa%3D1%26a%3D%2526%2Bb')

    browser.get(browser.location)
    browser.log_in(next='/oauth/applications/new?a=1&a=%26+b')
    assert browser.location == '/oauth/applications/new?a=1&a=%26+b'


def test_who_is_logged_in_is_not_asked_again(logged_in: Browser):
    logged_in.get('/login?next=/oauth/applications')

    assert (logged_in.status, logged_in.location) == (303, '/oauth/applications')


@pytest.mark.parametrize(
    'target',
    [
        'https://evil.example/',
        '//evil.example',
        '///evil.example',
        '/\\evil.example',
        '\\/evil.example',
        '/\t/evil.example',
        '/\n/evil.example',
        'javascript:alert(1)',
        'evil.example',
        '/a//evil.example',
        '/.//evil.example',
        '/profile\r\nSet-Cookie: a=b',
        ' /profile',
        '/ü',
        '/' + 'a' * 5_000,
        '',
    ],
)
def test_nobody_is_sent_to_another_site_after_logging_in(browser: Browser, user: User, target: str):
    browser.log_in(next=target)

    assert (browser.status, browser.location) == (303, '/portfolios')
    assert browser.set_cookie.count('=') < 6


@pytest.mark.parametrize('target', ['/', '/profile', '/oauth/authorize?redirect_uri=https%3A%2F%2Fapp.example%2Fcb&state=//x', '/a/b?c'])
def test_a_path_of_ours_is_where_one_is_sent(browser: Browser, user: User, target: str):
    browser.log_in(next=target)

    assert browser.location == target


@pytest.mark.parametrize('fields', [{'password': 'wrong'}, {'email': 'nobody@example.com'}, {'email': ''}, {'email': 'x' * 5_000}])
def test_what_does_not_fit_is_told_without_saying_which(browser: Browser, user: User, fields: dict):
    browser.log_in(**{'email': 'test@example.com', 'password': PASSWORD} | fields)

    assert browser.status == 422
    assert 'Incorrect email or password, or the email address is not confirmed yet' in browser.text
    assert browser.page.count('aria-invalid') == 1


def test_a_failed_log_in_takes_the_same_work_whoever_it_is_for(
    browser: Browser, make_user: Callable[..., User], requests_made: list[str], hashes: list[str]
):
    make_user()
    user = make_user('new@example.com')
    user.update([User.confirmed_at.remove()])
    browser.log_in('nobody@example.com', 'wrong')
    work = []

    for email in ('test@example.com', 'nobody@example.com', 'new@example.com'):
        token = browser.csrf('/login')
        requests_made.clear()
        hashes.clear()
        browser.post('/login', {'csrf': token, 'email': email, 'password': 'wrong'})
        work.append((list(requests_made), list(hashes), browser.status, browser.text))

    assert work[0] == work[1] == work[2]
    assert work[0][1] == ['verify']


def test_an_unconfirmed_account_cannot_be_used(browser: Browser, user: User):
    user.update([User.confirmed_at.remove()])

    browser.log_in()

    assert browser.status == 422


def test_a_session_ends_when_its_user_ends_all(logged_in: Browser, user: User):
    user.set_password(user.password_hash)

    assert logged_in.get('/profile').status_code == 303


def test_a_password_that_is_changed_while_it_logs_in_opens_nothing(browser: Browser, user: User):
    def change() -> None:
        User.find(user.user_id).set_password('another hash')

    with meanwhile('UpdateItem', change):  # the attempt, which is counted between reading the user and checking the password
        browser.log_in()

    assert (browser.status, 'Log in again' in browser.text) == (409, True)
    assert browser.get('/profile').status_code == 303


def test_a_session_ends_with_its_user(logged_in: Browser, user: User):
    user.delete()

    assert logged_in.get('/profile').status_code == 303


def test_a_session_lives_for_thirty_idle_days_and_ninety_at_most(user: User):
    token = Session.start(user, 0)

    assert Session.find(token, IDLE_SECONDS - 1)
    assert Session.find(token, IDLE_SECONDS) is None
    for now in range(0, LONGEST_SECONDS, 29 * 86_400):
        Session.find(token, now).see(now, None)
    assert Session.find(token, LONGEST_SECONDS - 1)
    assert Session.find(token, LONGEST_SECONDS) is None


def test_logging_out_everywhere_else_over_and_over_makes_no_session_longer(logged_in: Browser, stopped_clock: StoppedClock):
    for _ in range(3):
        stopped_clock.advance(29 * 86_400)
        logged_in.post('/profile/sessions/end-all')
        assert logged_in.get('/profile').status_code == 200

    stopped_clock.advance(3 * 86_400 - 1)
    assert logged_in.get('/profile').status_code == 200
    stopped_clock.advance(1)
    assert logged_in.get('/profile').status_code == 303


def test_being_seen_is_written_once_an_hour(user: User, requests_made: list[str]):
    token = Session.start(user, 0)
    requests_made.clear()

    Session.find(token, 3_599).see(3_599, None)
    Session.find(token, 3_600).see(3_600, None)

    assert requests_made == ['GetItem', 'GetItem', 'UpdateItem']


def test_logging_in_asks_once_whether_the_browser_is_known(logged_in: Browser):
    logged_in.post('/logout')
    asked: list[bytes] = []
    events = Item.connection().client.meta.events

    def note(params: Any, **_: Any) -> None:
        asked.extend([params['body']] if b'BROWSER#' in params['body'] else [])

    events.register('before-call.dynamodb.GetItem', note)
    logged_in.log_in()
    events.unregister('before-call.dynamodb.GetItem', note)

    assert logged_in.status == 303
    assert len(asked) == 1


def test_without_a_token_nothing_is_looked_up(requests_made: list[str]):
    for find in (lambda: LogInStep.find('', 1, 'register'), lambda: EmailToken.find('', 'reset', 1)):
        with pytest.raises(NotFound):
            find()

    assert requests_made == []


def test_the_page_of_sessions_reads_each_thing_once(logged_in: Browser, requests_made: list[str]):
    requests_made.clear()

    logged_in.get('/profile/sessions')

    assert requests_made == ['GetItem', 'GetItem', 'Query', 'BatchGetItem']  # session, user, pointers, sessions
    assert 'session_id' not in logged_in.page  # its own is not to be ended here


def test_an_ended_session_is_not_prolonged_back_to_life(user: User):
    token = Session.start(user, 0)
    held = Session.find(token, 0)
    Session.end(token)

    held.see(IDLE_SECONDS - 1, None)

    assert Session.find(token, 0) is None


@pytest.mark.parametrize('cookie', ['', 'x', 'a' * 44, '../' + 'a' * 40, 'ä' * 43])
def test_a_cookie_that_is_not_ours_is_nobodys(browser: Browser, cookie: str):
    browser.headers = {'Cookie': f'a=b; __Host-session={cookie}; c'}

    assert browser.get('/profile').status_code == 303
