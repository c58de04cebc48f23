"""The rate limit and circuit breaker of each upstream, shared by all workers."""

from collections.abc import Iterable
from hashlib import sha256
from typing import NamedTuple
from uuid import uuid4

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute, UnicodeSetAttribute
from pynamodb.expressions.condition import Condition, size
from pynamodb.expressions.update import Action

from chalicelib import clock
from chalicelib.errors import Blame, Upstream, UpstreamBusy, UpstreamNotAsked
from chalicelib.models.attributes import IntegerAttribute
from chalicelib.models.batches import Raw
from chalicelib.models.item import Item, Outcome

LONGEST_WAIT_MS = 5_000
_OWN_WAIT_MS = 2_000  # behind one's own group, so that its requests leave room for those of others
_TRIP_AFTER = 3  # failures about different things, without a success in between
_NAME_DIGITS = 12
_REST_SECONDS = 30
_REST_SECONDS_MOST = 900
_NEWS_SECONDS = 60
_RECENT_SECONDS = 900


class Turn(NamedTuple):
    """When to send a reserved request, in milliseconds from now, and whether its success would be news."""

    wait_ms: int
    noteworthy: bool


class UpstreamState(Item, discriminator='bucket'):
    """pk=BUCKET#<upstream>  sk=BUCKET

    `free_at` (epoch milliseconds) is when the next request may leave, `last_group` whose work the last one is that was given a turn
    (domain.work_groups), `open_until` (epoch seconds) when the circuit closes
    again, `trips` how often it opened since the last success, `failures` how many requests failed since then. `failed_for` are digests of
    what those were about, such as addresses, `odd_for` of what the upstream gave an answer about that could not be used. `key_refused` says
    that it refused our API key. `succeeded_at` is the last success noted, `failed_at` and `last_error` the last failure.
    take: one conditional update, two when requests queue up   fail: one or two   succeed: one   find_many: batch get
    """

    free_at = IntegerAttribute(null=True)
    last_group = UnicodeAttribute(null=True)
    open_until = IntegerAttribute(null=True)
    failures = IntegerAttribute(null=True)
    trips = IntegerAttribute(null=True)
    failed_for = UnicodeSetAttribute(null=True)
    odd_for = UnicodeSetAttribute(null=True)
    key_refused = BooleanAttribute(null=True)
    succeeded_at = IntegerAttribute(null=True)
    failed_at = IntegerAttribute(null=True)
    last_error = UnicodeAttribute(null=True)

    @classmethod
    def at(cls, key: str) -> 'UpstreamState':
        return cls(f'BUCKET#{key}', 'BUCKET')

    @classmethod
    def find_many(cls, keys: Iterable[str]) -> dict[str, 'UpstreamState']:
        """Return the buckets of upstreams by key; one that was never asked has an empty one."""
        buckets = {key: cls.at(key) for key in keys}
        found = cls.get_many(((bucket.pk, bucket.sk) for bucket in buckets.values()), consistent=False)
        return buckets | {bucket.pk.removeprefix('BUCKET#'): bucket for bucket in found}

    @classmethod
    def take(cls, key: str, min_interval_ms: int, now_ms: int, group: str = '', longest_wait_ms: int = LONGEST_WAIT_MS) -> Turn:
        """Reserve the next request to an upstream for the work of a group, see domain.work_groups.

        Raises UpstreamNotAsked while the circuit is open, and UpstreamBusy when more requests wait already than is worth queueing for.
        Where the last turn is the group's own, these are few: however many requests of one group there are, others find room behind them.
        """
        bucket = cls.at(key)
        closed = _closed(now_ms // 1000)
        idle = cls.free_at.does_not_exist() | (cls.free_at <= now_ms)
        if bucket.update_if(closed & idle, cls.free_at.set(now_ms + min_interval_ms), cls.last_group.set(group)):
            return Turn(0, bucket._is_news(now_ms))
        behind_own = cls.free_at <= now_ms + min(longest_wait_ms, max(_OWN_WAIT_MS, min_interval_ms))
        behind_others = cls.last_group.does_not_exist() | (cls.last_group != group)
        room = behind_own | (behind_others & (cls.free_at <= now_ms + longest_wait_ms))
        if bucket.update_if(closed & room, cls.free_at.set(cls.free_at + min_interval_ms), cls.last_group.set(group)):
            return Turn(max(0, (bucket.free_at or 0) - min_interval_ms - now_ms), bucket._is_news(now_ms))
        if (bucket.open_until or 0) > now_ms // 1000:
            raise UpstreamNotAsked(key, 'resting after failures')
        raise UpstreamBusy(key)

    @classmethod
    def fail(cls, error: Upstream, subject: str | None) -> bool:
        """Note a failed request about a `subject`; None if the request is not about anything in particular.

        Failures about three different subjects in a row, or a response that we ask too often, open the circuit for a while. Requests that
        were under way when it opened fail with those that opened it, and say nothing more. True when this one did.
        """
        now = clock.now()
        bucket = cls.at(error.key)
        counted = (cls.failures.set((cls.failures | 0) + 1), cls.failed_for.add({_name(subject)}))
        key = [cls.key_refused.set(True)] if error.blame is Blame.KEY else []
        if not bucket.update_if(_closed(now), *counted, *key, *_failure(error, now)):
            return False
        failed_for: set[str] = bucket.failed_for
        if not error.throttled and len(failed_for) < _TRIP_AFTER:
            return False
        trips = bucket.trips or 0
        rest = error.retry_after or min(_REST_SECONDS_MOST, _REST_SECONDS * 2 ** min(trips, 10))
        few = set(sorted(failed_for)[:_TRIP_AFTER])  # so that the item does not grow while the upstream is down
        return bucket.update_if(_closed(now), cls.open_until.set(now + rest), cls.trips.set(trips + 1), cls.failed_for.set(few))

    @classmethod
    def note_odd(cls, error: Upstream, subject: str) -> None:
        """Note an answer about a `subject` that could not be used; other subjects are none the worse for it."""
        bucket = cls.at(error.key)
        few = cls.odd_for.does_not_exist() | (size(cls.odd_for) < _TRIP_AFTER)
        failure = _failure(error, clock.now())
        if not bucket.update_if(few, cls.odd_for.add({_name(subject)}), *failure):
            bucket.update(list(failure))

    @classmethod
    def succeed(cls, key: str) -> None:
        """Note that an upstream works, and that its failures are over."""
        over = (cls.failures.set(0), cls.trips.set(0), cls.failed_for.remove(), cls.odd_for.remove(), cls.key_refused.remove())
        cls.at(key).update([cls.kind.set(cls), *over, cls.succeeded_at.set(clock.now())])

    def health(self, now: int) -> str:
        """Return `failing` while the circuit is open or a failure of the last 15 minutes came after all successes.

        Else `ok` after a success, and `unknown` before the first one or when an older failure was the last that was heard.
        """
        failing = bool(self.failures) or len(self.odd_for or ()) >= _TRIP_AFTER
        if (self.open_until or 0) > now or (failing and (self.failed_at or 0) > now - _RECENT_SECONDS):
            return 'failing'
        return 'unknown' if failing or self.succeeded_at is None else 'ok'

    def _is_news(self, now_ms: int) -> bool:
        """Whether a success is worth a write: after failures, or when none was noted for a minute."""
        return bool(self.failures or self.odd_for) or now_ms // 1000 - (self.succeeded_at or 0) >= _NEWS_SECONDS

    def _note_refused(self, stored: Raw) -> None:
        self.deserialize(stored)

    def attempt_update(self, condition: Condition | None, *actions: Action) -> Outcome:
        """See Item; the first update creates the item."""
        return super().attempt_update(condition, UpstreamState.kind.set(UpstreamState), *actions)


def _closed(now: int) -> Condition:
    closed: Condition = UpstreamState.open_until.does_not_exist() | (UpstreamState.open_until <= now)
    return closed


def _failure(error: Upstream, now: int) -> tuple[Action, ...]:
    return UpstreamState.failed_at.set(now), UpstreamState.last_error.set(error.reason)


def _name(subject: str | None) -> str:
    """Return what a subject is told from others by: an upstream's state does not list addresses."""
    return uuid4().hex[:_NAME_DIGITS] if subject is None else sha256(subject.encode()).hexdigest()[:_NAME_DIGITS]
