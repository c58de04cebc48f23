"""Three OAuth2 client libraries that we did not write complete the code flow over HTTP; a fourth reads the tokens."""

import html
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlencode

import jwt as pyjwt
import pytest
import requests
from authlib.integrations.requests_client import OAuth2Session as AuthlibSession
from oauthlib.common import generate_token
from oauthlib.oauth2 import WebApplicationClient
from requests_oauthlib import OAuth2Session

from tests.e2e.conftest import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.remote, pytest.mark.xdist_group('stack')]

CALLBACK = 'http://127.0.0.1/callback'
SCOPE = ['info', 'read']
FORM = {'Content-Type': 'application/x-www-form-urlencoded'}


def form_of(page: str) -> dict[str, str]:
    """Return the hidden fields of a page's form."""
    fields = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page)
    return {name: html.unescape(value) for name, value in fields}


def agree(stack: Stack, url: str, scopes: list[str]) -> str:
    """Be the user at the browser: log in, allow `scopes`, and return the address that the browser is sent to.

    The user is asked, whatever tests before this allowed.
    """
    with requests.Session() as browser:
        login = browser.get(f'{url}&prompt=consent')
        assert '/login' in login.url
        email, password = stack.demo['DEMO_EMAIL'], stack.demo['DEMO_PASSWORD']
        fields = form_of(login.text) | {'email': email, 'password': password}
        consent = browser.post(f'{stack.url}/login', fields)
        assert 'wants to access' in consent.text, consent.text
        decided = [*form_of(consent.text).items(), *(('granted', scope) for scope in scopes), ('decision', 'allow')]
        answer = browser.post(f'{stack.url}/oauth/authorize', decided, allow_redirects=False)
        assert answer.status_code == 303
        return answer.headers['Location']


@contextmanager
def requests_oauthlib(stack: Stack) -> Iterator[tuple[Callable[..., requests.Response], dict, Callable[[], dict]]]:
    auth = stack.demo['DEMO_CLIENT_ID'], stack.demo['DEMO_CLIENT_SECRET']
    with OAuth2Session(auth[0], redirect_uri=CALLBACK, scope=SCOPE, pkce='S256') as session:
        url, _ = session.authorization_url(f'{stack.url}/oauth/authorize')
        token = session.fetch_token(f'{stack.url}/oauth/token', authorization_response=agree(stack, url, SCOPE), client_secret=auth[1])
        yield session.get, token, lambda: session.refresh_token(f'{stack.url}/oauth/token', auth=auth)


@contextmanager
def authlib(stack: Stack) -> Iterator[tuple[Callable[..., requests.Response], dict, Callable[[], dict]]]:
    with AuthlibSession(
        stack.demo['DEMO_CLIENT_ID'],
        stack.demo['DEMO_CLIENT_SECRET'],
        redirect_uri=CALLBACK,
        scope=' '.join(SCOPE),
        code_challenge_method='S256',
        token_endpoint=f'{stack.url}/oauth/token',
    ) as session:
        verifier = generate_token(48)
        url, state = session.create_authorization_url(f'{stack.url}/oauth/authorize', code_verifier=verifier)
        answer = agree(stack, url, SCOPE)
        token = session.fetch_token(authorization_response=answer, code_verifier=verifier, state=state)
        yield session.get, token, session.refresh_token


@contextmanager
def oauthlib(stack: Stack) -> Iterator[tuple[Callable[..., requests.Response], dict, Callable[[], dict]]]:
    auth = stack.demo['DEMO_CLIENT_ID'], stack.demo['DEMO_CLIENT_SECRET']
    client = WebApplicationClient(auth[0])
    verifier = client.create_code_verifier(64)
    challenge = client.create_code_challenge(verifier, 'S256')
    url, _, _ = client.prepare_authorization_request(
        f'{stack.url}/oauth/authorize',
        redirect_url=CALLBACK,
        scope=SCOPE,
        state='a state',
        code_challenge=challenge,
        code_challenge_method='S256',
    )
    client.parse_request_uri_response(agree(stack, url, SCOPE), state='a state')

    def ask(prepared: tuple[str, dict, str]) -> dict:
        where, headers, body = prepared
        return client.parse_request_body_response(requests.post(where, body, headers=headers, auth=auth).text)

    token = ask(client.prepare_token_request(f'{stack.url}/oauth/token', code_verifier=verifier, redirect_url=CALLBACK))

    def get(address: str) -> requests.Response:
        where, headers, _ = client.add_token(address)
        return requests.get(where, headers=headers)

    yield get, token, lambda: ask(client.prepare_refresh_token_request(f'{stack.url}/oauth/token', client.refresh_token))


@pytest.mark.parametrize('library', [requests_oauthlib, authlib, oauthlib], ids=lambda library: library.__name__)
def test_a_client_library_gets_refreshes_and_revokes_tokens(stack: Stack, library: Callable) -> None:
    auth = stack.demo['DEMO_CLIENT_ID'], stack.demo['DEMO_CLIENT_SECRET']
    with library(stack) as (get, token, refresh):
        assert get(f'{stack.url}/api/user').json()['result']['email'] == stack.demo['DEMO_EMAIL']
        refreshed = refresh()
        assert refreshed['refresh_token'] != token['refresh_token']
        assert get(f'{stack.url}/api/portfolios').status_code == 200

        revoked = requests.post(f'{stack.url}/oauth/revoke', {'token': refreshed['refresh_token']}, auth=auth)
        assert revoked.status_code == 200
        again = {'grant_type': 'refresh_token', 'refresh_token': refreshed['refresh_token']}
        assert requests.post(f'{stack.url}/oauth/token', again, auth=auth).json()['error'] == 'invalid_grant'


def test_a_subset_is_granted_and_a_second_library_reads_the_token(stack: Stack) -> None:
    auth = stack.demo['DEMO_CLIENT_ID'], stack.demo['DEMO_CLIENT_SECRET']
    query = urlencode({'response_type': 'code', 'client_id': auth[0], 'redirect_uri': CALLBACK, 'scope': 'info read write', 'state': 's'})

    answer = agree(stack, f'{stack.url}/oauth/authorize?{query}', ['info'])
    code = re.search(r'[?&]code=([^&]+)', answer)[1]
    body = {'grant_type': 'authorization_code', 'code': code, 'redirect_uri': CALLBACK}
    token = requests.post(f'{stack.url}/oauth/token', body, auth=auth).json()

    assert token['scope'] == 'info'
    keys = pyjwt.PyJWKClient(f'{stack.url}/.well-known/jwks.json')
    key = keys.get_signing_key_from_jwt(token['access_token'])
    claims = pyjwt.decode(token['access_token'], key.key, algorithms=['ES256'], audience='cryptfolio', issuer=stack.url)
    assert claims['scope'] == 'info'
    headers = {'Authorization': f'Bearer {token["access_token"]}'}
    assert requests.get(f'{stack.url}/api/user', headers=headers).status_code == 200
    assert requests.get(f'{stack.url}/api/portfolios', headers=headers).status_code == 403


def test_an_api_key_is_taken_from_the_header_the_query_or_as_a_token(stack: Stack) -> None:
    wrong = 'cfk_wrong'

    for request in (
        {'headers': {'X-API-KEY': wrong}},
        {'params': {'api_key': wrong}},
        {'headers': {'Authorization': f'Bearer {wrong}'}},
    ):
        answer = requests.get(f'{stack.url}/api/user', **request)
        assert (answer.status_code, answer.json()['code']) == (401, 'invalid_token')
