"""When blocks say that an address did not move: each condition alone keeps a ledger from being confirmed that may have moved."""

from collections.abc import Callable

import pytest

from chalicelib.models import ChainBlocks, Ledger
from chalicelib.services.ledgers.unmoved import is_unmoved
from tests.support.ledgers import SEGWIT, pk_of
from tests.support.quiet import settled_ledger

NOW = 1_900_000_000
READ = NOW - 3_600  # as settled_ledger says
LAG = 30 * 60  # that one explorer is behind another
TOLD = READ - LAG


def blocks_since(since: int | None) -> ChainBlocks:
    return ChainBlocks('CHAIN#btc', 'BLOCKS', continuous_since=since, through_at=NOW - 60)


def ledger(**attributes: int | None) -> Ledger:
    made = settled_ledger(pk_of(SEGWIT), now=NOW)
    for name, value in attributes.items():
        setattr(made, name, value)
    return made


def test_it_did_not_move_if_it_was_there_and_no_block_missed_since_long_before_it_was_read() -> None:
    assert is_unmoved(ledger(created_at=TOLD), blocks_since(TOLD))


def test_it_did_not_move_if_it_was_read_long_after_it_did() -> None:
    assert is_unmoved(ledger(moved_at=TOLD), blocks_since(TOLD))


REASONS: dict[str, Callable[[], bool]] = {
    'a block may have been missed that the explorer did not have yet': lambda: is_unmoved(ledger(), blocks_since(TOLD + 1)),
    'no block was read': lambda: is_unmoved(ledger(), blocks_since(None)),
    'it was not there when such a block was looked through': lambda: is_unmoved(ledger(created_at=TOLD + 1), blocks_since(TOLD)),
    'nobody knows since when it is there': lambda: is_unmoved(ledger(created_at=None), blocks_since(TOLD)),
    'the explorer may not have had the block in which it moved': lambda: is_unmoved(ledger(moved_at=TOLD + 1), blocks_since(TOLD)),
    'it moved after it was read': lambda: is_unmoved(ledger(moved_at=NOW), blocks_since(TOLD)),
    'it was never read as a whole': lambda: is_unmoved(ledger(read_at=None), blocks_since(TOLD)),
}


@pytest.mark.parametrize('reason', REASONS)
def test_it_may_have_moved(reason: str) -> None:
    assert not REASONS[reason]()
