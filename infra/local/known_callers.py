"""Whose the credentials of late requests were, so that the next with the same need not wait among those that nobody knows."""

import hashlib
import re
from email.message import Message

from infra.local import turns

_MOST = 10_000
_KEY_IN_QUERY = re.compile(r'[?&]api_key=([^&]*)')
_SESSION = re.compile(r'(?:^|;)\s*(?:__Host-)?session=([^;]*)')


def digest_of(path: str, headers: Message) -> bytes:
    """Return a digest of what a request says whose it is, empty for nothing: of its tokens and keys, and the cookie of its session.

    Of all these, as others may send one of them as well, such as the password of a proxy, and of nothing else that others send: the cookie
    of a language would stand for whoever sent it with a token.
    """
    sent = [
        *_KEY_IN_QUERY.findall(path),
        *headers.get_all('Authorization', []),
        *headers.get_all('X-API-KEY', []),
        *_SESSION.findall(';'.join(headers.get_all('Cookie', []))),
    ]
    return hashlib.sha256('\n'.join(sent).encode()).digest() if any(sent) else b''


class KnownCallers:
    """The users that the digests of credentials were found to be."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._callers: dict[bytes, str] = {}

    def find(self, credentials: bytes) -> str:
        """Return the caller, `''` for one that is not known."""
        return self._callers.get(credentials, '')

    def remember(self, credentials: bytes, caller: str) -> None:
        """Remember a user. Whoever follows a link is known by that, whatever their credentials are."""
        if not credentials or not turns.is_user(caller):
            return
        self.forget(credentials)
        self._callers[credentials] = caller
        if len(self._callers) > self._most:
            del self._callers[next(iter(self._callers))]

    def forget(self, credentials: bytes) -> bool:
        """Forget whose credentials these were, as they are nobody's any more; return whether they were known."""
        return self._callers.pop(credentials, None) is not None
