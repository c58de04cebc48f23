"""The bearer authorizer: a separate Lambda function that verifies an access token or API key and returns the routes it may call.

Verifying an access token takes no network call, because the keys are in the configuration, and imports no models, which keeps
cold starts short. An API key costs one read, so that revoking it takes effect immediately; so does a subject that is linked to a user.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from chalice.app import AuthRequest, AuthResponse, AuthRoute, Blueprint, ChaliceAuthorizer

from chalicelib import clock, telemetry
from chalicelib.config import settings
from chalicelib.domain import scopes

bp = Blueprint(__name__)

_BEARER = re.compile(r'(?i:bearer) +([A-Za-z0-9._~+/=-]{1,8192})')  # schemes are read in any case (RFC 9110 section 11.1)
_REQUIRED = {f'require_{claim}': True for claim in ('iss', 'aud', 'exp', 'sub')}
_IDENTIFIER = re.compile('[ -~]{1,255}')  # RFC 6749 appendix A.1 and OpenID Connect Core section 2
_CLAIMS = {'iss', 'aud', 'exp', 'iat', 'jti', 'sid', 'grant_id', 'access_epoch'}  # of our tokens, beside those that `translate` names
_FEWEST_BITS = 2_048  # of RSA keys
_ASYMMETRIC = {'ES256', 'ES384', 'ES512', 'RS256', 'RS384', 'RS512'}


class InvalidToken(Exception):
    """The token is missing, malformed, expired, or of an unknown issuer; the message says which, for the log only."""


@bp.authorizer()
def bearer(request: AuthRequest) -> AuthResponse:
    """Return a policy that covers all routes, because API Gateway may reuse it for any of them.

    A valid token without a sufficient scope is allowed no routes (403). An invalid one raises the exception that becomes a 401.
    """
    try:
        claims = verify(request.token)
    except InvalidToken as error:
        telemetry.note(refused=str(error))
        telemetry.count('TokensRefused')
        raise Exception('Unauthorized') from None  # API Gateway turns exactly this message into a 401
    telemetry.note(user_id=claims['sub'], client_id=claims['client_id'])
    routes = [AuthRoute(path, methods) for path, methods in scopes.routes(claims['scope'].split())]
    context = {'client_id': claims['client_id'], 'scope': claims['scope']} | ({'key_id': claims['key_id']} if 'key_id' in claims else {})
    return AuthResponse(routes=list(routes), principal_id=claims['sub'], context=context)


class CredentialsAuthorizer(ChaliceAuthorizer):
    """Also accepts the events of a REQUEST authorizer, which Chalice does not: an API key may be sent in three places.

    See docs/decisions/0007-api-keys.md.
    """

    def __call__(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        request = event.get('requestContext', {})
        with telemetry.task('authorizer', request.get('requestId'), duration_metric='Latency') as current:
            current.note(method=request.get('httpMethod'), route=request.get('resourcePath'), user_id=None, client_id=None, refused=None)
            current.count('Requests')
            return _with_denial(super().__call__(event | {'authorizationToken': credentials(event)}, context), event)


def _with_denial(answer: dict[str, Any], event: dict[str, Any]) -> dict[str, Any]:
    """Return an authorizer's answer, which denies the route where it allows none: IAM's grammar knows no statement about nothing."""
    for statement in answer['policyDocument']['Statement']:
        if not statement['Resource']:
            statement |= {'Effect': 'Deny', 'Resource': [event['methodArn']]}
    return answer


# The decorator created a plain ChaliceAuthorizer; only its class has to change.
bearer.__class__ = CredentialsAuthorizer


def credentials(event: dict[str, Any]) -> str:
    """Return the credentials of an authorizer event, in the form of an `Authorization` header.

    That header if there is one; otherwise `X-API-KEY` or `?api_key=`, which accept API keys only.
    """
    if event.get('authorizationToken'):
        return str(event['authorizationToken'])
    headers = {name.lower(): value for name, value in (event.get('headers') or {}).items()}
    if 'authorization' in headers:
        return str(headers['authorization'])
    key = headers.get('x-api-key') or (event.get('queryStringParameters') or {}).get('api_key') or ''
    return f'Bearer {key}' if key.startswith(scopes.API_KEY_PREFIX) else ''


def verify(header: str) -> dict[str, Any]:
    """Verify the token of an `Authorization` header (RFC 6750, RFC 9068); return its claims under the names of our own tokens.

    `sub` is a user id, `scope` our scopes separated by spaces, `client_id` the application. Raises InvalidToken.
    """
    match = _BEARER.fullmatch(header.strip())
    if match is None:
        raise InvalidToken('not a bearer token')
    token = match.group(1)
    return _verify_api_key(token) if token.startswith(scopes.API_KEY_PREFIX) else _verify_jwt(token)


def _verify_api_key(key: str) -> dict[str, Any]:
    from chalicelib.models import ApiKeySecret  # imports PynamoDB (100 ms), which access tokens should not pay for

    api_key = ApiKeySecret.find(key, clock.now())
    if api_key is None:
        raise InvalidToken('unknown or expired API key')
    key_id = {'key_id': api_key.key_id} if api_key.key_id else {}
    return {'sub': api_key.user_id, 'client_id': 'api-key', 'scope': ' '.join(api_key.scopes)} | key_id


def _verify_jwt(token: str) -> dict[str, Any]:
    from jose.exceptions import JOSEError  # with cryptography 50 ms, which only the authorizer's function should pay

    issuers = _issuers()
    try:
        return _claims(token, issuers)
    except (JOSEError, TypeError, ValueError, ArithmeticError, RecursionError) as error:
        # jose expects claims of the right types, and a token may hold any JSON: no kind of it is an error of ours.
        raise InvalidToken(type(error).__name__) from None


def _claims(token: str, issuers: Mapping[str, 'Issuer']) -> dict[str, Any]:
    from jose import jwt

    # The unverified issuer only selects the rules, which then verify everything, including the issuer.
    issuer = issuers.get(str(jwt.get_unverified_claims(token).get('iss')))
    if issuer is None:
        raise InvalidToken('unknown issuer')
    key = issuer.key_for(jwt.get_unverified_header(token))
    claims = jwt.decode(
        token,
        key,
        algorithms=list(issuer.algorithms),  # pinned: the token's own `alg` has no influence
        audience=issuer.audience,
        issuer=issuer.issuer,
        options=_REQUIRED,
    )
    return issuer.translate(claims)


@dataclass(frozen=True)
class Issuer:
    """A trusted issuer of access tokens, and how to verify and translate them.

    `types` are the `typ` headers of its access tokens in lower case, so that an ID token is not accepted as one (RFC 9068
    section 4). `scopes` translates its scopes into ours; others are dropped. `linked` says that its subjects are linked to users by the
    operator; else `subject_claim` is the id of a user, any of whom the issuer may then speak for.
    """

    issuer: str
    audience: str
    keys: Mapping[str, dict[str, Any]]
    algorithms: frozenset[str]
    types: frozenset[str]
    scopes: Mapping[str, str]
    linked: bool = False
    subject_claim: str = 'sub'
    scope_claim: str = 'scope'
    client_claim: str = 'client_id'

    def key_for(self, header: dict[str, Any]) -> dict[str, Any]:
        """Return the key named in a token's header. Raises InvalidToken."""
        if header.get('alg') not in self.algorithms or str(header.get('typ')).lower() not in self.types or 'crit' in header:
            raise InvalidToken('wrong alg, typ or crit')
        kid = header.get('kid')
        key = self.keys.get(kid) if isinstance(kid, str) else None
        if key is None:
            raise InvalidToken('unknown kid')
        if not _verifies(key, header['alg']):
            raise InvalidToken('a key that is not for verifying such tokens')
        return key

    def translate(self, claims: dict[str, Any]) -> dict[str, Any]:
        """Return the claims with subject, scope and client under our names. Raises InvalidToken if one is missing or malformed.

        Claims that our own tokens do not have are dropped, whatever another issuer means by them.
        """
        subject, scope, client = (claims.get(name) for name in (self.subject_claim, self.scope_claim, self.client_claim))
        granted = scope.split() if isinstance(scope, str) else scope
        if not _is_identifier(subject) or not _is_identifier(client) or not isinstance(granted, list):
            raise InvalidToken('no subject, scope or client')
        ours = [self.scopes[name] for name in granted if isinstance(name, str) and name in self.scopes]
        others = {name: claim for name, claim in claims.items() if name in _CLAIMS}
        return others | {'sub': self._user_id(str(subject)), 'client_id': client, 'scope': ' '.join(dict.fromkeys(ours))}

    def _user_id(self, subject: str) -> str:
        """Return the id of the user whom a subject is. Raises InvalidToken for nobody's."""
        if not self.linked:
            return subject
        from chalicelib.models import LinkedSubject  # imports PynamoDB, which our own tokens should not pay for

        user_id = LinkedSubject.find(self.issuer, subject)
        if user_id is None:
            raise InvalidToken('a subject that is linked to no user')
        return user_id


def _verifies(key: Mapping[str, Any], algorithm: str) -> bool:
    """Return whether a key may verify signatures of an algorithm (RFC 7517 section 4), and is long enough (RFC 7518 section 3.3)."""
    from jose.utils import base64_to_long

    is_meant = key.get('use', 'sig') == 'sig' and 'verify' in key.get('key_ops', ['verify']) and key.get('alg', algorithm) == algorithm
    return is_meant and (key.get('kty') != 'RSA' or base64_to_long(key.get('n', 'AA')).bit_length() >= _FEWEST_BITS)


def _is_identifier(claim: object) -> bool:
    return isinstance(claim, str) and _IDENTIFIER.fullmatch(claim) is not None


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
    """Parse one entry of TRUSTED_ISSUERS. Raises KeyError or ValueError, which deliberately stops the authorizer."""
    algorithms = frozenset(entry['algorithms'])
    if not algorithms or not algorithms <= _ASYMMETRIC:
        raise ValueError(f'TRUSTED_ISSUERS: algorithms of {entry["issuer"]} must be among {sorted(_ASYMMETRIC)}')
    subjects, names = entry['subjects'], {name: entry[name] for name in ('scope_claim', 'client_claim') if name in entry}
    if subjects not in ('linked', 'user_ids') or (subjects == 'user_ids') != ('subject_claim' in entry):
        raise ValueError(f'TRUSTED_ISSUERS: subjects of {entry["issuer"]} must be "linked", or "user_ids" with a subject_claim')
    return Issuer(
        issuer=entry['issuer'],
        audience=entry['audience'],
        keys=_by_id(entry['jwks']),
        algorithms=algorithms,
        types=frozenset(kind.lower() for kind in entry.get('types', ['at+jwt'])),
        scopes=entry['scopes'],
        linked=subjects == 'linked',
        subject_claim=entry.get('subject_claim', 'sub'),
        **names,
    )


def _by_id(jwks: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {key['kid']: key for key in jwks['keys']}
