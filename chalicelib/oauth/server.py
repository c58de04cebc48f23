"""The authorization server: oauthlib's endpoints, connected to our validator and token generators."""

import logging
from functools import lru_cache

from oauthlib.common import Request
from oauthlib.oauth2 import (
    AuthorizationCodeGrant,
    AuthorizationEndpoint,
    BearerToken,
    ClientCredentialsGrant,
    IntrospectEndpoint,
    RefreshTokenGrant,
    ResourceOwnerPasswordCredentialsGrant,
    RevocationEndpoint,
    TokenEndpoint,
)
from oauthlib.oauth2.rfc6749.grant_types.authorization_code import code_challenge_method_s256

from chalicelib.config import settings
from chalicelib.oauth import signing
from chalicelib.oauth.pkce import check_challenge, check_verifier
from chalicelib.oauth.validator import IntrospectionValidator, Validator, prepare_token

# At DEBUG oauthlib logs refresh tokens.
logging.getLogger('oauthlib').setLevel(logging.INFO)


@lru_cache(1)
def authorization_endpoint() -> AuthorizationEndpoint:
    """Return the authorization endpoint (RFC 6749 section 3.1): response type `code` only."""
    return AuthorizationEndpoint(default_response_type='code', default_token_type=_tokens(), response_types={'code': _code_grant()})


@lru_cache(1)
def token_endpoint() -> TokenEndpoint:
    """Return the token endpoint (RFC 6749 section 3.2)."""
    validator = Validator()
    refresh = RefreshTokenGrant(validator)
    grants = {
        'authorization_code': _code_grant(),
        'refresh_token': refresh,
        'password': ResourceOwnerPasswordCredentialsGrant(validator),
        'client_credentials': ClientCredentialsGrant(validator),
    }
    for grant in set(grants.values()):
        grant.custom_validators.post_token.append(prepare_token)
    # oauthlib uses the default grant for unknown types; this one checks the type first and returns unsupported_grant_type.
    return TokenEndpoint(default_grant_type='refresh_token', default_token_type=_tokens(), grant_types=grants)


@lru_cache(1)
def revocation_endpoint() -> RevocationEndpoint:
    """Return the revocation endpoint (RFC 7009)."""
    return RevocationEndpoint(Validator())


@lru_cache(1)
def introspection_endpoint() -> IntrospectEndpoint:
    """Return the introspection endpoint (RFC 7662)."""
    return IntrospectEndpoint(IntrospectionValidator())


def _code_grant() -> AuthorizationCodeGrant:
    grant = AuthorizationCodeGrant(Validator())
    grant._code_challenge_methods = {'S256': code_challenge_method_s256}  # `plain` proves nothing (RFC 7636 section 7.2)
    grant.custom_validators.pre_auth.append(check_challenge)
    grant.custom_validators.pre_token.append(check_verifier)
    grant.register_code_modifier(_add_issuer)
    return grant


def _add_issuer(grant: dict[str, str], _: BearerToken, __: Request) -> dict[str, str]:
    """Add `iss` to the response (RFC 9207), so that a client of several authorization servers can detect a mix-up."""
    return grant | {'iss': settings().issuer}


def _tokens() -> BearerToken:
    return BearerToken(
        Validator(),
        token_generator=lambda request: request.issued.access_token,
        expires_in=signing.LIFETIME_SECONDS,
        refresh_token_generator=lambda request: request.issued.refresh_token,
    )
