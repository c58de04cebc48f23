"""The form of what binds a code to who asked for it (RFC 7636). Empty ones count as missing (RFC 6749 section 3.1)."""

import re

from oauthlib.common import Request
from oauthlib.oauth2 import InvalidRequestError

_VERIFIER = re.compile(r'[A-Za-z0-9._~-]{43,128}')
_CHALLENGE = re.compile(r'[A-Za-z0-9_-]{43}')  # of a SHA-256


def check_challenge(request: Request) -> dict[str, str]:
    """Check the challenge of an authorization request (RFC 7636 section 4.2). Raises InvalidRequestError.

    The challenge of another method is left to oauthlib, which refuses the method.
    """
    request.code_challenge = request.code_challenge or None
    is_hashed = request.code_challenge is not None and request.code_challenge_method == 'S256'
    if is_hashed and not _CHALLENGE.fullmatch(request.code_challenge):
        raise InvalidRequestError('code_challenge must be the base64url of a SHA-256, without padding', request=request)
    return {}


def check_verifier(request: Request) -> None:
    """Check the verifier of a token request (RFC 7636 section 4.1). Raises InvalidRequestError."""
    request.code_verifier = request.code_verifier or None
    if request.code_verifier is not None and not _VERIFIER.fullmatch(request.code_verifier):
        raise InvalidRequestError('code_verifier must be 43 to 128 letters, digits or any of -._~', request=request)
