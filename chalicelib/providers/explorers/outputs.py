"""The effect of a transaction on an address, on chains of unspent outputs: outputs received less outputs spent."""

from collections.abc import Sequence

from chalicelib.domain import money
from chalicelib.domain.chains import Chain
from chalicelib.domain.ledgers import Entry
from chalicelib.providers.explorers.explorer import checked


def netted(chain: Chain, txid: str, received: Sequence[int], spent: Sequence[int], *, fee: int, at: int, height: int) -> Entry:
    """Return the entry of a confirmed transaction, given the values of the address's outputs that it creates and spends.

    An address that spends is charged the whole fee, even if others spend in the same transaction. Raises ValueError if this
    cannot be a transaction of the chain.
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
