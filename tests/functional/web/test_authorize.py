"""The authorization code flow (RFC 6749 section 4.1, RFC 7636), and the ways in which it is attacked (RFC 9700)."""

import base64
import hashlib
import re
from collections.abc import Callable
from html import escape, unescape
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from chalice.test import Client as ChaliceClient
from chalice.test import HTTPResponse

from chalicelib import auth
from chalicelib.config import settings
from chalicelib.models import Client, ClientIdentity, Code, Grant, RevokedFamily, User
from tests.support.browser import Browser, Mailbox
from tests.support.clock import StoppedClock
from tests.support.dynamodb import meanwhile
from tests.support.oauth import ask

REDIRECT = 'https://app.example/callback?tenant=1'
VERIFIER = 'v' * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip('=')
SHOWN = ClientIdentity('Web <app>', REDIRECT)
BASIC = 'Basic ' + base64.b64encode(b'web-app:secret').decode()
ASKED = {
    'response_type': 'code', 'client_id': 'web-app', 'redirect_uri': REDIRECT, 'scope': 'info read write', 'state': 'a b&c',
    'code_challenge': CHALLENGE, 'code_challenge_method': 'S256',
}  # fmt: skip


@pytest.fixture
def app(user: User) -> Client:
    client, _ = Client.register(
        client_id='web-app', secret='secret', owner_id=user.user_id, name='Web <app>', redirect_uris=[REDIRECT], now=1
    )
    return client


@pytest.fixture
def native(user: User) -> Client:
    """A public client on somebody's computer, and one in somebody's phone."""
    uris = ['http://127.0.0.1/callback', 'com.example.app:/callback']
    client, _ = Client.register(client_id='native', owner_id=user.user_id, name='Native', redirect_uris=uris, confidential=False, now=1)
    return client


@pytest.fixture
def visitor(browser: Browser, user: User, app: Client) -> Browser:
    """Somebody who is logged in."""
    browser.log_in()
    return browser


def path(**changes: str | None) -> str:
    query = {name: value for name, value in (ASKED | changes).items() if value is not None}
    return '/oauth/authorize?' + urlencode(query)


def decide(browser: Browser, asked: str, granted: list[str] | None = None, decision: str = 'allow') -> dict[str, str]:
    """Answer the consent page, if there is one; return what the redirect tells the application."""
    browser.get(asked)
    if browser.status == 303 and granted is None and decision == 'allow':
        return told(browser)
    assert browser.status == 200, browser.page
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', browser.page))
    fields = [(name, unescape(value)) for name, value in hidden.items()]
    ticked = re.findall(r'name="granted" value="([^"]+)"', browser.page) if granted is None else granted
    fields += [('granted', scope) for scope in ticked] + [('decision', decision)]
    browser.request('POST', '/oauth/authorize', urlencode(fields).encode(), **{'Content-Type': 'application/x-www-form-urlencoded'})
    assert browser.status == 303, browser.page
    return told(browser)


def told(browser: Browser) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(browser.location).query).items()}


def exchange(http: ChaliceClient, code: str, authorization: str | None = BASIC, **changes: str | None) -> HTTPResponse:
    body = {'grant_type': 'authorization_code', 'code': code, 'redirect_uri': REDIRECT, 'code_verifier': VERIFIER} | changes
    return ask(http, {name: value for name, value in body.items() if value is not None}, authorization)


def introspect(http: ChaliceClient, token: str) -> dict[str, Any]:
    headers = {'Authorization': BASIC, 'Content-Type': 'application/x-www-form-urlencoded'}
    return http.http.post('/oauth/introspect', headers=headers, body=urlencode({'token': token}).encode()).json_body


def error_of(response: HTTPResponse) -> str:
    assert response.status_code in (400, 401), response.body
    return response.json_body['error']


class TestTheFlow:
    def test_a_user_agrees_and_the_application_gets_tokens(self, http: ChaliceClient, visitor: Browser, user: User):
        answer = decide(visitor, path())
        token = exchange(http, answer['code']).json_body

        assert visitor.location.startswith(REDIRECT + '&')
        assert (answer['state'], answer['iss']) == ('a b&c', settings().issuer)
        assert token['scope'] == 'info read write'
        claims = auth.verify(f'Bearer {token["access_token"]}')
        assert (claims['sub'], claims['client_id'], claims['scope']) == (user.user_id, 'web-app', 'info read write')
        again = ask(http, {'grant_type': 'refresh_token', 'refresh_token': token['refresh_token']}, BASIC)
        assert again.json_body['scope'] == 'info read write'

    def test_the_page_says_who_asks_for_what(self, visitor: Browser):
        visitor.get(path())

        assert 'Web <app> wants to access' in visitor.text
        assert 'Read your user name, email address, and signup date.' in visitor.text
        assert 'app.example' in visitor.text
        assert '<app>' not in visitor.page
        assert "form-action 'self' https:;" in visitor.response.headers['Content-Security-Policy']
        assert visitor.response.headers['X-Frame-Options'] == 'DENY'

    def test_a_user_may_grant_less_than_was_asked(self, http: ChaliceClient, visitor: Browser, user: User):
        token = exchange(http, decide(visitor, path(), ['read'])['code']).json_body

        assert token['scope'] == 'read'
        grant = Grant.find(user.user_id, 'web-app')
        assert grant is not None
        assert grant.scopes == {'read'}

    def test_a_user_cannot_be_made_to_grant_more(self, http: ChaliceClient, visitor: Browser):
        answer = decide(visitor, path(), ['read', 'admin', 'delete'])

        assert exchange(http, answer['code']).json_body['scope'] == 'read'

    @pytest.mark.parametrize('mode', ['query', ''])
    @pytest.mark.parametrize('decision', ['allow', 'deny'])
    def test_the_answer_is_in_the_query_as_the_metadata_say(self, visitor: Browser, mode: str, decision: str):
        answer = decide(visitor, path(response_mode=mode), decision=decision)

        assert ('code' in answer, 'error' in answer) == (decision == 'allow', decision == 'deny')
        assert urlsplit(visitor.location).fragment == ''

    @pytest.mark.parametrize('mode', ['fragment', 'form_post', 'query.jwt', 'nonsense'])
    def test_an_answer_elsewhere_is_refused_before_the_user_is_asked(self, visitor: Browser, mode: str):
        visitor.get(path(response_mode=mode))

        assert visitor.status == 303
        assert (told(visitor)['error'], told(visitor)['state']) == ('invalid_request', 'a b&c')
        assert told(visitor)['error_description'] == 'response_mode must be query'
        assert told(visitor)['error_uri'].endswith('/reference#oauth-error-invalid_request')
        assert urlsplit(visitor.location).fragment == ''

    @pytest.mark.parametrize('decision', ['allow', 'deny'])
    def test_a_form_cannot_ask_for_an_answer_elsewhere_either(self, visitor: Browser, decision: str):
        visitor.get(path())
        csrf = re.search(r'name="csrf" value="([^"]*)"', visitor.page)[1]
        query = path(response_mode='fragment').partition('?')[2]

        visitor.post('/oauth/authorize', {'csrf': csrf, 'query': query, 'granted': 'read', 'decision': decision})

        assert (visitor.status, told(visitor)['error'], urlsplit(visitor.location).fragment) == (303, 'invalid_request', '')

    @pytest.mark.parametrize(('granted', 'decision'), [(None, 'deny'), ([], 'allow'), (['admin'], 'allow'), (None, '')])
    def test_who_does_not_agree_is_sent_back_with_that(self, visitor: Browser, granted: list[str] | None, decision: str):
        answer = decide(visitor, path(), granted, decision)

        assert (answer['error'], answer['state'], answer['iss']) == ('access_denied', 'a b&c', settings().issuer)
        assert 'code' not in answer

    def test_who_is_not_logged_in_logs_in_first_and_comes_back(self, browser: Browser, user: User, app: Client):
        browser.get(path())

        assert browser.status == 303
        login = urlsplit(browser.location)
        assert login.path == '/login'
        browser.log_in(next=parse_qs(login.query)['next'][0])
        assert urlsplit(browser.location).path == '/oauth/authorize'
        assert decide(browser, browser.location)['state'] == 'a b&c'

    def test_a_confidential_client_may_go_without_pkce(self, http: ChaliceClient, visitor: Browser):
        answer = decide(visitor, path(code_challenge=None, code_challenge_method=None))

        assert exchange(http, answer['code'], code_verifier=None).status_code == 200

    def test_the_only_redirect_uri_may_be_left_out(self, http: ChaliceClient, visitor: Browser):
        answer = decide(visitor, path(redirect_uri=None))

        assert visitor.location.startswith(REDIRECT)
        assert exchange(http, answer['code'], redirect_uri=None).status_code == 200

    def test_a_public_client_has_any_port_of_the_loopback_address(self, http: ChaliceClient, visitor: Browser, native: Client):
        uri = 'http://127.0.0.1:51234/callback'
        answer = decide(visitor, path(client_id='native', redirect_uri=uri))

        assert visitor.location.startswith(uri + '?')
        token = exchange(http, answer['code'], None, client_id='native', redirect_uri=uri).json_body
        again = ask(http, {'grant_type': 'refresh_token', 'refresh_token': token['refresh_token'], 'client_id': 'native'}, None)
        assert again.status_code == 200

    def test_a_public_client_may_have_a_scheme_of_its_own(self, visitor: Browser, native: Client):
        decide(visitor, path(client_id='native', redirect_uri='com.example.app:/callback'))

        assert visitor.location.startswith('com.example.app:/callback?code=')


class TestTheConsentPage:
    def test_names_no_host_of_what_opens_an_application_on_the_device(self, visitor: Browser, user: User):
        uri = 'com.example.app://bank.example/callback'
        Client.register(client_id='phone', owner_id=user.user_id, name='Phone', redirect_uris=[uri], confidential=False, now=1)
        asked = path(client_id='phone', redirect_uri=uri)
        destination = 'an application on this device that opens "com.example.app:" links'

        visitor.get(asked)
        assert f'you will be sent to {destination} .' in visitor.text
        visitor.post('/logout', {'next': asked})
        visitor.get(visitor.location)

        assert f'To continue to Phone ( {destination} )' in visitor.text
        assert 'bank.example' not in visitor.text

    def test_names_who_registered_the_application_and_where_it_leads(self, visitor: Browser, user: User, make_user: Callable[..., User]):
        visitor.get(path())
        assert 'by you' in visitor.text
        owner = make_user('owner@example.com')
        for owner_id, said in (
            (owner.user_id, 'by owner@example.com , who uses this server. Nobody has checked'),
            ('gone', 'who has left'),
        ):
            Client.find('web-app').update([Client.owner_id.set(owner_id)])
            visitor.get(path())
            assert said in visitor.text
        assert visitor.text.index('app.example') < visitor.text.index('It wants permission to')

    def test_selects_nothing_that_cannot_be_undone(self, visitor: Browser, user: User):
        visitor.get(path(scope='info read write delete admin'))
        assert re.findall(r'value="(\w+)" checked', visitor.page) == ['info', 'read', 'write']

        Grant.allow(user, 'web-app', ['read', 'delete'], 1, shown=SHOWN)  # which was chosen before
        visitor.get(path(scope='read delete admin'))
        assert re.findall(r'value="(\w+)" checked', visitor.page) == ['read', 'delete']

    @pytest.mark.parametrize('granted', [['write'], ['delete', 'info'], ['write', 'delete']])
    def test_ties_changes_to_reading(self, visitor: Browser, user: User, granted: list[str]):
        query = path(scope='info read write delete admin').partition('?')[2]
        fields = [('query', query), ('decision', 'allow'), *(('granted', scope) for scope in granted)]
        visitor.post_all('/oauth/authorize', fields)
        assert (visitor.status, 'must also read' in visitor.text) == (422, True)
        assert set(re.findall(r'value="(\w+)" checked', visitor.page)) == set(granted)
        assert f'action="/oauth/authorize?{escape(query)}"' in visitor.page  # where the page can be loaded again
        assert Grant.find(user.user_id, 'web-app') is None

        for more in ('read', 'admin'):
            visitor.post_all('/oauth/authorize', [*fields, ('granted', more)])
            assert 'code' in told(visitor)

    @pytest.mark.parametrize(('asked', 'granted'), [('write', 'write'), ('info delete', 'delete'), ('admin write', 'write')])
    def test_asks_for_reading_with_what_needs_it(self, http: ChaliceClient, visitor: Browser, asked: str, granted: str):
        visitor.get(path(scope=asked))
        assert 'value="read" checked' in visitor.page
        query = path(scope=asked).partition('?')[2]
        for more in ([], ['admin'] if 'admin' not in asked else []):  # which the page did not ask for
            fields = [('query', query), ('decision', 'allow'), *(('granted', scope) for scope in (granted, *more))]
            assert visitor.post_all('/oauth/authorize', fields).status_code == 422

        token = exchange(http, decide(visitor, path(scope=asked), ['read', granted])['code']).json_body

        assert set(token['scope'].split()) == {'read', granted}
        assert visitor.get(path(scope=granted)).status_code == 303  # all of it was granted before

    @pytest.mark.parametrize('kept', [None, 'admin'])
    def test_what_needs_reading_goes_with_it(self, http: ChaliceClient, visitor: Browser, user: User, kept: str | None):
        before = exchange(http, decide(visitor, path(scope='read write'))['code']).json_body
        if kept:
            decide(visitor, path(scope=kept, prompt='consent'), [kept])
        decide(visitor, path(scope='read info', prompt='consent'), ['info'])

        assert Grant.find(user.user_id, 'web-app').scopes == ({'info', 'admin', 'write'} if kept else {'info'})
        for which in ('refresh_token', 'access_token'):
            assert introspect(http, before[which]) == {'active': False}
        assert error_of(ask(http, {'grant_type': 'refresh_token', 'refresh_token': before['refresh_token']}, BASIC)) == 'invalid_grant'
        if kept:
            decide(visitor, path(scope='admin info', prompt='consent'), ['info'])
            assert Grant.find(user.user_id, 'web-app').scopes == {'info'}

    def test_is_skipped_for_what_a_confidential_client_was_granted(self, http: ChaliceClient, visitor: Browser, native: Client):
        decide(visitor, path())

        visitor.get(path(scope='read'))
        assert (visitor.status, exchange(http, told(visitor)['code']).json_body['scope']) == (303, 'read')
        for again in (path(prompt='consent'), path(scope='read delete')):
            assert visitor.get(again).status_code == 200
        public = path(client_id='native', redirect_uri='http://127.0.0.1/callback')
        decide(visitor, public)
        assert visitor.get(public).status_code == 200
        visitor.post('/profile/revoke', {'client_id': 'web-app'})
        assert visitor.get(path()).status_code == 200

    @pytest.mark.parametrize('change', ['another URI', 'another name'])
    def test_something_harmless_that_is_allowed_elsewhere_allows_nothing_else_there(
        self, visitor: Browser, user: User, app: Client, mailbox: Mailbox, change: str
    ):
        """Whoever gets at an application's registration could else have all that its users once allowed."""
        decide(visitor, path(scope='read write delete'), ['read', 'write', 'delete'])
        elsewhere = 'https://elsewhere.example/cb' if change == 'another URI' else REDIRECT
        app.change(user, name='Another name' if change == 'another name' else app.name, redirect_uris=[REDIRECT, elsewhere], now=2)
        decide(visitor, path(scope='public', redirect_uri=elsewhere), ['public'])

        visitor.get(path(scope='read write delete', redirect_uri=elsewhere))

        assert (visitor.status, 'name="decision"' in visitor.page) == (200, True)
        assert not re.search(r'value="delete"[^>]* checked', visitor.page)
        mails = len(mailbox.read())
        decide(visitor, path(scope='read', redirect_uri=elsewhere), ['read'])
        assert len(mailbox.read()) == mails + 1  # of a connection that is new there
        visitor.get(path(scope='public read', redirect_uri=elsewhere))
        assert visitor.location.startswith(elsewhere)

    def test_what_was_taken_back_does_not_come_back_where_it_was_allowed_by_being_allowed_elsewhere(
        self, visitor: Browser, user: User, app: Client
    ):
        decide(visitor, path(scope='read delete'), ['read', 'delete'])
        decide(visitor, path(scope='read delete', prompt='consent'), ['read'])
        elsewhere = 'https://elsewhere.example/cb'
        app.change(user, name=app.name, redirect_uris=[REDIRECT, elsewhere], now=2)
        decide(visitor, path(scope='read delete', redirect_uri=elsewhere), ['read', 'delete'])

        assert visitor.get(path(scope='read delete')).status_code == 200
        assert visitor.get(path(scope='read delete', redirect_uri=elsewhere)).status_code == 303

    def test_where_nothing_is_left_of_what_was_allowed_nothing_allowed_elsewhere_counts(self, visitor: Browser, user: User, app: Client):
        decide(visitor, path(scope='read'), ['read'])
        [grant] = Grant.of_user(user.user_id)
        grant.update([Grant.agreements.set([REDIRECT])])  # as an earlier release kept it
        Grant.withhold(user.user_id, app.client_id, ['read'])
        elsewhere = 'https://elsewhere.example/cb'
        app.change(user, name=app.name, redirect_uris=[REDIRECT, elsewhere], now=2)
        decide(visitor, path(scope='read delete', redirect_uri=elsewhere), ['read', 'delete'])

        assert visitor.get(path(scope='read delete')).status_code == 200

    def test_a_grant_of_an_earlier_release_stands_for_all_of_it_where_it_was_agreed_to(self, visitor: Browser, user: User, app: Client):
        decide(visitor, path(scope='read write'), ['read', 'write'])
        [grant] = Grant.of_user(user.user_id)
        grant.update([Grant.agreements.set([REDIRECT])])

        visitor.get(path(scope='read write'))

        assert visitor.location.startswith(REDIRECT)

    def test_asks_again_where_it_would_send_the_user_elsewhere(self, visitor: Browser, user: User, app: Client):
        elsewhere = 'https://elsewhere.example/cb'
        decide(visitor, path(scope='read delete'), ['read', 'delete'])
        app.change(user, name=app.name, redirect_uris=[REDIRECT, elsewhere], now=2)
        moved = path(scope='read delete', redirect_uri=elsewhere)

        for asked, status in ((path(scope='read'), 303), (moved, 200)):
            assert visitor.get(asked).status_code == status
        assert 'You allowed it before, but it sent you elsewhere then. It wants' in visitor.text
        assert re.findall(r'value="(\w+)" checked', visitor.page) == ['read']

        decide(visitor, path(prompt='consent'))  # since the other one was added, but not to that
        assert visitor.get(moved).status_code == 200
        decide(visitor, moved, ['read'])
        for asked in (path(scope='read'), path(scope='read', redirect_uri=elsewhere)):
            assert visitor.get(asked).status_code == 303

    def test_asks_again_after_a_new_name_and_says_the_one_before(self, visitor: Browser, user: User, app: Client):
        decide(visitor, path())
        app.change(user, name='Tax office', redirect_uris=[REDIRECT], now=2)

        assert visitor.get(path()).status_code == 200
        assert 'When you last allowed it, it was called Web <app>.' in visitor.text
        decide(visitor, path())
        assert visitor.get(path()).status_code == 303

    def test_asks_who_agreed_before_it_was_kept_to_what_or_in_the_application_itself(self, visitor: Browser, user: User):
        Grant.allow(user, 'web-app', ['info', 'read', 'write'], 1)

        assert visitor.get(path()).status_code == 200
        assert 'before' not in visitor.text

    def test_agreeing_to_another_redirect_uri_is_mailed(self, visitor: Browser, user: User, app: Client, mailbox: Mailbox):
        app.change(user, name=app.name, redirect_uris=[REDIRECT, 'https://elsewhere.example/cb'], now=2)
        mailbox.read()

        for asked in (path(), path(scope='read'), path(redirect_uri='https://elsewhere.example/cb')):
            decide(visitor, asked)

        assert [text.splitlines()[0] for _, text in mailbox.read() if 'New login' not in text] == [
            'Subject: An application was connected'
        ] * 2

    def test_each_consent_to_a_public_client_is_mailed_as_anybody_may_run_a_copy_of_it(
        self, visitor: Browser, native: Client, mailbox: Mailbox
    ):
        mailbox.read()

        for port in (1, 2, 2):
            decide(visitor, path(client_id='native', redirect_uri=f'http://127.0.0.1:{port}/callback'))

        assert [text.splitlines()[0] for _, text in mailbox.read() if 'New login' not in text] == [
            'Subject: An application was connected'
        ] * 3

    @pytest.mark.parametrize('prompt', ['consent', ''])
    def test_asks_again_for_what_was_granted_once_and_is_not_any_more(self, visitor: Browser, user: User, prompt: str):
        Grant.allow(user, 'web-app', ['info', 'read', 'write'], 1, shown=SHOWN)
        asked = path(scope='read write delete', prompt=prompt)
        query = asked.partition('?')[2]

        visitor.post_all('/oauth/authorize', [('query', query), ('decision', 'allow'), ('granted', 'read')])

        assert 'code' in told(visitor)
        assert Grant.find(user.user_id, 'web-app').scopes == {'info', 'read'}  # `info` was not asked for
        assert visitor.get(path(scope='read write')).status_code == 200
        assert visitor.get(path(scope='info read')).status_code == 303

    @pytest.mark.parametrize('which', ['refresh_token', 'access_token'])
    def test_takes_what_is_deselected_from_the_tokens_of_before(self, http: ChaliceClient, visitor: Browser, which: str):
        before = exchange(http, decide(visitor, path(scope='read write'))['code']).json_body
        assert introspect(http, before[which])['scope'] == 'read write'
        asked = path(scope='read write', prompt='consent').partition('?')[2]
        visitor.post_all('/oauth/authorize', [('query', asked), ('decision', 'allow'), ('granted', 'read')])

        assert introspect(http, before[which])['scope'] == 'read'
        refused = {'grant_type': 'refresh_token', 'refresh_token': before['refresh_token'], 'scope': 'write'}
        assert error_of(ask(http, refused, BASIC)) == 'invalid_scope'
        after = ask(http, {'grant_type': 'refresh_token', 'refresh_token': before['refresh_token']}, BASIC).json_body
        assert after['scope'] == auth.verify(f'Bearer {after["access_token"]}')['scope'] == 'read'
        assert introspect(http, after[which])['scope'] == 'read'

    def test_takes_back_everything_where_all_is_deselected(self, http: ChaliceClient, visitor: Browser):
        before = exchange(http, decide(visitor, path(scope='read write'))['code']).json_body

        assert decide(visitor, path(scope='read write', prompt='consent'), [])['error'] == 'access_denied'

        assert introspect(http, before['access_token']) == {'active': False}
        assert error_of(ask(http, {'grant_type': 'refresh_token', 'refresh_token': before['refresh_token']}, BASIC)) == 'invalid_grant'
        assert visitor.get(path(scope='read')).status_code == 200

    @pytest.mark.parametrize('which', ['refresh_token', 'access_token'])
    def test_ends_the_tokens_that_it_leaves_nothing(self, http: ChaliceClient, visitor: Browser, user: User, which: str):
        before = exchange(http, decide(visitor, path(scope='info'))['code']).json_body
        asked = path(scope='info read').partition('?')[2]

        visitor.post_all('/oauth/authorize', [('query', asked), ('decision', 'allow'), ('granted', 'read')])

        assert introspect(http, before[which]) == {'active': False}
        assert error_of(ask(http, {'grant_type': 'refresh_token', 'refresh_token': before['refresh_token']}, BASIC)) == 'invalid_grant'
        assert set(Grant.find(user.user_id, 'web-app').scopes) == {'read'}

    def test_takes_what_is_deselected_from_a_code_of_before(self, http: ChaliceClient, visitor: Browser):
        before = decide(visitor, path(scope='read write'))['code']
        decide(visitor, path(scope='read write', prompt='consent'), ['read'])

        assert exchange(http, before).json_body['scope'] == 'read'

    def test_two_answers_that_leave_nothing_leave_a_connection_to_be_revoked(self, visitor: Browser, user: User):
        Grant.allow(user, 'web-app', ['read'], 1)
        Grant.withhold(user.user_id, 'web-app', ['read'])

        visitor.get('/account/applications')

        assert (visitor.status, 'Web <app>' in visitor.text) == (200, True)
        assert visitor.get(path(scope='read')).status_code == 200

    def test_a_request_that_would_be_refused_says_nothing_on_the_page_that_asks_for_the_password(self, visitor: Browser):
        visitor.post('/logout', {})
        for asked in ('/oauth/authorize?client_id=web-app', path(redirect_uri='https://elsewhere.example/'), path(response_type='token')):
            visitor.get('/login?' + urlencode({'next': asked}))
            assert (visitor.status, 'Web <app>' in visitor.text) == (200, False)

    def test_lets_one_log_in_as_somebody_else_who_is_told_for_what(self, visitor: Browser, make_user: Callable[..., User]):
        make_user('other@example.com')
        visitor.get(path())
        here = unescape(re.search(r'name="next" value="([^"]+)"', visitor.page)[1])

        visitor.post('/logout', {'next': here})
        visitor.get(visitor.location)
        assert f'To continue to Web <app> ( {urlsplit(REDIRECT).netloc} )' in visitor.text
        visitor.log_in('other@example.com', next=here)
        visitor.get(visitor.location)

        assert 'You are logged in as other@example.com' in visitor.text

    def test_an_untrusted_request_shows_its_redirect_uri_and_the_way_to_mend_it_to_the_owner_alone(
        self, visitor: Browser, new_browser: Callable[[], Browser]
    ):
        wrong = path(redirect_uri='https://app.example/<callback>')
        visitor.get(wrong)
        assert 'Its redirect URI was: https://app.example/<callback>' in visitor.text
        assert 'href="/oauth/applications/web-app"' in visitor.page
        stranger = new_browser()
        stranger.get(wrong)
        assert (stranger.status, 'href="/oauth/applications/web-app"' in stranger.page, 'callback' in stranger.text) == (400, False, False)

    @pytest.mark.parametrize('client_id', ['web-app', 'nobody', 'Your account was locked: call +49 30 123456'])
    def test_no_link_has_a_page_of_ours_say_what_whoever_made_it_wants(self, new_browser: Callable[[], Browser], client_id: str):
        stranger, message = new_browser(), 'Your account was locked: call +49 30 123456'
        stranger.get(path(client_id=client_id, redirect_uri=message, scope=message, response_type=message, state=message))
        assert (stranger.status, 'locked' in stranger.text, '123456' in stranger.text) == (400, False, False)


class TestErrorsBeforeTheRedirectIsTrusted:
    @pytest.mark.parametrize(
        'changes',
        [
            {'client_id': None},
            {'client_id': 'nobody'},
            {'redirect_uri': 'https://evil.example/callback?tenant=1'},
            {'redirect_uri': 'https://app.example/callback'},
            {'redirect_uri': 'https://app.example/callback?tenant=1&x=y'},
            {'redirect_uri': 'https://app.example/callback/?tenant=1'},
            {'redirect_uri': 'https://app.example/Callback?tenant=1'},
            {'redirect_uri': 'https://APP.example/callback?tenant=1'},
            {'redirect_uri': 'http://app.example/callback?tenant=1'},
            {'redirect_uri': 'https://app.example:443/callback?tenant=1'},
            {'redirect_uri': 'https://user@app.example/callback?tenant=1'},
            {'redirect_uri': 'https://app.example@evil.example/callback?tenant=1'},
            {'redirect_uri': 'https://app.example/callback?tenant=1#'},
            {'redirect_uri': 'https://app.example/callback?tenant=1#x'},
            {'redirect_uri': 'https://app.example/%63allback?tenant=1'},
            {'redirect_uri': 'https://app.example/x/../callback?tenant=1'},
            {'redirect_uri': 'https://app.example.evil.example/callback?tenant=1'},
            {'redirect_uri': 'https://app.example\\@evil.example/callback?tenant=1'},
            {'redirect_uri': REDIRECT + '\r\nSet-Cookie: x=y'},
            {'redirect_uri': ' ' + REDIRECT},
            {'redirect_uri': '//app.example/callback?tenant=1'},
            {'redirect_uri': 'javascript:alert(1)'},
            {'redirect_uri': 'data:text/html,x'},
            {'client_id': 'native', 'redirect_uri': None},
            {'client_id': 'native', 'redirect_uri': 'http://127.0.0.2:1/callback'},
            {'client_id': 'native', 'redirect_uri': 'http://localhost:1/callback'},
            {'client_id': 'native', 'redirect_uri': 'http://127.0.0.1:1/other'},
            {'client_id': 'native', 'redirect_uri': 'https://127.0.0.1:1/callback'},
            {'client_id': 'native', 'redirect_uri': 'http://127.0.0.1:1@evil.example/callback'},
        ],
    )
    def test_are_shown_and_never_redirected(self, visitor: Browser, native: Client, changes: dict[str, str | None]):
        visitor.get(path(**changes))

        assert visitor.status == 400
        assert 'Location' not in visitor.response.headers
        assert 'cannot be trusted' in visitor.text

    @pytest.mark.parametrize('query', ['<script>', '\u0661', '\ud7ff=\0', '&a' * 200, ''])
    def test_a_form_with_any_other_query_is_one(self, visitor: Browser, query: str):
        for decision in ('allow', 'deny'):
            visitor.post('/oauth/authorize', {'query': query, 'decision': decision})
            assert (visitor.status, 'cannot be trusted' in visitor.text) == (400, True)

    def test_a_repeated_parameter_is_one(self, visitor: Browser):
        for name in ('client_id', 'redirect_uri', 'state', 'scope', 'response_type'):
            visitor.get(path() + '&' + urlencode({name: ASKED[name]}))
            assert visitor.status == 400, name

    def test_a_consent_that_was_tampered_with_is_checked_again(self, visitor: Browser):
        form = {'query': urlencode(ASKED | {'redirect_uri': 'https://evil.example/'}), 'granted': 'read', 'decision': 'allow'}

        visitor.post('/oauth/authorize', form)

        assert visitor.status == 400
        assert 'Location' not in visitor.response.headers


class TestErrorsOnceTheRedirectIsTrusted:
    @pytest.mark.parametrize(
        ('changes', 'error'),
        [
            ({'response_type': None}, 'invalid_request'),
            ({'response_type': 'token'}, 'unsupported_response_type'),
            ({'response_type': 'code token'}, 'unauthorized_client'),
            ({'response_type': 'none'}, 'unauthorized_client'),
            ({'scope': 'read everything'}, 'invalid_scope'),
            ({'code_challenge_method': 'plain'}, 'invalid_request'),
            ({'code_challenge_method': None}, 'invalid_request'),
            ({'code_challenge_method': 's256'}, 'invalid_request'),
            *(({'code_challenge': odd}, 'invalid_request') for odd in (CHALLENGE + '=', CHALLENGE[1:], 'é' * 43, '+' * 43, '\u0661' * 43)),
        ],
    )
    def test_are_told_to_the_application(self, visitor: Browser, changes: dict[str, str | None], error: str):
        visitor.get(path(**changes))

        assert visitor.status == 303
        assert visitor.location.startswith(REDIRECT + '&')
        assert (told(visitor)['error'], told(visitor)['state']) == (error, 'a b&c')

    @pytest.mark.parametrize('missing', [None, ''])
    def test_a_public_client_must_use_pkce(self, visitor: Browser, native: Client, missing: str | None):
        visitor.get(path(client_id='native', redirect_uri='http://127.0.0.1/callback', code_challenge=missing))

        assert told(visitor)['error'] == 'invalid_request'

    @pytest.mark.parametrize('changes', [{'scope': 'bogus'}, {'response_type': 'token'}, {'response_mode': 'fragment'}])
    def test_send_nobody_to_an_application_that_they_do_not_know(
        self, new_browser: Callable[[], Browser], make_user: Callable[..., User], app: Client, user: User, changes: dict[str, str]
    ):
        make_user('other@example.com')
        other = new_browser()
        other.log_in('other@example.com')

        other.get(path(**changes))
        assert (other.status, 'Location' in other.response.headers) == (400, False)
        assert 'Web <app> made an invalid request. If you know it, go back to it (app.example).' in other.text
        [back] = re.findall(r'href="(https://app\.example[^"]+)"', other.page)
        assert unescape(back).startswith(REDIRECT + '&error=')

        app.change(user, name=app.name, redirect_uris=[REDIRECT, 'https://elsewhere.example/cb'], now=2)
        decide(other, path(), ['read'])
        other.get(path(**changes))
        assert other.location == unescape(back)
        other.get(path(redirect_uri='https://elsewhere.example/cb', **changes))  # to which they did not agree
        assert other.status == 400

    @pytest.mark.parametrize('changes', [{'scope': 'bogus'}, {'response_type': 'token'}, {'response_mode': 'fragment'}])
    def test_are_told_after_log_in_only(self, browser: Browser, user: User, app: Client, changes: dict[str, str]):
        browser.get(path(**changes))
        assert (browser.status, urlsplit(browser.location).netloc, urlsplit(browser.location).path) == (303, '', '/login')

        browser.log_in(next=told(browser)['next'])
        browser.get(browser.location)

        assert browser.location.startswith(REDIRECT + '&')
        assert told(browser)['error'] in ('invalid_scope', 'unsupported_response_type', 'invalid_request')


class TestAttacks:
    @pytest.mark.parametrize('later', [61, 3_600, 29 * 86_400])
    def test_a_second_use_after_the_code_would_have_expired_is_noticed_too(
        self, http: ChaliceClient, visitor: Browser, stopped_clock: StoppedClock, later: int
    ):
        code = decide(visitor, path())['code']
        token = exchange(http, code).json_body
        stopped_clock.advance(later)

        assert error_of(exchange(http, code)) == 'invalid_grant'

        again = ask(http, {'grant_type': 'refresh_token', 'refresh_token': token['refresh_token']}, BASIC)
        assert error_of(again) == 'invalid_grant'

    def test_an_unused_code_expires_and_ends_nothing(self, http: ChaliceClient, visitor: Browser, stopped_clock: StoppedClock):
        code = decide(visitor, path())['code']
        stopped_clock.advance(60)

        assert error_of(exchange(http, code)) == 'invalid_grant'
        assert RevokedFamily.is_revoked(Code.find(code).family) is False

    def test_a_code_is_good_once_and_a_second_use_ends_all_that_came_of_it(self, http: ChaliceClient, visitor: Browser):
        code = decide(visitor, path())['code']
        token = exchange(http, code).json_body

        assert error_of(exchange(http, code)) == 'invalid_grant'
        refreshed = ask(http, {'grant_type': 'refresh_token', 'refresh_token': token['refresh_token']}, BASIC)
        assert error_of(refreshed) == 'invalid_grant'

    def test_of_two_uses_at_once_one_succeeds(self, http: ChaliceClient, visitor: Browser):
        code = decide(visitor, path())['code']
        other: list[HTTPResponse] = []

        with meanwhile('GetItem', lambda: other.append(exchange(http, code)), number=4):  # everything was looked up
            assert error_of(exchange(http, code)) == 'invalid_grant'
        assert other[0].status_code == 200

    def test_a_code_dies_after_a_minute(self, http: ChaliceClient, visitor: Browser):
        code = decide(visitor, path())['code']
        found = Code.find(code)
        assert found
        assert 55 <= found.expires_at - found.created_at <= 60
        found.update([Code.expires_at.set(1)])

        assert error_of(exchange(http, code)) == 'invalid_grant'

    def test_another_client_cannot_use_the_code(self, http: ChaliceClient, visitor: Browser, user: User):
        Client.register(client_id='other', secret='secret', owner_id=user.user_id, name='x', redirect_uris=[REDIRECT], now=1)
        code = decide(visitor, path())['code']

        other = exchange(http, code, 'Basic ' + base64.b64encode(b'other:secret').decode())

        assert error_of(other) == 'invalid_grant'
        assert exchange(http, code).status_code == 200

    def test_a_public_client_cannot_use_a_confidential_ones_code(self, http: ChaliceClient, visitor: Browser, native: Client):
        code = decide(visitor, path())['code']

        assert error_of(exchange(http, code, None, client_id='native')) == 'invalid_grant'
        assert error_of(exchange(http, code, None, client_id='web-app')) == 'invalid_client'

    @pytest.mark.parametrize('verifier', [None, '', 'w' * 43, CHALLENGE])
    def test_an_injected_code_fails_for_want_of_the_verifier(self, http: ChaliceClient, visitor: Browser, verifier: str | None):
        code = decide(visitor, path())['code']

        assert error_of(exchange(http, code, code_verifier=verifier)) in ('invalid_grant', 'invalid_request')

    @pytest.mark.parametrize('verifier', ['é' * 43, '\u0661' * 43, 'v' * 42, 'v' * 129, '+' * 43, f'{VERIFIER}\n'])
    def test_what_is_no_verifier_is_told_to_be_none(self, http: ChaliceClient, visitor: Browser, verifier: str):
        code = decide(visitor, path())['code']

        assert error_of(exchange(http, code, code_verifier=verifier)) == 'invalid_request'
        assert exchange(http, code).status_code == 200

    def test_an_empty_challenge_and_verifier_are_none(self, http: ChaliceClient, visitor: Browser):
        code = decide(visitor, path(code_challenge='', code_challenge_method=None))['code']

        assert exchange(http, code, code_verifier='').status_code == 200

    def test_a_verifier_for_a_code_without_a_challenge_is_a_downgrade(self, http: ChaliceClient, visitor: Browser):
        code = decide(visitor, path(code_challenge=None, code_challenge_method=None))['code']

        assert error_of(exchange(http, code)) == 'invalid_grant'

    @pytest.mark.parametrize('uri', ['https://evil.example/', 'https://app.example/callback', REDIRECT + '&x=y', None])
    def test_the_redirect_uri_of_the_exchange_is_that_of_the_request(
        self, http: ChaliceClient, visitor: Browser, user: User, uri: str | None
    ):
        second = 'https://app.example/second'
        client = Client.find('web-app')
        assert client
        client.change(user, name='x', redirect_uris=[REDIRECT, second], now=1)
        code = decide(visitor, path(redirect_uri=second))['code']

        assert error_of(exchange(http, code, redirect_uri=uri)) in ('invalid_grant', 'invalid_request')

    def test_made_up_codes_and_other_tokens_are_no_codes(self, http: ChaliceClient, visitor: Browser):
        token = exchange(http, decide(visitor, path())['code']).json_body

        for text in ('x', '', token['refresh_token'], token['access_token'], "' OR 1=1"):
            assert error_of(exchange(http, text)) in ('invalid_grant', 'invalid_request')

    def test_a_code_is_no_refresh_token(self, http: ChaliceClient, visitor: Browser):
        code = decide(visitor, path())['code']

        assert error_of(ask(http, {'grant_type': 'refresh_token', 'refresh_token': code}, BASIC)) == 'invalid_grant'

    def test_a_refresh_token_of_one_client_is_none_of_another(self, http: ChaliceClient, visitor: Browser, native: Client):
        token = exchange(http, decide(visitor, path())['code']).json_body['refresh_token']

        stolen = ask(http, {'grant_type': 'refresh_token', 'refresh_token': token, 'client_id': 'native'}, None)

        assert error_of(stolen) == 'invalid_grant'

    def test_consent_cannot_be_forged_from_another_site(self, visitor: Browser):
        form = {'query': urlencode(ASKED), 'granted': 'read', 'decision': 'allow'}
        headers = {'Content-Type': 'application/x-www-form-urlencoded'}

        for token in ('', 'x', 'é' * 16 + '.' + 'é' * 64, visitor.csrf('/signup')[:-1] + 'x'):
            visitor.request('POST', '/oauth/authorize', urlencode(form | {'csrf': token}).encode(), **headers)
            assert visitor.status == 403, token
        visitor.post('/oauth/authorize', form, Origin='https://evil.example')
        assert visitor.status == 403

    def test_consent_of_somebody_who_logged_out_is_none(self, visitor: Browser, user: User):
        visitor.post('/logout')
        visitor.post('/oauth/authorize', {'query': urlencode(ASKED), 'granted': 'read', 'decision': 'allow'})

        assert urlsplit(visitor.location).path == '/login'
        assert Grant.find(user.user_id, 'web-app') is None

    def test_a_code_dies_when_the_application_is_revoked(self, http: ChaliceClient, visitor: Browser, user: User):
        code = decide(visitor, path())['code']

        Grant.revoke(user.user_id, 'web-app')

        assert error_of(exchange(http, code)) == 'invalid_grant'


EVIL = 'https://evil.example/steal'


def change(app: Client, user: User, name: str = 'Web <app>', redirect_uri: str = REDIRECT) -> None:
    """Change the registration of an application, as its owner can at any time."""
    Client.find(app.client_id).change(User.find(user.user_id), name=name, redirect_uris=[redirect_uri], now=2)


def hidden_fields(browser: Browser) -> dict[str, str]:
    return {name: unescape(value) for name, value in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', browser.page)}


@pytest.mark.parametrize('decision', ['allow', 'deny'])
@pytest.mark.parametrize(('asked', 'to'), [(path(redirect_uri=None), {'redirect_uri': EVIL}), (path(), {'name': 'Your Bank'})])
def test_nothing_is_answered_to_an_application_that_is_another_one_than_the_page_showed(
    visitor: Browser, user: User, app: Client, decision: str, asked: str, to: dict[str, str]
):
    visitor.get(asked)
    form = hidden_fields(visitor) | {'granted': 'read', 'decision': decision}
    change(app, user, **to)

    visitor.post('/oauth/authorize', form)

    assert (visitor.status, Grant.find(user.user_id, 'web-app')) == (422, None)
    assert 'The application was changed after this page was opened' in visitor.text
    assert ('evil.example' if 'redirect_uri' in to else 'Your Bank') in visitor.text
    visitor.post('/oauth/authorize', hidden_fields(visitor) | {'granted': 'read', 'decision': 'allow'})
    assert visitor.location.startswith(to.get('redirect_uri', REDIRECT))
    assert 'code' in told(visitor)


@pytest.mark.parametrize('asked', [path(redirect_uri=None), path()])
def test_nobody_is_sent_silently_where_they_did_not_agree_to_be_whenever_the_application_is_changed(
    visitor: Browser, user: User, app: Client, asked: str
):
    decide(visitor, path())
    changed = 0
    for number in range(1, 20):
        change(app, user)
        try:
            with meanwhile('GetItem', lambda: change(app, user, redirect_uri=EVIL), number=number):
                visitor.get(asked)
        except AssertionError:
            break  # so many requests it does not make
        changed += 1
        is_page = visitor.status in (200, 400) or visitor.location.startswith('/oauth/authorize?')
        assert is_page or visitor.location.startswith(REDIRECT), (number, visitor.status, visitor.location)
        assert EVIL not in Grant.find(user.user_id, 'web-app').agreed

    assert changed > 3


@pytest.mark.parametrize('state', ['', '&state=a\r\nX-Injected: b'])
def test_a_code_for_what_is_allowed_while_the_application_is_changed_goes_where_the_page_said(
    visitor: Browser, user: User, app: Client, state: str
):
    asked = path(redirect_uri=None, state=None)
    visitor.get(asked)
    form = hidden_fields(visitor) | {'granted': 'read', 'decision': 'allow', 'query': asked.partition('?')[2] + state}
    changed = 0
    for number in range(1, 20):
        change(app, user)
        try:
            with meanwhile('GetItem', lambda: change(app, user, redirect_uri=EVIL), number=number):
                visitor.post('/oauth/authorize', form)
        except AssertionError:
            break
        changed += 1
        is_page = visitor.status in (400, 422) or visitor.location.startswith('/oauth/authorize?')
        assert is_page or visitor.location.startswith(REDIRECT), (number, visitor.status, visitor.location)

    assert changed > 3
