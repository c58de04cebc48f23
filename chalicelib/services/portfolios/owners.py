"""Which children of a portfolio are parts of its HD wallets: what both would count is counted by the HD wallet alone."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from chalicelib.domain import ledger_keys
from chalicelib.domain.ledger_keys import HdWalletKey, LedgerKey
from chalicelib.models import MOST_MEMBERSHIPS, Address, Follower, Ledger


class Followed(NamedTuple):
    """A child of a portfolio beside the key of the ledger that it follows and, if that has one, the ledger's state."""

    follower: Follower
    key: LedgerKey
    ledger: Ledger | None

    @property
    def hd_wallet(self) -> str | None:
        """The name of its HD wallet, None if it follows no HD wallet."""
        return self.key.name if isinstance(self.key, HdWalletKey) else None


class Part(NamedTuple):
    """A child of a portfolio: its ledger's name if that is an HD wallet's, and the names of those that have all of its addresses."""

    child_id: int
    hd_wallet: str | None
    within: frozenset[str]


def of_addresses(addresses: Sequence[Address]) -> dict[int, int]:
    """Return the address of the HD wallet that each address of a portfolio is part of, by their ids, as the last refreshes found."""
    return _owners([Part(address.address_id, address.hd_wallet, frozenset(address.within or ())) for address in addresses])


def owner(address: Address) -> Address | None:
    """Return the HD wallet of its portfolio that an address is part of, as the last refreshes found.

    Costs a request only where it is part of anybody's, and another one where it is of so many that only their ledgers say whose.
    """
    if not address.within:
        return None
    others = Address.every(address.user_id, address.portfolio_id)
    if len(address.within) < MOST_MEMBERSHIPS:
        owners = of_addresses(others)
    else:
        children = [other for other in others if other.hd_wallet or other.address_id == address.address_id]
        places = of_ledgers(read_ledgers(children))
        owners = {children[part].address_id: children[whole].address_id for part, whole in places.items()}
    return next((other for other in others if other.address_id == owners.get(address.address_id)), None)


def read_ledgers(followers: Sequence[Follower]) -> list[Followed]:
    """Return children with the states of their ledgers, 100 to a request."""
    keys = [follower.ledger_key for follower in followers]
    names = [key.text for key in keys]
    states = Ledger.find_many(names)
    return [Followed(follower, key, states.get(name)) for follower, key, name in zip(followers, keys, names, strict=True)]


def of_ledgers(children: Sequence[Followed]) -> dict[int, int]:
    """Return the child that counts each child's balances as well as its own, by their places.

    An HD wallet counts what its balances were merged of, whether its addresses name it or not, as they name no more than a few.
    Those that name it are its own before they are used, too.
    """
    shown = dict(_shown_cycles(children))
    used = {name: used for name, used in _used(children) if name in shown}
    having = _Having(used)
    parts = []
    for place, child in enumerate(children):
        members = child.ledger.memberships if child.ledger is not None and child.ledger.ready else []
        naming = frozenset(member.hd_wallet for member in members if member.cycle <= shown.get(member.hd_wallet, -1))
        own = frozenset((ledger_keys.short_digest(child.key.text),)) if child.hd_wallet is None else used.get(child.hd_wallet, frozenset())
        parts.append(Part(place, child.hd_wallet if child.hd_wallet in shown else None, naming | having.all_of(own)))
    return _owners(parts)


def clashing(children: Sequence[Followed], owners: Mapping[int, int]) -> set[int]:
    """Return the places of HD wallets that have some used addresses, not all, in common with one that was added before."""
    counted: set[str] = set()
    beside_those: set[str] = set()
    addresses: set[bytes] = set()  # of those that are counted
    used = dict(_used(children))
    places = set()
    for place, child in enumerate(children):
        if child.hd_wallet is None or child.ledger is None or child.ledger.derived is None or place in owners:
            continue
        beside = frozenset(child.ledger.derived.beside)
        own = used.get(child.hd_wallet, frozenset())
        if child.hd_wallet in beside_those or not (counted.isdisjoint(beside) and addresses.isdisjoint(own)):
            places.add(place)
        else:
            counted.add(child.hd_wallet)
            beside_those |= beside
            addresses |= own
    return places


class _Having:
    """Which HD wallets have all of some addresses, given the digests of those of each. Of equal ones, the first stands for all."""

    def __init__(self, used: Mapping[str, frozenset[bytes]]) -> None:
        self._names: dict[frozenset[bytes], str] = {}
        self._by_digest: dict[bytes, list[frozenset[bytes]]] = {}
        for name, digests in used.items():
            if self._names.setdefault(digests, name) == name:
                for digest in digests:
                    self._by_digest.setdefault(digest, []).append(digests)

    def all_of(self, own: frozenset[bytes]) -> frozenset[str]:
        """Return the names of HD wallets that have all of these addresses, which may be one of those itself; none of no addresses."""
        candidates = self._by_digest.get(next(iter(own), b''), ())
        return frozenset(self._names[digests] for digests in candidates if own <= digests)


def _used(children: Sequence[Followed]) -> Iterator[tuple[str, frozenset[bytes]]]:
    """Yield the HD wallets of which it is known what their balances were merged of, by name, and the digests of that."""
    for child in children:
        progress = None if child.ledger is None else child.ledger.derived
        if child.hd_wallet is not None and progress is not None and progress.used is not None:
            yield child.hd_wallet, progress.used


def _shown_cycles(children: Sequence[Followed]) -> Iterator[tuple[str, int]]:
    """Yield the HD wallets whose balances are known, by name, and the cycle in which these were merged."""
    for child in children:
        if child.hd_wallet is None or child.ledger is None or not child.ledger.ready or not child.follower.valid:
            continue
        progress = child.ledger.derived
        if progress is not None and progress.shown_cycle is not None:
            yield child.hd_wallet, progress.shown_cycle


def _owners(parts: Sequence[Part]) -> dict[int, int]:
    """Return whose part each part is; of HD wallets that are parts of each other, the one that was added first has the others."""
    hd_wallets = {part.hd_wallet: part for part in parts if part.hd_wallet is not None}
    owners: dict[int, int] = {}
    for part in reversed(parts):
        candidates = [hd_wallets[name] for name in part.within if name in hd_wallets]
        for owner in sorted(candidates, key=lambda one: one.child_id):
            if _root(owner.child_id, owners) != part.child_id:
                owners[part.child_id] = owner.child_id
                break
    return owners


def _root(child_id: int, owners: Mapping[int, int]) -> int:
    while child_id in owners:
        child_id = owners[child_id]
    return child_id
