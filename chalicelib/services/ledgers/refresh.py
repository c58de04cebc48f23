"""Refresh a ledger of any kind: the one table of how each kind is read."""

from collections.abc import Mapping

from chalicelib.domain import ledger_keys
from chalicelib.domain.ledger_keys import LedgerKind
from chalicelib.services.ledgers import account, address, hd_wallet, leased
from chalicelib.services.ledgers.leased import Reader

READERS: Mapping[LedgerKind, Reader] = {
    LedgerKind.ADDRESS: address.READER,
    LedgerKind.HD_WALLET: hd_wallet.READER,
    LedgerKind.ACCOUNT: account.READER,
}


def refresh(pk: str, *, looked_at: int | None, deadline: float, group: str = '') -> None:
    """Bring a ledger up to date, or a slice further before `deadline` (clock.monotonic()) and enqueue the next slice.

    A ledger that another worker is refreshing, or that was observed seconds ago, is left alone; one that nothing watches
    any more is deleted. When it is due next: services.ledgers.policy. Raises Upstream when it could not be read.

    refresh('LEDGER#btc#1JfbZRwdDHKZmuiZgYArJZhcuuzuw2HuMu', looked_at=None, deadline=clock.monotonic() + 60)
    """
    leased.refresh(pk, READERS[ledger_keys.parse(pk).kind], looked_at=looked_at, deadline=deadline, group=group)
