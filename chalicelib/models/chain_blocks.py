"""How far the blocks of a chain have been read, and which ledgers moved in the newest of them."""

from collections.abc import Collection, Iterable
from typing import NamedTuple

from chalicelib.models.attributes import IntegerAttribute, PackedAttribute, RowsAttribute
from chalicelib.models.item import Item
from chalicelib.models.lease import Leased

_STATE = 'BLOCKS'
_KEPT_SECONDS = 7 * 86_400


class ReadBlock(NamedTuple):
    """A block that was read, and how many ledgers moved in it: none of `moved` is stored where that is 0.

    `made_at` is when it was made, as it says itself; earlier releases did not store that.
    """

    height: int
    hash: str
    moved: int
    made_at: int | None = None


class ChainBlocks(Leased, discriminator='chain-blocks'):
    """pk=CHAIN#<code>  sk=BLOCKS

    `blocks` are the newest that were read, in their order: as many as a reorganisation may undo, and the one before those.
    `continuous_since` is since when no block was missed, `through_at` when an explorer last told none that comes after the newest of them.

    find: batch get   create: conditional put   lease: conditional update   everything else: conditional update under the lease
    """

    LEASE_SECONDS = 180
    MIN_SECONDS_LEFT = 100  # more than reading one page of a block can take

    blocks = RowsAttribute(ReadBlock)
    continuous_since = IntegerAttribute(null=True)
    through_at = IntegerAttribute(null=True)

    @classmethod
    def find(cls, currency: str) -> 'ChainBlocks | None':
        """Return how far a chain was read, None before that was ever tried."""
        return next(iter(cls.get_many([(f'CHAIN#{currency}', _STATE)])), None)

    @classmethod
    def create(cls, currency: str) -> None:
        """Store that a chain was read nothing of, unless it is there."""
        cls(f'CHAIN#{currency}', _STATE).put_if(Item.pk.does_not_exist())

    @classmethod
    def lease(cls, currency: str, owner: str, now: int) -> 'ChainBlocks | None':
        """Return the chain with its lease; None when another worker holds it or it was not created."""
        chain = cls(f'CHAIN#{currency}', _STATE)
        return chain if chain.acquire(owner, now) else None

    @property
    def currency(self) -> str:
        return self.pk.removeprefix('CHAIN#')

    @property
    def newest(self) -> ReadBlock | None:
        """The newest block that was read."""
        return self.blocks[-1] if self.blocks else None

    def forget(self, now: int) -> None:
        """Forget all blocks: the one that is read next is the first. Raises LeaseLost."""
        self.renew(now, ChainBlocks.blocks.set([]), ChainBlocks.continuous_since.remove(), ChainBlocks.through_at.remove())

    def keep(self, blocks: Iterable[ReadBlock], now: int) -> None:
        """Store which are the newest blocks that were read, one of them just now if they are the first. Raises LeaseLost."""
        since = ChainBlocks.continuous_since
        self.renew(now, ChainBlocks.blocks.set(list(blocks)), since.set(since | now))

    def release_through(self, through_at: int | None) -> None:
        """Release the lease and store that at an instant there was no newer block, unless that is None. Raises LeaseLost."""
        self.release(*([] if through_at is None else [ChainBlocks.through_at.set(through_at)]))


class MovedInBlock(Item, discriminator='moved-in-block'):
    """pk=CHAIN#<code>  sk=MOVED#<hash of a block>

    The addresses of a block that ledgers are of, in case it is undone. Those of a block in which more moved are not kept.

    keep: put   find: batch get
    """

    MOST_ADDRESSES = 5_000  # with more of the longest the item might be larger than DynamoDB takes

    addresses = PackedAttribute(default=list)

    @classmethod
    def keep(cls, currency: str, block_hash: str, addresses: Collection[str], now: int) -> None:
        """Store which addresses moved in a block, unless there are none or too many."""
        if 0 < len(addresses) <= cls.MOST_ADDRESSES:
            moved = cls(f'CHAIN#{currency}', f'MOVED#{block_hash}', addresses=sorted(addresses), expires_at=now + _KEPT_SECONDS)
            cls.write_many(put=[moved])

    @classmethod
    def find(cls, currency: str, blocks: Collection[ReadBlock]) -> frozenset[str] | None:
        """Return all addresses that moved in these blocks, None if those of some are not known."""
        with_moves = [block for block in blocks if block.moved]
        kept = cls.get_many((f'CHAIN#{currency}', f'MOVED#{block.hash}') for block in with_moves)
        if len(kept) < len(with_moves):
            return None
        return frozenset(address for moved in kept for address in moved.addresses)
