"""Browser sessions. Stored only as SHA-256 of the token in the user's cookie.

Tokens are 32 random bytes, which cannot be guessed, so a fast hash is enough.
"""

import re
import secrets
from collections.abc import Sequence

from pynamodb.attributes import UnicodeAttribute

from chalicelib import errors
from chalicelib.models.attributes import IntegerAttribute
from chalicelib.models.client import digest
from chalicelib.models.item import Item
from chalicelib.models.known_browser import KnownBrowser
from chalicelib.models.user import User
from chalicelib.models.writes import Operation, Write, transact

IDLE_SECONDS = 30 * 86_400
LONGEST_SECONDS = 90 * 86_400
_SEEN_AFTER = 3_600
_SESSION_ID = re.compile('[0-9a-f]{64}')


class Session(Item, discriminator='session'):
    """pk=SESSION#<session id>  sk=SESSION   TTL

    start: transaction with the user's pointer and count   find: get   of_user: query of the pointers, batch get
    see: one update, at most hourly   end: delete   end_one: get, transaction   end_all_but: as `of_user`, and two deletes each

    The session id is the SHA-256 of the token. `epoch` is its user's `sessions_epoch` when their password was verified; instants would not
    do, as the clocks of functions differ. `started_at` is in milliseconds. `browser` is what it was started with, in words,
    `known_browser` the sort key of that as one in which the user logged in. `network` is where it was last seen.
    """

    user_id = UnicodeAttribute()
    epoch = UnicodeAttribute(null=True)
    started_at = IntegerAttribute()
    browser = UnicodeAttribute(null=True)
    known_browser = UnicodeAttribute(null=True)
    network = UnicodeAttribute(null=True)
    last_seen_at = IntegerAttribute(default=0)

    @property
    def session_id(self) -> str:
        return str(self.pk).removeprefix('SESSION#')

    @classmethod
    def id_of(cls, token: str) -> str:
        """Return the id of the session that a token is of, should there be one."""
        return digest(token)

    @classmethod
    def start(
        cls,
        user: User,
        now_ms: int,
        *,
        started_at: int | None = None,
        browser: str | None = None,
        network: str | None = None,
        known_browser: KnownBrowser | None = None,
    ) -> str:
        """Start a session in a browser that is known from now on; return its token.

        `started_at` is that of the session in the place of which it comes, when that did not take a log-in.
        Raises AccessEnded if the user's stamp changed since they were read, before their password was verified.
        """
        token, now, started_at = new_token(), now_ms // 1000, started_at or now_ms
        until = min(now + IDLE_SECONDS, started_at // 1000 + LONGEST_SECONDS)
        session = cls(*_key(token), user_id=user.user_id, epoch=user.sessions_epoch, started_at=started_at, expires_at=until)
        session.browser, session.network, session.last_seen_at = browser, network, now
        writes = [user.count_session(), Write(Operation.PUT, session), Write(Operation.PUT, SessionPointer.of(session))]
        if known_browser is not None:
            session.known_browser = known_browser.sk
            writes.append(Write(Operation.PUT, known_browser))
        transact(*writes)
        return token

    @classmethod
    def find(cls, token: str, now: int) -> 'Session | None':
        """Return the session, or None if it is unknown or expired. TTL deletes late, so `expires_at` is checked."""
        try:
            session = cls.get(*_key(token), consistent_read=True)
        except cls.DoesNotExist:
            return None
        return session if (session.expires_at or 0) > now else None

    @classmethod
    def of_user(cls, user: User, now: int) -> list['Session']:
        """Return the sessions in which a user is logged in, last seen first."""
        return cls._valid(SessionPointer.of_user(user), user, now)

    @classmethod
    def end_all_but(cls, most: int, user: User, now: int) -> None:
        """Delete the sessions of a user, all but `most` of those in which they are logged in: those that were seen last."""
        pointers = SessionPointer.of_user(user)
        kept = {session.pk for session in cls._valid(pointers, user, now)[:most]}
        for pointer in pointers:
            if pointer.sk not in kept:
                cls(pointer.sk, 'SESSION').delete()
                pointer.delete()

    @classmethod
    def _valid(cls, pointers: 'Sequence[SessionPointer]', user: User, now: int) -> list['Session']:
        sessions = cls.get_many((str(pointer.sk), 'SESSION') for pointer in pointers)
        good = [one for one in sessions if (one.expires_at or 0) > now and one.is_valid_for(user)]
        return sorted(good, key=lambda one: (-one.last_seen_at, -one.started_at))

    def is_valid_for(self, user: User) -> bool:
        """Return whether its user, read after the session, has not ended all sessions since it was begun."""
        return bool(self.epoch == user.sessions_epoch)

    def see(self, now: int, network: str | None) -> None:
        """Extend the session to IDLE_SECONDS from now, at most LONGEST_SECONDS from its start; writes at most once an hour.

        A session ended in the meantime stays ended.
        """
        if now - self.last_seen_at < _SEEN_AFTER:
            return
        until = min(now + IDLE_SECONDS, self.started_at // 1000 + LONGEST_SECONDS)
        where = Session.network.set(network) if network else Session.network.remove()
        try:
            self.update_existing([Session.expires_at.set(until), Session.last_seen_at.set(now), where])
        except errors.NotFound:
            return

    @classmethod
    def end(cls, token: str) -> None:
        """Delete the session; it is no error if there is none. Its pointer expires."""
        cls(*_key(token)).delete()

    @classmethod
    def end_one(cls, user_id: str, session_id: str) -> None:
        """Delete a session of a user, and doubt its browser, so that the next log-in there is mailed again.

        It is no error if the user has no such session.
        """
        if not _SESSION_ID.fullmatch(session_id):
            return
        pointer = SessionPointer(User.pk_of(user_id), f'SESSION#{session_id}')
        theirs = Write(Operation.DELETE, pointer, Item.pk.exists(), on_failure=errors.NotFound)
        try:
            session = cls.get(pointer.sk, 'SESSION', consistent_read=True)
            if session.user_id == user_id and session.known_browser is not None:
                KnownBrowser(pointer.pk, session.known_browser).doubt()
            transact(theirs, Write(Operation.DELETE, session))
        except (cls.DoesNotExist, errors.NotFound):
            return


class SessionPointer(Item, discriminator='session_pointer'):
    """pk=USER#<user id>  sk=SESSION#<session id>   TTL   The pointer from a user to a session."""

    @classmethod
    def of(cls, session: Session) -> 'SessionPointer':
        lasts_until = session.started_at // 1000 + LONGEST_SECONDS
        return cls(User.pk_of(session.user_id), f'SESSION#{session.session_id}', expires_at=lasts_until)

    @classmethod
    def of_user(cls, user: User) -> list['SessionPointer']:
        """Return the pointers to all sessions of a user that are stored, and to some that ended."""
        return list(cls.query(user.pk, cls.sk.startswith('SESSION#'), consistent_read=True))


def new_token() -> str:
    return secrets.token_urlsafe(32)


def _key(token: str) -> tuple[str, str]:
    return f'SESSION#{digest(token)}', 'SESSION'
