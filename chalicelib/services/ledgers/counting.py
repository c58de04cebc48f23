"""The end of a full download: everything stored is summed, in slices, and what the download did not see is removed.

Of a ledger of a million transactions this takes longer than a worker may. How far it is, is kept in the cursor with the sums so far.
"""

import heapq
from collections.abc import Collection, Iterator
from typing import NamedTuple

from chalicelib import clock
from chalicelib.domain import ledgers
from chalicelib.domain.ledgers import Tally
from chalicelib.models import Cursor, Ledger, Placed, Transaction, time_of
from chalicelib.providers.explorers import AddressReport

_LEASE_EVERY = 500  # stored transactions read between two checks of the lease
_LEAST_COUNTED = 10_000  # transactions of a slice, however late it is


class _Part(NamedTuple):
    """What was read of the stored transactions: sums of those that count, the highest of them, and the keys of the others.

    `position` is the key of the last one that was read, None after the last of all.
    """

    tallies: dict[str, Tally]
    highest: list[Placed]
    unseen: list[str]
    position: str | None


def count_stored(ledger: Ledger, cursor: Cursor, report: AddressReport, deadline: float) -> dict[str, Tally] | None:
    """Sum the stored entries, remove those that this run did not see, and move the cursor; return the tallies of all of them.

    None if `deadline` (clock.monotonic()) came first: the cursor, which is to be stored, then says how far it is. Those that are too old to
    be listed any more stay. Raises LeaseLost.
    """
    part = _count_part(ledger, cursor, report.listed_from, deadline)
    remove(ledger, part.unseen)
    tallies = ledgers.merge(cursor.counted_tallies(), part.tallies)
    highest = heapq.nlargest(ledgers.MOST_REVERTIBLE + 1, [*cursor.counted_highest, *part.highest])
    if part.position is not None:
        cursor.remember_counted(part.position, tallies, highest)
        return None
    heights = [*(placed.height for placed in highest), *cursor.unread.heights, *report.heights]
    height = max(ledgers.final_height(heights, -1, ledger.upstream_key.reorganisation), report.final_below)
    above = [placed.sk for placed in highest if placed.height > height]
    revertible = [transaction.entry() for transaction in Transaction.find_many(ledger.pk, above)]
    cursor.make_final(height, ledgers.less(tallies, ledgers.tally(revertible)))
    cursor.revertible = sorted(above)
    cursor.forget_counted()
    return tallies


def _count_part(ledger: Ledger, cursor: Cursor, listed_from: int, deadline: float) -> _Part:
    """Read on where the cursor says, in memory that does not grow with the number of transactions but by that of those to be removed."""
    part = _Part({}, [], [], None)
    last: str | None = None
    for number, transaction in enumerate(stored_transactions(ledger, ledger.pk, before=cursor.counted_to)):
        if number and number % _LEAST_COUNTED == 0 and clock.monotonic() > deadline:
            return part._replace(position=last)
        last = transaction.sk
        if transaction.run != cursor.run and transaction.height >= listed_from:
            part.unseen.append(last)
            continue
        _add(part, transaction)
    return part


def _add(part: _Part, transaction: Transaction) -> None:
    before = part.tallies.get(transaction.currency, ledgers.NOTHING)
    part.tallies[transaction.currency] = before.plus(transaction.delta)
    placed = Placed(transaction.height, transaction.sk)
    if len(part.highest) <= ledgers.MOST_REVERTIBLE:
        heapq.heappush(part.highest, placed)
    else:
        heapq.heappushpop(part.highest, placed)


def stored_transactions(leased: Ledger, pk: str, *, before: str | None = None) -> Iterator[Transaction]:
    """Yield all transactions that are stored of the ledger `pk`, newest first, and keep the lease of `leased`. Raises LeaseLost.

    `before` is the sort key of the one after which to begin.
    """
    for number, transaction in enumerate(Transaction.every(pk, before=before)):
        if number % _LEASE_EVERY == 0:
            leased.renew_if_short(clock.now())
        yield transaction


def remove(ledger: Ledger, sort_keys: Collection[str]) -> None:
    """Delete stored transactions, noting since when that changes the ledger. Raises LeaseLost."""
    if sort_keys:
        times = [time_of(sk) for sk in sort_keys]
        ledger.begin_change(min(times), max(times), clock.now())
        Transaction.remove(ledger.pk, sort_keys)
