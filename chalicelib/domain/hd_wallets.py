"""HD wallets: which ledger one has, how many addresses are derived for it, and how their ledgers are merged. Pure; keeps no key.

A wallet is all addresses of an extended public key or a descriptor; its derived ledgers are those of the addresses derived so far.
See docs/decisions/0014-hd-wallets.md.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from chalicelib.domain import money
from chalicelib.domain.addresses.derivation import ScriptBranches
from chalicelib.domain.chains import CHAINS
from chalicelib.domain.ledger_keys import AddressKey, HdWalletKey
from chalicelib.domain.ledgers import Entry, Holding

GAP = 20  # unused addresses in a row after which no more are derived (BIP-44), where nobody says otherwise
MOST_GAP = 1_000
MOST_DERIVED = 10_000  # addresses of one wallet
MOST_UNUSED_STEPS = 10_000  # of a derivation, for the unused addresses that a gap limit asks for: five keys, two branches and MOST_GAP
OURS = 'cryptfolio'  # the source of what was merged from several explorers


class FollowedLedger(NamedTuple):
    """The ledger that an address of a portfolio follows, and what the address shows of it.

    `formerly` are the keys of the same wallet as earlier releases named it, by the spelling of its key.
    """

    shown: str
    key: AddressKey | HdWalletKey
    formerly: tuple[HdWalletKey, ...] = ()


class SourcedEntry(NamedTuple):
    """The whole effect of one transaction on a wallet or a derived ledger, and the upstream it was read from."""

    entry: Entry
    source: str


class Reach(NamedTuple):
    """How many addresses to derive by branch; `is_capped` if that is fewer than would be needed."""

    counts: dict[str, int]
    is_capped: bool


class Flow(NamedTuple):
    """The number of transactions of a wallet, and the sums that they sent and received."""

    transactions: int
    sent: Decimal
    received: Decimal

    @classmethod
    def of(cls, holding: Holding) -> 'Flow':
        """Return what the stored holding of a wallet says. Raises ValueError for one that does not count its transactions."""
        if holding.transactions is None or holding.sent is None or holding.received is None:
            raise ValueError('not the holding of an HD wallet')
        return cls(holding.transactions, holding.sent, holding.received)


def identify(currency: str, text: str) -> FollowedLedger:
    """Return the ledger of a canonical address, extended public key or descriptor; the latter cannot be computed back from it."""
    chain = CHAINS[currency]
    if not chain.is_hd_wallet(text):
        return FollowedLedger(text, AddressKey(currency, text))
    hd_wallet = chain.hd_wallet(text)
    formerly = tuple(HdWalletKey.of_secret(currency, spelling) for spelling in hd_wallet.spellings)
    return FollowedLedger(hd_wallet.shown, HdWalletKey.of_secret(currency, f' {hd_wallet.identity}'), formerly)


class Unused(NamedTuple):
    """How many unused addresses are derived at most of an HD wallet, and how many keys for them."""

    addresses: int
    steps: int


def unused(currency: str, text: str, gap_limit: int | None) -> Unused:
    """Return what a gap limit asks for; the text of the HD wallet may be as it is shown."""
    breadth = CHAINS[currency].breadth(text)
    addresses = (gap_limit or GAP) * breadth.addresses
    return Unused(addresses, addresses * breadth.keys)


def most_gap(currency: str, text: str) -> int:
    """Return the greatest gap limit that an HD wallet may have; its text may be as it is shown."""
    breadth = CHAINS[currency].breadth(text)
    return min(MOST_GAP, MOST_UNUSED_STEPS // (breadth.addresses * breadth.keys))


def is_used(holdings: Iterable[Holding]) -> bool:
    """Return whether an address with these holdings was ever used."""
    return any(held.transactions or held.balance or held.sent or held.received or held.unconfirmed for held in holdings)


def reach(used: Sequence[bool], gap: int | None = None) -> int:
    """Return how many addresses of a branch to derive, given which of those derived so far are used; never fewer than those.

    With a gap of 20: the first three of 23 are used: 23. The 20th of 20 is used: 40.
    """
    last = max((index for index, is_used in enumerate(used) if is_used), default=-1)
    return max(len(used), last + 1 + (gap or GAP))


def reach_of_branches(kinds: Sequence[ScriptBranches], used: Mapping[str, Sequence[bool]], gap: int | None = None) -> Reach:
    """Return how many addresses of each branch to derive, given by branch which of those derived so far are used.

    Of the kind of script that the wallet's spelling means, and of any other that is used, that is all branches; of the others only
    the receiving one, on which the use of a kind begins (BIP-44, account discovery).
    """
    counts: dict[str, int] = {}
    is_capped = False
    room = MOST_DERIVED - sum(map(len, used.values()))
    for number, kind in enumerate(kinds):
        is_followed = number == 0 or any(any(used[branch.name]) for branch in kind.branches)
        for place, branch in enumerate(kind.branches):
            flags = used[branch.name]
            number_to_derive = reach(flags, gap) if is_followed or place == 0 else len(flags)
            counts[branch.name] = min(number_to_derive, len(flags) + max(room, 0))
            is_capped |= counts[branch.name] < number_to_derive
            room -= counts[branch.name] - len(flags)
    return Reach(counts, is_capped)


def merge(entries: Iterable[SourcedEntry]) -> dict[str, SourcedEntry]:
    """Return the entries of derived ledgers merged into those of their wallet, by transaction reference.

    Deltas are summed, so a transfer inside the wallet leaves the fee. Each derived ledger that spends has the fee of the
    whole transaction, which counts once. Where explorers disagree, the earliest time and the greatest height are kept.
    """
    merged: dict[str, SourcedEntry] = {}
    for each in entries:
        add(merged, each)
    return merged


def add(merged: dict[str, SourcedEntry], each: SourcedEntry) -> None:
    """Merge one entry more into those that are merged, see `merge`."""
    previous = merged.get(each.entry.reference)
    merged[each.entry.reference] = each if previous is None else _merge_two(previous, each)


def flow(entries: Iterable[Entry]) -> Flow:
    """Return the number and sums of merged entries."""
    deltas = [entry.delta for entry in entries]
    sent = money.negate(money.total(delta for delta in deltas if delta < 0))
    return Flow(len(deltas), sent, money.total(delta for delta in deltas if delta > 0))


def merge_holdings(currency: str, derived: Sequence[Holding], flow: Flow) -> Holding:
    """Return what a wallet holds, given what its derived ledgers hold."""
    unconfirmed = [each.unconfirmed for each in derived if each.unconfirmed is not None]
    return Holding(
        currency=currency,
        balance=money.total(each.balance for each in derived),
        sent=flow.sent,
        received=flow.received,
        transactions=flow.transactions,
        unconfirmed=money.total(unconfirmed) if len(unconfirmed) == len(derived) else None,
    )


def source(sources: Iterable[str | None]) -> str:
    """Return the upstream that all of these sources are, or ourselves if they differ or are unknown."""
    distinct = {*sources}
    return next(iter(distinct)) or OURS if len(distinct) == 1 else OURS


def _merge_two(left: SourcedEntry, right: SourcedEntry) -> SourcedEntry:
    one, other = left.entry, right.entry
    entry = one._replace(
        delta=money.add(one.delta, other.delta),
        fee=_fee(one.fee, other.fee),
        at=min(one.at, other.at),
        height=max(one.height, other.height),
    )
    return SourcedEntry(entry, source((left.source, right.source)))


def _fee(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    """Return the fee that was paid if either ledger knows it; it is zero only if both say so, and else unknown."""
    fees = [fee for fee in (one, other) if fee is not None]
    paid = max(fees, default=money.ZERO)
    return paid if paid or len(fees) == 2 else None
