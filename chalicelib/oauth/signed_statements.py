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

_LONGEST_HEADER = 1_000  # it is read before anything is verified
_SPACES = {code: None for code in range(128) if chr(code).isspace()}
_OTHER_SPACES = [chr(code) for code in range(128, 0x3001) if chr(code).isspace()]


def sign_statement(statement: Mapping[str, Any], now: int) -> str:
    """Return the JWS of a statement: its claims are `iss`, `iat` and `statement`."""
    return signing.sign({'iss': settings().issuer, 'iat': now, 'statement': dict(statement)}, TYPE)


def verify_statement(text: str) -> dict[str, Any] | None:
    """Return the claims of a statement that this server signed, None for anything else."""
    token = _without_spaces(text)
    if not token.isascii() or len(token) > LONGEST or len(token.partition('.')[0]) > _LONGEST_HEADER:
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


def _without_spaces(text: str) -> str:
    """Return a text without the spaces and ends of lines that were pasted with it, unless there is more in it than ASCII.

    As a list of the parts that `split` would make, it takes twenty times the memory, and `translate` takes fifty times as long for more
    than ASCII, in which nothing else of this process goes on.
    """
    for space in () if text.isascii() else _OTHER_SPACES:
        text = text.replace(space, '')
    return text.translate(_SPACES) if text.isascii() else text
