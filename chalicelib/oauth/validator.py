"""oauthlib's request validator: authenticates clients and users, checks scopes, and stores codes and tokens."""

import base64
import binascii
from typing import Any, NamedTuple
from urllib.parse import unquote_plus

from oauthlib.common import Request
from oauthlib.oauth2 import InvalidGrantError, InvalidScopeError, RequestValidator, UnauthorizedClientError

from chalicelib import clock
from chalicelib.domain import redirect_uris, scopes
from chalicelib.errors import AccessEnded
from chalicelib.models import Client, Code, GrantChanged, RefreshToken
from chalicelib.oauth import consents, families, signing
from chalicelib.oauth.families import Family
from chalicelib.services.users import authentication

NETWORK_HEADER = 'x-network-address'  # internal: passes the caller's network address through oauthlib
_DEFAULT_SCOPES = ['read']
_PUBLIC_GRANTS = {'authorization_code', 'refresh_token'}
_CONFIDENTIAL_GRANTS = _PUBLIC_GRANTS | {'password', 'client_credentials'}


class Issued(NamedTuple):
    """An access token, and a refresh token where there is one."""

    access_token: str
    refresh_token: str | None


class Validator(RequestValidator):  # type: ignore[misc]  # oauthlib is untyped
    """oauthlib's hooks; each names the section of RFC 6749 that it implements.

    The hooks pass state to each other as attributes of oauthlib's request: `user` (a user id), `consenting_user` (who logged in), `earlier`
    (the grant of one who is not asked again), `shown` (what they know the client by), `client`, `scopes`, `one_time_token` (the code or
    refresh token that is to be redeemed), `granted` (the scopes that a refresh token still has), and `issued`, the new tokens.
    """

    # Clients

    def client_authentication_required(self, request: Request, *args: Any, **kwargs: Any) -> bool:
        """Section 3.2.1: required of all clients except public ones, which have no credentials."""
        client = _named_client(request)
        return client is None or client.confidential

    def authenticate_client(self, request: Request, *args: Any, **kwargs: Any) -> bool:
        """Section 2.3.1: the Basic header, or `client_id` and `client_secret` in the body."""
        client = _named_client(request)
        _, secret = _basic_credentials(request) or ('', request.client_secret)
        now = clock.now()
        if client is None or not client.has_secret(secret or '', now):
            return False
        client.touch(secret, now)
        return _identify(request, client)

    def authenticate_client_id(self, client_id: str, request: Request, *args: Any, **kwargs: Any) -> bool:
        """Section 3.2.1: a public client only identifies itself; its codes are bound by PKCE and its refresh tokens by rotation."""
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
        """Section 4.1.1: `code` only; the implicit grant is not supported (RFC 9700 section 2.1.2)."""
        return response_type == 'code'

    def validate_redirect_uri(self, client_id: str, redirect_uri: str, request: Request, *args: Any, **kwargs: Any) -> bool:
        """Section 3.1.2.3: exactly as registered, except for the port of a loopback address (RFC 8252 section 7.3)."""
        return redirect_uris.matching(list(request.client.redirect_uris), redirect_uri) is not None

    def get_default_redirect_uri(self, client_id: str, request: Request, *args: Any, **kwargs: Any) -> str | None:
        """Section 3.1.2.3: the redirect URI may be omitted only if exactly one is registered."""
        registered = request.client.redirect_uris
        return registered[0] if len(registered) == 1 else None

    # Scopes

    def get_default_scopes(self, client_id: str, request: Request, *args: Any, **kwargs: Any) -> list[str]:
        """Section 3.3: the scopes of a request without `scope`."""
        return list(_DEFAULT_SCOPES)

    def validate_scopes(self, client_id: str, scopes_asked: list[str], client: Client, request: Request, *args: Any, **kwargs: Any) -> bool:
        return set(scopes_asked) <= set(scopes.ALL)

    # Authorization codes

    def is_pkce_required(self, client_id: str, request: Request) -> bool:
        """RFC 9700 section 2.1.1: public clients must use PKCE."""
        return not request.client.confidential

    def save_authorization_code(self, client_id: str, code: dict[str, str], request: Request, *args: Any, **kwargs: Any) -> None:
        """Section 4.1.2: the user has granted the scopes, so the code opens a family.

        Raises GrantChanged if the code would go to another place than the user was shown, or to a client of another name: whoever has its
        registration may have changed it meanwhile.
        """
        if request.client.identity_at(request.redirect_uri) != request.shown:
            raise GrantChanged
        now = clock.now()
        family = consents.open_with_consent(
            request.consenting_user, request.client, request.scopes, now, shown=request.shown, earlier=request.earlier
        )
        families.save_code(code['code'], family, client_id, redirect_uri=request.redirect_uri, challenge=request.code_challenge, now=now)

    def validate_code(self, client_id: str, code: str, client: Client, request: Request, *args: Any, **kwargs: Any) -> bool:
        """Section 4.1.3: the code is valid and this client's. A second use is detected when it is redeemed."""
        stored_code = Code.find(code)
        if stored_code is None or not (granted := families.valid_scopes(stored_code, client, clock.now())):
            return False
        request.user, request.scopes, request.one_time_token = stored_code.user_id, granted, stored_code
        return True

    def get_code_challenge(self, code: str, request: Request) -> str | None:
        """RFC 7636 section 4.6; a verifier for a code without a challenge is a downgrade (RFC 9700 section 4.8.2)."""
        challenge: str | None = request.one_time_token.challenge
        if challenge is None and request.code_verifier is not None:
            raise InvalidGrantError(request=request)
        return challenge

    def get_code_challenge_method(self, code: str, request: Request) -> str:
        return 'S256'

    def confirm_redirect_uri(
        self, client_id: str, code: str, redirect_uri: str, client: Client, request: Request, *args: Any, **kwargs: Any
    ) -> bool:
        """Section 4.1.3: identical to the authorization request's, otherwise `invalid_grant` (section 5.2)."""
        if redirect_uri != request.one_time_token.redirect_uri:
            raise InvalidGrantError(request=request)
        return True

    def invalidate_authorization_code(self, client_id: str, code: str, request: Request, *args: Any, **kwargs: Any) -> None:
        """Nothing to do: `prepare_token` has redeemed the code before the token was created."""

    # Users

    def validate_user(self, username: str, password: str, client: Client, request: Request, *args: Any, **kwargs: Any) -> bool:
        """Section 4.3.2, for users who allow it. Every failure gives the same response in the same time. Raises TooMany.

        oauthlib checks the grant type and the scopes afterwards, where only a right password gets: the same errors come here before it is
        looked at, so that none of them confirms it.
        """
        if not self.validate_grant_type(request.client_id, request.grant_type, client, request):
            raise UnauthorizedClientError(request=request)
        if not self.validate_scopes(request.client_id, request.scopes or [], client, request):
            raise InvalidScopeError(request=request)
        network = request.headers[NETWORK_HEADER]
        authenticated = authentication.authenticate(username, password, network=network, now=clock.now(), by_application=True)
        request.consenting_user = authenticated.user if authenticated else None
        return authenticated is not None

    # Refresh tokens

    def validate_refresh_token(self, refresh_token: str, client: Client, request: Request, *args: Any, **kwargs: Any) -> bool:
        """Section 6: the token is valid and this client's, and any of its scopes is still granted."""
        token = RefreshToken.find(refresh_token)
        if token is None or not (granted := families.valid_scopes(token, client, clock.now())):
            return False
        request.user, request.granted, request.one_time_token = token.user_id, granted, token
        return True

    def get_original_scopes(self, refresh_token: str, request: Request, *args: Any, **kwargs: Any) -> list[str]:
        """Section 6: without those that the user has withdrawn meanwhile."""
        granted: list[str] = request.granted
        return granted

    def save_bearer_token(self, token: dict[str, Any], request: Request, *args: Any, **kwargs: Any) -> None:
        """Nothing to do: `prepare_token` has stored the refresh token, which keeps all scopes of the one before."""

    # Revocation (RFC 7009) and introspection (RFC 7662)

    def revoke_token(self, token: str, token_type_hint: str | None, request: Request, *args: Any, **kwargs: Any) -> None:
        """Revoke the token's whole family, if the token is the client's own.

        RFC 7009 section 2.2: an unknown token, or another client's, is not an error.
        """
        issued = families.look_up(token, request.client.client_id)
        if issued is not None:
            families.revoke(issued.descent.family_id, clock.now())

    def introspect_token(
        self, token: str, token_type_hint: str | None, request: Request, *args: Any, **kwargs: Any
    ) -> dict[str, Any] | None:
        """Return the response of RFC 7662 section 2.2 for the client's own active token, or None for any other."""
        return families.introspect(token, request.client)


class IntrospectionValidator(Validator):
    """The validator of the introspection endpoint, which only clients with credentials may ask (RFC 7662 section 2.1)."""

    def client_authentication_required(self, request: Request, *args: Any, **kwargs: Any) -> bool:
        return True


def prepare_token(request: Request) -> None:
    """Set the request's `user` and the tokens that oauthlib is to return, `issued`, for the distinct scopes that are asked for.

    oauthlib calls this after it has validated the request. The code or refresh token is used up once the access token is signed, which may
    fail. Raises InvalidGrantError if the code or refresh token was used before or its grant has been revoked, or the password was changed.
    """
    now = clock.now()
    request.scopes = list(dict.fromkeys(request.scopes))  # a form has room for thousands of one, each of which would be stored
    try:
        family = _family_for(request, now)
        access_token = signing.access_token(
            user_id=family.user_id,
            client_id=request.client.client_id,
            scopes=request.scopes,
            family=family.family_id,
            grant_id=family.grant_id,
            access_epoch=request.client.access_epoch if family.grant_id is None else None,
        )
        refresh_token = None if family.grant_id is None else families.issue(family, request.client.client_id, now)
    except (families.InvalidGrant, AccessEnded):
        raise InvalidGrantError(request=request) from None
    except consents.TooManyGrants:
        raise InvalidGrantError('The user has too many connected applications.', request=request) from None
    request.user, request.issued = family.user_id, Issued(access_token, refresh_token)


def _family_for(request: Request, now: int) -> Family:
    if request.grant_type == 'authorization_code':
        return families.continue_code(request.one_time_token, now)
    if request.grant_type == 'refresh_token':
        return families.continue_refresh_token(request.one_time_token, request.refresh_token, now)
    if request.grant_type == 'password':  # entering the password in the application is the consent
        return consents.open_with_consent(request.consenting_user, request.client, request.scopes, now)
    return families.open_for_owner(request.client, request.scopes)


def _named_client(request: Request) -> Client | None:
    """Return the client named in the Basic header or, without one, in the body."""
    client_id, _ = _basic_credentials(request) or (request.client_id, None)
    return Client.find(client_id) if client_id else None


def _identify(request: Request, client: Client) -> bool:
    request.client, request.client_id = client, client.client_id
    return True


def _basic_credentials(request: Request) -> tuple[str, str] | None:
    """Return the form-decoded id and secret of a Basic header (section 2.3.1), or None if there is no such header."""
    kind, _, encoded = request.headers.get('Authorization', '').partition(' ')
    if kind.lower() != 'basic':
        return None
    try:
        client_id, _, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(':')
    except (binascii.Error, ValueError):
        return ('', '')
    return unquote_plus(client_id), unquote_plus(secret)
