"""What each error code of OAuth2 means here (RFC 6749, sections 4.1.2.1 and 5.2, RFC 7009), and what to do about it."""

from typing import NamedTuple


class OAuthError(NamedTuple):
    """An error code, and sentences for the developer of a client. `remedy` is what to do."""

    code: str
    meaning: str
    remedy: str


OAUTH_ERRORS = (
    OAuthError(
        'invalid_request',
        'A parameter is missing, malformed or sent twice, or the body is not a form.',
        'Correct what `error_description` names. The same request will fail again.',
    ),
    OAuthError(
        'invalid_client',
        'The application is unknown, or its secret is wrong, or was changed.',
        'Send `client_id` and `client_secret` as Basic authentication or in the form. A public application sends no secret.',
    ),
    OAuthError(
        'invalid_grant',
        'The code, refresh token or password is wrong, expired, used up or revoked, or belongs to another application, or `redirect_uri` '
        'or `code_verifier` does not match the code.',
        'Ask the user again, through `/oauth/authorize`. A code can be used once, within a minute.',
    ),
    OAuthError(
        'unauthorized_client',
        'The application may not use this grant, as a public one may not use `client_credentials`.',
        'Use the authorization code grant with PKCE.',
    ),
    OAuthError(
        'unsupported_grant_type',
        'The `grant_type` is not supported.',
        'Use one of `grant_types_supported` of `/.well-known/oauth-authorization-server`.',
    ),
    OAuthError(
        'unsupported_response_type',
        'The `response_type` is not supported.',
        'Send `response_type=code`.',
    ),
    OAuthError(
        'unsupported_token_type',
        'The `token_type_hint` is not supported.',
        'Leave it out, or send `access_token` or `refresh_token`.',
    ),
    OAuthError(
        'invalid_scope',
        'A scope does not exist, or is more than the application or the grant has.',
        'Ask for scopes of `scopes_supported` that the application is registered for.',
    ),
    OAuthError(
        'access_denied',
        'The user denied the request, or allowed none of the scopes.',
        'Continue without access, and ask again only when the user wants it.',
    ),
    OAuthError(
        'server_error',
        'Something failed in the service. It has been logged.',
        'Try again later. If it persists, tell the operator the `X-Request-Id` of the response.',
    ),
    OAuthError(
        'temporarily_unavailable',
        'Too many requests came from your network or for this account, or the database is rejecting or failing requests at the moment.',
        'Try again after the seconds in `Retry-After`.',
    ),
)
