"""What oauthlib asks of us: who the clients and users are, what they may have, and where codes and tokens are kept."""

import base64
import binascii
import secrets
from typing import Any
from urllib.parse import unquote_plus

from oauthlib.common import Request
from oauthlib.oauth2 import InvalidGrantError, RequestValidator

from chalicelib import clock
from chalicelib.domain import redirect_uris, scopes
from chalicelib.errors import NotFound
from chalicelib.models import Client, Code, Grant, RefreshToken, RevokedFamily
from chalicelib.oauth import signing
from chalicelib.services import users

NETWORK_HEADER = 'x-network-address'  # ours: where a request comes from, for oauthlib to hand through
CODE_SECONDS = 60
REFRESH_SECONDS = 30 * 86_400
_DEFAULT_SCOPES = ['read']
_PUBLIC_GRANTS = {'authorization_code', 'refresh_token'}
_CONFIDENTIAL_GRANTS = _PUBLIC_GRANTS | {'password', 'client_credentials'}


class Validator(RequestValidator):  # type: ignore[misc]  # oauthlib is untyped
    """oauthlib's hooks; each names the section of RFC 6749 it serves. `request.user` is a user's id."""

    # Clients

    def client_authentication_required(self, request: Request, *args: Any, **kwargs: Any) -> bool:
        """Section 3.2.1: of everybody but a public client, which has nothing to authenticate with."""
        client = _named_client(request)
        return client is None or client.confidential

    def authenticate_client(self, request: Request, *args: Any, **kwargs: Any) -> bool:
        """Section 2.3.1: the Basic header, or `client_id` and `client_secret` in the body."""
        client = _named_client(request)
        _, secret = _basic_credentials(request) or ('', request.client_secret)
        if client is None or not client.has_secret(secret or ''):
            return False
        return _identify(request, client)

    def authenticate_client_id(self, client_id: str, request: Request, *args: Any, **kwargs: Any) -> bool:
        """Section 3.2.1: a public client says who it is; what it presents is bound to it by PKCE or by rotation."""
        client = _named_client(request)
        return client is not None and not client.confidential and _identify(request, client)

    def validate_client_id(self, client_id: str, request: Request, *args: Any, **kwargs: Any) -> bool:
        client = Client.find(client_id)
        return client is not None and _identify(request, client)

    def validate_grant_type(self, client_id: str, grant_type: str, client: Client, request: Request, *args: Any, **kwargs: Any) -> bool:
        return grant_type in (_CONFIDENTIAL_GRANTS if client.confidential else _PUBLIC_GRANTS)

    def validate_response_type(
        self, client_id: str, response_type: str, client: Client, request: Request, *args: Any, **kwargs: Any
    ) -> bool:
        """Section 4.1.1; the implicit grant is not offered (RFC 9700 section 2.1.2)."""
        return response_type == 'code'

    def validate_redirect_uri(self, client_id: str, redirect_uri: str, request: Request, *args: Any, **kwargs: Any) -> bool:
        """Section 3.1.2.3: exactly as registered, but for the port of a loopback address (RFC 8252 section 7.3)."""
        return redirect_uris.matches(list(request.client.redirect_uris), redirect_uri)

    def get_default_redirect_uri(self, client_id: str, request: Request, *args: Any, **kwargs: Any) -> str | None:
        """Section 3.1.2.3: it may only be left out when there is just one."""
        registered = request.client.redirect_uris
        return registered[0] if len(registered) == 1 else None

    # Scopes

    def get_default_scopes(self, client_id: str, request: Request, *args: Any, **kwargs: Any) -> list[str]:
        """Section 3.3: what a request without `scope` gets."""
        return list(_DEFAULT_SCOPES)

    def validate_scopes(self, client_id: str, scopes_asked: list[str], client: Client, request: Request, *args: Any, **kwargs: Any) -> bool:
        return set(scopes_asked) <= set(scopes.ALL)

    # Authorization codes

    def is_pkce_required(self, client_id: str, request: Request) -> bool:
        """RFC 9700 section 2.1.1: public clients must use PKCE."""
        return not request.client.confidential

    def save_authorization_code(self, client_id: str, code: dict[str, str], request: Request, *args: Any, **kwargs: Any) -> None:
        now = clock.now()
        grant = Grant.allow(request.user, client_id, request.scopes, now)
        Code.store(
            code['code'],
            user_id=request.user,
            client_id=client_id,
            scopes=request.scopes,
            family=secrets.token_hex(16),
            grant_id=grant.grant_id,
            redirect_uri=request.redirect_uri,
            challenge=request.code_challenge,
            created_at=now,
            expires_at=now + CODE_SECONDS,
        )

    def validate_code(self, client_id: str, code: str, client: Client, request: Request, *args: Any, **kwargs: Any) -> bool:
        """Section 4.1.3: the code is this client's, and good. Whether it was used shows when it is spent."""
        found = Code.find(code)
        if found is None or not _is_good(found, client):
            return False
        request.user, request.scopes, request.spendable = found.user_id, list(found.scopes), found
        return True

    def get_code_challenge(self, code: str, request: Request) -> str | None:
        """RFC 7636 section 4.6; a verifier for a code without a challenge is a downgrade (RFC 9700 section 4.8.2)."""
        challenge: str | None = request.spendable.challenge
        if challenge is None and request.code_verifier is not None:
            raise InvalidGrantError(request=request)
        return challenge

    def get_code_challenge_method(self, code: str, request: Request) -> str:
        return 'S256'

    def confirm_redirect_uri(
        self, client_id: str, code: str, redirect_uri: str, client: Client, request: Request, *args: Any, **kwargs: Any
    ) -> bool:
        """Section 4.1.3: identical to the authorization request's. Section 5.2 calls the contrary invalid_grant."""
        if redirect_uri != request.spendable.redirect_uri:
            raise InvalidGrantError(request=request)
        return True

    def invalidate_authorization_code(self, client_id: str, code: str, request: Request, *args: Any, **kwargs: Any) -> None:
        """Spent already, before the token was made: see spend."""

    # Users

    def validate_user(self, username: str, password: str, client: Client, request: Request, *args: Any, **kwargs: Any) -> bool:
        """Section 4.3.2, for users who allow it; the same answer in the same time whatever is wrong. Raises TooMany."""
        network = request.headers[NETWORK_HEADER]
        user = users.authenticate(username, password, network=network, now=clock.now(), remotely=True)
        request.user = user.user_id if user else None
        return user is not None

    # Refresh tokens

    def validate_refresh_token(self, refresh_token: str, client: Client, request: Request, *args: Any, **kwargs: Any) -> bool:
        """Section 6: this client's, good, and its family not revoked."""
        token = RefreshToken.find(refresh_token)
        if token is None or not _is_good(token, client) or RevokedFamily.is_revoked(token.family):
            return False
        request.user, request.spendable = token.user_id, token
        return True

    def get_original_scopes(self, refresh_token: str, request: Request, *args: Any, **kwargs: Any) -> list[str]:
        return list(request.spendable.scopes)

    def save_bearer_token(self, token: dict[str, Any], request: Request, *args: Any, **kwargs: Any) -> None:
        """Keep the refresh token. It has all scopes of its grant, though the access token may have been asked with fewer."""
        if 'refresh_token' not in token:
            return
        now = clock.now()
        RefreshToken.store(
            token['refresh_token'],
            user_id=request.user,
            client_id=request.client.client_id,
            scopes=list(request.spendable.scopes) if _descends(request) else request.scopes,
            family=request.family,
            grant_id=request.spendable.grant_id if _descends(request) else request.grant.grant_id,
            created_at=now,
            expires_at=now + REFRESH_SECONDS,
        )

    # Revocation (RFC 7009) and introspection (RFC 7662)

    def revoke_token(self, token: str, token_type_hint: str | None, request: Request, *args: Any, **kwargs: Any) -> None:
        """Revoke everything that descends from the same authorization, if the token is the client's own.

        Section 2.2 of RFC 7009: a token that is unknown, or somebody else's, is no error.
        """
        family = _family_of(token, request.client.client_id)
        if family is not None:
            RevokedFamily.revoke(family, clock.now() + REFRESH_SECONDS)

    def introspect_token(
        self, token: str, token_type_hint: str | None, request: Request, *args: Any, **kwargs: Any
    ) -> dict[str, Any] | None:
        """Return what RFC 7662 section 2.2 says of an active token of the client's own, None for any other."""
        client_id = request.client.client_id
        family = _family_of(token, client_id)
        if family is None or RevokedFamily.is_revoked(family):
            return None
        return signing.claims_of(token) or _described(RefreshToken.find(token))


def new_family(request: Request) -> None:
    """Before a token is made: name the family it belongs to, and see to the user's consent."""
    now = clock.now()
    if _descends(request):
        spend(request, now)
        request.family = request.spendable.family
        _note_use(request, now)
        return
    request.family = secrets.token_hex(16)
    if request.grant_type == 'password':  # giving the password to the application is the consent
        request.grant = Grant.allow(request.user, request.client.client_id, request.scopes, now)
    else:  # client_credentials: the owner's own data
        request.user = request.client.owner_id


def spend(request: Request, now: int) -> None:
    """Use the code or refresh token up. A second use means a thief, so its whole family goes. Raises InvalidGrantError."""
    if not request.spendable.spend(now):
        RevokedFamily.revoke(request.spendable.family, now + REFRESH_SECONDS)
        raise InvalidGrantError(request=request)


def _note_use(request: Request, now: int) -> None:
    """Note when the application last used its grant. Raises InvalidGrantError when that was revoked this moment."""
    try:
        Grant.at(request.user, request.client.client_id).touch(now)
    except NotFound:
        raise InvalidGrantError(request=request) from None


def new_refresh_token(_: Request) -> str:
    return secrets.token_urlsafe(32)


def _is_good(found: Code | RefreshToken, client: Client) -> bool:
    """Whether a code or refresh token is this client's, has not expired, and the user's consent was not taken back."""
    if found.client_id != client.client_id or found.has_expired(clock.now()):
        return False
    grant = Grant.find(found.user_id, found.client_id)
    return grant is not None and grant.grant_id == found.grant_id


def _descends(request: Request) -> bool:
    """Whether a token descends from another. By grant type, as a parameter of the body shows as an attribute too."""
    return request.grant_type in ('authorization_code', 'refresh_token')


def _family_of(token: str, client_id: str) -> str | None:
    """Return the family of an access or refresh token of this client, None for any other text."""
    claims = signing.claims_of(token)
    if claims is not None:
        return claims.get('sid') if claims['client_id'] == client_id else None
    found = RefreshToken.find(token)
    return found.family if found is not None and found.client_id == client_id else None


def _described(token: RefreshToken | None) -> dict[str, Any] | None:
    if token is None or token.spent_at or token.has_expired(clock.now()):
        return None
    return {
        'client_id': token.client_id,
        'sub': token.user_id,
        'scope': ' '.join(token.scopes),
        'iat': token.created_at,
        'exp': token.expires_at,
    }


def _named_client(request: Request) -> Client | None:
    """Return the client that the request names, in the Basic header or else in the body."""
    client_id, _ = _basic_credentials(request) or (request.client_id, None)
    return Client.find(client_id) if client_id else None


def _identify(request: Request, client: Client) -> bool:
    request.client, request.client_id = client, client.client_id
    return True


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
