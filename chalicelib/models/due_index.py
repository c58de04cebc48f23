"""What is due: the sparse index from which each minute or hour what is due is handed to workers, shard by shard.

An item is in the index while it carries `due_shard` and `due_at`. Claiming an item moves its `due_at` forward, so that two
dispatchers hand it out once, and an item whose claimant died is due again when the claim runs out.
"""

import zlib
from collections.abc import Iterator
from typing import NamedTuple

from pynamodb.expressions.update import Action

from chalicelib.models.item import Item


class DueQueue(NamedTuple):
    """Those shards of the index, from `first_shard` on, that are dispatched together.

    Each claim lasts `claim_seconds`. What is due within `early_seconds` counts as due: the clocks of workers differ.
    """

    shards: int
    first_shard: int
    claim_seconds: int
    early_seconds: int = 0

    @property
    def all_shards(self) -> range:
        return range(self.first_shard, self.first_shard + self.shards)

    def shard_of(self, pk: str) -> int:
        """Return the shard that an item of this partition belongs to."""
        return self.first_shard + zlib.crc32(pk.encode()) % self.shards

    def enter(self, pk: str, due_at: int) -> tuple[Action, Action]:
        """Return the actions that make an item of this partition due at `due_at`."""
        return Item.due_shard.set(self.shard_of(pk)), Item.due_at.set(due_at)

    def claim_due(self, shard: int, now: int, limit: int) -> Iterator[Item]:
        """Claim and yield up to `limit` items (keys, kind and due_at only) of a shard that are due, the longest due first.

        Each is claimed when it is asked for. Those that another dispatcher claimed first are left out.
        """
        for item in Item.due.query(shard, Item.due_at <= now + self.early_seconds, limit=limit, page_size=limit):
            if item.update_if(Item.due_at == item.due_at, Item.due_at.set(now + self.claim_seconds)):
                yield item


LEDGERS = DueQueue(shards=32, first_shard=0, claim_seconds=300)  # purges of portfolios and deletions of users as well
# Hourly: what is due at the full hour must not wait for the next because a clock is behind.
HISTORIES = DueQueue(shards=64, first_shard=1_000, claim_seconds=900, early_seconds=60)
