"""What oauthlib asks of us: who the clients and users are, what they may have, and where tokens are kept."""

import base64
import binascii
import secrets
import time
from typing import Any
from urllib.parse import unquote_plus

from oauthlib.common import Request
from oauthlib.oauth2 import InvalidGrantError, RequestValidator

from chalicelib.domain import scopes
from chalicelib.models import Client, RefreshToken, RevokedFamily, User
from chalicelib.oauth import passwords

REFRESH_SECONDS = 30 * 86_400
_DEFAULT_SCOPES = ['read']


class Validator(RequestValidator):  # type: ignore[misc]  # oauthlib is untyped
    """oauthlib's hooks; each names the section of RFC 6749 it serves. `request.user` is the user's id."""

    def client_authentication_required(self, request: Request, *args: Any, **kwargs: Any) -> bool:
        """Section 3.2.1: every client here is confidential."""
        return True

    def authenticate_client(self, request: Request, *args: Any, **kwargs: Any) -> bool:
        """Section 2.3.1: the Basic header, or `client_id` and `client_secret` in the body, not both."""
        given = _basic_credentials(request) or (request.client_id, request.client_secret)
        client_id, secret = given
        client = Client.find(client_id) if client_id else None
        if client is None or not client.has_secret(secret or ''):
            return False
        request.client = client
        request.client_id = client.client_id
        return True

    def validate_grant_type(self, client_id: str, grant_type: str, client: Client, request: Request, *args: Any, **kwargs: Any) -> bool:
        return grant_type in ('password', 'refresh_token') and client.confidential

    def validate_user(self, username: str, password: str, client: Client, request: Request, *args: Any, **kwargs: Any) -> bool:
        """Section 4.3.2, for users who allow it; the same answer in the same time whatever is wrong."""
        user = User.with_email(username)
        known = passwords.is_password(user.password_hash if user else None, password)
        if user is None or not known or not user.allow_remote_login:
            return False
        request.user = user.user_id
        return True

    def get_default_scopes(self, client_id: str, request: Request, *args: Any, **kwargs: Any) -> list[str]:
        """Section 3.3: what a request without `scope` gets."""
        return list(_DEFAULT_SCOPES)

    def validate_scopes(self, client_id: str, scopes_asked: list[str], client: Client, request: Request, *args: Any, **kwargs: Any) -> bool:
        return set(scopes_asked) <= set(scopes.ALL)

    def validate_refresh_token(self, refresh_token: str, client: Client, request: Request, *args: Any, **kwargs: Any) -> bool:
        """Section 6: the token is the client's, not expired (TTL deletes late), and its family not revoked."""
        token = RefreshToken.find(refresh_token)
        now = int(time.time())
        if token is None or token.client_id != client.client_id or (token.expires_at or 0) <= now:
            return False
        if RevokedFamily.is_revoked(token.family):
            return False
        request.user = token.user_id
        request.spent_token = token
        return True

    def get_original_scopes(self, refresh_token: str, request: Request, *args: Any, **kwargs: Any) -> list[str]:
        token: RefreshToken = request.spent_token
        return list(token.scopes)

    def save_bearer_token(self, token: dict[str, Any], request: Request, *args: Any, **kwargs: Any) -> None:
        """Keep the refresh token. It has all scopes of the grant, though the access token may have been asked with fewer."""
        # By grant type: a parameter of the request's body shows up as an attribute too, whatever its name.
        parent: RefreshToken | None = request.spent_token if request.grant_type == 'refresh_token' else None
        now = int(time.time())
        RefreshToken.store(
            token['refresh_token'],
            user_id=request.user,
            client_id=request.client.client_id,
            scopes=list(parent.scopes) if parent else request.scopes,
            family=parent.family if parent else None,
            now=now,
            expires_at=now + REFRESH_SECONDS,
        )


def spend_refresh_token(request: Request) -> None:
    """Last check of a refresh: use the token up. A second use of one token means a thief, so its whole family goes.

    RFC 9700 section 4.14.2. Raises InvalidGrantError.
    """
    token: RefreshToken = request.spent_token
    if not token.spend(int(time.time())):
        RevokedFamily.revoke(token.family, int(time.time()) + REFRESH_SECONDS)
        raise InvalidGrantError(request=request)


def new_refresh_token(_: Request) -> str:
    return secrets.token_urlsafe(32)


def _basic_credentials(request: Request) -> tuple[str, str] | None:
    """Return id and secret of a Basic header, form-decoded (section 2.3.1), None when there is no such header."""
    kind, _, encoded = request.headers.get('Authorization', '').partition(' ')
    if kind.lower() != 'basic':
        return None
    try:
        client_id, _, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(':')
    except (binascii.Error, ValueError):
        return ('', '')
    return unquote_plus(client_id), unquote_plus(secret)
