"""Which children of a portfolio are parts of its wallets: what both would count is counted by the wallet alone."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from chalicelib.domain.ledger_keys import HdWalletKey, LedgerKey
from chalicelib.models import Address, Follower, Ledger


class Followed(NamedTuple):
    """A child of a portfolio beside the key of the ledger that it follows and, if that has one, the ledger's state."""

    follower: Follower
    key: LedgerKey
    ledger: Ledger | None

    @property
    def wallet(self) -> str | None:
        """The name of its wallet, None if it follows no wallet."""
        return self.key.name if isinstance(self.key, HdWalletKey) else None


class Part(NamedTuple):
    """A child of a portfolio: its ledger's name if that is a wallet's, and the names of the wallets that have all of its addresses."""

    child_id: int
    wallet: str | None
    within: frozenset[str]


def of_addresses(addresses: Sequence[Address]) -> dict[int, int]:
    """Return the address of the wallet that each address of a portfolio is part of, by their ids, as the last refreshes found."""
    return _owners([Part(address.address_id, address.wallet, frozenset(address.within or ())) for address in addresses])


def owner(address: Address) -> Address | None:
    """Return the wallet of its portfolio that an address is part of; costs a request only where it is part of anybody's."""
    if not address.within:
        return None
    others = {other.address_id: other for other in Address.every(address.user_id, address.portfolio_id)}
    return others.get(of_addresses(list(others.values())).get(address.address_id, 0))


def read_ledgers(followers: Sequence[Follower]) -> list[Followed]:
    """Return children with the states of their ledgers, 100 to a request."""
    keys = [follower.ledger_key for follower in followers]
    names = [key.text for key in keys]
    states = Ledger.find_many(names)
    return [Followed(follower, key, states.get(name)) for follower, key, name in zip(followers, keys, names, strict=True)]


def of_ledgers(children: Sequence[Followed]) -> dict[int, int]:
    """Return the child that counts each child's balances as well as its own, by their places."""
    shown = dict(_shown_cycles(children))
    parts = []
    for place, child in enumerate(children):
        members = child.ledger.memberships if child.ledger is not None and child.ledger.ready else []
        within = frozenset(member.wallet for member in members if member.cycle <= shown.get(member.wallet, -1))
        parts.append(Part(place, child.wallet if child.wallet in shown else None, within))
    return _owners(parts)


def clashing(children: Sequence[Followed], owners: Mapping[int, int]) -> set[int]:
    """Return the places of wallets that have some used addresses, not all, in common with one that was added before."""
    counted: dict[str, frozenset[str]] = {}
    places = set()
    for place, child in enumerate(children):
        if child.wallet is None or child.ledger is None or child.ledger.derived is None or place in owners:
            continue
        beside = frozenset(child.ledger.derived.beside)
        if any(other in beside or child.wallet in theirs for other, theirs in counted.items()):
            places.add(place)
        else:
            counted[child.wallet] = beside
    return places


def _shown_cycles(children: Sequence[Followed]) -> Iterator[tuple[str, int]]:
    """Yield the wallets whose balances are known, by name, and the cycle in which these were merged."""
    for child in children:
        if child.wallet is None or child.ledger is None or not child.ledger.ready or not child.follower.valid:
            continue
        progress = child.ledger.derived
        if progress is not None and progress.shown_cycle is not None:
            yield child.wallet, progress.shown_cycle


def _owners(parts: Sequence[Part]) -> dict[int, int]:
    """Return whose part each part is; of wallets that are parts of each other, the one that was added first has the others."""
    wallets = {part.wallet: part for part in parts if part.wallet is not None}
    owners: dict[int, int] = {}
    for part in reversed(parts):
        candidates = [wallets[name] for name in part.within if name in wallets]
        for owner in sorted(candidates, key=lambda one: one.child_id):
            if _root(owner.child_id, owners) != part.child_id:
                owners[part.child_id] = owner.child_id
                break
    return owners


def _root(child_id: int, owners: Mapping[int, int]) -> int:
    while child_id in owners:
        child_id = owners[child_id]
    return child_id
