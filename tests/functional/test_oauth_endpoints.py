"""Client credentials, revocation, introspection and metadata."""

import base64
import json
import time
from datetime import UTC, datetime
from urllib.parse import urlencode

import jwt as pyjwt
import pytest
from chalice.test import Client as ChaliceClient
from chalice.test import HTTPResponse

from chalicelib import auth, clock
from chalicelib.config import settings
from chalicelib.models import Client, Grant, RefreshToken, User, transact
from chalicelib.services.users import access
from tests.support.api import PASSWORD
from tests.support.browser import Browser, Mailbox
from tests.support.clock import StoppedClock
from tests.support.dynamodb import meanwhile
from tests.support.oauth import BASIC, GOOD, ask

FORM = {'Content-Type': 'application/x-www-form-urlencoded'}


def post(http: ChaliceClient, path: str, authorization: str | None = BASIC, **body: str) -> HTTPResponse:
    headers = FORM | ({'Authorization': authorization} if authorization else {})
    return http.http.post(f'/oauth/{path}', headers=headers, body=urlencode(body).encode())


def refresh(http: ChaliceClient, token: str) -> HTTPResponse:
    return ask(http, {'grant_type': 'refresh_token', 'refresh_token': token})


@pytest.fixture
def other_client(user: User) -> str:
    """Another client, as its Basic header."""
    Client.register(client_id='other', secret='secret', owner_id=user.user_id, name='x', redirect_uris=[], now=0)
    return 'Basic ' + base64.b64encode(b'other:secret').decode()


@pytest.fixture
def public_client(user: User) -> Client:
    client, secret = Client.register(
        client_id='public', owner_id=user.user_id, name='x', redirect_uris=['https://a.example/'], confidential=False, now=0
    )
    assert secret is None
    return client


def test_a_client_gets_at_its_owners_data_without_a_refresh_token(http: ChaliceClient, user: User, client: Client):
    token = ask(http, {'grant_type': 'client_credentials', 'scope': 'read'}).json_body

    assert 'refresh_token' not in token
    assert auth.verify(f'Bearer {token["access_token"]}')['sub'] == user.user_id
    response = http.http.get('/api/user', headers={'Authorization': f'Bearer {token["access_token"]}'})
    assert response.json_body['result']['email'] == user.email


@pytest.mark.parametrize(
    ('mode', 'form', 'status'),
    [
        ('navigate', b'grant_type=client_credentials', 400),
        ('no-cors', b'grant_type=client_credentials', 400),
        ('cors', b'grant%5Ftype=passwor%64&username=test@example.com&password=x', 400),
        ('cors', b'grant_type=client_credentials', 200),
    ],
)
def test_no_page_of_another_site_has_browsers_try_passwords(
    http: ChaliceClient, client: Client, requests_made: list[str], mode: str, form: bytes, status: int
):
    browser = FORM | {'Authorization': BASIC, 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': mode}

    answer = http.http.post('/oauth/token', headers=browser, body=form)

    assert answer.status_code == status
    if status == 400:
        assert (answer.json_body['error'], requests_made) == ('invalid_request', [])


@pytest.mark.parametrize('path', ['token', 'revoke', 'introspect'])
def test_a_form_that_costs_much_to_parse_is_refused(http: ChaliceClient, client: Client, path: str):
    statuses = [
        http.http.post(f'/oauth/{path}', headers=FORM | {'Authorization': BASIC}, body=b'token=' + escape * 10_001).status_code
        for escape in (b'%', b'\xc3', b'!')  # which oauthlib gets encoded
    ]

    assert statuses == [413, 413, 413]
    assert post(http, path, token='\u20ac' * 3_000).status_code != 413


@pytest.mark.parametrize('grant', ['client_credentials', 'password'])
def test_a_public_client_has_neither_its_owners_data_nor_the_password_grant(http: ChaliceClient, public_client: Client, grant: str):
    response = ask(http, GOOD | {'grant_type': grant, 'client_id': 'public'}, authorization=None)

    assert response.json_body['error'] in ('unauthorized_client', 'invalid_client')
    assert response.status_code in (400, 401)


@pytest.mark.parametrize(
    ('body', 'authorization', 'error'),
    [
        ({'scope': 'bogus'}, BASIC, 'invalid_scope'),
        ({'scope': 'read bogus'}, BASIC, 'invalid_scope'),
        ({'client_id': 'public'}, None, 'unauthorized_client'),
        ({'client_id': 'public', 'scope': 'bogus'}, None, 'unauthorized_client'),
    ],
)
def test_a_request_that_no_password_would_make_good_does_not_tell_whether_one_is_right(
    http: ChaliceClient,
    user: User,
    client: Client,
    public_client: Client,
    hashes: list[str],
    body: dict,
    authorization: str | None,
    error: str,
):
    passwords = [PASSWORD, *['wrong'] * 20]
    answers = [ask(http, GOOD | body | {'password': password}, authorization) for password in passwords]

    assert {(answer.status_code, answer.json_body['error']) for answer in answers} == {(400, error)}
    assert len({answer.json_body.get('error_description') for answer in answers}) == 1
    assert not hashes


def test_a_public_client_cannot_make_up_a_secret(http: ChaliceClient, public_client: Client):
    for secret in (b'', b'None', b'x'):
        authorization = 'Basic ' + base64.b64encode(b'public:' + secret).decode()
        assert ask(http, {'grant_type': 'client_credentials'}, authorization).status_code in (400, 401)


def test_a_confidential_client_cannot_pass_for_a_public_one(http: ChaliceClient, client: Client, user: User):
    token = ask(http, GOOD).json_body['refresh_token']

    response = ask(http, {'grant_type': 'refresh_token', 'refresh_token': token, 'client_id': 'test-app'}, None)

    assert (response.status_code, response.json_body['error']) == (401, 'invalid_client')


@pytest.mark.parametrize('which', ['refresh_token', 'access_token'])
def test_revoking_either_token_ends_the_family(http: ChaliceClient, user: User, client: Client, which: str):
    token = ask(http, GOOD).json_body

    response = post(http, 'revoke', token=token[which])

    assert (response.status_code, response.body, response.headers['Content-Type']) == (200, b'', 'text/plain')
    assert refresh(http, token['refresh_token']).json_body['error'] == 'invalid_grant'
    assert post(http, 'introspect', token=token['access_token']).json_body == {'active': False}


def test_revoking_nonsense_or_somebody_elses_token_is_no_error_and_does_nothing(
    http: ChaliceClient, user: User, client: Client, other_client: str
):
    token = ask(http, GOOD).json_body

    for text in ('nonsense', token['refresh_token'], token['access_token']):
        assert post(http, 'revoke', other_client, token=text).status_code == 200
    assert refresh(http, token['refresh_token']).status_code == 200


@pytest.mark.parametrize('path', ['revoke', 'introspect'])
def test_both_ask_who_is_asking(http: ChaliceClient, client: Client, path: str):
    assert post(http, path, None, token='x').status_code == 401
    assert post(http, path).json_body['error'] == 'invalid_request'


@pytest.mark.parametrize('path', ['token', 'revoke', 'introspect'])
@pytest.mark.parametrize('kind', ['application/json', 'text/plain', 'multipart/form-data; boundary=x'])
def test_what_is_no_form_is_told_to_be_one(http: ChaliceClient, client: Client, path: str, kind: str):
    response = http.http.post(f'/oauth/{path}', headers={'Authorization': BASIC, 'Content-Type': kind}, body=b'{"token": "x"}')

    assert (response.status_code, response.json_body['error']) == (415, 'invalid_request')
    assert 'application/x-www-form-urlencoded' in response.json_body['error_description']
    assert 'json' not in response.json_body['error_description'].lower()


def test_introspection_tells_of_a_clients_own_active_tokens(http: ChaliceClient, user: User, client: Client, other_client: str):
    token = ask(http, GOOD | {'scope': 'info read'}).json_body

    access = post(http, 'introspect', token=token['access_token']).json_body
    kept = post(http, 'introspect', token=token['refresh_token']).json_body
    others = post(http, 'introspect', other_client, token=token['access_token']).json_body

    assert {name: access[name] for name in ('active', 'scope', 'client_id', 'sub', 'iss')} == {
        'active': True,
        'scope': 'info read',
        'client_id': 'test-app',
        'sub': user.user_id,
        'iss': settings().issuer,
    }
    assert (kept['active'], kept['scope'], kept['sub']) == (True, 'info read', user.user_id)
    assert others == post(http, 'introspect', token='nonsense').json_body == {'active': False}


@pytest.mark.parametrize(('which', 'reads'), [('access_token', 3), ('refresh_token', 4)])
def test_introspection_reads_everything_once(
    http: ChaliceClient, user: User, client: Client, requests_made: list[str], which: str, reads: int
):
    token = ask(http, GOOD).json_body[which]
    requests_made.clear()

    assert post(http, 'introspect', token=token).json_body['active'] is True

    assert requests_made == ['GetItem'] * reads  # the client, the family and the consent; and a refresh token


def test_a_used_refresh_token_is_not_active(http: ChaliceClient, user: User, client: Client):
    token = ask(http, GOOD).json_body['refresh_token']
    refresh(http, token)

    assert post(http, 'introspect', token=token).json_body == {'active': False}


def test_taking_the_consent_back_ends_its_refresh_tokens(http: ChaliceClient, user: User, client: Client):
    token = ask(http, GOOD).json_body['refresh_token']

    Grant.revoke(user.user_id, 'test-app')

    assert refresh(http, token).json_body['error'] == 'invalid_grant'
    assert ask(http, GOOD).status_code == 200
    assert refresh(http, token).json_body['error'] == 'invalid_grant'


@pytest.mark.parametrize('which', ['refresh_token', 'access_token'])
def test_a_consent_taken_back_is_told_by_introspection(http: ChaliceClient, logged_in: Browser, user: User, client: Client, which: str):
    token = ask(http, GOOD).json_body
    owners = ask(http, {'grant_type': 'client_credentials', 'scope': 'read'}).json_body['access_token']
    assert post(http, 'introspect', token=token[which]).json_body['active'] is True

    logged_in.post('/profile/revoke', {'client_id': client.client_id})

    assert post(http, 'introspect', token=token[which]).json_body == {'active': False}
    again = ask(http, GOOD).json_body  # a new consent does not bring the old one's tokens back
    assert post(http, 'introspect', token=token[which]).json_body == {'active': False}
    assert post(http, 'introspect', token=again[which]).json_body['active'] is True
    assert post(http, 'introspect', token=owners).json_body['active'] is True  # for which nobody was asked


@pytest.mark.parametrize('which', ['refresh_token', 'access_token'])
def test_a_password_reset_is_told_by_introspection(http: ChaliceClient, browser: Browser, mailbox: Mailbox, user: User, which: str):
    Client.register(client_id='test-app', secret='secret', owner_id='somebody else', name='x', redirect_uris=[], now=1)
    token = ask(http, GOOD).json_body
    browser.post('/forgot', {'email': user.email})

    browser.post('/reset', {'token': mailbox.link().partition('token=')[2], 'password': 'the new password'})

    assert browser.status == 303
    assert post(http, 'introspect', token=token[which]).json_body == {'active': False}


def test_a_password_reset_ends_what_the_users_own_application_was_given(
    http: ChaliceClient, user: User, client: Client, stopped_clock: StoppedClock
):
    token = ask(http, {'grant_type': 'client_credentials', 'scope': 'read'}).json_body['access_token']
    stopped_clock.advance(60)

    access.end_all(user.user_id, clock.now())

    secret, rotation = Client.find('test-app').new_secret(clock.now())
    transact(rotation)
    basic = 'Basic ' + base64.b64encode(f'test-app:{secret}'.encode()).decode()
    assert post(http, 'introspect', basic, token=token).json_body == {'active': False}
    again = ask(http, {'grant_type': 'client_credentials', 'scope': 'read'}, basic).json_body['access_token']
    assert post(http, 'introspect', basic, token=again).json_body['active'] is True


def test_what_a_secret_gets_while_everything_ends_has_ended_too(
    http: ChaliceClient, user: User, client: Client, stopped_clock: StoppedClock
):
    def end_access() -> None:
        access.end_all(user.user_id, clock.now())
        stopped_clock.advance(1)

    with meanwhile('UpdateItem', end_access):  # which notes when the secret was used, once it was found to be good
        token = ask(http, {'grant_type': 'client_credentials', 'scope': 'read'}).json_body['access_token']

    secret, rotation = Client.find('test-app').new_secret(clock.now())
    transact(rotation)
    basic = 'Basic ' + base64.b64encode(f'test-app:{secret}'.encode()).decode()
    assert post(http, 'introspect', basic, token=token).json_body == {'active': False}


def test_a_public_client_may_not_ask_for_introspection(http: ChaliceClient, user: User, public_client: Client):
    metadata = http.http.get('/.well-known/oauth-authorization-server').json_body
    assert 'none' not in metadata['introspection_endpoint_auth_methods_supported']
    assert 'none' in metadata['revocation_endpoint_auth_methods_supported']

    for authorization in (None, 'Basic ' + base64.b64encode(b'public:').decode()):
        response = post(http, 'introspect', authorization, token='x', client_id='public')
        assert (response.status_code, response.json_body['error']) == (401, 'invalid_client')
    assert post(http, 'revoke', None, token='x', client_id='public').status_code == 200


def test_a_deleted_client_is_unknown(http: ChaliceClient, user: User, client: Client):
    token = ask(http, GOOD).json_body['refresh_token']

    client.remove()

    assert refresh(http, token).status_code == 401


def test_a_rotated_secret_replaces_the_old_one(http: ChaliceClient, user: User, client: Client):
    new, rotation = client.new_secret(now=1)
    transact(rotation)

    assert ask(http, GOOD).status_code == 401
    assert ask(http, GOOD, 'Basic ' + base64.b64encode(f'test-app:{new}'.encode()).decode()).status_code == 200


def test_the_metadata_names_endpoints_that_answer(http: ChaliceClient):
    metadata = http.http.get('/.well-known/oauth-authorization-server').json_body

    assert metadata['issuer'] == settings().issuer
    assert metadata['code_challenge_methods_supported'] == ['S256']
    for name in ('token', 'revocation', 'introspection'):
        path = metadata[f'{name}_endpoint'].removeprefix(settings().issuer)
        assert http.http.post(path, headers=FORM, body=b'').status_code in (400, 401), name
    assert http.http.get(metadata['jwks_uri'].removeprefix(settings().issuer)).json_body == json.loads(settings().jwks)


def test_a_second_library_verifies_our_tokens_against_the_published_keys(
    http: ChaliceClient, user: User, client: Client, stopped_clock: StoppedClock
):
    stopped_clock.move_to(int(time.time()))  # which the other library goes by
    token = ask(http, GOOD).json_body['access_token']
    keys = pyjwt.PyJWKSet.from_dict(http.http.get('/.well-known/jwks.json').json_body)

    header = pyjwt.get_unverified_header(token)
    claims = pyjwt.decode(token, keys[header['kid']].key, algorithms=['ES256'], audience=settings().audience, issuer=settings().issuer)

    assert header['typ'] == 'at+jwt'
    assert claims['sub'] == user.user_id
    assert {'iss', 'exp', 'aud', 'sub', 'client_id', 'iat', 'jti'} <= set(claims)  # RFC 9068 section 2.2


def test_it_is_told_where_vulnerabilities_are_reported(http: ChaliceClient, monkeypatch: pytest.MonkeyPatch, stopped_clock: StoppedClock):
    assert http.http.get('/.well-known/security.txt').status_code == 404
    contacts = {'MAIL_FROM': 'CryptFolio <hello@example.com>', 'SECURITY_CONTACT': 'https://example.com/report'}
    for setting, told in zip(contacts, ('mailto:hello@example.com', 'https://example.com/report'), strict=True):
        monkeypatch.setenv(setting, contacts[setting])
        settings.cache_clear()
        answer = http.http.get('/.well-known/security.txt')
        fields = dict(line.split(': ', 1) for line in answer.body.decode().splitlines())
        assert answer.headers['Content-Type'] == 'text/plain; charset=utf-8'
        assert (fields['Contact'], fields['Canonical']) == (told, 'https://cryptfolio.test/.well-known/security.txt')
        left = datetime.fromisoformat(fields['Expires']) - datetime.fromtimestamp(stopped_clock.now(), UTC)
        assert 0 < left.days < 365


MANY = 5_000  # of one scope, which a form has room for


@pytest.mark.parametrize('grant', [GOOD, {'grant_type': 'client_credentials'}], ids=['password', 'client_credentials'])
def test_a_scope_that_is_asked_for_thousands_of_times_is_one(http: ChaliceClient, user: User, client: Client, grant: dict[str, str]):
    token = ask(http, grant | {'scope': 'write ' * MANY + 'read'}).json_body

    assert token['scope'].split() == ['write', 'read']
    assert len(token['access_token']) < 2_000
    if 'refresh_token' in token:
        stored = RefreshToken.find(token['refresh_token'])
        assert stored is not None
        assert stored.scopes == ['write', 'read']
        assert refresh(http, token['refresh_token']).json_body['scope'] == 'write read'


def test_a_refresh_that_asks_for_one_scope_thousands_of_times_gets_it_once(http: ChaliceClient, user: User, client: Client):
    token = ask(http, GOOD | {'scope': 'read write'}).json_body['refresh_token']

    fewer = ask(http, {'grant_type': 'refresh_token', 'refresh_token': token, 'scope': 'read ' * MANY + 'read'}).json_body

    assert fewer['scope'] == 'read'
    assert refresh(http, fewer['refresh_token']).json_body['scope'] == 'read write'  # what was granted stays


def test_a_token_that_an_earlier_release_stored_with_repetitions_takes_no_longer(http: ChaliceClient, user: User, client: Client):
    token = ask(http, GOOD | {'scope': 'read write'}).json_body['refresh_token']
    stored = RefreshToken.find(token)
    assert stored is not None
    stored.update_existing([RefreshToken.scopes.set(['write'] * MANY + ['read'])])

    assert ask(http, {'grant_type': 'refresh_token', 'refresh_token': token, 'scope': 'info'}).json_body['error'] == 'invalid_scope'
    assert post(http, 'introspect', token=token).json_body['scope'] == 'write read'
    following = refresh(http, token).json_body
    assert following['scope'] == 'write read'
    stored = RefreshToken.find(following['refresh_token'])
    assert stored is not None
    assert stored.scopes == ['write', 'read']
