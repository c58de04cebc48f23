"""Counters of attempts, such as logins, per account and per network address."""

import hashlib

from chalicelib import errors
from chalicelib.models.attributes import IntegerAttribute
from chalicelib.models.item import Item


class AttemptCounter(Item, discriminator='attempts'):
    """pk=ATTEMPTS#<kind>#<sha256 of the subject>  sk=WINDOW#<its first second>   TTL

    Windows are fixed: they begin at multiples of their length, so that no one can be locked out for longer than one.
    record, undo: one conditional update
    """

    taken = IntegerAttribute()

    @classmethod
    def at(cls, kind: str, subject: str, window_start: int) -> 'AttemptCounter':
        digest = hashlib.sha256(subject.encode()).hexdigest()
        return cls(f'ATTEMPTS#{kind}#{digest}', f'WINDOW#{window_start}')

    @classmethod
    def record(cls, kind: str, subject: str, limit: int, window_seconds: int, now: int) -> None:
        """Count an attempt. Raises TooMany if there were `limit` in this window already."""
        start = now - now % window_seconds
        end = start + window_seconds
        below_limit = cls.taken.does_not_exist() | (cls.taken < limit)
        counted = (cls.kind.set(cls), cls.taken.set((cls.taken | 0) + 1), cls.expires_at.set(end))
        if not cls.at(kind, subject, start).update_if(below_limit, *counted):
            raise errors.TooMany(end - now)

    @classmethod
    def undo(cls, kind: str, subject: str, window_seconds: int, now: int) -> None:
        """Uncount an attempt of this window, because it succeeded."""
        cls.at(kind, subject, now - now % window_seconds).update_if(cls.taken > 0, cls.taken.set(cls.taken - 1))
