"""The authorizer: which tokens open which routes."""

import base64
import json
from typing import Any

import boto3
import pytest
from chalice.test import Client as ChaliceClient
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_der_public_key
from jose import jwt
from jose.constants import ALGORITHMS

from chalicelib import auth, clock
from chalicelib.config import settings
from chalicelib.models import User
from chalicelib.oauth.signing import _key_id, access_token
from infra import jwks
from tests.support.api import ALL_SCOPES, Api

ROUTES = {
    'user': ('GET', '/api/user'),
    'user head': ('HEAD', '/api/user'),
    'list head': ('HEAD', '/api/portfolios'),
    'list': ('GET', '/api/portfolios'),
    'get': ('GET', '/api/portfolios/1'),
    'deep': ('GET', '/api/portfolios/1/addresses/1/transactions'),
    'post': ('POST', '/api/portfolios'),
    'post child': ('POST', '/api/portfolios/1/addresses'),
    'patch': ('PATCH', '/api/portfolios/1'),
    'delete': ('DELETE', '/api/portfolios/1'),
    'delete child': ('DELETE', '/api/portfolios/1/addresses/1'),
}
READS = {'user', 'user head', 'list head', 'list', 'get', 'deep'}
WRITES = {'post', 'post child', 'patch'}
DELETES = {'delete', 'delete child'}


@pytest.mark.parametrize(
    ('scopes', 'opened'),
    [
        ('', set()),
        ('public', set()),
        ('info', {'user', 'user head'}),
        ('read', READS),
        ('write', set()),
        ('delete', set()),
        ('info write', {'user', 'user head'}),
        ('read write', READS | WRITES),
        ('read delete', READS | DELETES),
        ('write delete', set()),
        ('read write delete', READS | WRITES | DELETES),
        ('admin', READS | WRITES | DELETES),
        ('public admin', READS | WRITES | DELETES),
        ('nonsense', set()),
        ('Read ADMIN', set()),
    ],
)
def test_scopes_open_what_the_document_says(http: ChaliceClient, user: User, scopes: str, opened: set[str]):
    api = Api(http, user.user_id, scopes.split())

    statuses = {name: api.request(method, path).status_code for name, (method, path) in ROUTES.items()}

    assert {name for name, status in statuses.items() if status != 403} == opened
    assert 401 not in statuses.values()


@pytest.mark.parametrize('scope', ['', 'public', 'write'])
def test_a_token_that_opens_nothing_is_denied_in_words_that_iam_has(user: User, scope: str):
    arn = 'arn:aws:execute-api:us-east-1:1:api/dev/GET/api/user'
    token = access_token(user_id=user.user_id, client_id='test-app', scopes=scope.split(), family='f')
    sent = {'type': 'REQUEST', 'methodArn': arn, 'headers': {'Authorization': f'Bearer {token}'}, 'queryStringParameters': None}

    [statement] = auth.bearer(sent, None)['policyDocument']['Statement']

    assert statement == {'Action': 'execute-api:Invoke', 'Effect': 'Deny', 'Resource': [arn]}


def test_a_missing_scope_is_said_in_the_envelope(http: ChaliceClient, user: User):
    response = Api(http, user.user_id, ['info']).get('/api/portfolios')

    assert response.status_code == 403
    assert response.json_body['success'] is False
    assert response.json_body['code'] == 'insufficient_scope'
    assert response.headers['WWW-Authenticate'] == 'Bearer error="insufficient_scope"'


def claims(**changes: Any) -> dict[str, Any]:
    now = clock.now()
    good = {
        'iss': settings().issuer, 'aud': settings().audience, 'sub': 'somebody', 'client_id': 'test-app',
        'scope': 'read', 'iat': now, 'exp': now + 60, 'jti': 'x',
    }  # fmt: skip
    return {name: value for name, value in (good | changes).items() if value is not None}


def signed(payload: dict[str, Any], **header: Any) -> str:
    """Return a token that our own key signs, whatever it says."""
    head = {'alg': 'ES256', 'typ': 'at+jwt', 'kid': _key_id()} | header
    head = {name: value for name, value in head.items() if value is not None}
    signing_input = b'.'.join(encode(json.dumps(part).encode()) for part in (head, payload))
    answer = boto3.client('kms').sign(
        KeyId=settings().signing_key_id, Message=signing_input, MessageType='RAW', SigningAlgorithm='ECDSA_SHA_256'
    )
    r, s = auth_signature(answer['Signature'])
    return (signing_input + b'.' + encode(r + s)).decode()


def auth_signature(der: bytes) -> tuple[bytes, bytes]:
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

    r, s = decode_dss_signature(der)
    return r.to_bytes(32, 'big'), s.to_bytes(32, 'big')


def encode(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b'=')


def other_key() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def public_pem() -> str:
    from cryptography.hazmat.primitives.serialization import PublicFormat

    der = boto3.client('kms').get_public_key(KeyId=settings().signing_key_id)['PublicKey']
    return load_der_public_key(der).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def hmac_with_public_key() -> str:
    import hashlib
    import hmac

    head = {'alg': 'HS256', 'typ': 'at+jwt', 'kid': _key_id()}
    signing_input = b'.'.join(encode(json.dumps(part).encode()) for part in (head, claims()))
    return (signing_input + b'.' + encode(hmac.digest(public_pem().encode(), signing_input, hashlib.sha256))).decode()


def unsigned(alg: str) -> str:
    head = {'alg': alg, 'typ': 'at+jwt', 'kid': _key_id()}
    return b'.'.join([encode(json.dumps(head).encode()), encode(json.dumps(claims()).encode()), b'']).decode()


BAD_TOKENS = {
    'garbage': lambda: 'garbage',
    'empty parts': lambda: '..',
    'expired': lambda: signed(claims(exp=clock.now() - 1)),
    'not yet valid': lambda: signed(claims(nbf=clock.now() + 60)),
    'no expiry': lambda: signed(claims(exp=None)),
    'wrong audience': lambda: signed(claims(aud='somebody-else')),
    'no audience': lambda: signed(claims(aud=None)),
    'wrong issuer': lambda: signed(claims(iss='https://elsewhere.example')),
    'no issuer': lambda: signed(claims(iss=None)),
    'no subject': lambda: signed(claims(sub=None)),
    'no scope': lambda: signed(claims(scope=None)),
    'scope as an object': lambda: signed(claims(scope={'read': True})),
    'no client': lambda: signed(claims(client_id=None)),
    'id token': lambda: signed(claims(), typ='JWT'),
    'no type': lambda: signed(claims(), typ=None),
    'unknown key': lambda: signed(claims(), kid='elsewhere'),
    'no key id': lambda: signed(claims(), kid=None),
    'key id of another type': lambda: signed(claims(), kid=['x']),
    'path as key id': lambda: signed(claims(), kid='../../dev/null'),
    'critical extension': lambda: signed(claims(), crit=['x'], x=1),
    'key in the header': lambda: jwt.encode(
        claims(), other_key(), algorithm=ALGORITHMS.ES256, headers={'typ': 'at+jwt', 'kid': _key_id(), 'jwk': {}}
    ),
    'wrongly signed': lambda: jwt.encode(claims(), other_key(), algorithm=ALGORITHMS.ES256, headers={'typ': 'at+jwt', 'kid': _key_id()}),
    'changed after signing': lambda: signed(claims())[:-10] + 'AAAAAAAAAA',
    'alg none': lambda: unsigned('none'),
    'alg None': lambda: unsigned('None'),
    'hs256 with the public key': hmac_with_public_key,
}


@pytest.mark.parametrize('name', BAD_TOKENS)
def test_a_bad_token_is_unauthorized(http: ChaliceClient, name: str):
    response = http.http.get('/api/user', headers={'Authorization': f'Bearer {BAD_TOKENS[name]()}'})

    assert response.status_code == 401
    assert response.json_body['code'] == 'invalid_token'
    assert response.headers['WWW-Authenticate'] == 'Bearer error="invalid_token"'


@pytest.mark.parametrize('form', ['BEARER {}', 'bearer {}', 'bEaReR   {}', '  Bearer {} '])
def test_the_scheme_is_read_in_any_case_and_with_spaces_around(http: ChaliceClient, user: User, form: str):
    token = access_token(user_id=user.user_id, client_id='test-app', scopes=ALL_SCOPES, family='x')

    assert http.http.get('/api/user', headers={'Authorization': form.format(token)}).status_code == 200


@pytest.mark.parametrize('scheme', ['Basic', 'Digest', 'Bear', 'Bearers', 'MAC', ''])
def test_a_good_token_under_another_scheme_is_unauthorized(http: ChaliceClient, user: User, scheme: str):
    token = access_token(user_id=user.user_id, client_id='test-app', scopes=ALL_SCOPES, family='x')

    assert http.http.get('/api/user', headers={'Authorization': f'{scheme} {token}'}).status_code == 401


@pytest.mark.parametrize('header', ['', 'Bearer', 'Bearer ', 'Basic dGVzdDp0ZXN0', 'Token x', 'Bearer a b', 'Bearer a\n'])
def test_a_header_without_a_bearer_token_is_unauthorized(http: ChaliceClient, header: str):
    assert http.http.get('/api/user', headers={'Authorization': header}).status_code == 401


def test_no_header_at_all_is_unauthorized_in_the_envelope(http: ChaliceClient):
    response = http.http.get('/api/user')

    assert (response.status_code, response.json_body['code']) == (401, 'invalid_token')
    assert response.headers['WWW-Authenticate'] == 'Bearer error="invalid_token"'


def test_the_token_of_this_service_is_good(http: ChaliceClient, user: User):
    token = access_token(user_id=user.user_id, client_id='test-app', scopes=ALL_SCOPES, family='x')

    assert auth.verify(f'Bearer {token}')['sub'] == user.user_id
    assert auth.verify(f'bearer  {token}')['scope'] == ' '.join(ALL_SCOPES)
    assert http.http.get('/api/user', headers={'Authorization': f'Bearer {token}'}).status_code == 200


def test_a_good_token_of_a_user_who_is_gone_finds_nothing(http: ChaliceClient):
    assert Api(http, 'nobody', ALL_SCOPES).get('/api/user').status_code == 404
    assert Api(http, 'nobody', ALL_SCOPES).post('/api/portfolios', {'title': 'x', 'currencies': ['btc']}).status_code == 404


def test_a_second_key_verifies_while_tokens_of_it_live(monkeypatch: pytest.MonkeyPatch):
    kms = boto3.client('kms')
    new = kms.create_key(KeySpec='ECC_NIST_P256', KeyUsage='SIGN_VERIFY')['KeyMetadata']['KeyId']
    old_token = signed(claims())
    both = [kms.get_public_key(KeyId=key)['PublicKey'] for key in (new, settings().signing_key_id)]
    monkeypatch.setenv('JWKS', json.dumps(jwks.jwks(both)))
    settings.cache_clear()
    auth._issuers.cache_clear()

    assert auth.verify(f'Bearer {old_token}')['sub'] == 'somebody'

    monkeypatch.undo()
    settings.cache_clear()
    auth._issuers.cache_clear()
