"""Refresh an HD wallet: keep the ledgers of the addresses below its key, its parts, and tell them as one.

Parts are ledgers like any other, which the wallet watches. In a cycle each of them is brought up to date once, in slices if
there are many; then their transactions are merged. Every step can be repeated. The key is in memory only, and goes nowhere.
"""

import hashlib
import itertools
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

from chalicelib import clock, errors, messages, telemetry, vault
from chalicelib.domain import money, wallets
from chalicelib.domain.chains import CHAINS
from chalicelib.domain.ledger_keys import AddressKey
from chalicelib.domain.ledgers import Holding
from chalicelib.domain.wallets import Flow, SourcedEntry
from chalicelib.messages import RefreshLedger
from chalicelib.models import Cursor, Derived, Ledger, Operation, Transaction, Watch, Write, time_of, transact
from chalicelib.services.ledgers import address, download, leased, policy
from chalicelib.services.ledgers.leased import Reader

_AT_ONCE = 4  # parts refreshed at the same time
_MADE_AT_ONCE = 25  # parts in one transaction
_WRITTEN_AT_ONCE = 500  # transactions written, or passed over, between two looks at the lease
_LOOK_SECONDS = 5
_PAUSE_SECONDS = 1

T = TypeVar('T')
Parts = Mapping[str, Ledger]


def read(ledger: Ledger, deadline: float) -> bool:
    """Bring a wallet up to what its parts tell, each refreshed before.

    False when `deadline` (clock.monotonic()) came first and more is left. Raises Upstream when parts cannot be read, and LeaseLost.
    """
    key = _key(ledger)
    begun_at = _begin(ledger)
    parts = _grow(ledger, key)
    while waiting := _waiting(parts, begun_at):
        failures = _refresh(ledger, waiting, deadline)
        parts = _grow(ledger, key)
        still = _waiting(parts, begun_at)
        _refuse_standstill(ledger, [parts[pk] for pk in still if pk in waiting], failures, moved=waiting != still)
        if clock.monotonic() > deadline:
            if all(_is_others(parts[pk]) for pk in still):
                break
            return False
        if waiting == still:
            time.sleep(_PAUSE_SECONDS)
    _merge(ledger, parts)
    return True


def let_go(ledger: Ledger) -> None:
    """Stop watching a wallet's parts: those that nobody else watches are deleted by their next refresh. Raises LeaseLost."""
    derived: Derived | None = ledger.derived
    if derived is None:
        return
    key = _key(ledger)
    pks = [pk for branch, number in enumerate(derived.reach) for pk in _below(ledger, key, branch, range(number))]
    for some in _some(pks, _MADE_AT_ONCE):
        now = clock.now()
        ledger.renew_if_short(now)
        unwatched = [Write(Operation.DELETE, Watch.of_wallet(pk, ledger.wallet_key)) for pk in some]
        transact(*unwatched, *(Ledger.make_due(pk, now) for pk in some))
    messages.send(*map(RefreshLedger, pks))


def _key(ledger: Ledger) -> str:
    secret: bytes | None = ledger.secret
    if secret is None:
        raise ValueError('a wallet without its key')
    return vault.decrypt(secret, vault.ledger_context(ledger.pk))


def _begin(ledger: Ledger) -> int:
    """Return when the cycle began that is under way from now on at the latest."""
    derived = ledger.derived or Derived()
    begun_at: int | None = derived.begun_at
    if begun_at is not None:
        return begun_at
    now = clock.now()
    derived.begun_at = now
    ledger.save_derived(derived, now)
    return now


def _grow(ledger: Ledger, key: str) -> Parts:
    """Return all parts, branch by branch, as they are stored; those that were missing are made.

    How far they reach is noted before they are made, so that `let_go` knows of each, should we die.
    """
    while True:
        derived = ledger.derived
        branches = [list(_below(ledger, key, branch, range(number))) for branch, number in enumerate(derived.reach)]
        pks = [pk for branch in branches for pk in branch]
        stored = Ledger.find_many(pks)
        new = [pk for pk in pks if pk not in stored]
        for branch, known in enumerate(branches):
            reach = wallets.reach([pk in stored and wallets.is_used([_held(stored[pk])]) for pk in known])
            new += _below(ledger, key, branch, range(len(known), reach))
            setattr(derived, ('receiving', 'change')[branch], reach)
        if not new:
            return {pk: stored[pk] for pk in pks}
        ledger.save_derived(derived, clock.now())
        _make(ledger, new)


def _below(ledger: Ledger, key: str, branch: int, indexes: Iterable[int]) -> Iterator[str]:
    """Yield the keys of the ledgers of derived addresses."""
    currency = ledger.wallet_key.currency
    return (AddressKey(currency, CHAINS[currency].derive(key, branch, index)).text for index in indexes)


def _make(ledger: Ledger, pks: Sequence[str]) -> None:
    for some in _some(pks, _MADE_AT_ONCE):
        now = clock.now()
        ledger.renew_if_short(now)
        watches = [Write(Operation.PUT, Watch.of_wallet(pk, ledger.wallet_key)) for pk in some]
        transact(*watches, *(Ledger.make_part(pk, now) for pk in some))


def _waiting(parts: Parts, begun_at: int) -> list[str]:
    """Return the parts that were not yet brought up to date in this cycle."""
    since = begun_at - policy.FRESH_SECONDS
    return [pk for pk, part in parts.items() if (part.updated_at or 0) < since or download.is_unfinished(part)]


def _is_others(part: Ledger) -> bool:
    """Whether somebody else is refreshing a part of which enough is known to do without the news."""
    return part.ready and not download.is_unfinished(part) and (part.lease_until or 0) > clock.now()


def _refresh(ledger: Ledger, pks: Sequence[str], deadline: float) -> list[errors.Upstream]:
    """Refresh parts, some at least and the others until `deadline`; return how explorers failed. Keeps the wallet's lease."""
    failures: list[errors.Upstream] = []
    begun = itertools.count()

    def bring(pk: str) -> None:
        is_late = next(begun) >= _AT_ONCE and clock.monotonic() > deadline
        if is_late or len(failures) > _AT_ONCE:
            return
        try:
            leased.refresh(pk, address.READER, looked_at=None, deadline=deadline)
        except errors.Upstream as error:
            failures.append(error)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        futures = [pool.submit(telemetry.in_current_task(bring), pk) for pk in pks]
        while wait(futures, timeout=_LOOK_SECONDS).not_done:
            ledger.renew_if_short(clock.now())
    for future in futures:
        future.result()
    return failures


def _refuse_standstill(ledger: Ledger, left: Iterable[Ledger], failures: Sequence[errors.Upstream], *, moved: bool) -> None:
    """Raises Upstream when no part could be read, or one never will be."""
    if failures and not moved:
        raise failures[0]
    if any(part.valid is False for part in left):
        raise errors.Upstream(ledger.wallet_key.currency, 'every explorer says that a derived address cannot exist')


def _merge(ledger: Ledger, parts: Parts) -> None:
    """Tell the parts as one. Their transactions are read only if those of one of them changed since the last time.

    What was merged is noted last: should we die before, the next run merges once more and writes what is left to write.
    """
    listed = [part for part in parts.values() if part.cursor is not None and (part.cursor.settled or part.cursor.unsettled)]
    fingerprint = _fingerprint(listed)
    if ledger.ready and ledger.derived.merged == fingerprint:
        [known] = ledger.holdings
        flow = Flow(known.transactions, known.sent, known.received)
    else:
        flow = _store(ledger, wallets.merge(_told(ledger, listed)))
    held = wallets.held(ledger.wallet_key.currency, [_held(part) for part in parts.values()], flow)
    incomplete = next((part.incomplete for part in parts.values() if part.incomplete is not None), None)
    if incomplete is None and money.add(flow.received, -flow.sent) != held.balance:
        incomplete = download.MISMATCH
    if incomplete is not None:
        telemetry.count('LedgerIncomplete')
    ledger.observe(
        holdings=[held],
        source=wallets.source(part.source for part in parts.values()),
        counts_p2pk=all(part.counts_p2pk for part in parts.values()),
        incomplete=incomplete,
        cursor=Cursor(),
        now=clock.now(),
    )
    derived = ledger.derived
    derived.merged = fingerprint
    ledger.end_cycle(derived, min(part.updated_at or 0 for part in parts.values()), clock.now())


def _fingerprint(parts: Iterable[Ledger]) -> str:
    """Return a text that is another one as soon as a part has other transactions."""
    digest = hashlib.sha256()
    for part in parts:
        cursor = part.cursor
        told = (part.pk, cursor.run, cursor.settled_height, sorted(cursor.tallies().items()), cursor.unsettled, part.changes)
        digest.update(f'{told}\n'.encode())
    return digest.hexdigest()


def _told(ledger: Ledger, parts: Iterable[Ledger]) -> Iterator[SourcedEntry]:
    for part in parts:
        for transaction in _stored(ledger, part.pk):
            yield SourcedEntry(transaction.entry(), transaction.source)


def _stored(ledger: Ledger, pk: str) -> Iterator[Transaction]:
    """Yield the transactions of a ledger, keeping the wallet's lease."""
    for number, transaction in enumerate(Transaction.every(pk)):
        if number % _WRITTEN_AT_ONCE == 0:
            ledger.renew_if_short(clock.now())
        yield transaction


def _store(ledger: Ledger, merged: Mapping[str, SourcedEntry]) -> Flow:
    """Make the wallet's transactions what its parts come to; only what differs is written. Raises LeaseLost."""
    now = clock.now()
    given = [Transaction.of(ledger.pk, told.entry, source=told.source, run=None, now=now) for told in merged.values()]
    stored = {transaction.sk: transaction for transaction in _stored(ledger, ledger.pk)}
    others = [one for one in given if one.sk not in stored or not one.says_the_same_as(stored[one.sk])]
    for some in _some(others, _WRITTEN_AT_ONCE):
        differing = [one.transaction for one in Transaction.differing(some)]
        _touch(ledger, [transaction.txn_at for transaction in differing])
        Transaction.store(differing)
    for undone in _some(sorted(stored.keys() - {one.sk for one in given}), _WRITTEN_AT_ONCE):
        _touch(ledger, [time_of(sk) for sk in undone])
        Transaction.remove(ledger.pk, undone)
    return wallets.flow(told.entry for told in merged.values())


def _touch(ledger: Ledger, times: Collection[int]) -> None:
    if times:
        ledger.touch(min(times), max(times), clock.now())


def _held(part: Ledger) -> Holding:
    """Return what a part holds of its coin."""
    currency = part.address_key.currency
    for row in part.holdings:
        if row.currency == currency:
            return Holding(row.currency, row.balance, row.sent, row.received, row.transactions, row.unconfirmed)
    return Holding(currency, money.ZERO, None, None, None)


def _some(these: Sequence[T], most: int) -> Iterator[Sequence[T]]:
    return (these[start : start + most] for start in range(0, len(these), most))


READER = Reader(read, let_go)
