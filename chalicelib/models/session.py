"""Browser sessions, and the tokens of mailed links. Both are stored only as SHA-256 of the user's token.

Tokens are 32 random bytes, which cannot be guessed, so a fast hash is enough.
"""

import secrets
from typing import Any

from pynamodb.attributes import UnicodeAttribute

from chalicelib import errors
from chalicelib.models.attributes import IntegerAttribute
from chalicelib.models.client import digest
from chalicelib.models.item import Item
from chalicelib.models.writes import Operation, Write

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
        cls(*_key('SESSION', token), user_id=user_id, started_at=now_ms, expires_at=now_ms // 1000 + IDLE_SECONDS).save()
        return token

    @classmethod
    def find(cls, token: str, now: int) -> 'Session | None':
        """Return the session, or None if it is unknown or expired. TTL deletes late, so `expires_at` is checked."""
        try:
            session = cls.get(*_key('SESSION', token), consistent_read=True)
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
        cls(*_key('SESSION', token)).delete()


class EmailToken(Item, discriminator='mailed'):
    """pk=MAILED#<sha256 of the token>  sk=MAILED   TTL   The single-use token of a mailed link.

    `purpose` is `confirm` (a sign-up; its name and password are stored here until it is confirmed), `email` (a new address) or
    `reset`. `stamp` must still equal `User.stamp`; a sign-up has none.
    put in a transaction, see `creation`   find: get   deleted in a transaction, see `use`
    """

    purpose = UnicodeAttribute()
    user_id = UnicodeAttribute()
    stamp = UnicodeAttribute(null=True)
    email = UnicodeAttribute(null=True)
    name = UnicodeAttribute(null=True)
    password_hash = UnicodeAttribute(null=True)

    @classmethod
    def creation(cls, token: str, *, purpose: str, user_id: str, expires_at: int, **values: Any) -> Write:
        """Return the write that stores a token made by `new_token`."""
        return Write(Operation.PUT, cls(*_key('MAILED', token), purpose=purpose, user_id=user_id, expires_at=expires_at, **values))

    @classmethod
    def find(cls, token: str, purpose: str, now: int) -> 'EmailToken':
        """Return an unused, unexpired token for this purpose. Raises NotFound."""
        try:
            email_token = cls.get(*_key('MAILED', token), consistent_read=True)
        except cls.DoesNotExist:
            raise errors.NotFound from None
        if email_token.purpose != purpose or (email_token.expires_at or 0) <= now:
            raise errors.NotFound
        return email_token

    def use(self) -> Write:
        """Return the write that consumes the token; the transaction of a second use raises NotFound."""
        return Write(Operation.DELETE, self, condition=EmailToken.pk.exists(), on_failure=errors.NotFound)


def new_token() -> str:
    return secrets.token_urlsafe(32)


def _key(kind: str, token: str) -> tuple[str, str]:
    return f'{kind}#{digest(token)}', kind
