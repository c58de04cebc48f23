"""An authorization request (RFC 6749 section 4.1.1): what it asks for, and where the answer goes. Knows no pages."""

from typing import NamedTuple

from oauthlib.common import add_params_to_uri
from oauthlib.oauth2 import AccessDeniedError, FatalClientError, OAuth2Error

from chalicelib.config import settings
from chalicelib.models import Client
from chalicelib.oauth import server


class Untrusted(Exception):
    """The client or its redirect URI cannot be trusted, so the error is shown and never redirected (section 4.1.2.1)."""


class Refused(Exception):
    """The request is wrong in a way that its client is to be told: `location` is where the browser goes to tell it."""

    def __init__(self, location: str) -> None:
        super().__init__('authorization refused')
        self.location = location


class Asked(NamedTuple):
    """A valid request; `scopes` are all of what it asks for."""

    client: Client
    redirect_uri: str
    scopes: list[str]
    state: str | None


def read(query: str) -> Asked:
    """Read the query of an authorization request. Raises Untrusted, Refused."""
    try:
        scopes, details = server.authorization_endpoint().validate_authorization_request(_uri(query))
    except FatalClientError as error:
        raise Untrusted(error.description or error.error) from None
    except OAuth2Error as error:
        raise Refused(_told(error, error.redirect_uri, error.state)) from None
    return Asked(details['request'].client, details['redirect_uri'], list(dict.fromkeys(scopes)), details['state'])


def allow(query: str, user_id: str, scopes: list[str]) -> str:
    """Grant `scopes` to the request and return where the browser goes with its code. Raises Untrusted, Refused."""
    asked = read(query)
    granted = [scope for scope in asked.scopes if scope in scopes]
    if not granted:
        raise Refused(deny(query))
    headers, _, _ = server.authorization_endpoint().create_authorization_response(
        _uri(query), scopes=granted, credentials={'user': user_id}
    )
    location: str = headers['Location']
    return location


def deny(query: str) -> str:
    """Return where the browser goes to say that the user does not agree. Raises Untrusted, Refused."""
    asked = read(query)
    return _told(AccessDeniedError('The user did not agree'), asked.redirect_uri, asked.state)


def _uri(query: str) -> str:
    return f'{settings().issuer}/oauth/authorize?{query}'


def _told(error: OAuth2Error, redirect_uri: str, state: str | None) -> str:
    """Return the redirect URI with the error, the state of the request, and who says so (RFC 9207)."""
    told = [*error.twotuples, ('iss', settings().issuer)]
    if state and 'state' not in dict(told):
        told.append(('state', state))
    location: str = add_params_to_uri(redirect_uri, told)
    return location
