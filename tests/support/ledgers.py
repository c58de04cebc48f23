"""Ledgers of Bitcoin addresses: what is stored of them, what an explorer's transactions should make of them, and how they age."""

from collections.abc import Sequence
from decimal import Decimal

from chalicelib import clock
from chalicelib.domain import money
from chalicelib.domain.ledgers import Entry, Holding
from chalicelib.models import Cursor, Ledger, Transaction, Watch, entry_sk
from infra.fake_upstreams.scripted_explorer import Txn

SEGWIT = 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4'
TAPROOT = 'bc1pchf4trtvndch4rhelucswh4fkz8kyqdm35ncmjyr3hapk5et8drqwae3vg'
LEGACY = '1JfbZRwdDHKZmuiZgYArJZhcuuzuw2HuMu'
ADDRESS = LEGACY  # where any address will do


def pk_of(address: str) -> str:
    """Return the ledger of a Bitcoin address."""
    return f'LEDGER#btc#{address}'


def observe(address: str, balance: int, entries: int, incomplete: str | None = None, *, first_at: int = 1_500_000_000) -> None:
    """Put a balance (in satoshi) and some incoming transactions of one satoshi, from `first_at` on, into a ledger as a refresh would."""
    pk = f'LEDGER#btc#{address}'
    ledger = Ledger.lease(pk, owner='test', now=clock.now(), looked_at=None)
    assert ledger
    rows = [Entry(f'{n:064x}', 0, 'btc', money.scaled(1, 8), money.ZERO, first_at + n, 500_000 + n) for n in range(entries)]
    for start in range(0, entries, 100):
        batch = rows[start : start + 100]
        Transaction.store([Transaction.of(pk, row, source='blockstream', run='x', now=1_600_000_000) for row in batch])
    amount = money.scaled(balance, 8)
    ledger.observe(
        holdings=[Holding('btc', amount, money.ZERO, amount, entries)],
        source='blockstream',
        counts_p2pk=True,
        incomplete=incomplete,
        cursor=Cursor(run='x'),
        now=1_700_000_000,
    )
    ledger.release_until(clock.now() + 300)


def state(address: str) -> Ledger:
    """Return the state of a ledger that must be there."""
    ledger = Ledger.find(pk_of(address))
    assert ledger is not None
    return ledger


def rows(address: str) -> list[tuple[str, Decimal, Decimal | None, int, int]]:
    """Return the stored transactions, newest first: reference, delta, fee, time, height."""
    return [_row(transaction) for transaction in Transaction.every(pk_of(address))]


def _row(transaction: Transaction) -> tuple[str, Decimal, Decimal | None, int, int]:
    return (transaction.reference, transaction.delta, transaction.fee, transaction.txn_at, transaction.height)


def expected_rows(txns: Sequence[Txn]) -> list[tuple[str, Decimal, Decimal | None, int, int]]:
    """Return what should be stored of an explorer's confirmed transactions."""
    found = [
        (txn.txid, Decimal(txn.delta) / 10**8, Decimal(txn.fee) / 10**8 if txn.sent else Decimal(0), txn.time, txn.height)
        for txn in txns
        if txn.height is not None
    ]
    return sorted(found, key=lambda row: (row[3], row[0]), reverse=True)


def assert_whole(address: str, txns: Sequence[Txn], incomplete: str | None = None) -> None:
    """Assert that a ledger is exactly `txns`, that its cursor adds up, and that it rests."""
    ledger = state(address)
    stored = list(Transaction.every(ledger.pk))
    assert sorted(map(_row, stored)) == sorted(expected_rows(txns))
    confirmed = [txn for txn in txns if txn.height is not None]
    [held] = ledger.holdings
    assert (held.balance, held.transactions) == (Decimal(sum(txn.delta for txn in confirmed)) / 10**8, len(confirmed))
    assert ledger.incomplete == incomplete
    assert (ledger.lease_owner, ledger.lease_until) == (None, None)
    assert ledger.due_at > clock.now(), f'due {clock.now() - ledger.due_at} s ago'
    _assert_cursor_adds_up(ledger, stored)


def _assert_cursor_adds_up(ledger: Ledger, stored: Sequence[Transaction]) -> None:
    height = ledger.cursor.final_height
    final = [row for row in stored if row.height <= height]
    tally = ledger.cursor.tallies().get('btc')
    assert (tally.number, tally.sum) == (len(final), sum(row.delta for row in final)) if tally else not final
    assert set(ledger.cursor.revertible) == {entry_sk(row.entry()) for row in stored if row.height > height}
    assert ledger.cursor.resume is None


def watchers(address: str) -> int:
    return len(Watch.every(pk_of(address)))
