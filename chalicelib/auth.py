"""The bearer authorizer: its own Lambda, which checks a JWT access token and says which routes it opens.

Makes no network call: the keys are in the configuration. Never imports models, so that a cold start stays short.
"""

import json
import logging
import re
from functools import lru_cache
from typing import Any

from chalice.app import AuthRequest, AuthResponse, AuthRoute, Blueprint
from jose import jwt
from jose.exceptions import JOSEError

from chalicelib.config import settings
from chalicelib.domain import scopes

log = logging.getLogger(__name__)

bp = Blueprint(__name__)

_BEARER = re.compile(r'[Bb]earer +([A-Za-z0-9._~+/=-]{1,8192})')
_TYPE = 'at+jwt'  # RFC 9068 section 4: anything else, an ID token above all, is not an access token
_REQUIRED = {f'require_{claim}': True for claim in ('iss', 'aud', 'exp', 'iat', 'sub', 'jti')}


class InvalidToken(Exception):
    """The token is missing, malformed, expired, or not ours; the message says which, for the log only."""


@bp.authorizer()
def bearer(request: AuthRequest) -> AuthResponse:
    """Return a policy over all routes, as API Gateway caches it for the token whatever route was asked for.

    A good token without any useful scope opens nothing (403). For a bad one this raises what makes a 401 of it.
    """
    try:
        claims = verify(request.token)
    except InvalidToken as error:
        log.info('token refused: %s', error)
        raise _unauthorized() from None
    granted = claims['scope'].split()
    routes = [AuthRoute(path, methods) for path, methods in scopes.routes(granted)]
    _refuse_locally(request.method_arn, routes)
    return AuthResponse(
        routes=list(routes), principal_id=claims['sub'], context={'client_id': claims['client_id'], 'scope': claims['scope']}
    )


def verify(header: str) -> dict[str, Any]:
    """Return the claims of the `Authorization` header's token (RFC 6750, RFC 9068). Raises InvalidToken."""
    match = _BEARER.fullmatch(header.strip())
    if match is None:
        raise InvalidToken('not a bearer token')
    token = match.group(1)
    try:
        key = _key_for(jwt.get_unverified_header(token))
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=['ES256'],  # pinned here: the token's own `alg` chooses nothing
            audience=settings().audience,
            issuer=settings().issuer,
            options=_REQUIRED,
        )
    except JOSEError as error:
        raise InvalidToken(type(error).__name__) from None
    if not isinstance(claims.get('scope'), str) or not isinstance(claims.get('client_id'), str):
        raise InvalidToken('no scope or client_id')
    return claims


def _key_for(header: dict[str, Any]) -> dict[str, Any]:
    if header.get('alg') != 'ES256' or str(header.get('typ')).lower() != _TYPE or 'crit' in header:
        raise InvalidToken('wrong alg, typ or crit')
    kid = header.get('kid')
    key = _keys().get(kid) if isinstance(kid, str) else None
    if key is None:
        raise InvalidToken('unknown kid')
    return key


@lru_cache(1)
def _keys() -> dict[str, dict[str, Any]]:
    return {key['kid']: key for key in json.loads(settings().jwks)['keys']}


def _unauthorized() -> Exception:
    """API Gateway answers 401 to exactly this text; chalice's local server needs an error of its own."""
    if settings().local:
        return _local_error('UNAUTHORIZED')
    return Exception('Unauthorized')


def _refuse_locally(method_arn: str, routes: list[AuthRoute]) -> None:
    """Make chalice's local server answer a denial with the body that API Gateway is configured to answer."""
    if not settings().local:
        return
    method, path = method_arn.split('/', 3)[2:]
    patterns = [re.escape(f'/{route.path.lstrip("/")}').replace(r'\*', '.*') for route in routes if method in route.methods]
    if not any(re.fullmatch(pattern, f'/{path}') for pattern in patterns):
        raise _local_error('ACCESS_DENIED')


def _local_error(response_type: str) -> Exception:
    from pathlib import Path

    from chalice.local import ForbiddenError, NotAuthorizedError

    response = json.loads(Path('infra/gateway_responses.json').read_text())[response_type]
    kind = NotAuthorizedError if response['status'] == 401 else ForbiddenError
    error: Exception = kind(dict(response['headers']), json.dumps(response['body']).encode())
    return error
