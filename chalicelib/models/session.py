"""Browser sessions, and the tokens that are mailed. Both are kept only as SHA-256 of what the person holds.

They are 32 random bytes, so a fast hash is enough: there is nothing to guess.
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
    `started_at` is in milliseconds, to tell sessions of the same second from each other when all but one are to end.
    """

    user_id = UnicodeAttribute()
    started_at = IntegerAttribute()

    @classmethod
    def start(cls, user_id: str, now_ms: int) -> str:
        """Store a new session; return its token."""
        token = new_token()
        cls(*_key('SESSION', token), user_id=user_id, started_at=now_ms, expires_at=now_ms // 1000 + IDLE_SECONDS).save()
        return token

    @classmethod
    def find(cls, token: str, now: int) -> 'Session | None':
        """Return the session if it has not expired; TTL deletes late."""
        try:
            session = cls.get(*_key('SESSION', token), consistent_read=True)
        except cls.DoesNotExist:
            return None
        return session if (session.expires_at or 0) > now else None

    def prolong(self, now: int) -> None:
        """Let it live for another idle time from now, within its longest; stored at most once a day. Ended ones stay so."""
        until = min(now + IDLE_SECONDS, self.started_at // 1000 + LONGEST_SECONDS)
        if until - (self.expires_at or 0) < _PROLONG_AFTER:
            return
        try:
            self.update_existing([Session.expires_at.set(until)])
        except errors.NotFound:
            return

    @classmethod
    def end(cls, token: str) -> None:
        """Forget the session; no error when there is none."""
        cls(*_key('SESSION', token)).delete()


class EmailToken(Item, discriminator='mailed'):
    """pk=MAILED#<sha256 of the token>  sk=MAILED   TTL   The token of a link that we mailed, good for one use.

    `purpose` is `confirm` (a sign-up, whose password and name wait here until then), `email` (a new address) or `reset`.
    `stamp` is what the account must still be like, see `User.stamp`; a sign-up's needs none.
    put in a transaction, see `creation`   find: get   used up in a transaction, see `use`
    """

    purpose = UnicodeAttribute()
    user_id = UnicodeAttribute()
    stamp = UnicodeAttribute(null=True)
    email = UnicodeAttribute(null=True)
    name = UnicodeAttribute(null=True)
    password_hash = UnicodeAttribute(null=True)

    @classmethod
    def creation(cls, token: str, *, purpose: str, user_id: str, expires_at: int, **values: Any) -> Write:
        """Return the write that stores a token of `new_token`."""
        return Write(Operation.PUT, cls(*_key('MAILED', token), purpose=purpose, user_id=user_id, expires_at=expires_at, **values))

    @classmethod
    def find(cls, token: str, purpose: str, now: int) -> 'EmailToken':
        """Return what an unused, unexpired token is for. Raises NotFound."""
        try:
            mailed = cls.get(*_key('MAILED', token), consistent_read=True)
        except cls.DoesNotExist:
            raise errors.NotFound from None
        if mailed.purpose != purpose or (mailed.expires_at or 0) <= now:
            raise errors.NotFound
        return mailed

    def use(self) -> Write:
        """Return the write that uses it up; its transaction raises NotFound for whoever comes second."""
        return Write(Operation.DELETE, self, condition=EmailToken.pk.exists(), on_failure=errors.NotFound)


def new_token() -> str:
    return secrets.token_urlsafe(32)


def _key(kind: str, token: str) -> tuple[str, str]:
    return f'{kind}#{digest(token)}', kind
