"""What a transaction of a chain of unspent outputs does to one address: the outputs it gets less those of its own that are spent."""

from collections.abc import Sequence

from chalicelib.domain import money
from chalicelib.domain.chains import Chain
from chalicelib.domain.ledgers import Entry
from chalicelib.providers.explorers.explorer import checked


def netted(chain: Chain, txid: str, received: Sequence[int], spent: Sequence[int], *, fee: int, at: int, height: int) -> Entry:
    """Return the entry of a confirmed transaction, given the values of the address's own outputs: made, and spent.

    Who spends pays the fee, all of it, also where others spend beside. Raises ValueError for what is no transaction of the chain.
    """
    entry = Entry(
        reference=txid,
        n=0,
        currency=chain.currency,
        delta=chain.amount(sum(received) - sum(spent)),
        fee=chain.amount(fee) if spent else money.ZERO,
        at=at,
        height=height,
    )
    return checked(entry, chain)
