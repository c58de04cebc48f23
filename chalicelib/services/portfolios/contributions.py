"""The contributions of a portfolio as of an instant of the past and since: what its history, and its balances of then, are summed from."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from chalicelib import telemetry
from chalicelib.domain import ledgers, timeline
from chalicelib.domain.timeline import Contribution, Move
from chalicelib.errors import Busy
from chalicelib.models import Follower, Ledger, Offset, PortfolioTree, Snapshot, Transaction

_AT_ONCE = 8
_ATTEMPTS = 20
_PAUSE = 0.25


class Child(NamedTuple):
    """A child of a portfolio that follows a ledger, beside the ledger's state."""

    follower: Follower
    ledger: Ledger | None

    @property
    def is_known(self) -> bool:
        """Whether any balance of it was ever observed."""
        return self.follower.valid and self.ledger is not None and self.ledger.ready


def children(contents: PortfolioTree) -> list[Child]:
    """Return the children that follow ledgers, by id; the states of 100 ledgers to a request."""
    followers = contents.of_kind(Follower)
    states = Ledger.find_many(follower.ledger for follower in followers)
    return [Child(follower, states.get(follower.ledger)) for follower in followers]


def of_offsets(contents: PortfolioTree) -> list[Contribution]:
    """Return the contributions that hold for all time."""
    return [Contribution({held.currency: held.balance for held in offset.balances}) for offset in contents.of_kind(Offset)]


def of_children(of: Sequence[Child], start: int) -> list[Contribution]:
    """Return the contributions of children from `start` (epoch seconds) on, 0 for all of the past, in the same order.

    Raises Busy when a ledger keeps being written while it is read; seconds later it is not.
    """
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(telemetry.in_current_task(lambda child: _of_child(child, start)), of))


def _of_child(child: Child, start: int) -> Contribution:
    ledger = child.ledger
    if ledger is None or not child.is_known:
        return timeline.UNKNOWN
    for _ in range(_ATTEMPTS):
        if _is_quiet(ledger, start):
            return Contribution({row.currency: row.balance for row in ledger.holdings})
        contribution = _of_ledger(ledger, start)
        if not ledger.is_whole or _is_steady(ledger):
            return contribution
        time.sleep(_PAUSE)
        ledger = Ledger.find(ledger.pk) or ledger
    raise Busy


def _is_quiet(ledger: Ledger, start: int) -> bool:
    """Whether the state says all, as there are no transactions after `start`: a quiet ledger has no request spent on it."""
    never_used = all(row.transactions == 0 for row in ledger.holdings)
    return ledger.is_whole and (never_used or 0 < (ledger.newest_at or 0) <= start)


def _is_steady(ledger: Ledger) -> bool:
    """Whether the transactions just read belong to this state, none of them written since."""
    now = Ledger.find(ledger.pk)
    return now is not None and not now.is_changing and now.changes == ledger.changes


def _of_ledger(ledger: Ledger, start: int) -> Contribution:
    held = {row.currency: row.balance for row in ledger.holdings}
    if ledger.incomplete == ledgers.UNLISTED and not ledger.newest_at:
        seen = [(one.observed_at, {row.currency: row.balance for row in one.holdings}) for one in Snapshot.every(ledger.pk)]
        return timeline.observed(sorted([*seen, (ledger.updated_at, held)], key=lambda one: one[0]), start=start, whole=False)
    moves = [Move(one.txn_at, one.currency, one.delta) for one in Transaction.since(ledger.pk, start)]
    if ledger.is_whole:
        contribution = timeline.replayed(held, moves, start=start, known_from=None, whole=True)
        if start or not any(contribution.base.values()):
            return contribution
    return timeline.replayed(held, moves, start=start, known_from=_known_from(ledger), whole=False)


def _known_from(ledger: Ledger) -> int:
    """Return since when the past of a ledger is known that is not known from its beginning."""
    oldest = Transaction.oldest(ledger.pk)
    return ledger.updated_at if oldest is None else oldest.txn_at
