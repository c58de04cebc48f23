"""Whole blocks, at explorers of unspent outputs that tell them: whose outputs each creates or spends.

Reading each new block once tells which of any number of addresses moved (services/ledgers/blocks.py), where asking for each address costs
requests for each of them. What belongs to an address is in outputs.py.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple, Protocol, runtime_checkable

from chalicelib.domain import money
from chalicelib.providers.explorers.explorer import string_of
from chalicelib.providers.transport import Http, Limits
from chalicelib.providers.upstream import Endpoint

WHOLE_BLOCK = Limits(seconds=45, most_bytes=64 * 1024 * 1024)
"""Within which a request for all transactions of a block stays; one of Bitcoin has up to 10 MB as JSON."""

_HASH = re.compile('[0-9a-f]{64}')


class Block(NamedTuple):
    """A block, which one it follows, when it was made, and the canonical addresses of which an output is created or spent in it.

    The first block of a chain follows none, which is ''. The time is what its miner says, which may be minutes off.
    """

    height: int
    hash: str
    parent: str
    made_at: int
    addresses: frozenset[str]


@runtime_checkable
class TellsBlocks(Protocol):
    """An explorer that tells whole blocks. All of these raise Upstream when it fails or returns something undocumented."""

    @property
    def endpoint(self) -> Endpoint: ...

    @property
    def may_tell_blocks(self) -> bool:
        """Whether it is to be asked for all blocks: not where each takes more requests than a public server allows."""

    def tip(self, http: Http) -> str:
        """Return the hash of the newest block."""

    def hash_at(self, http: Http, height: int) -> str | None:
        """Return the hash of the block of the main chain at a height, None if there is none yet."""

    def block(self, http: Http, block_hash: str) -> Block:
        """Return a block, read whole: with some of its transactions only it fails.

        block = explorer.block(http, explorer.tip(http))
        'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4' in block.addresses
        """


def checked_hash(value: object) -> str:
    """Return the hash of a block. Raises ValueError for anything else."""
    text = string_of(value)
    if not _HASH.fullmatch(text):
        raise ValueError('not the hash of a block')
    return text


def checked_block(height: int, block_hash: object, parent: object, made_at: object, owners: Iterable[str | None], *, asked: str) -> Block:
    """Return a block with the addresses of `owners`, None for outputs without one. Raises ValueError if it is not the one `asked` for."""
    if block_hash != asked or height < 0:
        raise ValueError('another block')
    addresses = frozenset(owner for owner in owners if owner)
    return Block(height, asked, checked_hash(parent) if parent or height else '', money.whole(made_at), addresses)


def require_all(read: int, stated: int) -> None:
    """Raise ValueError if fewer or more transactions of a block were read than it states to have."""
    if read != stated:
        raise ValueError('not all transactions of a block')
