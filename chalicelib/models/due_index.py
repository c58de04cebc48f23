"""What is due: the sparse index that the sweep reads, shard by shard.

An item is in the index while it carries `due_shard` and `due_at`. Claiming an item moves its `due_at` forward, so that
two sweeps hand it out once, and a worker that dies hands it back when the claim runs out.
"""

import zlib
from collections.abc import Iterator

from pynamodb.exceptions import UpdateError

from chalicelib.models.item import Item, condition_failed

SHARDS = 8


def shard(pk: str, shards: int = SHARDS) -> int:
    """Return the shard of the `due` index that an item of this partition belongs to."""
    return zlib.crc32(pk.encode()) % shards


def due(shard_number: int, now: int, limit: int) -> Iterator[Item]:
    """Yield up to `limit` items (keys, kind and due_at only) of a shard that are due at `now`, the longest due first."""
    return Item.due.query(shard_number, Item.due_at <= now, limit=limit, page_size=limit)


def claim(item: Item, until: int) -> bool:
    """Take a due item until `until`; False when somebody else did or it is no longer due."""
    try:
        item.update([Item.due_at.set(until)], condition=Item.due_at == item.due_at)
    except UpdateError as error:
        if condition_failed(error):
            return False
        raise
    return True
