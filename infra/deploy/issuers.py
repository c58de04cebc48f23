"""Fetches the public keys of other issuers when deploying, so that the authorizer makes no network call.

`python -m infra.deploy.issuers < issuers.json` prints the value of TRUSTED_ISSUERS: the same list, each entry with its `jwks`. An entry
that has `jwks` already is left alone; else they are taken from its `jwks_uri`, or from the issuer's metadata
(RFC 8414, OpenID Connect Discovery 1.0).
"""

import json
import sys
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3

from chalicelib.providers.connections import TooMuch, Watchdog, WatchedSession

_SECONDS = 10  # of a whole exchange; connecting may take as long for each address of the host
_MOST_BYTES = 1024 * 1024
_FAILURES = (requests.RequestException, urllib3.exceptions.HTTPError, TooMuch, OSError, ValueError)
# What verifying takes (RFC 7517, RFC 7518). Certificates, which some issuers add, would not fit into a function's environment.
_OF_KEYS = ('kid', 'kty', 'alg', 'use', 'key_ops', 'n', 'e', 'crv', 'x', 'y')
_WELL_KNOWN = ('/.well-known/oauth-authorization-server', '/.well-known/openid-configuration')


class NoKeys(Exception):
    """An issuer's keys cannot be had; the message says whose and why."""


def with_keys(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the entries, each with its `jwks`. Raises NoKeys."""
    return [entry if 'jwks' in entry else _fetched(entry) for entry in entries]


def _fetched(entry: dict[str, Any]) -> dict[str, Any]:
    uri = entry.get('jwks_uri') or _discovered(entry['issuer'])
    keys = _get(uri)
    needed = [{name: key[name] for name in _OF_KEYS if name in key} for key in (keys or {}).get('keys') or [] if _can_be_named(key)]
    if not needed:
        raise NoKeys(f'{entry["issuer"]}: {uri} answers no keys for signatures that have a kid')
    return {name: value for name, value in entry.items() if name != 'jwks_uri'} | {'jwks': {'keys': needed}}


def _can_be_named(key: dict[str, Any]) -> bool:
    """Return whether a token may name a key: one for encryption, which many issuers have too, verifies nothing."""
    return 'kid' in key and key.get('use', 'sig') == 'sig'


def _discovered(issuer: str) -> str:
    for path in _WELL_KNOWN:
        metadata = _get(issuer.rstrip('/') + path)
        if metadata and metadata.get('issuer') == issuer and 'jwks_uri' in metadata:
            return str(metadata['jwks_uri'])
    raise NoKeys(f'{issuer}: no metadata that names this issuer and its keys; give its jwks_uri')


def _get(uri: str) -> dict[str, Any] | None:
    """Return a JSON object, None when there is none. Raises NoKeys for an address that others could answer for."""
    parts = urlsplit(uri)
    if parts.scheme != 'https' and parts.hostname != '127.0.0.1':
        raise NoKeys(f'{uri}: keys are only taken over https')
    watchdog = Watchdog()
    with watchdog.watching(_SECONDS) as expired:
        try:
            body = _body(watchdog, uri)
        except _FAILURES:
            body = None
    if expired.is_set():
        raise NoKeys(f'{uri} takes longer than {_SECONDS} seconds')
    try:
        answer = json.loads(body or b'null')
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


def _body(watchdog: Watchdog, uri: str) -> bytes | None:
    """Return the body of a 200, None of anything else. Raises NoKeys, and what a connection raises that fails or is cut."""
    body = bytearray()
    with WatchedSession(watchdog) as session, session.get(uri, timeout=_SECONDS, allow_redirects=False, stream=True) as answer:
        if answer.is_redirect:
            raise NoKeys(f'{uri} redirects to another address: give that as its jwks_uri if you trust it')
        if answer.status_code != 200:
            return None
        while chunk := answer.raw.read1(65_536, decode_content=True):
            body += chunk
            if len(body) > _MOST_BYTES:
                raise NoKeys(f'{uri} answers more than {_MOST_BYTES} bytes')
    return bytes(body)


if __name__ == '__main__':
    try:
        print(json.dumps(with_keys(json.load(sys.stdin)), separators=(',', ':')))
    except NoKeys as error:
        sys.exit(str(error))
