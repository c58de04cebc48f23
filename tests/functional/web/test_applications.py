"""Registering applications: who sees them, when the secret is shown, which redirect URIs are taken."""

import logging
import re
from collections.abc import Callable
from html import unescape

import pytest
from chalice.test import Client as ChaliceClient

from chalicelib import clock, locales
from chalicelib.errors import AccessEnded, Conflict
from chalicelib.models import ApiKey, Client, Item, User
from tests.support.api import PASSWORD
from tests.support.browser import Browser, Mailbox
from tests.support.clock import StoppedClock

GOOD = {'name': 'Charts', 'redirect_uris': 'https://charts.example/callback', 'kind': 'confidential'}


def register(browser: Browser, **fields: str) -> str | None:
    """Register an application; return the secret that the page shows."""
    browser.post('/oauth/applications', {'csrf': browser.csrf('/profile')} | GOOD | fields)
    if browser.status == 303:
        browser.get(browser.location)
    secret = re.search(r'Copy the secret now.*?<code class="value">([^<]+)</code>', browser.page, re.DOTALL)
    return secret and secret[1]


def only(user: User) -> Client:
    [client] = Client.owned_by(user.user_id)
    return client


def test_a_registered_application_can_prove_itself_with_the_secret_it_was_shown(logged_in: Browser, user: User):
    secret = register(logged_in)

    client = only(user)
    assert logged_in.status == 200
    assert client.has_secret(secret, 0)
    assert client.client_id in logged_in.text
    assert (client.name, list(client.redirect_uris), client.confidential) == ('Charts', ['https://charts.example/callback'], True)


def test_a_secret_is_shown_once_and_kept_nowhere(logged_in: Browser, user: User, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG, 'chalicelib')
    secret = register(logged_in)

    assert logged_in.set_cookie == ''
    assert 'no-store' in logged_in.response.headers['Cache-Control']
    for path in ('/oauth/applications', f'/oauth/applications/{only(user).client_id}', '/account/applications', '/developers'):
        logged_in.get(path)
        assert secret not in logged_in.page
    assert secret not in caplog.text
    assert secret not in ' '.join(str(item.serialize()) for item in Item.scan())


def test_a_public_application_has_no_secret(logged_in: Browser, user: User):
    assert register(logged_in, kind='public', redirect_uris='com.example.app:/callback') is None

    client = only(user)
    assert (client.secret_hash, client.confidential) == (None, False)
    assert 'A public application has no secret' in logged_in.text
    assert 'Generate a new secret' not in logged_in.text
    for ask in (logged_in.get, logged_in.post):
        assert ask(f'/oauth/applications/{client.client_id}/secret').status_code == 404


def new_secret(browser: Browser, path: str, **fields: str) -> str:
    browser.post(path, {'csrf': browser.csrf(path)} | fields)
    browser.get(browser.location)
    return re.search(r'Copy the secret now.*?<code class="value">([^<]+)</code>', browser.page, re.DOTALL)[1]


def test_a_new_secret_is_asked_for_and_takes_the_place_of_the_old_one_at_once_or_after_a_day(
    logged_in: Browser, user: User, stopped_clock: StoppedClock
):
    first = register(logged_in)
    path = f'/oauth/applications/{only(user).client_id}/secret'
    logged_in.get(path)
    assert 'name="overlap" value="yes" checked' in logged_in.page
    only(user).touch(first, clock.now())

    second = new_secret(logged_in, path, overlap='yes')

    assert [only(user).has_secret(secret, clock.now() + 86_399) for secret in (first, second)] == [True, True]
    assert [only(user).has_secret(secret, clock.now() + 86_400) for secret in (first, second)] == [False, True]
    logged_in.get(path.removesuffix('/secret'))
    assert re.search(r'Previous secret Works until [^,]+, \d\d:\d\d UTC, last used', logged_in.text)
    assert 'not used yet' in logged_in.text
    only(user).touch(second, clock.now())
    logged_in.get(path.removesuffix('/secret'))
    assert 'not used yet' not in logged_in.text

    third = new_secret(logged_in, path)
    assert [only(user).has_secret(secret, clock.now()) for secret in (first, second, third)] == [False, False, True]


def test_sending_a_form_again_registers_and_rotates_once(logged_in: Browser, user: User):
    form = GOOD | {'csrf': logged_in.csrf('/oauth/applications/new')}
    pages = []
    for _ in range(2):
        logged_in.post('/oauth/applications', form)
        pages.append(logged_in.location)
    path = f'/oauth/applications/{only(user).client_id}'
    assert pages[0] == pages[1]
    assert pages[0].startswith(f'{path}?form=')

    form = {'csrf': logged_in.csrf(f'{path}/secret')}
    logged_in.post(f'{path}/secret', form)
    rotated = only(user).secret_hash
    logged_in.post(f'{path}/secret', form)

    assert (only(user).secret_hash, logged_in.status) == (rotated, 303)
    logged_in.get(logged_in.location)
    assert 'Copy the secret now' in logged_in.text
    logged_in.get(pages[0])
    assert 'Copy the secret now' in logged_in.text  # of the registration, of no use by now
    assert only(user).secret_hash == rotated


def test_the_owner_is_shown_what_a_developer_needs(logged_in: Browser, user: User):
    register(logged_in)
    client_id = only(user).client_id

    logged_in.get(f'/oauth/applications/{client_id}')

    for said in (f'Client ID {client_id}', 'https://cryptfolio.test/oauth/token', '/.well-known/oauth-authorization-server', 'use https'):
        assert said in logged_in.text
    link = unescape(re.search(r'href="https://cryptfolio\.test(/oauth/authorize[^"]+)"', logged_in.page)[1])
    logged_in.get(link)
    assert 'Charts wants to access' in logged_in.text


def test_redirect_uris_are_given_one_per_line(logged_in: Browser, user: User):
    register(logged_in, redirect_uris='https://a.example/cb\r\n\r\n  http://127.0.0.1/cb \nhttps://a.example/cb\n')

    assert list(only(user).redirect_uris) == ['https://a.example/cb', 'http://127.0.0.1/cb']


@pytest.mark.parametrize(
    ('change', 'sentence'),
    [
        ({'name': ' '}, 'Enter a name for the application'),
        ({'name': 'x' * 256}, 'A name must have 1 to 255 characters'),
        ({'name': 'x\u202ey'}, 'control characters'),
        ({'name': '\u2800\u3164'}, 'must have visible letters'),
        ({'name': '\u00ad\ufeff'}, 'must have visible letters'),
        ({'name': 'Crypt\uff26olio.'}, 'name of this server'),
        ({'redirect_uris': ''}, 'Enter between 1 and 20 redirect URIs'),
        ({'redirect_uris': '\n'.join(f'https://a.example/{n}' for n in range(21))}, 'Enter between 1 and 20 redirect URIs'),
        ({'redirect_uris': 'https://a.example/cb\nhttp://a.example/cb'}, 'Line 2: A redirect URI must use https'),
        ({'redirect_uris': 'com.example.app:/callback'}, 'for public applications only'),
        ({'redirect_uris': 'https://[1.2.3.4]/callback'}, 'must name a host'),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_is_kept(logged_in: Browser, user: User, change: dict, sentence: str):
    register(logged_in, **change)

    assert (logged_in.status, sentence in logged_in.text) == (422, True)
    assert Client.owned_by(user.user_id) == []
    if change.get('redirect_uris') != '':
        assert (GOOD | change)['redirect_uris'].splitlines()[0] in logged_in.text


def test_everything_that_is_wrong_is_said_at_once(logged_in: Browser):
    register(logged_in, name='a\u202eb', redirect_uris='nonsense\nhttps://a.example/#x')

    assert logged_in.page.count('<li><a href="#') == 3


@pytest.mark.parametrize(
    'name',
    ['\U0001f468\u200d\U0001f469\u200d\U0001f467', '\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645', 'a\u3000b', '\U0001f980' * 64],
)
def test_an_application_has_any_short_name_that_a_portfolio_may_have(logged_in: Browser, user: User, name: str):
    register(logged_in, name=name)

    assert only(user).name == name


def test_name_and_redirect_uris_can_be_changed(logged_in: Browser, user: User):
    register(logged_in)
    path = f'/oauth/applications/{only(user).client_id}'

    form = {'name': 'Graphs', 'redirect_uris': 'https://graphs.example/', 'current_password': PASSWORD}
    logged_in.post(path, {'csrf': logged_in.csrf('/profile')} | form)
    assert (logged_in.status, logged_in.location) == (303, f'{path}?saved=yes')
    assert (only(user).name, list(only(user).redirect_uris)) == ('Graphs', ['https://graphs.example/'])

    logged_in.post(path, {'csrf': logged_in.csrf('/profile'), 'name': 'x', 'redirect_uris': 'com.example.app:/cb'})
    assert (logged_in.status, 'com.example.app:/cb' in logged_in.text) == (422, True)
    assert only(user).name == 'Graphs'


def test_adding_a_redirect_uri_needs_the_password_and_is_mailed(logged_in: Browser, user: User, mailbox: Mailbox):
    register(logged_in)
    path, good = f'/oauth/applications/{only(user).client_id}', GOOD['redirect_uris']
    before = len(mailbox.read())

    for password in ({}, {'current_password': 'wrong'}):
        logged_in.post(path, {'name': 'Charts', 'redirect_uris': f'{good}\nhttps://evil.example/cb'} | password)
        assert (logged_in.status, 'Your current password is incorrect' in logged_in.text) == (422, True)
        assert 'https://evil.example/cb' in logged_in.text  # what was typed
        assert list(only(user).redirect_uris) == [good]
    logged_in.post(path, {'name': 'Graphs', 'redirect_uris': f'{good}\nhttps://new.example/cb', 'current_password': PASSWORD})
    logged_in.post(path, {'name': 'Charts', 'redirect_uris': 'https://new.example/cb'})  # which opens nothing

    assert (logged_in.status, list(only(user).redirect_uris)) == (303, ['https://new.example/cb'])
    [(to, text)] = mailbox.read()[before:]
    assert (to, text.splitlines()[0]) == (user.email, 'Subject: New redirect URI for an application')
    assert ('"Graphs"' in text, '- https://new.example/cb' in text, good in text, '/forgot' in text) == (True, True, False, True)


def test_wrong_passwords_for_a_redirect_uri_count_with_all_others(logged_in: Browser, user: User, stopped_clock: StoppedClock):
    stopped_clock.move_to(stopped_clock.now() // 900 * 900)
    register(logged_in)
    path = f'/oauth/applications/{only(user).client_id}'

    for _ in range(10):
        logged_in.post(path, GOOD | {'redirect_uris': 'https://evil.example/cb', 'current_password': 'wrong'})
    logged_in.post(path, GOOD | {'redirect_uris': 'https://evil.example/cb', 'current_password': PASSWORD})

    assert (logged_in.status, list(only(user).redirect_uris)) == (429, [GOOD['redirect_uris']])


def test_a_change_does_not_outlive_the_session_it_was_begun_in_nor_undo_another(logged_in: Browser, user: User):
    register(logged_in)
    client, owner = only(user), User.find(user.user_id)
    only(user).change(owner, name='x', redirect_uris=['https://second.example/'], now=1)
    with pytest.raises(Conflict):
        client.change(owner, name='x', redirect_uris=['https://third.example/'], now=1)
    User.find(user.user_id).end_sessions()
    with pytest.raises(AccessEnded):
        only(user).change(owner, name='x', redirect_uris=['https://third.example/'], now=1)

    assert list(only(user).redirect_uris) == ['https://second.example/']


def test_deleting_is_mailed(logged_in: Browser, user: User, mailbox: Mailbox):
    register(logged_in)

    logged_in.post(f'/oauth/applications/{only(user).client_id}/delete')

    to, text = mailbox.last()
    assert (to, text.splitlines()[0], '"Charts"' in text) == (user.email, 'Subject: An application was deleted', True)


def test_deleting_asks_first(logged_in: Browser, user: User):
    register(logged_in)
    path = f'/oauth/applications/{only(user).client_id}/delete'

    logged_in.get(path)
    assert 'Delete Charts?' in logged_in.text
    assert only(user)
    logged_in.post(path, {'csrf': logged_in.csrf('/profile')})

    assert logged_in.location == '/oauth/applications'
    assert Client.owned_by(user.user_id) == []


@pytest.mark.parametrize(
    ('method', 'path'), [('GET', ''), ('POST', ''), ('GET', '/secret'), ('POST', '/secret'), ('GET', '/delete'), ('POST', '/delete')]
)
def test_somebody_elses_application_is_not_found(logged_in: Browser, make_user: Callable[..., User], method: str, path: str):
    other = make_user('other@example.com')
    client, secret = Client.register(owner_id=other.user_id, name='Theirs', redirect_uris=['https://t.example/'], now=0)
    whole = f'/oauth/applications/{client.client_id}{path}'

    logged_in.get(whole) if method == 'GET' else logged_in.post(whole, {'csrf': logged_in.csrf('/profile')} | GOOD)

    assert (logged_in.status, 'Theirs' in logged_in.text) == (404, False)
    assert Client.find(client.client_id).has_secret(secret, 0)
    assert Client.find(client.client_id).name == 'Theirs'


def test_the_list_shows_ones_own_and_names_as_text(logged_in: Browser):
    register(logged_in, name='<script>alert(1)</script>')
    Client.register(owner_id='x', name='Theirs', redirect_uris=[], now=0)

    logged_in.get('/oauth/applications')

    assert '<script' not in logged_in.page
    assert '<script>alert(1)</script>' in logged_in.text
    assert 'Theirs' not in logged_in.text


def test_there_is_an_end_to_how_many(logged_in: Browser, user: User, monkeypatch: pytest.MonkeyPatch):
    from chalicelib.web import applications

    monkeypatch.setattr(applications, 'MOST_APPLICATIONS', 1)
    register(logged_in)

    register(logged_in)

    assert logged_in.status == 422
    assert len(Client.owned_by(user.user_id)) == 1


def test_developers_see_when_keys_and_secrets_were_last_used(logged_in: Browser, user: User, client: Client, http: ChaliceClient):
    _, key = ApiKey.create(user.user_id, name='Sheet <1>', scopes=['read'], now=clock.now())
    ApiKey.create(user.user_id, name='Ended', scopes=['read'], now=1, expires_at=clock.now())
    ApiKey.create(user.user_id, name='Idle', scopes=['read'], now=clock.now(), expires_at=clock.now() + 86_400)
    Client.register(owner_id='somebody else', name='Theirs', redirect_uris=[], now=1)
    assert http.http.get('/api/portfolios', headers={'Authorization': f'Bearer {key}'}).status_code == 200
    client.touch('secret', clock.now())

    logged_in.get('/developers')

    used = locales.minute(clock.now())
    assert f'Sheet <1> {key[:8]}… · Last used {used}' in logged_in.text
    assert re.search(r'Idle cfk_.{4}… · Not used yet, expires \d', logged_in.text)
    assert f'Test app test-app · Secret last used {used}' in logged_in.text
    assert ('Ended' in logged_in.text, 'Theirs' in logged_in.text, key in logged_in.page) == (False,) * 3
    assert re.search(r'You may make \d+ requests a minute', logged_in.text)
