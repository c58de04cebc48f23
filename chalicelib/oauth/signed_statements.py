"""Statements of portfolios as JWS that anybody can verify with the key set of this server."""

import json
from collections.abc import Mapping
from typing import Any

from jose import jws
from jose.exceptions import JOSEError

from chalicelib.config import settings
from chalicelib.http_io import answer_size
from chalicelib.oauth import signing

TYPE = 'statement+jwt'  # never that of an access token
LONGEST = answer_size.MOST_BYTES  # and no more can be sent in a form, of Lambda's six megabytes with all that is around it


def sign_statement(statement: Mapping[str, Any], now: int) -> str:
    """Return the JWS of a statement: its claims are `iss`, `iat` and `statement`."""
    return signing.sign({'iss': settings().issuer, 'iat': now, 'statement': dict(statement)}, TYPE)


def verify_statement(text: str) -> dict[str, Any] | None:
    """Return the claims of a statement that this server signed, None for anything else."""
    token = ''.join(text.split())
    if len(token) > LONGEST:
        return None
    try:
        header = jws.get_unverified_header(token)
        keys = {key['kid']: key for key in json.loads(settings().jwks)['keys']}
        if header.get('typ') != TYPE or 'crit' in header or header.get('kid') not in keys:
            return None
        claims = json.loads(jws.verify(token, keys[header['kid']], algorithms=['ES256']))
    except (JOSEError, TypeError, ValueError, RecursionError):
        return None
    is_ours = isinstance(claims, dict) and claims.get('iss') == settings().issuer and isinstance(claims.get('statement'), dict)
    return claims if is_ours else None
