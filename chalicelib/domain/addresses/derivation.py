"""The addresses of HD wallets: branch by branch, each an endless row of addresses derived from one key or from several.

An HD wallet of one key stands for all that can be spent with it: whatever its spelling says first, its addresses of every kind of
script belong to it (BIP-44, BIP-49, BIP-84, BIP-86), as wallet programs write `xpub` for accounts of all kinds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from chalicelib.domain.addresses import scripts
from chalicelib.domain.addresses.bitcoin_like import Network
from chalicelib.domain.addresses.extended_keys import HARDENED
from chalicelib.domain.addresses.scripts import Script

Steps = tuple[int, ...]
BRANCHES = ((0,), (1,))  # receiving and change, where a key's spelling names none


class DerivedKey(NamedTuple):
    """A public key of embit's, or keys below it: for each branch the steps to the parent of its keys, none if it has no branches.

    `is_ranged` says whether each address takes another child.
    """

    node: Any
    steps: tuple[Steps, ...] = ()
    is_ranged: bool = True

    @property
    def identity(self) -> str:
        """What is the same for every spelling of this key."""
        chain_code = self.node.chain_code if self.is_ranged else b''
        steps = ';'.join('/'.join(map(str, step)) for step in self.steps)
        return f'{(chain_code + self.node.sec()).hex()} <{steps}>{"/*" if self.is_ranged else ""}'

    def on_branch(self, place: int) -> 'DerivedKey':
        """Return the key whose children are the addresses' on the branch at `place`."""
        return DerivedKey(self.node.derive(self.steps[place]), (), self.is_ranged) if self.steps else self

    def at(self, index: int) -> Any:
        """Return the key of an address, given that there are no more steps but its number."""
        return self.node.child(index) if self.is_ranged else self.node


@dataclass(frozen=True, eq=False)
class Branch:
    """A row of addresses of one kind of script; `threshold` is None for addresses of one key."""

    name: str
    script: Script
    network: Network
    keys: tuple[DerivedKey, ...]
    threshold: int | None = None
    is_sorted: bool = False

    def address(self, index: int) -> str:
        """Return the canonical address number `index`. Raises ValueError unless it is from 0 to 2**31 - 1."""
        if not 0 <= index < HARDENED:
            raise ValueError('a public key has no such child')
        if self.threshold is None:
            return scripts.address_of_key(self.network, self.script, self.keys[0].at(index))
        public_keys = [key.at(index).sec() for key in self.keys]
        return scripts.address_of_keys(self.network, self.script, self.threshold, sorted(public_keys) if self.is_sorted else public_keys)


class ScriptBranches(NamedTuple):
    """The branches of one kind of script, the receiving one first."""

    script: Script
    branches: tuple[Branch, ...]


@dataclass(frozen=True, eq=False)
class HdWallet:
    """All addresses that a text stands for: an extended public key, or an output descriptor.

    `identity` is the same for every spelling; it tells the addresses and must be kept secret like the text. `shown` may be shown.
    `kinds` are its addresses by kind of script, those that the spelling means first. `needs_account_key` says that most HD wallets
    have no addresses below such a key, so that to find none says nothing. `spellings` are further texts that stand for the same.
    """

    identity: str
    shown: str
    kinds: tuple[ScriptBranches, ...]
    needs_account_key: bool = False
    spellings: tuple[str, ...] = ()

    @property
    def branches(self) -> list[Branch]:
        return [branch for kind in self.kinds for branch in kind.branches]


def of_key(network: Network, kinds: Sequence[Script], key: DerivedKey) -> tuple[ScriptBranches, ...]:
    """Return the branches of the addresses that pay to one key, by kind of script."""
    by_branch = _by_branch((key,))
    return tuple(ScriptBranches(kind, _branches(network, kind, by_branch)) for kind in kinds)


def of_keys(network: Network, kind: Script, keys: tuple[DerivedKey, ...], threshold: int, *, is_sorted: bool) -> ScriptBranches:
    """Return the branches of the addresses of which `threshold` of several keys can dispose."""
    return ScriptBranches(kind, _branches(network, kind, _by_branch(keys), threshold, is_sorted=is_sorted))


def _by_branch(keys: tuple[DerivedKey, ...]) -> list[tuple[DerivedKey, ...]]:
    """Return the keys on each branch, which are those of its addresses of every kind of script."""
    places = range(max(1, *(len(key.steps) for key in keys)))
    return [tuple(key.on_branch(place) for key in keys) for place in places]


def _branches(
    network: Network,
    kind: Script,
    by_branch: Sequence[tuple[DerivedKey, ...]],
    threshold: int | None = None,
    *,
    is_sorted: bool = False,
) -> tuple[Branch, ...]:
    return tuple(Branch(f'{kind.value}/{place}', kind, network, keys, threshold, is_sorted) for place, keys in enumerate(by_branch))
