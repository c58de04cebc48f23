"""Which children of a portfolio are parts of its wallets: what both would count is counted by the wallet alone."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from chalicelib.domain.ledger_keys import HdWalletKey
from chalicelib.models import Address, Follower, Ledger


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


def of_ledgers(followers: Sequence[Follower], states: Mapping[str, Ledger]) -> dict[int, int]:
    """Return the child that counts each child's balances as well as its own, by their places, given the states of their ledgers."""
    shown = dict(_shown_cycles(followers, states))
    parts = []
    for place, follower in enumerate(followers):
        ledger = states.get(follower.ledger)
        members = ledger.memberships if ledger is not None and ledger.ready else []
        within = frozenset(member.wallet for member in members if member.cycle <= shown.get(member.wallet, -1))
        name = _wallet_name(follower)
        parts.append(Part(place, name if name in shown else None, within))
    return _owners(parts)


def clashing(followers: Sequence[Follower], states: Mapping[str, Ledger], owners: Mapping[int, int]) -> set[int]:
    """Return the places of wallets that have some used addresses, not all, in common with one that was added before."""
    counted: dict[str, frozenset[str]] = {}
    places = set()
    for place, follower in enumerate(followers):
        ledger, name = states.get(follower.ledger), _wallet_name(follower)
        if name is None or ledger is None or ledger.derived is None or place in owners:
            continue
        beside = frozenset(ledger.derived.beside)
        if any(other in beside or name in theirs for other, theirs in counted.items()):
            places.add(place)
        else:
            counted[name] = beside
    return places


def _wallet_name(follower: Follower) -> str | None:
    key = follower.ledger_key
    return key.name if isinstance(key, HdWalletKey) else None


def _shown_cycles(followers: Sequence[Follower], states: Mapping[str, Ledger]) -> Iterator[tuple[str, int]]:
    """Yield the wallets whose balances are known, by name, and the cycle in which these were merged."""
    for follower in followers:
        ledger, name = states.get(follower.ledger), _wallet_name(follower)
        progress = ledger.derived if ledger is not None and ledger.ready and follower.valid else None
        if name is not None and progress is not None and progress.shown_cycle is not None:
            yield name, progress.shown_cycle


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
