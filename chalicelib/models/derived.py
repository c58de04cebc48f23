"""How far an HD wallet has been read, and which ledgers belong to which HD wallets."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from pynamodb.attributes import MapAttribute, UnicodeAttribute

from chalicelib.models.attributes import DigestsAttribute, IntegerAttribute, RowsAttribute, string_list

# HD wallets that a derived ledger names. All spellings of a key are one, so who has several that share an address has the key of the
# account, that of a chain, and descriptors with other branches: a handful. Whoever has a key can make 2**31 of the latter.
MOST_MEMBERSHIPS = 20


class Membership(NamedTuple):
    """That a ledger belongs to an HD wallet, by the latter's name, since the cycle of that number: `wallet-0123… 7` as text."""

    hd_wallet: str
    cycle: int

    @classmethod
    def parse(cls, text: str) -> 'Membership':
        hd_wallet, _, cycle = text.partition(' ')
        return cls(hd_wallet, int(cycle))

    def __str__(self) -> str:
        return f'{self.hd_wallet} {self.cycle}'


class BranchReach(NamedTuple):
    """How many derived addresses of a branch an HD wallet may be watching."""

    branch: str
    count: int  # type: ignore[assignment]  # of tuple, which nobody calls of this


class MergeProgress(NamedTuple):
    """How far the transactions of derived ledgers with a fingerprint are merged: those from an instant on, their number and sums."""

    fingerprint: str
    until: int
    number: int
    sent: Decimal
    received: Decimal


class Derived(MapAttribute[str, Any]):
    """How far an HD wallet has been read.

    `reaches` are how far its branches may have been derived. Earlier releases stored `receiving` and `change` instead, of the first
    kind of script. `begun_at` is when the cycle under way began, in which each derived ledger is refreshed once, and `cycle` its
    number; what the HD wallet shows was merged in `shown_cycle`. `merged` is the fingerprint of the derived ledgers whose transactions
    the last cycle merged, `merging` how far a merge under way is. `gap` is the gap limit that is asked for, `read_gap` that of the last
    cycle.
    `script_types` are the kinds of script of which addresses are used. `used` are the digests of the ledgers of the used addresses that
    what it shows was merged of, None where an earlier release merged it. `within` are HD wallets, as texts of Memberships, that
    have all addresses of this one, `beside` the names of some that have some of the used ones: of those alone that derived ledgers name,
    and at most MOST_MEMBERSHIPS.
    """

    receiving = IntegerAttribute(default=0)
    change = IntegerAttribute(default=0)
    reaches = RowsAttribute(BranchReach)
    begun_at = IntegerAttribute(null=True)
    cycle = IntegerAttribute(default=0)
    shown_cycle = IntegerAttribute(null=True)
    merged = UnicodeAttribute(null=True)
    merging = RowsAttribute(MergeProgress)
    gap = IntegerAttribute(null=True)
    read_gap = IntegerAttribute(null=True)
    script_types = string_list(default=list)
    used = DigestsAttribute(null=True)
    within = string_list(default=list)
    beside = string_list(default=list)

    def counts(self, first_kind: str) -> dict[str, int]:
        """Return how many addresses may have been derived of each branch, by its name; `first_kind` is that of the spelling."""
        if self.reaches:
            return dict(self.reaches)
        return {f'{first_kind}/0': self.receiving, f'{first_kind}/1': self.change}

    def merge_of(self, fingerprint: str) -> MergeProgress | None:
        """Return how far a merge of derived ledgers with this fingerprint is, None if none is under way."""
        return next((progress for progress in self.merging if progress.fingerprint == fingerprint), None)

    def reach(self, counts: Mapping[str, int]) -> None:
        """Note how many addresses are derived of each branch; to be stored by the caller."""
        self.reaches = [BranchReach(*reach) for reach in counts.items()]
