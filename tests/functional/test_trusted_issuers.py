"""Tokens of another issuer, trusted by configuration."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import jwt as pyjwt
import pytest
from chalice.test import Client as ChaliceClient
from cryptography.hazmat.primitives.asymmetric import rsa

from chalicelib import auth, clock
from chalicelib.config import settings
from chalicelib.models import User
from tests.support.dynamodb import refusing
from tests.support.exports import run

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
JWK = json.loads(pyjwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key())) | {'kid': 'theirs', 'use': 'sig', 'alg': 'RS256'}
ISSUER = {
    'issuer': 'https://login.example',
    'audience': 'our-api',
    'jwks': {'keys': [JWK]},
    'algorithms': ['RS256'],
    'types': ['JWT'],
    'subjects': 'user_ids',
    'subject_claim': 'https://cryptfolio.example/user_id',
    'scope_claim': 'scp',
    'client_claim': 'azp',
    'scopes': {'folio.read': 'read', 'folio.write': 'write'},
}


@pytest.fixture(autouse=True)
def trusted(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    trust(monkeypatch, [ISSUER])
    yield
    monkeypatch.undo()
    settings.cache_clear()
    auth._issuers.cache_clear()


def trust(monkeypatch: pytest.MonkeyPatch, issuers: list[dict[str, Any]]) -> None:
    monkeypatch.setenv('TRUSTED_ISSUERS', json.dumps(issuers))
    settings.cache_clear()
    auth._issuers.cache_clear()


def token(user: User, *, key: Any = KEY, header: dict[str, Any] | None = None, **changes: Any) -> str:
    now = clock.now()
    claims = {
        'iss': 'https://login.example', 'aud': ['our-api', 'https://login.example/userinfo'], 'exp': now + 60, 'iat': now,
        'sub': 'auth0|1', 'https://cryptfolio.example/user_id': user.user_id, 'scp': ['folio.read', 'email'], 'azp': 'spa',
    } | changes  # fmt: skip
    claims = {name: value for name, value in claims.items() if value is not None}
    return pyjwt.encode(claims, key, algorithm='RS256', headers={'kid': 'theirs'} | (header or {}))


def status(http: ChaliceClient, text: str, path: str = '/api/user', method: str = 'GET') -> int:
    return http.http.request(method, path, headers={'Authorization': f'Bearer {text}'}).status_code


def test_their_claims_are_read_in_our_words(http: ChaliceClient, user: User):
    claims = auth.verify(f'Bearer {token(user, key_id=["theirs"])}')

    assert (claims['sub'], claims['scope'], claims['client_id']) == (user.user_id, 'read', 'spa')
    assert 'key_id' not in claims  # which names an API key of ours
    assert status(http, token(user)) == 200
    assert status(http, token(user), '/api/portfolios/1', 'DELETE') == 403


def test_scopes_as_a_text_are_read_too(user: User):
    assert auth.verify(f'Bearer {token(user, scp="folio.write folio.read folio.read")}')['scope'] == 'write read'


def test_our_own_scope_names_mean_nothing_in_their_tokens(http: ChaliceClient, user: User):
    assert status(http, token(user, scp='admin read')) == 403


@pytest.mark.parametrize(
    'changes',
    [
        {'aud': 'somebody-else'},
        {'exp': 1},
        {'exp': None},
        {'sub': None},
        {'https://cryptfolio.example/user_id': None},
        {'azp': None},
        {'scp': None},
        {'iss': 'https://evil.example'},
        {'iss': None},
        {'header': {'typ': 'at+jwt'}},
        {'header': {'kid': 'ours'}},
        {'key': rsa.generate_private_key(public_exponent=65537, key_size=2048)},
    ],
)
def test_a_token_that_breaks_a_rule_is_unauthorized(http: ChaliceClient, user: User, changes: dict[str, Any]):
    assert status(http, token(user, **changes)) == 401


@pytest.mark.parametrize(
    ('said', 'expected'),
    [
        ({}, 200),
        ({'use': None, 'alg': None}, 200),
        ({'key_ops': ['verify']}, 200),
        ({'use': 'enc'}, 401),
        ({'use': 'enc', 'alg': None}, 401),
        ({'alg': 'RSA-OAEP'}, 401),
        ({'alg': 'RS512'}, 401),
        ({'key_ops': ['encrypt']}, 401),
        ({'use': None, 'key_ops': []}, 401),
    ],
)
def test_a_key_verifies_what_its_issuer_says_that_it_is_for(
    http: ChaliceClient, monkeypatch: pytest.MonkeyPatch, user: User, said: dict[str, Any], expected: int
):
    key = {name: value for name, value in (JWK | said).items() if value is not None}
    trust(monkeypatch, [ISSUER | {'jwks': {'keys': [key]}}])

    assert status(http, token(user)) == expected


@pytest.mark.filterwarnings('ignore::jwt.warnings.InsecureKeyLengthWarning')
@pytest.mark.parametrize(('bits', 'expected'), [(1024, 401), (2047, 401), (2048, 200), (3072, 200)])
def test_a_key_of_rsa_is_long_enough(http: ChaliceClient, monkeypatch: pytest.MonkeyPatch, user: User, bits: int, expected: int):
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    jwk = json.loads(pyjwt.algorithms.RSAAlgorithm.to_jwk(key.public_key())) | {'kid': 'theirs'}
    trust(monkeypatch, [ISSUER | {'jwks': {'keys': [jwk]}}])

    assert status(http, token(user, key=key)) == expected


def test_they_cannot_speak_for_us(http: ChaliceClient, user: User):
    assert status(http, token(user, iss=settings().issuer, aud=settings().audience)) == 401


def test_an_issuer_cannot_be_configured_to_take_our_place(monkeypatch: pytest.MonkeyPatch, user: User):
    trust(monkeypatch, [ISSUER | {'issuer': settings().issuer}])

    with pytest.raises(auth.InvalidToken):
        auth.verify(f'Bearer {token(user, iss=settings().issuer)}')


@pytest.mark.parametrize('algorithms', [[], ['HS256'], ['none'], ['RS256', 'HS256']])
def test_only_asymmetric_algorithms_can_be_configured(monkeypatch: pytest.MonkeyPatch, user: User, algorithms: list[str]):
    trust(monkeypatch, [ISSUER | {'algorithms': algorithms}])

    with pytest.raises(ValueError, match='algorithms'):
        auth.verify(f'Bearer {token(user)}')


LINKED = {name: value for name, value in ISSUER.items() if name != 'subject_claim'} | {'subjects': 'linked'}


@pytest.mark.usefixtures('impatient_botocore')
def test_a_subject_opens_the_account_that_it_is_linked_to_and_none_without_a_link(
    http: ChaliceClient, monkeypatch: pytest.MonkeyPatch, user: User, make_user: Callable[[str], User]
):
    other = make_user('other@example.com')
    another = {'issuer': 'https://login.other', 'jwks': {'keys': [JWK]}}
    trust(monkeypatch, [LINKED, LINKED | another])
    named = token(other)
    assert status(http, named) == 401  # whatever it says of whom it is for

    assert run('users', 'link', 'https://login.example', 'auth0|1', user.email) == 0
    assert auth.verify(f'Bearer {named}')['sub'] == user.user_id
    assert status(http, named) == 200
    assert [status(http, token(user, iss='https://login.other')), status(http, token(user, sub='auth0|2'))] == [401, 401]

    with refusing('InternalServerError', operations=['GetItem'], status=500):
        assert status(http, named) == 503

    assert run('users', 'unlink', 'https://login.example', 'auth0|1') == 0
    assert status(http, named) == 401
    assert run('users', 'unlink', 'https://login.example', 'auth0|1') == 1


@pytest.mark.parametrize(
    ('changes', 'error', 'said'),
    [
        ({'subjects': None}, KeyError, 'subjects'),
        ({'scopes': None}, KeyError, 'scopes'),
        ({'subjects': 'anybody'}, ValueError, 'must be "linked", or "user_ids" with a subject_claim'),
        ({'subject_claim': None}, ValueError, 'must be "linked", or "user_ids" with a subject_claim'),
        ({'subjects': 'linked'}, ValueError, 'must be "linked", or "user_ids" with a subject_claim'),
    ],
)
def test_an_issuer_must_say_who_its_subjects_are_and_what_its_scopes_mean(
    monkeypatch: pytest.MonkeyPatch, user: User, changes: dict[str, str | None], error: type[Exception], said: str
):
    trust(monkeypatch, [{name: value for name, value in (ISSUER | changes).items() if value is not None}])
    with pytest.raises(error, match=said):
        auth.verify(f'Bearer {token(user)}')
