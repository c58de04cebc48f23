"""The histories of portfolios, as jobs compute them and pages read them."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pynamodb.expressions.update import Action

from chalicelib import errors
from chalicelib.domain import instants
from chalicelib.domain.rates import BackfillProgress, parse_day
from chalicelib.domain.timeline import PortfolioState, StateAt, next_month
from chalicelib.models.attributes import IntegerAttribute, PackedAttribute, string_list
from chalicelib.models.due_index import HISTORIES
from chalicelib.models.item import Item
from chalicelib.models.lease import Leased, LeaseLost
from chalicelib.models.packed_states import StateAttribute, StatesAttribute
from chalicelib.models.portfolio import Portfolio, portfolio_sk
from chalicelib.models.user import User
from chalicelib.models.writes import Operation, Write

_SUMMARY = 'STATE'
_MOST_BYTES = 300_000  # an item may have 400 KB
_END = '~'


class HistoryMonth(Item, discriminator='chunk'):
    """pk=HISTORY#<user id>#<000001>  sk=DAY#<date> or HOUR#<date>

    every: query   replace: query, batch write
    The states of a portfolio from `since` until `until`, which it does not include: a month, or as much of one as an item takes.
    They are in order, the first at `since`, and each holds until the next. `version` is the history's in which they last changed.
    """

    since = IntegerAttribute()
    until = IntegerAttribute()
    version = IntegerAttribute(default=0)
    states = StatesAttribute(attr_name='packed')

    @classmethod
    def of(cls, pk: str, kind: str, states: Sequence[StateAt], until: int) -> list['HistoryMonth']:
        """Return the items that hold the states of a month, oldest first; `kind` is DAY or HOUR."""
        since = states[0][0]
        month = cls(pk, f'{kind}#{instants.sortable(since)[:10]}', since=since, until=until, states=states)
        middle = states[len(states) // 2][0] // 86_400 * 86_400
        later = [one for one in states if one[0] >= middle]
        if len(cls.states.serialize(states)) <= _MOST_BYTES or middle <= since or later[0][0] != middle:
            return [month]
        return cls.of(pk, kind, [one for one in states if one[0] < middle], middle) + cls.of(pk, kind, later, until)

    @classmethod
    def every(cls, pk: str, kind: str, first: int, last: int, *, newest_first: bool) -> Iterator['HistoryMonth']:
        """Yield the items of the months from that of `first` to that of `last`, as few requests as they take."""
        start, end = (f'{kind}#{instants.sortable(at)}' for at in (first, last))
        between = cls.sk.between(f'{start[: len(kind) + 8]}-01', end[: len(kind) + 11])
        return cls.query(pk, between, consistent_read=True, scan_index_forward=not newest_first)

    @classmethod
    def replace(cls, pk: str, kind: str, since: int, months: Sequence['HistoryMonth'], version: int) -> None:
        """Put `months` in the place of all that is there from the month that begins at `since` on; what says the same stays as it is."""
        start = f'{kind}#{instants.sortable(since)[:10]}'
        there = {month.sk: month for month in cls.query(pk, cls.sk.between(start, f'{kind}#{_END}'), consistent_read=True)}
        changed = []
        for month in months:
            stored = there.pop(month.sk, None)
            if stored is None or not month.says_the_same_as(stored):
                month.version = version
                changed.append(month)
        cls.write_many(put=changed, delete=there.values())

    def says_the_same_as(self, other: 'HistoryMonth') -> bool:
        """Whether two items tell the same states."""
        packed, others = (HistoryMonth.states.serialize(month.states) for month in (self, other))
        return (self.since, self.until, packed) == (other.since, other.until, others)


class BackfillAttribute(PackedAttribute):
    """How far the daily closes are that a history waits for, with their days in ISO 8601."""

    def serialize(self, value: Sequence[BackfillProgress]) -> bytes:
        return super().serialize(
            [
                {
                    'currency': progress.currency,
                    'from': progress.earliest.isoformat() if progress.earliest else None,
                    'until': progress.until.isoformat() if progress.until else None,
                    'done': progress.done,
                }
                for progress in value
            ]
        )

    def deserialize(self, value: bytes) -> list[BackfillProgress]:
        return [
            BackfillProgress(one['currency'], parse_day(one['from']), parse_day(one['until']), one['done'])
            for one in super().deserialize(value)
        ]


class History(Leased, discriminator='history'):
    """pk=HISTORY#<user id>#<000001>  sk=STATE   in the `due` index while users view the portfolio

    read: batch get with the portfolio's header   request: in the transaction that creates the portfolio
    request_and_lease, begin_rewrite, store, finish: conditional updates

    `contents` and `currencies` are the portfolio's as of the last result, `computed_at`; `input_versions` are the versions of what it
    was computed from, `codes` all currencies that were ever held or reported, `backfill` those whose daily closes were still missing.
    `before` is the state before the first month, which begins at `first`; `now` is the state at `computed_at`. `version` counts the
    results, and `before_version` is the one in which `before` or `first` last changed; months of a later version are being written, and
    those from `rewritten_since` on may have been when a worker died. `too_large_contents` are the portfolio's `contents` when its history
    was too large to be computed, until one was, and `refused_at` says when that was. `requests` counts the requests for a recomputation,
    so that one that comes during another is noticed, and `ledger_requests` those of them that come of what the portfolio follows, of which
    the last result has the first `computed_ledger_requests`.
    """

    LEASE_SECONDS = 180

    contents = IntegerAttribute(null=True)
    currencies = string_list(default=list)
    codes = string_list(default=list)
    input_versions = PackedAttribute(null=True, attr_name='marks')
    backfill = BackfillAttribute(default=list)
    before = StateAttribute(null=True)
    now = StateAttribute(null=True)
    first = IntegerAttribute(null=True)
    computed_at = IntegerAttribute(null=True)
    version = IntegerAttribute(default=0)
    before_version = IntegerAttribute(default=0)
    rewritten_since = IntegerAttribute(null=True)
    too_large_contents = IntegerAttribute(null=True)
    refused_at = IntegerAttribute(null=True)
    requests = IntegerAttribute(default=0, attr_name='wanted')
    ledger_requests = IntegerAttribute(default=0)
    computed_ledger_requests = IntegerAttribute(null=True)
    looked_at = IntegerAttribute(null=True, attr_name='seen_at')

    @classmethod
    def at(cls, user_id: str, portfolio_id: int) -> 'History':
        """Return an empty instance with the key of a portfolio's history."""
        return cls(pk_of(user_id, portfolio_id), _SUMMARY)

    @property
    def is_computed(self) -> bool:
        """Whether it was ever computed."""
        return self.computed_at is not None

    @property
    def knows_anything(self) -> bool:
        """Whether anything was known of the portfolio when its history was computed; nothing is known of an empty one."""
        return self.is_computed and self.now.covered > 0

    @property
    def has_all_of_ledgers(self) -> bool:
        """Whether the last result has all changes of what the portfolio follows that were announced."""
        return bool(self.computed_ledger_requests == self.ledger_requests)

    @property
    def key(self) -> tuple[str, int]:
        """The ids of the user and of the portfolio."""
        _, user_id, portfolio_id = str(self.pk).split('#')
        return user_id, int(portfolio_id)

    @classmethod
    def request(cls, user_id: str, portfolio_id: int, looked_at: int) -> Write:
        """Return the write that requests the first computation of a new portfolio's history."""
        history = cls.at(user_id, portfolio_id)
        actions = [cls.kind.set(cls), cls.requests.add(1), *HISTORIES.enter(history.pk, looked_at), cls.looked_at.set(looked_at)]
        return Write(Operation.UPDATE, history, actions=actions)

    @classmethod
    def request_and_lease(cls, user_id: str, portfolio_id: int, *, owner: str, now: int, looked_at: int | None) -> 'History | None':
        """Request a recomputation and take the lease; None when another worker holds it, which will notice the new request."""
        history = cls.at(user_id, portfolio_id)
        cause = cls.ledger_requests.add(1) if looked_at is None else cls.looked_at.set(looked_at)
        history.update([cls.kind.set(cls), cls.requests.add(1), *HISTORIES.enter(history.pk, now), cause])
        return history if history.acquire(owner, now) else None

    def begin_rewrite(self, since: int, now: int) -> int:
        """Note that the months from `since` on are about to be written, and return the version that they become. Raises LeaseLost."""
        begun = since if self.rewritten_since is None else min(self.rewritten_since, since)
        self._renew_as_requested(now, type(self).rewritten_since.set(begun))
        return int(self.version) + 1

    def store(self, result: 'HistoryResult', version: int, now: int) -> None:
        """Store a result and extend the lease. Raises LeaseLost, and nothing is stored then."""
        cls = type(self)
        values = [getattr(cls, name).set(value) for name, value in result._asdict().items()]
        values.append(cls.computed_ledger_requests.set(self.ledger_requests))
        if not self._begins_as(result):
            values.append(cls.before_version.set(version))
        over = (cls.rewritten_since.remove(), cls.too_large_contents.remove(), cls.refused_at.remove())
        self._renew_as_requested(now, *values, cls.computed_at.set(now), cls.version.set(version), *over)

    def refuse(self, contents: int, now: int) -> None:
        """Note that the history of a portfolio with these `contents` is too large. Raises LeaseLost."""
        self._renew_as_requested(now, type(self).too_large_contents.set(contents), type(self).refused_at.set(now))

    def _renew_as_requested(self, now: int, *actions: Action) -> None:
        """Extend the lease; what is requested during a computation is not in it, and is for `finish` to find. Raises LeaseLost."""
        requests, ledger_requests = self.requests, self.ledger_requests
        self.renew(now, *actions)
        self.requests, self.ledger_requests = requests, ledger_requests

    def _begins_as(self, result: 'HistoryResult') -> bool:
        pack = History.before.serialize
        return self.is_computed and self.first == result.first and pack(self.before) == pack(result.before)

    def finish(self, due_at: int | None) -> bool:
        """Give the lease back, to be due at `due_at` if at all.

        False, and nothing is written, when a recomputation was requested since, or the lease was lost.
        """
        cls = type(self)
        due = [cls.due_shard.remove(), cls.due_at.remove()] if due_at is None else HISTORIES.enter(self.pk, due_at)
        return self.update_if(self.holds_lease & (cls.requests == self.requests), *due, *self._give_back())

    def drop_lease(self) -> None:
        """Give the lease back without having finished; nothing when it was lost."""
        with contextlib.suppress(LeaseLost):
            self.release()

    def keep_lease_until(self, at: int) -> None:
        """Have the lease end then; nothing when it was lost."""
        with contextlib.suppress(LeaseLost):
            self._update_leased(Leased.lease_until.set(at))

    def reload(self) -> None:
        """Load what this is by now. Raises LeaseLost."""
        owner = self.lease_owner
        try:
            self.refresh(consistent_read=True)
        except self.DoesNotExist:
            raise LeaseLost(self.pk) from None
        if self.lease_owner != owner:
            raise LeaseLost(self.pk)


class HistoryResult(NamedTuple):
    """What is stored of a computed history, by History's attributes."""

    contents: int
    currencies: list[str]
    input_versions: dict[str, str]
    codes: list[str]
    backfill: list[BackfillProgress]
    before: PortfolioState
    now: PortfolioState
    first: int


class Headers(NamedTuple):
    """A portfolio's header beside its history, None when there is none."""

    portfolio: Portfolio
    history: History | None


def pk_of(user_id: str, portfolio_id: int) -> str:
    """Return the partition of a portfolio's history."""
    return f'HISTORY#{user_id}#{portfolio_id:06}'


def read_headers(user_id: str, portfolio_id: int) -> Headers:
    """Return a portfolio's header and the state of its history, in one request. Raises NotFound."""
    keys = [(User.pk_of(user_id), portfolio_sk(portfolio_id)), (pk_of(user_id, portfolio_id), _SUMMARY)]
    by_kind = {type(item): item for item in Item.get_many(keys)}
    portfolio, history = by_kind.get(Portfolio), by_kind.get(History)
    if not isinstance(portfolio, Portfolio):
        raise errors.NotFound
    return Headers(portfolio, history if isinstance(history, History) else None)


def remove_history(user_id: str, portfolio_id: int) -> None:
    """Delete all of a portfolio's history."""
    Item.write_many(delete=Item.query(pk_of(user_id, portfolio_id), consistent_read=True, attributes_to_get=['pk', 'sk', 'kind']))


def split_by_month(states: Sequence[StateAt]) -> Iterator[tuple[list[StateAt], int]]:
    """Yield the states month by month, each with the end of its month; every month has a state at its first instant."""
    left = list(states)
    while left:
        until = next_month(left[0][0])
        inside = [one for one in left if one[0] < until]
        yield inside, until
        left = left[len(inside) :]
