"""Merge the transactions of an HD wallet's derived ledgers into the wallet's: from the newest back, window by window.

Neither the entries of ten thousand addresses nor a million transactions fit into memory, or into the time of one worker. All derived
ledgers are read side by side, newest first; what is merged of a window of time is compared with what is stored of it; and how far that went
is kept in the wallet's progress, with the sums so far. A worker that dies repeats its last window.
"""

import heapq
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

from chalicelib import clock, telemetry
from chalicelib.domain import hd_wallets, money
from chalicelib.domain.hd_wallets import Flow, SourcedEntry
from chalicelib.models import Ledger, MergeProgress, Transaction, time_of
from chalicelib.services.ledgers import derived_ledgers

_WINDOW = 5_000  # entries read between two that are stored
_APART = 14 * 86_400  # most that explorers disagree on when a transaction was: one counts from when it was seen, another from its block
_BUFFERED = 20_000  # entries read ahead, of all derived ledgers together
_LONGEST_PAGE, _SHORTEST_PAGE = 250, 2
_READ_AT_ONCE = 8
_WRITTEN_AT_ONCE = 500  # transactions written, or read, between two checks of the lease
_BEFORE_ALL, _AFTER_ALL = 0, 253_402_300_798  # the last instants of year 9999


def merge_stored(ledger: Ledger, used: Sequence[Ledger], fingerprint: str, deadline: float) -> Flow | None:
    """Make a wallet's transactions those of the derived ledgers that are `used`; return their number and sums. Raises LeaseLost.

    None if `deadline` (clock.monotonic()) came first: what is left is for the next worker, if the `fingerprint` of the derived ledgers is
    still the same then. Otherwise it begins anew. Only what differs is written.
    """
    done = ledger.derived.merge_of(fingerprint) or MergeProgress(fingerprint, _AFTER_ALL, 0, money.ZERO, money.ZERO)
    merged: dict[str, SourcedEntry] = {}
    for number, each in enumerate(_newest_first(ledger, used, done.until), 1):
        hd_wallets.add(merged, each)
        whole_from = each.entry.at + _APART + 1  # no part of what is from then on is as old as what is not read yet
        if number % _WINDOW == 0 and whole_from < done.until:
            merged, done = _store(ledger, merged, whole_from, done)
            ledger.derived.merging = [done]
            ledger.save_derived(ledger.derived, clock.now())
            if clock.monotonic() > deadline:
                return None
    _, done = _store(ledger, merged, _BEFORE_ALL, done)
    return Flow(done.number, done.sent, done.received)


def _newest_first(ledger: Ledger, used: Sequence[Ledger], until: int) -> Iterator[SourcedEntry]:
    """Yield the entries of derived ledgers up to an instant, and those after it that may be parts of the same transactions."""
    page_size = max(_SHORTEST_PAGE, min(_LONGEST_PAGE, _BUFFERED // max(len(used), 1)))
    lists = [Transaction.until(each.pk, min(until + _APART, _AFTER_ALL), page_size=page_size) for each in used]
    for number, transaction in enumerate(heapq.merge(*_begun(ledger, lists), key=lambda one: -int(one.txn_at))):
        if number % _WRITTEN_AT_ONCE == 0:
            ledger.renew_if_short(clock.now())
        yield SourcedEntry(transaction.entry(), transaction.source)


def _begun(ledger: Ledger, lists: Sequence[Iterator[Transaction]]) -> list[Iterator[Transaction]]:
    """Read the beginning of each list, several at once."""
    begun: list[Iterator[Transaction]] = []
    with ThreadPoolExecutor(_READ_AT_ONCE) as pool:
        for some in derived_ledgers.slices(lists, _WRITTEN_AT_ONCE):
            ledger.renew_if_short(clock.now())
            first = pool.map(telemetry.in_current_task(_first), some)
            begun += [chain(each, rest) for each, rest in zip(first, some, strict=True)]
    return begun


def _first(transactions: Iterator[Transaction]) -> list[Transaction]:
    """Return the first of an iterator, if there is one."""
    return [each for each in (next(transactions, None),) if each is not None]


def _store(
    ledger: Ledger, merged: dict[str, SourcedEntry], since: int, done: MergeProgress
) -> tuple[dict[str, SourcedEntry], MergeProgress]:
    """Store what is merged of the window from `since` to where the merge is; return what is older, and where it is then.

    What is newer was stored before.
    """
    window = [each for each in merged.values() if since <= each.entry.at < done.until]
    _replace(ledger, window, since, done.until)
    flow = hd_wallets.flow(each.entry for each in window)
    older = {reference: each for reference, each in merged.items() if each.entry.at < since}
    sent, received = money.add(done.sent, flow.sent), money.add(done.received, flow.received)
    return older, MergeProgress(done.fingerprint, since, done.number + flow.transactions, sent, received)


def _replace(ledger: Ledger, window: Sequence[SourcedEntry], since: int, until: int) -> None:
    """Make what is stored of a wallet from `since` to before `until` the given entries; writes only what differs."""
    now = clock.now()
    stored = {transaction.sk: transaction for transaction in Transaction.between(ledger.pk, since, until)}
    transactions = [Transaction.of(ledger.pk, each.entry, source=each.source, run=None, now=now) for each in window]
    undone = stored.keys() - {each.sk for each in transactions}
    changed = [each for each in transactions if each.sk not in stored or not each.says_the_same_as(stored[each.sk])]
    for transaction in changed:
        if transaction.sk in stored:
            transaction.created_at = stored[transaction.sk].created_at
    for some in derived_ledgers.slices(changed, _WRITTEN_AT_ONCE):
        _begin_change(ledger, [transaction.txn_at for transaction in some])
        Transaction.store(some)
    for keys in derived_ledgers.slices(sorted(undone), _WRITTEN_AT_ONCE):
        _begin_change(ledger, [time_of(sk) for sk in keys])
        Transaction.remove(ledger.pk, keys)


def _begin_change(ledger: Ledger, times: Collection[int]) -> None:
    ledger.begin_change(min(times), max(times), clock.now())
