"""Browser sessions. Stored only as SHA-256 of the token in the user's cookie.

Tokens are 32 random bytes, which cannot be guessed, so a fast hash is enough.
"""

import secrets

from pynamodb.attributes import UnicodeAttribute

from chalicelib import errors
from chalicelib.models.attributes import IntegerAttribute
from chalicelib.models.client import digest
from chalicelib.models.item import Item

IDLE_SECONDS = 30 * 86_400
LONGEST_SECONDS = 90 * 86_400
_PROLONG_AFTER = 86_400


class Session(Item, discriminator='session'):
    """pk=SESSION#<sha256 of the token>  sk=SESSION   TTL

    start: put   find: get   prolong: one update, at most daily   end: delete
    `started_at` is in milliseconds, to distinguish sessions of the same second when all but one are ended.
    """

    user_id = UnicodeAttribute()
    started_at = IntegerAttribute()

    @classmethod
    def start(cls, user_id: str, now_ms: int) -> str:
        """Start a session; return its token."""
        token = new_token()
        cls(*_key(token), user_id=user_id, started_at=now_ms, expires_at=now_ms // 1000 + IDLE_SECONDS).save()
        return token

    @classmethod
    def find(cls, token: str, now: int) -> 'Session | None':
        """Return the session, or None if it is unknown or expired. TTL deletes late, so `expires_at` is checked."""
        try:
            session = cls.get(*_key(token), consistent_read=True)
        except cls.DoesNotExist:
            return None
        return session if (session.expires_at or 0) > now else None

    def prolong(self, now: int) -> None:
        """Extend the session to IDLE_SECONDS from now, at most LONGEST_SECONDS from its start; writes at most once a day.

        A session ended in the meantime stays ended.
        """
        until = min(now + IDLE_SECONDS, self.started_at // 1000 + LONGEST_SECONDS)
        if until - (self.expires_at or 0) < _PROLONG_AFTER:
            return
        try:
            self.update_existing([Session.expires_at.set(until)])
        except errors.NotFound:
            return

    @classmethod
    def end(cls, token: str) -> None:
        """Delete the session; it is no error if there is none."""
        cls(*_key(token)).delete()


def new_token() -> str:
    return secrets.token_urlsafe(32)


def _key(token: str) -> tuple[str, str]:
    return f'SESSION#{digest(token)}', 'SESSION'
