"""Counters of attempts, such as logins, per account and per network address."""

import hashlib

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib import errors
from chalicelib.models.attributes import IntegerAttribute
from chalicelib.models.item import Item
from chalicelib.models.writes import Operation, Write


class AttemptCounter(Item, discriminator='attempts'):
    """pk=ATTEMPTS#<kind>#<sha256 of the subject>  sk=WINDOW#<its first second>   TTL

    Windows are fixed: they begin at multiples of their length, so that no one can be locked out for longer than one.
    record, undo: one conditional update   recording: part of the transaction that is counted
    """

    taken = IntegerAttribute()

    @classmethod
    def at(cls, kind: str, subject: str, window_start: int) -> 'AttemptCounter':
        digest = hashlib.sha256(subject.encode()).hexdigest()
        return cls(f'ATTEMPTS#{kind}#{digest}', f'WINDOW#{window_start}')

    @classmethod
    def record(cls, kind: str, subject: str, limit: int | None, window_seconds: int, now: int) -> int:
        """Count an attempt; return how many there are in this window with it.

        Raises TooMany if there were `limit` already; without a limit they are only counted.
        """
        end = now - now % window_seconds + window_seconds
        counter = cls.at(kind, subject, end - window_seconds)
        if not counter.update_if(None if limit is None else cls._has_room(limit), *cls._one_more(end)):
            raise errors.TooMany(end - now)
        return counter.taken

    @classmethod
    def recording(cls, kind: str, subject: str, limit: int, window_seconds: int, now: int) -> Write:
        """Return the write that counts what its transaction does. That raises TooMany if there were `limit` in this window already."""
        end = now - now % window_seconds + window_seconds
        counter = cls.at(kind, subject, end - window_seconds)
        return Write(Operation.UPDATE, counter, cls._has_room(limit), cls._one_more(end), lambda: errors.TooMany(end - now))

    @classmethod
    def undo(cls, kind: str, subject: str, window_seconds: int, now: int) -> None:
        """Uncount an attempt of this window, because it succeeded."""
        cls.at(kind, subject, now - now % window_seconds).update_if(cls.taken > 0, cls.taken.set(cls.taken - 1))

    @classmethod
    def _has_room(cls, limit: int) -> Condition:
        below_limit: Condition = cls.taken.does_not_exist() | (cls.taken < limit)
        return below_limit

    @classmethod
    def _one_more(cls, end: int) -> tuple[Action, ...]:
        return cls.kind.set(cls), cls.taken.set((cls.taken | 0) + 1), cls.expires_at.set(end)
