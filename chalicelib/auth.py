"""The bearer authorizer: its own Lambda, which checks an access token or API key and says which routes it opens.

For an access token it makes no network call, as the keys are in the configuration, and imports no models, so that a cold
start stays short. An API key costs one read, so that revoking it works at once.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from chalice.app import AuthRequest, AuthResponse, AuthRoute, Blueprint, ChaliceAuthorizer
from jose import jwt
from jose.exceptions import JOSEError

from chalicelib import telemetry
from chalicelib.config import settings
from chalicelib.domain import api_keys, scopes

bp = Blueprint(__name__)

_BEARER = re.compile(r'[Bb]earer +([A-Za-z0-9._~+/=-]{1,8192})')
_REQUIRED = {f'require_{claim}': True for claim in ('iss', 'aud', 'exp', 'sub')}
_ASYMMETRIC = {'ES256', 'ES384', 'ES512', 'RS256', 'RS384', 'RS512'}


class InvalidToken(Exception):
    """The token is missing, malformed, expired, or not ours; the message says which, for the log only."""


@bp.authorizer()
def bearer(request: AuthRequest) -> AuthResponse:
    """Return a policy over all routes, as API Gateway may cache it whatever route was asked for.

    A good token without any useful scope opens nothing (403). For a bad one this raises what makes a 401 of it.
    """
    try:
        claims = verify(request.token)
    except InvalidToken as error:
        telemetry.note(refused=str(error))
        telemetry.count('TokensRefused')
        raise Exception('Unauthorized') from None  # API Gateway answers 401 to exactly this message
    telemetry.note(user_id=claims['sub'], client_id=claims['client_id'])
    routes = [AuthRoute(path, methods) for path, methods in scopes.routes(claims['scope'].split())]
    context = {'client_id': claims['client_id'], 'scope': claims['scope']}
    return AuthResponse(routes=list(routes), principal_id=claims['sub'], context=context)


class CredentialsAuthorizer(ChaliceAuthorizer):
    """Takes the events of a REQUEST authorizer too, as Chalice does not: an API key may stand in three places.

    See docs/decisions/0007-api-keys.md.
    """

    def __call__(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        asked = event.get('requestContext', {})
        with telemetry.task('authorizer', asked.get('requestId'), lasting='Latency') as current:
            current.note(method=asked.get('httpMethod'), route=asked.get('resourcePath'), user_id=None, client_id=None, refused=None)
            current.count('Requests')
            return super().__call__(event | {'authorizationToken': credentials(event)}, context)


# The decorator made a plain one; its class is all that is to change.
bearer.__class__ = CredentialsAuthorizer


def credentials(event: dict[str, Any]) -> str:
    """Return what stands for an `Authorization` header in an authorizer's event.

    That header, if there is one; else the `X-API-KEY` header or `?api_key=`, which only an API key may use.
    """
    if event.get('authorizationToken'):
        return str(event['authorizationToken'])
    headers = {name.lower(): value for name, value in (event.get('headers') or {}).items()}
    if 'authorization' in headers:
        return str(headers['authorization'])
    key = headers.get('x-api-key') or (event.get('queryStringParameters') or {}).get('api_key') or ''
    return f'Bearer {key}' if key.startswith(api_keys.PREFIX) else ''


def verify(header: str) -> dict[str, Any]:
    """Return what an `Authorization` header's token says (RFC 6750, RFC 9068), by the names that our own tokens use.

    `sub` is the id of a user, `scope` our scopes, `client_id` the application. Raises InvalidToken.
    """
    match = _BEARER.fullmatch(header.strip())
    if match is None:
        raise InvalidToken('not a bearer token')
    token = match.group(1)
    return _verify_api_key(token) if token.startswith(api_keys.PREFIX) else _verify_jwt(token)


def _verify_api_key(key: str) -> dict[str, Any]:
    from chalicelib.models import ApiKeySecret  # brings PynamoDB (100 ms), which an access token need not pay for

    found = ApiKeySecret.find(key)
    if found is None:
        raise InvalidToken('unknown API key')
    return {'sub': found.user_id, 'client_id': 'api-key', 'scope': ' '.join(found.scopes)}


def _verify_jwt(token: str) -> dict[str, Any]:
    try:
        # Only to choose whose rules apply; they check everything, the issuer too.
        issuer = _issuers().get(str(jwt.get_unverified_claims(token).get('iss')))
        if issuer is None:
            raise InvalidToken('unknown issuer')
        key = issuer.key_for(jwt.get_unverified_header(token))
        claims = jwt.decode(
            token,
            key,
            algorithms=list(issuer.algorithms),  # pinned: the token's own `alg` chooses nothing
            audience=issuer.audience,
            issuer=issuer.issuer,
            options=_REQUIRED,
        )
    except JOSEError as error:
        raise InvalidToken(type(error).__name__) from None
    return issuer.in_our_words(claims)


@dataclass(frozen=True)
class Issuer:
    """Whose tokens are trusted, and how to read them.

    `types` are the `typ` headers of its access tokens in lower case: an ID token must not pass for one (RFC 9068 section 4).
    `scopes` translates its scopes into ours; what it does not name is dropped.
    """

    issuer: str
    audience: str
    keys: Mapping[str, dict[str, Any]]
    algorithms: frozenset[str]
    types: frozenset[str]
    scopes: Mapping[str, str]
    subject_claim: str = 'sub'
    scope_claim: str = 'scope'
    client_claim: str = 'client_id'

    def key_for(self, header: dict[str, Any]) -> dict[str, Any]:
        """Return the key that the token's header names. Raises InvalidToken."""
        if header.get('alg') not in self.algorithms or str(header.get('typ')).lower() not in self.types or 'crit' in header:
            raise InvalidToken('wrong alg, typ or crit')
        kid = header.get('kid')
        key = self.keys.get(kid) if isinstance(kid, str) else None
        if key is None:
            raise InvalidToken('unknown kid')
        return key

    def in_our_words(self, claims: dict[str, Any]) -> dict[str, Any]:
        """Return the claims with subject, scope and client under our own names. Raises InvalidToken when one is not there."""
        subject, scope, client = (claims.get(name) for name in (self.subject_claim, self.scope_claim, self.client_claim))
        granted = scope.split() if isinstance(scope, str) else scope
        if not isinstance(subject, str) or not isinstance(client, str) or not isinstance(granted, list):
            raise InvalidToken('no subject, scope or client')
        ours = [self.scopes[name] for name in granted if isinstance(name, str) and name in self.scopes]
        return claims | {'sub': subject, 'client_id': client, 'scope': ' '.join(dict.fromkeys(ours))}


@lru_cache(1)
def _issuers() -> dict[str, Issuer]:
    ours = Issuer(
        issuer=settings().issuer,
        audience=settings().audience,
        keys=_by_id(json.loads(settings().jwks)),
        algorithms=frozenset({'ES256'}),
        types=frozenset({'at+jwt'}),
        scopes={scope: scope for scope in scopes.ALL},
    )
    trusted = [_trusted(entry) for entry in json.loads(settings().trusted_issuers)]
    return {issuer.issuer: issuer for issuer in (*trusted, ours)}


def _trusted(entry: dict[str, Any]) -> Issuer:
    """Read one entry of TRUSTED_ISSUERS. Raises KeyError or ValueError, which stops the authorizer: better than to guess."""
    algorithms = frozenset(entry['algorithms'])
    if not algorithms or not algorithms <= _ASYMMETRIC:
        raise ValueError(f'TRUSTED_ISSUERS: algorithms of {entry["issuer"]} must be among {sorted(_ASYMMETRIC)}')
    names = {name: entry[name] for name in ('subject_claim', 'scope_claim', 'client_claim') if name in entry}
    return Issuer(
        issuer=entry['issuer'],
        audience=entry['audience'],
        keys=_by_id(entry['jwks']),
        algorithms=algorithms,
        types=frozenset(kind.lower() for kind in entry.get('types', ['at+jwt'])),
        scopes=entry.get('scopes', {scope: scope for scope in scopes.ALL}),
        **names,
    )


def _by_id(jwks: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {key['kid']: key for key in jwks['keys']}
