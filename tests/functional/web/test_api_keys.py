"""API keys: created, shown once, revoked."""

import re
from collections.abc import Callable

import pytest
from chalice.test import Client as ChaliceClient

from chalicelib.models import ApiKey, Item, User
from chalicelib.web.api_keys import MOST_KEYS
from tests.support.browser import Browser, Mailbox
from tests.support.clock import StoppedClock


@pytest.fixture
def visitor(browser: Browser, user: User) -> Browser:
    browser.log_in()
    return browser


def status(http: ChaliceClient, key: str, path: str = '/api/portfolios') -> int:
    return http.http.get(path, headers={'Authorization': f'Bearer {key}'}).status_code


def create(visitor: Browser, **fields: str) -> str:
    visitor.post('/profile/api-keys', {'name': 'My <sheet>', 'scopes': 'read'} | fields)
    assert visitor.status == 303, visitor.page
    visitor.get(visitor.location)
    return re.search(r'cfk_[\w-]{43}', visitor.page)[0]


def test_a_new_key_works_and_is_shown_once(http: ChaliceClient, visitor: Browser):
    key = create(visitor)

    assert status(http, key) == 200
    assert 'My <sheet>' in visitor.text
    assert visitor.response.headers['Cache-Control'] == 'no-store'
    visitor.get('/profile/api-keys')
    assert 'My <sheet>' in visitor.text
    assert key not in visitor.page
    assert f'<code>{key[:8]}…</code>' in visitor.page


def test_a_form_makes_one_key_however_often_it_is_sent_and_shows_it_once(
    visitor: Browser, new_browser: Callable[[], Browser], user: User, requests_made: list[str]
):
    form = {'name': 'sheet', 'scopes': 'read', 'lifetime': '30', 'csrf': visitor.csrf('/profile/api-keys')}
    for _ in range(2):  # as a second click, or a reload, sends it again
        visitor.post('/profile/api-keys', form)
        assert visitor.status == 303
    [stored] = ApiKey.of_user(user.user_id)
    shown_at, other = visitor.location, new_browser()
    other.log_in()
    other.get(shown_at)
    assert not re.search(r'cfk_[\w-]{43}', other.page)
    visitor.request('HEAD', shown_at)

    visitor.get(shown_at)
    [key] = re.findall(r'cfk_[\w-]{43}', visitor.page)
    assert visitor.page.index(key) < visitor.page.index('id="keys"')  # above everything that could hide it
    assert key.startswith(stored.prefix)
    requests_made.clear()
    visitor.get(shown_at)
    assert key not in visitor.page
    assert 'has already been shown' in visitor.text
    assert requests_made.count('GetItem') == 3  # of the session, the user and what the form made
    assert key not in ' '.join(str(item.serialize()) for item in Item.scan())
    visitor.post('/profile/api-keys', form)
    visitor.get(visitor.location)
    assert (len(ApiKey.of_user(user.user_id)), key in visitor.page) == (1, False)


def test_a_key_tells_when_it_was_last_used_and_ends_when_it_says(
    http: ChaliceClient, visitor: Browser, user: User, requests_made: list[str], stopped_clock: StoppedClock
):
    key = create(visitor, lifetime='30')
    visitor.get('/profile/api-keys')
    assert 'not used yet' in visitor.text

    assert status(http, key) == 200
    requests_made.clear()
    assert status(http, key) == 200
    assert 'UpdateItem' not in requests_made  # at most one write an hour
    visitor.get('/profile/api-keys')
    assert re.search(r'last used \d+ \w+ \d{4}, \d\d:\d\d UTC', visitor.text)
    stopped_clock.advance(30 * 86_400 - 1)
    assert status(http, key) == 200
    stopped_clock.advance(1)
    assert status(http, key) == 401
    visitor.log_in()
    visitor.get('/profile/api-keys')
    assert 'My <sheet>' not in visitor.text


def test_a_key_may_do_what_was_ticked_and_never_more(http: ChaliceClient, visitor: Browser):
    key = create(visitor, scopes='info')

    assert (status(http, key, '/api/user'), status(http, key)) == (200, 403)
    visitor.post('/profile/api-keys', {'name': 'x', 'scopes': 'admin'})
    assert visitor.status == 422


def test_a_new_key_is_shown_on_its_own_page_alone(visitor: Browser):
    form = {'name': 'x', 'scopes': 'read', 'lifetime': ''}
    visitor.post('/profile/api-keys', form)
    shown_at = visitor.location

    for page in ('/profile/invitations', '/profile/second-factor'):
        visitor.get(shown_at.replace('/profile/api-keys', page))
        assert visitor.status == 200

    visitor.get(shown_at)
    assert 'Copy the key now' in visitor.text


def test_a_revoked_key_is_gone(http: ChaliceClient, visitor: Browser, user: User):
    key = create(visitor)
    (stored,) = ApiKey.of_user(user.user_id)

    visitor.post('/profile/api-keys/revoke', {'key_id': stored.key_id})

    assert visitor.status == 303
    assert status(http, key) == 401
    visitor.post('/profile/api-keys/revoke', {'key_id': stored.key_id})
    assert visitor.status == 303


def test_what_is_wrong_is_said_at_the_form(visitor: Browser, user: User):
    visitor.post('/profile/api-keys', {'name': ' ', 'scopes': 'read'})

    assert visitor.status == 422
    assert 'Enter what the key is for' in visitor.text
    assert ApiKey.of_user(user.user_id) == []


def test_everything_that_is_wrong_is_said_at_once(visitor: Browser, user: User):
    for number in range(MOST_KEYS):
        ApiKey.create(user.user_id, name=str(number), scopes=['read'], now=1)

    visitor.post('/profile/api-keys', {'name': 'a\u202eb', 'scopes': ''})

    assert visitor.status == 422
    for sentence in ('A name must not contain control characters', 'Select at least one permission', f'You already have {MOST_KEYS} keys'):
        assert sentence in visitor.text


@pytest.mark.parametrize('name', ['\U0001f468\u200d\U0001f469\u200d\U0001f467', 'a\u3000b', '\U0001f980' * 64])
def test_a_key_has_any_name_up_to_a_length(visitor: Browser, user: User, name: str):
    create(visitor, name=f' {name} ')

    assert [key.name for key in ApiKey.of_user(user.user_id)] == [name]


@pytest.mark.parametrize('name', ['x". Confirm at https://evil.example/ ("', 'evil.example/login', 'x' * 65])
def test_a_key_has_no_name_that_is_a_message_as_the_mail_that_warns_of_it_says_it(
    visitor: Browser, user: User, mailbox: Mailbox, name: str
):
    before = len(mailbox.read())

    visitor.post('/profile/api-keys', {'name': name, 'scopes': 'read'})

    assert (visitor.status, len(mailbox.read()) - before) == (422, 0)
    assert list(ApiKey.of_user(user.user_id)) == []


def test_there_is_a_most(visitor: Browser, user: User):
    for number in range(MOST_KEYS):
        ApiKey.create(user.user_id, name=str(number), scopes=['read'], now=1)

    visitor.post('/profile/api-keys', {'name': 'x', 'scopes': 'read'})

    assert visitor.status == 422
    assert len(ApiKey.of_user(user.user_id)) == MOST_KEYS


@pytest.mark.parametrize('path', ['/profile/api-keys', '/profile/api-keys/revoke'])
def test_only_who_is_logged_in_and_sends_our_form_gets_anywhere(browser: Browser, visitor: Browser, path: str, user: User):
    visitor.request('POST', path, b'name=x&scopes=read', **{'Content-Type': 'application/x-www-form-urlencoded'})
    assert visitor.status == 403

    visitor.post('/logout')
    visitor.post(path, {'name': 'x', 'scopes': 'read'})
    assert visitor.location.startswith('/login')
    assert ApiKey.of_user(user.user_id) == []
