"""GET /.well-known/oauth-authorization-server (RFC 8414) and /.well-known/jwks.json (RFC 7517)."""

import json
from typing import Any

from chalice.app import Blueprint, Response

from chalicelib.config import settings
from chalicelib.domain import scopes

bp = Blueprint(__name__)

RESPONSE_MODES = ('query',)

_CACHED = {'Content-Type': 'application/json', 'Cache-Control': 'public, max-age=300', 'Access-Control-Allow-Origin': '*'}


@bp.route('/oauth-authorization-server')
def get_server_metadata() -> Response:
    """Return the server metadata: endpoints and their capabilities (RFC 8414 section 2)."""
    return Response(_metadata(settings().issuer), headers=dict(_CACHED))


@bp.route('/jwks.json')
def get_jwks() -> Response:
    """Return the public keys that verify access tokens, as a JSON Web Key Set."""
    return Response(json.loads(settings().jwks), headers=dict(_CACHED))


def _metadata(issuer: str) -> dict[str, Any]:
    methods = ['client_secret_basic', 'client_secret_post']
    return {
        'issuer': issuer,
        'authorization_endpoint': f'{issuer}/oauth/authorize',
        'token_endpoint': f'{issuer}/oauth/token',
        'revocation_endpoint': f'{issuer}/oauth/revoke',
        'introspection_endpoint': f'{issuer}/oauth/introspect',
        'jwks_uri': f'{issuer}/.well-known/jwks.json',
        'scopes_supported': list(scopes.ALL),
        'response_types_supported': ['code'],
        'response_modes_supported': list(RESPONSE_MODES),
        'grant_types_supported': ['authorization_code', 'refresh_token', 'password', 'client_credentials'],
        'token_endpoint_auth_methods_supported': [*methods, 'none'],
        'revocation_endpoint_auth_methods_supported': [*methods, 'none'],
        'introspection_endpoint_auth_methods_supported': methods,
        'code_challenge_methods_supported': ['S256'],
        'authorization_response_iss_parameter_supported': True,
    }
