"""GET /.well-known/oauth-authorization-server (RFC 8414), /.well-known/jwks.json (RFC 7517) and /.well-known/security.txt (RFC 9116)."""

import json
from datetime import UTC, datetime
from email.utils import parseaddr
from typing import Any

from chalice.app import Blueprint, Response

from chalicelib import clock
from chalicelib.config import Settings, settings
from chalicelib.domain import scopes
from chalicelib.errors import NotFound

bp = Blueprint(__name__)

_SECURITY_CONTACT_SECONDS = 180 * 86_400  # RFC 9116 section 2.5.5 recommends less than a year

RESPONSE_MODES = ('query',)

_CACHED = {'Content-Type': 'application/json', 'Cache-Control': 'public, max-age=300', 'Access-Control-Allow-Origin': '*'}


@bp.route('/oauth-authorization-server')
def get_server_metadata() -> Response:
    """Return the server metadata: endpoints and their capabilities (RFC 8414 section 2)."""
    return Response(_metadata(settings()), headers=dict(_CACHED))


@bp.route('/jwks.json')
def get_jwks() -> Response:
    """Return the public keys that verify access tokens, as a JSON Web Key Set."""
    return Response(json.loads(settings().jwks), headers=dict(_CACHED))


@bp.route('/security.txt')
def get_security_contact() -> Response:
    """Return where vulnerabilities are reported (RFC 9116): SECURITY_CONTACT, else the sender of mails. Raises NotFound without either."""
    contact = settings().security_contact or _mailto(settings().mail_from)
    if contact is None:
        raise NotFound
    expires = datetime.fromtimestamp(clock.now() + _SECURITY_CONTACT_SECONDS, UTC).isoformat()
    fields = {
        'Contact': contact,
        'Expires': expires,
        'Preferred-Languages': 'en',
        'Canonical': settings().url('/.well-known/security.txt'),
    }
    text = ''.join(f'{name}: {value}\n' for name, value in fields.items())
    return Response(text, headers={'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'public, max-age=300'})


def _mailto(sender: str | None) -> str | None:
    return f'mailto:{parseaddr(sender)[1]}' if sender else None


def _metadata(server: Settings) -> dict[str, Any]:
    methods = ['client_secret_basic', 'client_secret_post']
    return {
        'issuer': server.issuer,
        'authorization_endpoint': server.url('/oauth/authorize'),
        'token_endpoint': server.url('/oauth/token'),
        'revocation_endpoint': server.url('/oauth/revoke'),
        'introspection_endpoint': server.url('/oauth/introspect'),
        'jwks_uri': server.url('/.well-known/jwks.json'),
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
