"""Authorization requests (RFC 6749 section 4.1.1) and the redirects that respond to them, without the pages."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import NamedTuple
from urllib.parse import parse_qs

from oauthlib.common import add_params_to_uri
from oauthlib.oauth2 import AccessDeniedError, FatalClientError, InvalidRequestError, OAuth2Error

from chalicelib.config import settings
from chalicelib.domain.scopes import with_read
from chalicelib.http_io.errors import error_uri
from chalicelib.http_io.forms import encode_canonically
from chalicelib.models import Client, ClientIdentity, Grant, User
from chalicelib.oauth import server
from chalicelib.oauth.metadata import RESPONSE_MODES

_MOST_PARAMETERS = 100


class UntrustedClient(Exception):
    """The client or its redirect URI is unknown, so the error is shown to the user and never redirected (section 4.1.2.1)."""


class RedirectableError(Exception):
    """An error that the client must learn of: `location` is the redirect URI with the error (section 4.1.2.1)."""

    def __init__(self, location: str, redirect_uri: str) -> None:
        super().__init__('authorization refused')
        self.location = location
        self.redirect_uri = redirect_uri


class AuthorizationRequest(NamedTuple):
    """A valid authorization request; `scopes` are all the requested scopes, without repetitions, and `read` where others need it.

    `prompts` says that the user is to be asked even if they granted all of them before (OpenID Connect Core section 3.1.2.1).
    """

    client: Client
    redirect_uri: str
    scopes: list[str]
    state: str | None
    prompts: bool

    @property
    def identity(self) -> ClientIdentity | None:
        """What the user knows the client by."""
        return self.client.identity_at(self.redirect_uri)

    def needs_consent(self, granted: Collection[str]) -> bool:
        """Return whether the user must be asked, who granted the scopes `granted` before to the client as it is now.

        A public client is asked for each time: nothing proves that it is the one that was consented to (RFC 8252 section 8.6).
        """
        return self.prompts or not self.client.confidential or not set(self.scopes) <= set(granted)


def parse(query: str) -> AuthorizationRequest:
    """Parse the query string of an authorization request. Raises UntrustedClient, RedirectableError.

    Answers are in the query of the redirect URI, and a request for another place (`response_mode`) is refused there, whatever the user
    says to it: a client that is answered where it does not look would wait for ever.
    """
    with _translated_errors():
        scopes, details = server.authorization_endpoint().validate_authorization_request(_uri(query))
    if not set(parse_qs(query).get('response_mode', ())) <= set(RESPONSE_MODES):
        refusal = InvalidRequestError(f'response_mode must be {" or ".join(RESPONSE_MODES)}')
        raise RedirectableError(_error_location(refusal, details['redirect_uri'], details['state']), details['redirect_uri'])
    prompts = 'consent' in ' '.join(parse_qs(query).get('prompt', ())).split()
    return AuthorizationRequest(details['request'].client, details['redirect_uri'], with_read(scopes), details['state'], prompts)


def allow(query: str, request: AuthorizationRequest, user: User, scopes: list[str]) -> str:
    """Grant the requested scopes that are in `scopes`, and no others of them any more; return the redirect with the code (section 4.1.2).

    `request` is the parsed query, as the user was shown it: raises GrantChanged if its client has another name or redirect URI by now.
    Raises UntrustedClient, RedirectableError also if no scope is granted, and AccessEnded if the user's session ended meanwhile.
    """
    granted = [scope for scope in request.scopes if scope in scopes]
    if withheld := set(request.scopes).difference(granted):
        Grant.withhold(user.user_id, request.client.client_id, withheld)
    if not granted:
        raise RedirectableError(deny(request), request.redirect_uri)
    return _redirect_with_code(query, request, granted, user, None)


def allow_again(query: str, request: AuthorizationRequest, user: User, earlier: Grant) -> str:
    """Return the redirect with a code for scopes that the user allowed before, by the grant `earlier`, without asking them.

    Raises as `allow`, and GrantChanged also if that grant is not as it was read any more.
    """
    return _redirect_with_code(query, request, request.scopes, user, earlier)


def _redirect_with_code(query: str, request: AuthorizationRequest, scopes: list[str], user: User, earlier: Grant | None) -> str:
    credentials = {'consenting_user': user, 'earlier': earlier, 'shown': request.identity}
    with _translated_errors():
        headers, _, _ = server.authorization_endpoint().create_authorization_response(_uri(query), scopes=scopes, credentials=credentials)
    location: str = headers['Location']
    return location


def deny(request: AuthorizationRequest) -> str:
    """Return the redirect with the error `access_denied`."""
    return _error_location(AccessDeniedError('The user denied the request'), request.redirect_uri, request.state)


@contextmanager
def _translated_errors() -> Iterator[None]:
    """Raise UntrustedClient and RedirectableError for oauthlib's errors."""
    try:
        yield
    except FatalClientError as error:
        raise UntrustedClient(error.description or error.error) from None
    except OAuth2Error as error:
        raise RedirectableError(_error_location(error, error.redirect_uri, error.state), error.redirect_uri) from None


def _uri(query: str) -> str:
    """Return the URI of a request, with its query in canonical encoding. Raises UntrustedClient, TooLarge."""
    try:
        return settings().url(f'/oauth/authorize?{encode_canonically(query, _MOST_PARAMETERS)}')
    except ValueError:
        raise UntrustedClient('Too many parameters.') from None


def _error_location(error: OAuth2Error, redirect_uri: str, state: str | None) -> str:
    """Return the redirect URI with the error, the request's state, and the issuer (RFC 9207)."""
    parameters = [*error.twotuples, ('error_uri', error_uri(error.error)), ('iss', settings().issuer)]
    if state and 'state' not in dict(parameters):
        parameters.append(('state', state))
    location: str = add_params_to_uri(redirect_uri, parameters)
    return location
