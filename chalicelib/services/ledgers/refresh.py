"""Refresh a ledger of any kind: the one table of how each kind is read."""

import logging
from collections.abc import Mapping

from chalicelib import errors, messages
from chalicelib.domain import ledger_keys
from chalicelib.domain.ledger_keys import LedgerKind
from chalicelib.messages import RefreshLedger
from chalicelib.services.ledgers import account, address, hd_wallet, leased, policy
from chalicelib.services.ledgers.leased import Reader

log = logging.getLogger(__name__)

READERS: Mapping[LedgerKind, Reader] = {
    LedgerKind.ADDRESS: address.READER,
    LedgerKind.HD_WALLET: hd_wallet.READER,
    LedgerKind.ACCOUNT: account.READER,
}


def refresh(pk: str, *, looked_at: int | None, deadline: float, group: str = '', waits: int = 0) -> None:
    """Bring a ledger up to date, or a slice further before `deadline` (clock.monotonic()) and enqueue the next slice.

    A ledger that another worker is refreshing, or that was observed seconds ago, is left alone; one that nothing watches
    any more is deleted. When it is due next: services.ledgers.policy. Raises Upstream when it could not be read.
    Where too many requests wait for an upstream already, it is enqueued again, after `waits` earlier messages in a row ever later, and in
    the end left to the sweep: that is nobody's failure.

    refresh('LEDGER#btc#1JfbZRwdDHKZmuiZgYArJZhcuuzuw2HuMu', looked_at=None, deadline=clock.monotonic() + 60)
    """
    try:
        leased.refresh(pk, READERS[ledger_keys.parse(pk).kind], looked_at=looked_at, deadline=deadline, group=group)
    except errors.UpstreamBusy as error:
        log.info('%s: %s', pk, error)
        delay = policy.wait_for_turn(waits)
        if delay is not None:
            messages.send(RefreshLedger(pk, group=group, waits=waits + 1), delay=delay)
