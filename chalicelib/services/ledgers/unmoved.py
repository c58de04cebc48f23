"""Tell by the blocks of its chain, which services/ledgers/blocks.py reads one after the other, which addresses did not move.

An address that is in none of the blocks which came after its ledger was read has not moved since. To say so takes more than `moved_at`:

- Explorers do not know a block at the same time: one that was asked for the address may have lacked a block that another had told already,
  for up to LAG_SECONDS. So everything here is compared with that long before the reading.
- Blocks that were missed may have had the address: none may have been since then.
- A ledger that was created while a block was looked through was not found among its addresses: it was there by then.
- The explorer may have told a block that another one took the place of before it was read here. Therefore a ledger is not settled before
  its newest transaction is older than any that a reorganisation undoes.

See docs/decisions/0035-following-blocks.md.
"""

from collections.abc import Mapping, Sequence

from chalicelib.domain.marks import Verdict
from chalicelib.models import ChainBlocks, Ledger
from chalicelib.services.ledgers import policy


def check(ledgers: Sequence[Ledger], deadline: float) -> Mapping[str, Verdict]:
    """Return what is to be said of settled ledgers of one chain, by key; see checks.Check.

    Those that a block which is read meanwhile moves are written to by that, so that they are not confirmed.
    """
    blocks = ChainBlocks.find(ledgers[0].address_key.currency)
    through_at: int | None = None if blocks is None else blocks.through_at
    if blocks is None or through_at is None:
        return {}
    return {ledger.pk: Verdict(through_at, knows_unconfirmed=False) for ledger in ledgers if is_unmoved(ledger, blocks)}


def is_unmoved(ledger: Ledger, blocks: ChainBlocks) -> bool:
    """Return whether the address of a settled ledger is in none of the blocks that were read since the ledger was."""
    listed_until = (ledger.read_at or 0) - policy.LAG_SECONDS  # what was in a block by then, its explorer knew
    moved_at: int | None = ledger.moved_at
    instants: tuple[int | None, ...] = (blocks.continuous_since, ledger.created_at, moved_at or 0)
    return all(instant is not None and instant <= listed_until for instant in instants)
