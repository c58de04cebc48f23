"""Addresses that somebody looks at again and again, on a chain that a test moves on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from chalicelib.domain.ledgers import Holding
from chalicelib.domain.marks import Mark
from chalicelib.models import LEDGERS, Cursor, Ledger
from infra.fake_upstreams import evm, evm_nodes
from tests.support.api import Api
from tests.support.aws import Beginnings
from tests.support.clock import CLOCK
from tests.support.evm import ME, Request, Server, telling, truth
from tests.support.evm_ledgers import FUNDED, PATH, PK, stored_sums, txn, watch
from tests.support.jobs import Queue

MINUTE = 60
HOUR = 60 * MINUTE
# The first look after the download reads it, the second makes the mark, and what is read half an hour later is all that was before it.
STEPS_TO_SETTLE = (6 * MINUTE, 6 * MINUTE, 31 * MINUTE)


@dataclass
class Chain:
    """A chain, the user who looks at an address on it, and the queue that brings it up to date."""

    api: Api
    server: Server
    queue: Queue
    world: evm.World
    listed: evm.World | None = None  # what explorers list, if that is not yet all

    def settle(self, beginnings: Beginnings) -> None:
        """Watch the address and look at it until it need not be read any more."""
        self.server.answer = self._answer
        CLOCK.move_to(beginnings.begin(f'settled {self.world}', self._settle))

    def _settle(self) -> int:
        watch(self.api)
        self.queue.drain()
        for seconds in STEPS_TO_SETTLE:
            self.look(after=seconds)
        assert self.asked_explorers(self.look()) == []
        return CLOCK.now()

    def look(self, *, after: int = 6 * MINUTE) -> list[Request]:
        """Look at the address some time later, which brings it up to date; return what upstreams were asked for that."""
        CLOCK.advance(after)
        self.server.requests.clear()
        assert self.api.get(f'{PATH}/balances').status_code == 200
        self.queue.drain()
        return [*self.server.requests]

    def asked_explorers(self, requests: Sequence[Request]) -> list[str]:
        return [request.upstream for request in requests if request.body is None]

    def add(self, *, ago: int = 0, **changes: Any) -> evm.Transaction:
        """Let a transaction be made some seconds ago."""
        number = len(self.world.transactions)
        height = evm_nodes.height(self.world) - ago // 12
        added = txn(number, **{'height': height, 'time': CLOCK.now() - ago, **changes})
        self.world = replace(self.world, transactions=[*self.world.transactions, added])
        return added

    def is_known(self) -> bool:
        """Say whether all that happened is stored, and shown."""
        references = {txn.hash for txn in self.world.transactions if _concerns_me(txn)}
        shown = {row['reference'] for row in self.api.get(f'{PATH}/transactions').json_body['result']}
        return references <= shown and stored_sums() == truth(self.world)

    def _answer(self, request: Request) -> Any:
        is_of_explorer = request.body is None
        return telling(self.listed if self.listed is not None and is_of_explorer else self.world, request)


def _concerns_me(txn: evm.Transaction) -> bool:
    parties = (txn.sender, txn.receiver, *(party for call in txn.inner for party in (call.sender, call.receiver)))
    return ME in (*parties, *(party for each in txn.transfers if each.value for party in (each.sender, each.receiver)))


def settled_ledger(pk: str, *, now: int, holdings: Sequence[Holding] = (), mark: Mark | None = None) -> Ledger:
    """Return a ledger, not stored, that was read an hour ago and is due now; with a mark of two hours ago it need not be read."""
    ledger = Ledger.at(pk)
    ledger.holdings, ledger.mark = list(holdings), mark
    ledger.cursor = Cursor(run='x', final_height=18_000_000, explorer='etherscan')
    ledger.created_at = ledger.newest_at = now - 9 * 24 * HOUR
    ledger.read_at = ledger.updated_at = ledger.reconciled_at = now - HOUR
    ledger.source, ledger.counts_p2pk, ledger.write_id = 'etherscan', False, 'w'
    ledger.due_shard, ledger.due_at = LEDGERS.shard_of(pk), now
    return ledger


def state() -> Ledger:
    """Return the ledger of the address."""
    ledger = Ledger.find(PK)
    assert ledger is not None
    return ledger


__all__ = ['FUNDED', 'HOUR', 'MINUTE', 'PK', 'Chain', 'settled_ledger', 'state']
