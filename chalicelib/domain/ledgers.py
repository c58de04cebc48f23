"""What a ledger consists of, and whether it reconciles. Pure.

A ledger is the balances and transactions of one blockchain address, HD wallet or exchange account.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import NamedTuple

from chalicelib.domain import money

MOST_REVERTIBLE = 1_000
UNLISTED = 'transactions_unknown'  # what a ledger lacks if its explorer knows balances only


class Holding(NamedTuple):
    """The confirmed balance of one currency as an upstream reports it; counts and sums that it does not report are None.

    `unconfirmed` is the net change by transactions that are not in a block yet.
    """

    currency: str
    balance: Decimal
    sent: Decimal | None
    received: Decimal | None
    transactions: int | None
    unconfirmed: Decimal | None = None


class Entry(NamedTuple):
    """The whole effect of one confirmed transaction on one currency of a ledger.

    `delta` includes a paid `fee`; `fee` is 0 for incoming transactions and None where unknown; `at` is in epoch seconds;
    `height` is the block's; `n` tells entries with the same `reference` apart.
    """

    reference: str
    n: int
    currency: str
    delta: Decimal
    fee: Decimal | None
    at: int
    height: int


class Unreadable(NamedTuple):
    """What an upstream returned of one currency and nobody can read: its effect on the balance is unknown, not zero.

    `reference` is the transaction's, or the contract's of a token whose balance could not be read; `reason` says why, in a few
    words. `at` (epoch seconds) and `height` are None where they could not be read either.

    >>> Unreadable('sol', '5VERv8NMvzbJMEkV8xnrLkEaWRtSz9CosKDYjCJjBRnb', 'no block time', at=None, height=447_120_004)
    Unreadable(currency='sol', reference='5VERv8NMvzbJMEkV8xnrLkEaWRtSz9CosKDYjCJjBRnb', reason='no block time', at=None, height=447120004)
    """

    currency: str
    reference: str
    reason: str
    at: int | None = None
    height: int | None = None


class Tally(NamedTuple):
    """The number of entries in one currency and the sum of their deltas."""

    number: int
    sum: Decimal


NOTHING = Tally(0, money.ZERO)


def tally(entries: Iterable[Entry]) -> dict[str, Tally]:
    """Return the tally of each currency in `entries`."""
    tallies: dict[str, Tally] = {}
    for entry in entries:
        known = tallies.get(entry.currency, NOTHING)
        tallies[entry.currency] = Tally(known.number + 1, money.add(known.sum, entry.delta))
    return tallies


def merge(left: Mapping[str, Tally], right: Mapping[str, Tally]) -> dict[str, Tally]:
    """Return the tallies of two disjoint sets of entries together."""
    merged = dict(left)
    for currency, more in right.items():
        known = merged.get(currency, NOTHING)
        merged[currency] = Tally(known.number + more.number, money.add(known.sum, more.sum))
    return merged


def reconciles(holdings: Iterable[Holding], tallies: Mapping[str, Tally]) -> bool:
    """Return whether the entries are complete: as many as the upstream counts, with deltas that sum to its balance.

    A currency that the upstream does not list must sum to zero.
    """
    held = {holding.currency: holding for holding in holdings}
    spent = all(row.sum == 0 for currency, row in tallies.items() if currency not in held)
    return spent and all(_explained(holding, tallies.get(currency, NOTHING)) for currency, holding in held.items())


def final_height(heights: Iterable[int], known: int, reorganisation: int) -> int:
    """Return the height up to which entries are final, given the heights of those above the `known` one.

    It lies `reorganisation` blocks below the newest entry, higher where more than MOST_REVERTIBLE entries would stay above.
    """
    newest_first = sorted(heights, reverse=True)
    if not newest_first:
        return known
    height = newest_first[0] - reorganisation
    if len(newest_first) > MOST_REVERTIBLE:
        height = max(height, newest_first[MOST_REVERTIBLE])
    return max(height, known)


def _explained(holding: Holding, known: Tally) -> bool:
    return holding.balance == known.sum and holding.transactions in (None, known.number)
