"""What a ledger consists of, and whether it reconciles. Pure.

A ledger is the balances and transactions of one blockchain address, HD wallet or exchange account.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from decimal import Decimal
from typing import NamedTuple

from chalicelib.domain import money

MOST_REVERTIBLE = 1_000
MOST_UNREADABLE = 20  # rows that are remembered one by one

# What a ledger lacks as a whole, in one word: its explorer knows balances only; its first download has not ended.
UNLISTED = 'transactions_unknown'
PENDING = 'transactions_pending'
NEEDS_KEY = 'explorers_need_key'  # the ones that would know have no API key set up, or refuse it
NOT_COMPARED = 'history_not_read'  # balances of an account of which nobody reads what they must add up to
BALANCES_ALONE = frozenset((UNLISTED, NOT_COMPARED))
# What one currency of a ledger lacks.
MISSING = 'transactions_missing'
UNREADABLE = 'transactions_unreadable'
UNREADABLE_BALANCE = 'balance_unreadable'
UNCONFIRMED = 'token_balances_unconfirmed'  # what a ledger lacks if no node tells the balances of tokens


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


class Unread(NamedTuple):
    """The rows of a ledger that nobody can read: how many there are of each currency, and the newest of all, newest first."""

    numbers: Mapping[str, int] = {}
    newest: tuple[Unreadable, ...] = ()

    @property
    def heights(self) -> list[int]:
        """A height below which there are rows too many to be read again at each refresh, if there is one."""
        heights = [row.height for row in self.newest if row.height is not None]
        return [min(heights)] if len(heights) == MOST_UNREADABLE else []

    def lists(self, entry: 'Entry') -> bool:
        """Whether an entry that can be read is among the newest rows that could not be."""
        return any((row.currency, row.reference) == (entry.currency, entry.reference) for row in self.newest)

    def followed_by(self, older: Iterable[Unreadable]) -> 'Unread':
        """Return these with rows of the next, older page."""
        more = self._not_counted(older)
        return Unread(self._counted(more), (*self.newest, *more)[:MOST_UNREADABLE])

    def updated(self, rows: Iterable[Unreadable], entries: Iterable['Entry']) -> 'Unread':
        """Return these as they are after the newest pages were read again, whose `rows` cannot be read and whose `entries` can."""
        readable = {(entry.currency, entry.reference) for entry in entries}
        mended = [row for row in self.newest if (row.currency, row.reference) in readable]
        left = Unread(self._counted(mended, sign=-1), tuple(row for row in self.newest if row not in mended))
        more = left._newer(rows)
        return Unread(left._counted(more), (*more, *left.newest)[:MOST_UNREADABLE])

    def _newer(self, rows: Iterable[Unreadable]) -> list[Unreadable]:
        """Return the rows that are not counted yet. Where older ones of a currency are forgotten, only those before the first known one."""
        counted = {(row.currency, row.reference) for row in self.newest}
        remembered = [row.currency for row in self.newest]
        passed: set[str] = set()
        newer = []
        for row in rows:
            if (row.currency, row.reference) in counted:
                passed.add(row.currency)
            elif row.currency not in passed or self.numbers[row.currency] == remembered.count(row.currency):
                newer.append(row)
        return newer

    def _not_counted(self, rows: Iterable[Unreadable]) -> list[Unreadable]:
        counted = {(row.currency, row.reference) for row in self.newest}
        return [row for row in rows if (row.currency, row.reference) not in counted]

    def _counted(self, rows: Iterable[Unreadable], sign: int = 1) -> dict[str, int]:
        numbers = dict(self.numbers)
        for row in rows:
            numbers[row.currency] = numbers.get(row.currency, 0) + sign
        return {code: number for code, number in sorted(numbers.items()) if number > 0}


def merge_unread(parts: Iterable[Unread]) -> Unread:
    """Return the unreadable rows of several ledgers together."""
    numbers: dict[str, int] = {}
    rows: list[Unreadable] = []
    for part in parts:
        rows += part.newest
        for code, number in part.numbers.items():
            numbers[code] = numbers.get(code, 0) + number
    newest_first = sorted(rows, key=lambda row: (row.height is not None, -(row.height or 0)))
    return Unread(dict(sorted(numbers.items())), tuple(newest_first[:MOST_UNREADABLE]))


class Gap(NamedTuple):
    """What is missing from one currency of a ledger; `reason` says what, in one snake_case word.

    `since` (epoch seconds) is when the currency's entries last added up to its balance, None if they never did: what is missing came about
    after it. `difference` is the reported balance minus the sum of the entries, None where the balance is unknown.
    """

    currency: str
    reason: str
    since: int | None = None
    difference: Decimal | None = None


class Lack(NamedTuple):
    """Why what is known of some currencies is incomplete, in one snake_case word; `currencies` are their codes, None for any."""

    reason: str
    currencies: frozenset[str] | None

    def concerns(self, code: str) -> bool:
        return self.currencies is None or code in self.currencies


def reason_in(lacks: Iterable[Lack], code: str) -> str | None:
    """Return why a currency is incomplete: the first lack that concerns it says so. None if none does."""
    return next((lack.reason for lack in lacks if lack.concerns(code)), None)


def concerned(lacks: Iterable[Lack], codes: frozenset[str]) -> frozenset[str]:
    """Return which of these currencies are incomplete."""
    return frozenset[str]().union(*(codes if lack.currencies is None else codes & lack.currencies for lack in lacks))


def reasons_in(lacks: Iterable[Lack], codes: frozenset[str]) -> list[str]:
    """Return why any of these currencies is incomplete, once for each reason.

    It takes a look at each lack, not at each currency: an address of which nothing is known may hold hundreds of them.
    """
    reasons, explained = [], frozenset[str]()
    for lack in lacks:
        concerned = codes if lack.currencies is None else codes & lack.currencies
        if not concerned <= explained:
            reasons.append(lack.reason)
            explained |= concerned
    return list(dict.fromkeys(reasons))


class Tally(NamedTuple):
    """The number of entries in one currency and the sum of their deltas."""

    number: int
    sum: Decimal

    def plus(self, delta: Decimal) -> 'Tally':
        """Return this with one entry more."""
        return Tally(self.number + 1, money.add(self.sum, delta))


NOTHING = Tally(0, money.ZERO)


def tally(entries: Iterable[Entry]) -> dict[str, Tally]:
    """Return the tally of each currency in `entries`."""
    tallies: dict[str, Tally] = {}
    for entry in entries:
        tallies[entry.currency] = tallies.get(entry.currency, NOTHING).plus(entry.delta)
    return tallies


def merge(left: Mapping[str, Tally], right: Mapping[str, Tally]) -> dict[str, Tally]:
    """Return the tallies of two disjoint sets of entries together."""
    merged = dict(left)
    for currency, more in right.items():
        before = merged.get(currency, NOTHING)
        merged[currency] = Tally(before.number + more.number, money.add(before.sum, more.sum))
    return merged


def less(whole: Mapping[str, Tally], part: Mapping[str, Tally]) -> dict[str, Tally]:
    """Return the tallies of a set of entries without some of them, of the currencies of which there are any left."""
    negated = {code: Tally(-tally.number, money.negate(tally.sum)) for code, tally in part.items()}
    return {code: tally for code, tally in merge(whole, negated).items() if tally.number}


def discrepancies(holdings: Iterable[Holding], tallies: Mapping[str, Tally]) -> dict[str, Decimal]:
    """Return the balance minus the sum of the entries, by currency, where the entries are not complete.

    They are if there are as many as the upstream counts and their deltas sum to its balance. A currency that the upstream does not
    list must sum to zero. The difference is zero where only the number is wrong.
    """
    held = {holding.currency: holding for holding in holdings}
    spent = {code: Holding(code, money.ZERO, None, None, None) for code in tallies.keys() - held.keys()}
    pairs = [(holding, tallies.get(code, NOTHING)) for code, holding in sorted({**held, **spent}.items())]
    return {each.currency: money.subtract(each.balance, entries.sum) for each, entries in pairs if not _explained(each, entries)}


def gaps(
    differences: Mapping[str, Decimal], rows: Collection[str], balances: Collection[str], since: Callable[[str], int | None]
) -> list[Gap]:
    """Return the gaps of a ledger, one for each currency that has any, by code.

    `differences` are its discrepancies, `rows` and `balances` the currencies of which a row or the balance cannot be read. `since` tells
    when a currency last added up.
    """
    reasons = dict.fromkeys(differences, MISSING) | dict.fromkeys(rows, UNREADABLE) | dict.fromkeys(balances, UNREADABLE_BALANCE)
    return [
        Gap(code, reason, since(code), None if code in balances else differences.get(code, money.ZERO))
        for code, reason in sorted(reasons.items())
    ]


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


def _explained(holding: Holding, entries: Tally) -> bool:
    return holding.balance == entries.sum and holding.transactions in (None, entries.number)
