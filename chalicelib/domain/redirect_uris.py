"""Which redirect URIs an application may register, and which one a request may name. Pure.

RFC 6749 section 3.1.2, RFC 8252 section 7, RFC 9700 section 4.1.
"""

import re
from urllib.parse import urlsplit

from chalicelib.errors import Fault, Invalid
from chalicelib.texts import translatable

MOST = 20
LONGEST = 2_000
LONGEST_SCHEME = 64  # which the page that asks for the password shows, and so is to be no message
_LONGEST_HOST = 253  # of names, RFC 1035 section 2.3.4

_CHARACTERS = r"(?:[A-Za-z0-9._~!$&'()+,;=:@/?-]|%[0-9A-Fa-f]{2})*"
_PORT = r'(?::[0-9]{1,5})?'
_WEB = re.compile(rf'https?://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]){_PORT}(?:[/?]{_CHARACTERS})?')
_PRIVATE_USE = re.compile(rf'[A-Za-z][A-Za-z0-9-]*(?:\.[A-Za-z0-9-]+)+:/{_CHARACTERS}')
_LOOPBACK_PORT = re.compile(rf'(http://(?:127\.0\.0\.1|\[::1\])){_PORT}(?=[/?]|$)(.*)')
_LOOPBACK_HOSTS = ('127.0.0.1', '::1', 'localhost')
_DOT_SEGMENT = re.compile(r'/(?:\.|%2e){1,2}(?=[/?]|$)', re.IGNORECASE)

_NO_HOST = translatable('must name a host, and a port from 1 to 65535 if any')
_FORBIDDEN = (
    (re.compile(r'[\x00-\x20\x7f\\]|\s'), translatable('must not contain spaces, control characters or backslashes')),
    (re.compile(r'[^\x00-\x7f]'), translatable('must be written in ASCII: use punycode for the host and percent-encoding for the rest')),
    (re.compile(r'\*'), translatable('must not contain a wildcard: redirect URIs are compared exactly')),
    (re.compile(r'#'), translatable('must not contain a fragment (#)')),
    (re.compile(r'^[^:]*://[^/?]*@'), translatable('must not contain a username or password')),
    (_DOT_SEGMENT, translatable('must not contain . or .. as a path segment')),
)


def parse_redirect_uri(text: str, confidential: bool) -> str:
    """Return the URI to register, without surrounding whitespace. Raises Invalid with a sentence that says what is wrong.

    Allowed are https; http on the local computer (127.0.0.1, [::1], localhost); and, for public clients only, a custom scheme with
    a dot (`com.example.app:/callback`), because confidential clients run on servers.
    """
    uri = text.strip(' \t\r\n')
    if len(uri) > LONGEST:
        raise _invalid(translatable('must not be longer than {most} characters', most=LONGEST))
    for pattern, sentence in _FORBIDDEN:
        if pattern.search(uri):
            raise _invalid(sentence)
    if _WEB.fullmatch(uri):
        _check_web(uri)
    elif not _PRIVATE_USE.fullmatch(uri):
        raise _invalid(translatable('must be a complete URI, such as https://example.com/callback'))
    elif len(urlsplit(uri).scheme) > LONGEST_SCHEME:
        raise _invalid(translatable('must not have a scheme of more than {most} characters', most=LONGEST_SCHEME))
    elif confidential:
        raise _invalid(translatable('with a custom scheme is for public applications only'))
    return uri


def _check_web(uri: str) -> None:
    try:
        parts = urlsplit(uri)
        port, host = parts.port, parts.hostname or ''
    except ValueError:  # of the port, or of what is in brackets and no IPv6 address
        raise _invalid(_NO_HOST) from None
    if port == 0 or '..' in host or host.startswith(('.', '-')) or len(host) > _LONGEST_HOST:
        raise _invalid(_NO_HOST)
    if parts.scheme == 'http' and host not in _LOOPBACK_HOSTS:
        raise _invalid(translatable('must use https, unless it is on this computer (127.0.0.1, [::1] or localhost)'))


def matching(registered: list[str], requested: str) -> str | None:
    """Return the registered URI that a request may use by this one, None for none: they must be equal, character by character.

    A loopback IP address over http may have any port, because native applications listen on a free one (RFC 8252 section
    7.3); localhost may not, because it is a name.
    """
    if requested in registered:
        return requested
    loopback = _without_port(requested)
    return next((uri for uri in registered if loopback is not None and _without_port(uri) == loopback), None)


def _without_port(uri: str) -> tuple[str, str] | None:
    """Return a loopback URI's parts around the port, None for any other URI."""
    match = _LOOPBACK_PORT.fullmatch(uri)
    return (match[1], match[2]) if match else None


def destination(uri: str) -> str:
    """Return where a redirect URI leads, for people: its host, or what opens its scheme on their device (RFC 8252 section 7.1).

    After such a scheme there may be what looks like a host, and means nothing; and a scheme may read like one.

    >>> destination('https://charts.example/cb'), destination('com.example.app://charts.example/cb')
    ('charts.example', 'an application on this device that opens "com.example.app:" links')
    """
    parts = urlsplit(uri)
    if parts.scheme in ('http', 'https'):
        return parts.netloc
    return translatable('an application on this device that opens "{scheme}:" links', scheme=parts.scheme)


def source(uri: str) -> str:
    """Return the Content-Security-Policy source of a registered URI: scheme, host and port, or the scheme alone.

    CSP sources cannot be IPv6 addresses, so [::1] is covered by its scheme (CSP level 3, section 2.3.1).
    """
    parts = urlsplit(uri)
    if parts.scheme not in ('http', 'https') or '[' in parts.netloc:
        return f'{parts.scheme}:'
    return f'{parts.scheme}://{parts.netloc}'


def _invalid(sentence: str) -> Invalid:
    return Invalid(Fault('redirect_uris', 'not_allowed', translatable('A redirect URI {problem}', problem=sentence)))
