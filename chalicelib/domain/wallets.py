"""HD wallets: what one is called, how far its addresses are looked for, and its parts told as one. Pure; keeps no key.

A wallet is everything below an extended public key; its parts are the ledgers of the addresses derived from it. See
docs/decisions/0014-hd-wallets.md.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

from chalicelib.domain import money
from chalicelib.domain.chains import CHAINS
from chalicelib.domain.ledger_keys import AddressKey, HdWalletKey
from chalicelib.domain.ledgers import Entry, Holding

GAP = 20  # unused addresses in a row after which no wallet looks for more (BIP-44)
OURS = 'cryptfolio'  # the source of what several explorers told


class FollowedLedger(NamedTuple):
    """The ledger that an address of a portfolio follows, and what the address shows of it."""

    shown: str
    key: AddressKey | HdWalletKey


class SourcedEntry(NamedTuple):
    """The whole effect of one transaction on a wallet, and the upstream that told of it."""

    entry: Entry
    source: str


class Flow(NamedTuple):
    """Number of transactions of a wallet, and what they took out of it and brought into it."""

    transactions: int
    sent: Decimal
    received: Decimal


def identify(currency: str, text: str) -> FollowedLedger:
    """Return the ledger of a canonical address or an extended public key; an extended key cannot be computed back from it."""
    if CHAINS[currency].is_extended_key(text):
        return FollowedLedger(f'{text[:12]}…{text[-8:]}', HdWalletKey.of_extended_key(currency, text))
    return FollowedLedger(text, AddressKey(currency, text))


def is_used(holdings: Iterable[Holding]) -> bool:
    """Say whether anything ever happened to an address that holds this."""
    return any(held.transactions or held.balance or held.sent or held.received or held.unconfirmed for held in holdings)


def reach(used: Sequence[bool]) -> int:
    """Return how many addresses of a branch belong to a wallet, given which of those known so far are used; never less than those."""
    last = max((index for index, is_one in enumerate(used) if is_one), default=-1)
    return max(len(used), last + 1 + GAP)


def merge(told: Iterable[SourcedEntry]) -> dict[str, SourcedEntry]:
    """Return what the entries of a wallet's parts come to, by reference.

    Deltas add up, so what moves inside the wallet leaves the fee. Each part that spends tells the fee of the whole transaction:
    it counts once. Of times and heights that explorers tell differently it is the first time and the last height.
    """
    merged: dict[str, SourcedEntry] = {}
    for one in told:
        known = merged.get(one.entry.reference)
        merged[one.entry.reference] = one if known is None else _joined(known, one)
    return merged


def flow(entries: Iterable[Entry]) -> Flow:
    """Return the number and sums of merged entries."""
    deltas = [entry.delta for entry in entries]
    sent = money.total(-delta for delta in deltas if delta < 0)
    return Flow(len(deltas), sent, money.total(delta for delta in deltas if delta > 0))


def held(currency: str, parts: Sequence[Holding], flow: Flow) -> Holding:
    """Return what a wallet holds, given what its parts hold."""
    unconfirmed = [part.unconfirmed for part in parts if part.unconfirmed is not None]
    return Holding(
        currency=currency,
        balance=money.total(part.balance for part in parts),
        sent=flow.sent,
        received=flow.received,
        transactions=flow.transactions,
        unconfirmed=money.total(unconfirmed) if len(unconfirmed) == len(parts) else None,
    )


def source(sources: Iterable[str | None]) -> str:
    """Return the one upstream that all of these are, or ourselves."""
    distinct = {*sources}
    return next(iter(distinct)) or OURS if len(distinct) == 1 else OURS


def _joined(left: SourcedEntry, right: SourcedEntry) -> SourcedEntry:
    one, other = left.entry, right.entry
    entry = one._replace(
        delta=money.add(one.delta, other.delta),
        fee=_fee(one.fee, other.fee),
        at=min(one.at, other.at),
        height=max(one.height, other.height),
    )
    return SourcedEntry(entry, source((left.source, right.source)))


def _fee(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    """Return the fee that was paid, if any part knows it; none was paid only if all of them know that."""
    known = [fee for fee in (one, other) if fee is not None]
    paid = max(known, default=money.ZERO)
    return paid if paid or len(known) == 2 else None
