"""The transactions of ledgers."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from pynamodb.attributes import UnicodeAttribute

from chalicelib.domain import instants
from chalicelib.domain.ledgers import Entry
from chalicelib.models.attributes import DecimalAttribute, IntegerAttribute
from chalicelib.models.item import Item
from chalicelib.models.ledger import STATE, Ledger

_ENTRIES = 'ENTRY#'
_POSITION = re.compile(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00#[!-~]{1,200}#\d{1,20}', re.ASCII)


class Transaction(Item, discriminator='transaction'):
    """pk=the ledger's  sk=ENTRY#<time>#<reference>#<n>

    ENTRY# sorts just before STATE, so one query backwards gives the state and then the newest transactions.
    page: that query   differing: batch get   store: batch write   every, since, until, between: query
    find_many: batch get
    """

    currency = UnicodeAttribute()
    delta = DecimalAttribute()
    fee = DecimalAttribute(null=True)
    txn_at = IntegerAttribute()
    reference = UnicodeAttribute()
    height = IntegerAttribute()
    source = UnicodeAttribute()
    run = UnicodeAttribute(null=True)
    created_at = IntegerAttribute()
    updated_at = IntegerAttribute()

    @classmethod
    def of(cls, pk: str, entry: Entry, *, source: str, run: str | None, now: int) -> 'Transaction':
        return cls(
            pk,
            entry_sk(entry),
            currency=entry.currency,
            delta=entry.delta,
            fee=entry.fee,
            txn_at=entry.at,
            reference=entry.reference,
            height=entry.height,
            source=source,
            run=run,
            created_at=now,
            updated_at=now,
        )

    @classmethod
    def every(cls, pk: str, *, before: str | None = None) -> Iterator['Transaction']:
        """Yield all transactions of a ledger, newest first; only those after the one with the sort key `before`, if there is one."""
        keys = cls.sk.startswith(_ENTRIES) if before is None else cls.sk.between(_ENTRIES, before)
        transactions = cls.query(pk, keys, consistent_read=True, scan_index_forward=False)
        return (transaction for transaction in transactions if transaction.sk != before)

    @classmethod
    def find_many(cls, pk: str, sort_keys: Iterable[str]) -> list['Transaction']:
        """Return transactions by sort key, without those that are not there."""
        return list(cls.get_many((pk, sk) for sk in sort_keys))

    @classmethod
    def since(cls, pk: str, instant: int) -> Iterator['Transaction']:
        """Yield the transactions of a ledger that are later than an instant, oldest first."""
        return cls.query(pk, cls.sk.between(f'{_ENTRIES}{instants.sortable(instant + 1)}', STATE), consistent_read=True)

    @classmethod
    def until(cls, pk: str, instant: int, *, page_size: int) -> Iterator['Transaction']:
        """Yield the transactions of a ledger up to an instant, newest first, read so many at a time."""
        keys = cls.sk.between(_ENTRIES, f'{_ENTRIES}{instants.sortable(instant + 1)}')
        return iter(cls.query(pk, keys, consistent_read=True, scan_index_forward=False, page_size=page_size))

    @classmethod
    def between(cls, pk: str, first: int, end: int) -> Iterator['Transaction']:
        """Yield the transactions of a ledger from an instant to before another, oldest first."""
        keys = cls.sk.between(f'{_ENTRIES}{instants.sortable(first)}', f'{_ENTRIES}{instants.sortable(end)}')
        return iter(cls.query(pk, keys, consistent_read=True))

    @classmethod
    def oldest(cls, pk: str) -> 'Transaction | None':
        """Return the oldest transaction of a ledger, None when it has none."""
        return next(iter(cls.query(pk, cls.sk.startswith(_ENTRIES), consistent_read=True, limit=1)), None)

    @classmethod
    def differing(cls, transactions: Sequence['Transaction']) -> list['Differing']:
        """Return those that are new or differ from what is stored, with the time of first storing."""
        stored = {item.sk: item for item in cls.get_many((transaction.pk, transaction.sk) for transaction in transactions)}
        found = []
        for transaction in transactions:
            known = stored.get(transaction.sk)
            if known is None or not transaction.says_the_same_as(known):
                transaction.created_at = known.created_at if known else transaction.created_at
                found.append(Differing(transaction, known is None or known.delta != transaction.delta))
        return found

    @classmethod
    def store(cls, transactions: Iterable['Transaction']) -> None:
        """Write transactions in the place of what is stored of them."""
        cls.write_many(put=transactions)

    @classmethod
    def remove(cls, pk: str, sort_keys: Iterable[str]) -> None:
        """Delete transactions by sort key; those not there are passed over."""
        cls.write_many(delete=(cls(pk, sk) for sk in sort_keys))

    @property
    def position(self) -> str:
        """Where this stands in the ledger, for `read_transactions` to go on from."""
        return str(self.sk).removeprefix(_ENTRIES)

    def entry(self) -> Entry:
        """Return what of this is the explorer's."""
        n = int(str(self.sk).rsplit('#', 1)[1])
        return Entry(self.reference, n, self.currency, self.delta, self.fee, self.txn_at, self.height)

    def says_the_same_as(self, other: 'Transaction') -> bool:
        names = ('delta', 'fee', 'height', 'run')
        return all(getattr(self, name) == getattr(other, name) for name in names)


class Differing(NamedTuple):
    """A transaction that is new or differs from what is stored, and whether that changes balances."""

    transaction: Transaction
    moves_balances: bool


class TransactionsPage(NamedTuple):
    """A page of transactions, newest first; `ledger` is its state, on the first page only."""

    ledger: Ledger | None
    transactions: list[Transaction]


def entry_sk(entry: Entry) -> str:
    """Return the sort key under which an entry is stored."""
    return f'{_ENTRIES}{instants.sortable(entry.at)}#{entry.reference}#{entry.n}'


def time_of(sk: str) -> int:
    """Return the time in a transaction's sort key."""
    return instants.parse(sk.split('#', 2)[1])


def is_position(text: str) -> bool:
    """Whether a text could be the `position` of a transaction."""
    return _POSITION.fullmatch(text) is not None


def read_transactions(pk: str, *, before: str | None, limit: int, since: int | None = None) -> TransactionsPage:
    """Return up to `limit` transactions older than a position, and at the start the state, in one query; none from before an instant."""
    start = _ENTRIES if since is None else _ENTRIES + instants.sortable(since)
    end = STATE if before is None else _ENTRIES + before
    items = Item.query(
        pk,
        Item.sk.between(start, end),
        consistent_read=True,
        scan_index_forward=False,
        limit=limit + 1,  # the state, or the transaction at the position, is not counted
        page_size=limit + 1,
    )
    ledger: Ledger | None = None
    transactions: list[Transaction] = []
    for item in items:
        if isinstance(item, Ledger):
            ledger = item
        elif isinstance(item, Transaction) and item.sk != end:
            transactions.append(item)
    return TransactionsPage(ledger, transactions[:limit])
