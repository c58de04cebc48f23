"""The authorization server: oauthlib's endpoints wired to our validator and tokens."""

import logging
from functools import lru_cache

from oauthlib.common import Request
from oauthlib.oauth2 import BearerToken, RefreshTokenGrant, ResourceOwnerPasswordCredentialsGrant, TokenEndpoint

from chalicelib.oauth import signing
from chalicelib.oauth.validator import Validator, new_refresh_token, spend_refresh_token

# At DEBUG oauthlib logs refresh tokens.
logging.getLogger('oauthlib').setLevel(logging.INFO)


@lru_cache(1)
def token_endpoint() -> TokenEndpoint:
    """Return the token endpoint (RFC 6749 section 3.2) with the grants we offer."""
    validator = Validator()
    refresh = RefreshTokenGrant(validator)
    refresh.custom_validators.post_token.append(spend_refresh_token)
    grants = {'password': ResourceOwnerPasswordCredentialsGrant(validator), 'refresh_token': refresh}
    tokens = BearerToken(
        validator,
        token_generator=_access_token,
        expires_in=signing.LIFETIME_SECONDS,
        refresh_token_generator=new_refresh_token,
    )
    # The default grant answers for unknown ones; this one looks at the grant type first and says unsupported_grant_type.
    return TokenEndpoint(default_grant_type='refresh_token', default_token_type=tokens, grant_types=grants)


def _access_token(request: Request) -> str:
    return signing.access_token(user_id=request.user, client_id=request.client.client_id, scopes=request.scopes)
