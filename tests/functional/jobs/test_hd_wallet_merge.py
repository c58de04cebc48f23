"""The transactions of a large HD wallet are merged in slices that go on where the last one ended, and never in memory as a whole."""

import gc
import random
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, NamedTuple

import pytest

from chalicelib import clock
from chalicelib.domain.hd_wallets import Flow, SourcedEntry
from chalicelib.domain.ledger_keys import AddressKey, HdWalletKey
from chalicelib.domain.ledgers import Entry
from chalicelib.models import Derived, Ledger, Transaction, transact
from chalicelib.models.item import Item
from chalicelib.services.ledgers import hd_wallet_merge
from tests.support.clock import CLOCK
from tests.support.dynamodb import survives

DAY = 86_400
BEGAN = 1_500_000_000
NUMBER = 150
PARTS = 6
PASSED = float('-inf')
HD_WALLET = HdWalletKey('btc', f'wallet-{"ab" * 20}').text


class World(NamedTuple):
    """Derived ledgers, and what their transactions come to: delta, fee, time and height of each, by reference."""

    parts: list[Ledger]
    merged: dict[str, tuple[Decimal, Decimal, int, int]]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """An HD wallet with a transaction each day, of one to three of its addresses, whose explorers disagree by up to three days on when."""
    monkeypatch.setattr(hd_wallet_merge, '_WINDOW', 30)
    monkeypatch.setattr(hd_wallet_merge, '_APART', 3 * DAY)
    monkeypatch.setattr(hd_wallet_merge, '_BUFFERED', 10 * PARTS)
    chance = random.Random(20_090_103)
    parts = [Ledger.at(AddressKey('btc', f'part-{number}').text) for number in range(PARTS)]
    merged, told_of_parts = {}, []
    for number in range(NUMBER):
        reference, fee = f'{number:064x}', Decimal(chance.randrange(3))
        told = [
            Entry(reference, 0, 'btc', Decimal(chance.randrange(-9, 10)), fee, BEGAN + number * DAY + chance.randrange(4) * DAY, number)
            for _ in range(chance.randrange(1, 4))
        ]
        of_parts = zip(chance.sample(parts, len(told)), told, strict=True)
        told_of_parts += [Transaction.of(part.pk, entry, source='mempool', run=None, now=1) for part, entry in of_parts]
        merged[reference] = (sum((entry.delta for entry in told), Decimal(0)), fee, min(entry.at for entry in told), number)
    Transaction.store(told_of_parts)
    transact(Ledger.make_due(HD_WALLET, clock.now()))
    return World(parts, merged)


def hd_wallet() -> Ledger:
    """Return the ledger of the HD wallet with its lease, once that of any earlier worker has run out."""
    CLOCK.advance(3_000)
    ledger = Ledger.lease(HD_WALLET, owner='worker', now=clock.now(), looked_at=None)
    assert ledger is not None
    if ledger.derived is None:
        ledger.save_derived(Derived(), clock.now())
    return ledger


def stored() -> dict[str, tuple[Decimal, Decimal, int, int]]:
    rows = list(Transaction.every(HD_WALLET))
    assert len({row.reference for row in rows}) == len(rows)
    return {row.reference: (row.delta, row.fee, row.txn_at, row.height) for row in rows}


def sums_of(world: World) -> Flow:
    deltas = [delta for delta, *_ in world.merged.values()]
    return Flow(NUMBER, -sum(delta for delta in deltas if delta < 0), sum(delta for delta in deltas if delta > 0))


def test_a_large_hd_wallet_is_merged_in_slices_and_a_worker_that_dies_repeats_only_its_own(world: World):
    stale = [Entry(f'{n:064x}', 0, 'btc', Decimal(1), None, BEGAN + n * DAY, n) for n in (3, 70, NUMBER + 7)]
    Transaction.store(Transaction.of(HD_WALLET, entry, source='mempool', run=None, now=1) for entry in stale)
    slices, died, flow = 0, 0, None
    while flow is None:
        slices += 1
        if slices % 3 == 2:
            died += not survives(lambda: hd_wallet_merge.merge_stored(hd_wallet(), world.parts, 'a', PASSED), 3)
        else:
            flow = hd_wallet_merge.merge_stored(hd_wallet(), world.parts, 'a', PASSED)

    assert (stored(), flow) == (world.merged, sums_of(world))
    assert died > 1
    assert NUMBER // 30 <= slices <= 2 * NUMBER // 30 + 2 * died

    assert hd_wallet_merge.merge_stored(hd_wallet(), world.parts, 'b', clock.monotonic() + 600) == sums_of(world)
    assert stored() == world.merged


def test_a_merge_begins_anew_when_a_derived_ledger_changed_meanwhile(world: World):
    assert hd_wallet_merge.merge_stored(hd_wallet(), world.parts, 'a', PASSED) is None
    newest = Entry('f' * 64, 0, 'btc', Decimal(5), Decimal(0), BEGAN + (NUMBER + 50) * DAY, NUMBER)
    Transaction.store([Transaction.of(world.parts[0].pk, newest, source='mempool', run=None, now=1)])

    flow = hd_wallet_merge.merge_stored(hd_wallet(), world.parts, 'b', clock.monotonic() + 600)

    assert flow is not None
    assert (flow.transactions, 'f' * 64 in stored()) == (NUMBER + 1, True)


@contextmanager
def counting_entries() -> Iterator[list[int]]:
    """Yield how many merged entries are in memory whenever a query of the table is answered; what is there before is not looked at."""
    gc.collect()
    gc.freeze()
    events = Item.connection().client.meta.events
    counted: list[int] = []

    def count(**_: Any) -> None:
        counted.append(sum(type(each) is SourcedEntry for each in gc.get_objects()))

    events.register('after-call.dynamodb.Query', count)
    yield counted
    events.unregister('after-call.dynamodb.Query', count)


def test_a_large_hd_wallet_is_never_in_memory_as_a_whole(world: World):
    with counting_entries() as counted:
        assert hd_wallet_merge.merge_stored(hd_wallet(), world.parts, 'a', clock.monotonic() + 600) == sums_of(world)

    assert 0 < max(counted) < NUMBER // 2  # a window, and what may still get parts
