"""The contributions of a portfolio as of an instant of the past and since: what its history, and its balances of then, are summed from."""

import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from chalicelib import telemetry
from chalicelib.domain import currencies, ledgers, money, replay
from chalicelib.domain.ledger_keys import LedgerKey
from chalicelib.domain.ledgers import Gap
from chalicelib.domain.replay import Balances, Contribution, Move, Observation, Scope
from chalicelib.errors import Busy
from chalicelib.models import Follower, Ledger, Offset, PortfolioTree, Snapshot, Transaction
from chalicelib.services.ledgers import policy
from chalicelib.services.portfolios import owners
from chalicelib.services.portfolios.allowances import Allowance

NOT_OBSERVED = 'not_observed_since'

_UNCOMPARED = {ledgers.PENDING, ledgers.MISSING, *ledgers.BALANCES_ALONE}  # its transactions with its balances, so that gaps are not known
_AT_ONCE = 8
_ATTEMPTS = 20
_PAUSE = 0.25


class Child(NamedTuple):
    """A child of a portfolio that follows a ledger, beside the ledger's key and state.

    `clashes` says that some of its balances, not all, are counted by another child already.
    """

    follower: Follower
    key: LedgerKey
    ledger: Ledger | None
    clashes: bool = False

    @property
    def is_known(self) -> bool:
        """Whether any balance of it was ever observed, and counts.

        What was observed before a key was revoked, or explorers took to refusing the address, was so: it counts, as of then.
        """
        return not self.clashes and self.ledger is not None and self.ledger.ready

    @property
    def is_whole(self) -> bool:
        """Whether its balances count and lack nothing that is known of."""
        return bool(self.follower.valid) and not self.clashes and self.ledger is not None and self.ledger.ready and self.ledger.is_whole

    @property
    def observed_at(self) -> int | None:
        """When its balances were last observed, None if they never were."""
        return None if self.ledger is None else self.ledger.updated_at

    def is_unobserved(self, at: int) -> bool:
        """Whether its balances at an instant are in doubt, as they were last observed long before it."""
        return self.observed_at is not None and at > self.observed_at + policy.STALE_SECONDS

    @property
    def scope(self) -> Scope:
        """The currencies that it may hold: its chain's coin, what it is known to hold and, until it was read to the end, all tokens."""
        holdable = self.key.holdable
        if holdable is None or self.ledger is None or not self.ledger.ready or _is_unread(self.ledger):
            return holdable
        return self.ledger.concerned


def children(contents: PortfolioTree) -> list[Child]:
    """Return the children that follow ledgers and count, by id; the states of 100 ledgers to a request.

    An address that belongs to an HD wallet of the portfolio does not: the HD wallet counts it.
    """
    followed = owners.read_ledgers(contents.of_kind(Follower))
    owners_of = owners.of_ledgers(followed)
    clashing = owners.clashing(followed, owners_of)
    return [Child(*child, place in clashing) for place, child in enumerate(followed) if place not in owners_of]


def of_offsets(contents: PortfolioTree) -> list[Contribution]:
    """Return the contributions of offsets, for all time."""
    offsets = contents.of_kind(Offset)
    return [replay.held_since({held.currency: held.balance for held in offset.balances}, offset.since) for offset in offsets]


def of_children(of: Sequence[Child], start: int, allowance: Allowance) -> list[Contribution]:
    """Return the contributions of children from `start` (epoch seconds) on, 0 for all of the past, in the same order.

    Raises Busy when a ledger keeps being written while it is read; seconds later it is not. Raises HistoryTooLarge for more transactions
    than the allowance has, before any is read where all of the past is needed, as then it is known how many there are.
    """
    if not start:
        observed = (child.ledger for child in of if child.is_known)
        allowance.require(sum(ledger.known_transactions for ledger in observed if ledger is not None))
    ledgers_read = Allowance(len(of), policy.LEDGERS_PER_REQUEST)

    def read(child: Child) -> Contribution:
        if child.is_known and child.ledger is not None and not _is_quiet(child.ledger, start):
            ledgers_read.take(1)
        return _of_child(child, start, allowance)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(telemetry.in_current_task(read), of))


def _of_child(child: Child, start: int, allowance: Allowance) -> Contribution:
    if not child.is_known:
        return replay.nothing_known(child.scope)
    for _ in range(_ATTEMPTS):
        ledger = child.ledger
        if ledger is None:
            break
        contribution = _of_ledger(ledger, start, child.scope, allowance)
        if _is_quiet(ledger, start) or ledger.incomplete == ledgers.PENDING or _is_steady(ledger):
            return replay.doubted(contribution, NOT_OBSERVED, ledger.updated_at + policy.STALE_SECONDS + 1)
        time.sleep(_PAUSE)
        child = child._replace(ledger=Ledger.find(ledger.pk) or ledger)
    raise Busy


def _is_unread(ledger: Ledger) -> bool:
    """Whether its transactions were never read to the end."""
    return ledger.incomplete == ledgers.PENDING and ledger.reconciled_at is None


def _is_quiet(ledger: Ledger, start: int) -> bool:
    """Whether the state says all, as there are no transactions after `start`: a quiet ledger has no request spent on it."""
    is_over = ledger.is_unused or 0 < (ledger.newest_at or 0) <= start
    return ledger.is_whole and is_over and not _moving(row.currency for row in ledger.holdings)


def _is_steady(ledger: Ledger) -> bool:
    """Whether the transactions just read belong to this state, none of them written since."""
    now = Ledger.find(ledger.pk)
    return now is not None and not now.is_changing and now.changes == ledger.changes


def _of_ledger(ledger: Ledger, start: int, scope: Scope, allowance: Allowance) -> Contribution:
    held = {row.currency: row.balance for row in ledger.holdings}
    if _is_quiet(ledger, start):
        return Contribution(held, scope=scope)
    if ledger.is_whole:
        moves = _moves(ledger, start, allowance)
        if moving := _moving({*held, *(move.currency for move in moves)}):
            return _with_moving(ledger, held, moving, start, scope, allowance)
        return replay.replayed(held, moves, scope=scope, is_sole=_is_sole(ledger), may_owe=ledger.key.may_owe)
    if _is_unread(ledger):  # what is not read yet is older than all that is
        moves = _moves(ledger, start, allowance)
        contribution = replay.replayed(
            held, moves, known_from=_oldest_at(ledger), scope=scope, is_sole=_is_sole(ledger), may_owe=ledger.key.may_owe
        )
        return replay.doubted(contribution, ledger.incomplete)
    if ledger.incomplete in ledgers.BALANCES_ALONE and not ledger.newest_at:
        return replay.doubted(replay.observed(_observations(ledger, held, allowance), scope=scope), ledger.incomplete)
    return _with_gaps(ledger, held, start, scope, allowance)


def _moving(codes: Iterable[str]) -> frozenset[str]:
    """Return the currencies whose balance moves by itself."""
    return frozenset(code for code in codes if currencies.get(code).moves_by_itself)


def _with_moving(ledger: Ledger, held: Balances, moving: frozenset[str], start: int, scope: Scope, allowance: Allowance) -> Contribution:
    """Return the contribution of a ledger that lacks nothing, some currencies of which move by themselves: these as they were observed."""
    seen = _observations(ledger, held, allowance)
    last_seen = max((at for at, _ in seen if at <= start), default=0)
    moves = _moves(ledger, max(0, last_seen - 1), allowance)
    return replay.replayed(held, moves, moving=moving, seen=seen, scope=scope, may_owe=ledger.key.may_owe)


def _with_gaps(ledger: Ledger, held: Balances, start: int, scope: Scope, allowance: Allowance) -> Contribution:
    """Return the contribution of a ledger that lacks something: of each currency what is known until it came to lack it."""
    gaps = list(ledger.gaps)
    is_compared = ledger.incomplete not in _UNCOMPARED
    moving = _moving(held)
    seen = _observations(ledger, held, allowance) if gaps or moving or not is_compared else []
    moves = _moves(ledger, _replayed_from(gaps, seen, start) if is_compared and not moving else 0, allowance)
    if not is_compared:
        others = {*held, *(move.currency for move in moves)} - {gap.currency for gap in gaps} - moving
        gaps += [Gap(code, str(ledger.incomplete), ledger.last_reconciled(code)) for code in sorted(others)]
        held = {**dict.fromkeys(others, money.ZERO), **held}
        seen = [*seen[:-1], (seen[-1][0], held)]
    never = {gap.currency for gap in gaps if gap.since is None}
    is_unknown_before = (is_compared and ledger.incomplete is not None) or never >= held.keys()
    known_from = _oldest_at(ledger) if is_unknown_before else None
    contribution = replay.replayed(
        held,
        moves,
        gaps=gaps,
        moving=moving,
        seen=seen,
        known_from=known_from,
        scope=scope,
        is_sole=_is_sole(ledger),
        may_owe=ledger.key.may_owe,
    )
    return replay.doubted(contribution, ledger.incomplete) if is_compared else contribution


def _replayed_from(gaps: Iterable[Gap], seen: Sequence[Observation], start: int) -> int:
    """Return the instant after which transactions are needed: all of them for a balance that nobody knows, those since an observation."""
    if any(gap.difference is None for gap in gaps):
        return 0
    used = (at for gap in gaps for at, _ in seen if at > (gap.since or 0))
    return min([start, *(at - 1 for at in used)])


def _moves(ledger: Ledger, start: int, allowance: Allowance) -> list[Move]:
    return [Move(one.txn_at, one.currency, one.delta) for one in allowance.limited(Transaction.since(ledger.pk, start))]


def _observations(ledger: Ledger, held: Balances, allowance: Allowance) -> list[Observation]:
    """Return what a ledger was observed to hold, oldest first; the last is what it holds now. A balance counts as a transaction."""
    seen: list[Observation] = []
    for one in Snapshot.every(ledger.pk):
        allowance.take(len(one.holdings))
        seen.append((one.observed_at, {row.currency: row.balance for row in one.holdings}))
    return sorted([*seen, (ledger.updated_at, held)], key=lambda one: one[0])


def _oldest_at(ledger: Ledger) -> int:
    """Return when the oldest known transaction of a ledger was made; without any, when its balances were observed."""
    oldest = Transaction.oldest(ledger.pk)
    return int(ledger.updated_at if oldest is None else oldest.txn_at)


def _is_sole(ledger: Ledger) -> bool:
    """Whether there is one currency that the ledger can ever hold."""
    holdable = ledger.key.holdable
    return holdable is not None and len(holdable) == 1
