"""Read the ledger of an HD wallet: keep the ledgers of its derived addresses, refresh each, and merge them into one.

Derived ledgers are ledgers like any other, which the wallet watches. In one cycle each of them is refreshed once, in slices
if there are many; then their transactions are merged. Every step can be repeated. The extended key is decrypted into memory
only, and is neither stored nor logged in the clear.
"""

import hashlib
import itertools
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from decimal import Decimal
from typing import TypeVar

from chalicelib import clock, errors, messages, telemetry, vault
from chalicelib.domain import ledgers, money, wallets
from chalicelib.domain.chains import CHAINS
from chalicelib.domain.ledger_keys import AddressKey
from chalicelib.domain.ledgers import Gap, Holding
from chalicelib.domain.wallets import Flow, SourcedEntry
from chalicelib.messages import RefreshLedger
from chalicelib.models import Cursor, Derived, Ledger, Operation, Transaction, Watch, Write, time_of, transact
from chalicelib.services.ledgers import address, download, leased, policy
from chalicelib.services.ledgers.leased import Reader

_REFRESHED_AT_ONCE = 4
_CREATED_AT_ONCE = 25  # derived ledgers in one transaction
_WRITTEN_AT_ONCE = 500  # transactions written, or read, between two checks of the lease
_LEASE_CHECK_SECONDS = 5
_PAUSE_SECONDS = 1

T = TypeVar('T')
DerivedLedgers = Mapping[str, Ledger]  # by partition key


def read(ledger: Ledger, deadline: float) -> bool:
    """Refresh the derived ledgers of a wallet and merge them; False if `deadline` (clock.monotonic()) came before all were refreshed.

    Raises Upstream when derived ledgers cannot be read, and LeaseLost.
    """
    extended_key = _extended_key(ledger)
    begun_at = _begin_cycle(ledger)
    derived = _grow(ledger, extended_key)
    while outdated := _outdated(derived, begun_at):
        failures = _refresh(ledger, outdated, deadline)
        derived = _grow(ledger, extended_key)
        left = _outdated(derived, begun_at)
        _refuse_standstill(ledger, [derived[pk] for pk in left if pk in outdated], failures, moved=outdated != left)
        if clock.monotonic() > deadline:
            if all(_is_leased_elsewhere(derived[pk]) for pk in left):
                break
            return False
        if outdated == left:
            time.sleep(_PAUSE_SECONDS)
    _merge(ledger, derived)
    return True


def unwatch(ledger: Ledger) -> None:
    """Stop watching the derived ledgers of a wallet; those without another watch are deleted by their next refresh. Raises LeaseLost."""
    progress: Derived | None = ledger.derived
    if progress is None:
        return
    extended_key = _extended_key(ledger)
    pks = [pk for branch, count in enumerate(progress.reach) for pk in _derived_pks(ledger, extended_key, branch, range(count))]
    for some in _slices(pks, _CREATED_AT_ONCE):
        now = clock.now()
        ledger.renew_if_short(now)
        unwatched = [Write(Operation.DELETE, Watch.of_wallet(pk, ledger.wallet_key)) for pk in some]
        transact(*unwatched, *(Ledger.make_due(pk, now) for pk in some))
    messages.send(*map(RefreshLedger, pks))


def _extended_key(ledger: Ledger) -> str:
    secret: bytes | None = ledger.secret
    if secret is None:
        raise ValueError('a wallet without its key')
    return vault.decrypt(secret, vault.ledger_context(ledger.pk))


def _begin_cycle(ledger: Ledger) -> int:
    """Return when the cycle under way began; begin one if there is none."""
    progress = ledger.derived or Derived()
    begun_at: int | None = progress.begun_at
    if begun_at is not None:
        return begun_at
    now = clock.now()
    progress.begun_at = now
    ledger.save_derived(progress, now)
    return now


def _grow(ledger: Ledger, extended_key: str) -> DerivedLedgers:
    """Return all derived ledgers as they are stored, branch by branch, after creating those that are missing.

    How far the branches reach is stored before ledgers are created, so that `unwatch` finds each of them even if this worker dies.
    """
    while True:
        progress = ledger.derived
        branches = [list(_derived_pks(ledger, extended_key, branch, range(count))) for branch, count in enumerate(progress.reach)]
        pks = [pk for branch in branches for pk in branch]
        stored = Ledger.find_many(pks)
        missing = [pk for pk in pks if pk not in stored]
        for branch, known in enumerate(branches):
            reach = wallets.reach([pk in stored and wallets.is_used([_coin_holding(stored[pk])]) for pk in known])
            missing += _derived_pks(ledger, extended_key, branch, range(len(known), reach))
            setattr(progress, ('receiving', 'change')[branch], reach)
        if not missing:
            return {pk: stored[pk] for pk in pks}
        ledger.save_derived(progress, clock.now())
        for some in _slices(missing, _CREATED_AT_ONCE):
            now = clock.now()
            ledger.renew_if_short(now)
            watches = [Write(Operation.PUT, Watch.of_wallet(pk, ledger.wallet_key)) for pk in some]
            transact(*watches, *(Ledger.create_derived(pk, now) for pk in some))


def _derived_pks(ledger: Ledger, key: str, branch: int, indexes: Iterable[int]) -> Iterator[str]:
    """Yield the keys of the ledgers of derived addresses."""
    currency = ledger.wallet_key.currency
    return (AddressKey(currency, CHAINS[currency].derive(key, branch, index)).text for index in indexes)


def _outdated(derived: DerivedLedgers, begun_at: int) -> list[str]:
    """Return the keys of the derived ledgers that were not refreshed yet in this cycle."""
    since = begun_at - policy.FRESH_SECONDS
    return [pk for pk, each in derived.items() if (each.updated_at or 0) < since or download.is_unfinished(each)]


def _is_leased_elsewhere(derived_ledger: Ledger) -> bool:
    """Whether another worker is refreshing a ledger whose stored state is good enough to merge."""
    return derived_ledger.ready and not download.is_unfinished(derived_ledger) and (derived_ledger.lease_until or 0) > clock.now()


def _refresh(ledger: Ledger, pks: Sequence[str], deadline: float) -> list[errors.Upstream]:
    """Refresh derived ledgers: the first few, and more until `deadline`. Keeps the wallet's lease; returns the failures."""
    failures: list[errors.Upstream] = []
    started = itertools.count()

    def refresh_one(pk: str) -> None:
        is_late = next(started) >= _REFRESHED_AT_ONCE and clock.monotonic() > deadline
        if is_late or len(failures) > _REFRESHED_AT_ONCE:
            return
        try:
            leased.refresh(pk, address.READER, looked_at=None, deadline=deadline)
        except errors.Upstream as error:
            failures.append(error)

    with ThreadPoolExecutor(_REFRESHED_AT_ONCE) as pool:
        futures = [pool.submit(telemetry.in_current_task(refresh_one), pk) for pk in pks]
        while wait(futures, timeout=_LEASE_CHECK_SECONDS).not_done:
            ledger.renew_if_short(clock.now())
    for future in futures:
        future.result()
    return failures


def _refuse_standstill(ledger: Ledger, left: Iterable[Ledger], failures: Sequence[errors.Upstream], *, moved: bool) -> None:
    """Raise Upstream when no derived ledger could be read, or one never will be."""
    if failures and not moved:
        raise failures[0]
    if any(each.valid is False for each in left):
        raise errors.Upstream(ledger.wallet_key.currency, 'every explorer says that a derived address cannot exist')


def _merge(ledger: Ledger, derived: DerivedLedgers) -> None:
    """Merge the derived ledgers into the wallet's. Transactions are read only if those of any ledger changed since the last merge.

    The fingerprint is stored last: if this worker dies before, the next one merges again and writes what is left to write.
    """
    used = [each for each in derived.values() if each.cursor is not None and (each.cursor.final or each.cursor.revertible)]
    fingerprint = _fingerprint(used)
    if ledger.ready and ledger.derived.merged == fingerprint:
        [known] = ledger.holdings
        flow = Flow(known.transactions, known.sent, known.received)
    else:
        flow = _store(ledger, wallets.merge(_sourced_entries(ledger, used)))
    holding = wallets.merge_holdings(ledger.wallet_key.currency, [_coin_holding(each) for each in derived.values()], flow)
    incomplete = next((each.incomplete for each in derived.values() if each.incomplete is not None), None)
    observed_at = min(each.updated_at or 0 for each in derived.values())
    difference = money.add(holding.balance, money.add(flow.sent, -flow.received))
    gaps = _gaps(ledger, derived.values(), difference, compared=incomplete is None)
    if incomplete is not None or gaps:
        telemetry.count('LedgerIncomplete')
    ledger.observe(
        holdings=[holding],
        source=wallets.source(each.source for each in derived.values()),
        counts_p2pk=all(each.counts_p2pk for each in derived.values()),
        incomplete=incomplete,
        cursor=Cursor(),
        now=clock.now(),
        gaps=gaps,
        reconciled_at=observed_at if all(each.reconciled_at is not None for each in derived.values()) else None,
    )
    progress = ledger.derived
    progress.merged = fingerprint
    ledger.end_cycle(progress, observed_at, clock.now())


def _gaps(ledger: Ledger, derived: Iterable[Ledger], difference: Decimal, *, compared: bool) -> list[Gap]:
    """Return the gaps of a wallet: what any derived ledger lacks, the wallet lacks too."""
    currency = ledger.wallet_key.currency
    reasons = [gap.reason for each in derived for gap in each.gaps if gap.currency == currency]
    reasons += [ledgers.MISSING] if difference and compared else []
    return [Gap(currency, reason, ledger.last_reconciled(currency), difference) for reason in reasons[:1]]


def _fingerprint(derived: Iterable[Ledger]) -> str:
    """Return a digest that changes with the transactions of any of these ledgers."""
    digest = hashlib.sha256()
    for each in derived:
        cursor = each.cursor
        state = (each.pk, cursor.run, cursor.final_height, sorted(cursor.tallies().items()), cursor.revertible, each.changes)
        digest.update(f'{state}\n'.encode())
    return digest.hexdigest()


def _sourced_entries(ledger: Ledger, derived: Iterable[Ledger]) -> Iterator[SourcedEntry]:
    for each in derived:
        for transaction in _read_transactions(ledger, each.pk):
            yield SourcedEntry(transaction.entry(), transaction.source)


def _read_transactions(ledger: Ledger, pk: str) -> Iterator[Transaction]:
    """Yield the transactions of a ledger, keeping the wallet's lease."""
    for number, transaction in enumerate(Transaction.every(pk)):
        if number % _WRITTEN_AT_ONCE == 0:
            ledger.renew_if_short(clock.now())
        yield transaction


def _store(ledger: Ledger, merged: Mapping[str, SourcedEntry]) -> Flow:
    """Make the wallet's transactions the merged ones; writes only what differs. Raises LeaseLost."""
    now = clock.now()
    transactions = [Transaction.of(ledger.pk, each.entry, source=each.source, run=None, now=now) for each in merged.values()]
    stored = {transaction.sk: transaction for transaction in _read_transactions(ledger, ledger.pk)}
    changed = [each for each in transactions if each.sk not in stored or not each.says_the_same_as(stored[each.sk])]
    for some in _slices(changed, _WRITTEN_AT_ONCE):
        differing = [one.transaction for one in Transaction.differing(some)]
        _begin_change(ledger, [transaction.txn_at for transaction in differing])
        Transaction.store(differing)
    for undone in _slices(sorted(stored.keys() - {each.sk for each in transactions}), _WRITTEN_AT_ONCE):
        _begin_change(ledger, [time_of(sk) for sk in undone])
        Transaction.remove(ledger.pk, undone)
    return wallets.flow(each.entry for each in merged.values())


def _begin_change(ledger: Ledger, times: Collection[int]) -> None:
    if times:
        ledger.begin_change(min(times), max(times), clock.now())


def _coin_holding(derived_ledger: Ledger) -> Holding:
    """Return what a derived ledger holds of its chain's own coin."""
    currency = derived_ledger.address_key.currency
    for row in derived_ledger.holdings:
        if row.currency == currency:
            return Holding(row.currency, row.balance, row.sent, row.received, row.transactions, row.unconfirmed)
    return Holding(currency, money.ZERO, None, None, None)


def _slices(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (items[start : start + size] for start in range(0, len(items), size))


READER = Reader(read, unwatch)
