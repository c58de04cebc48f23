"""The ledgers of the addresses that are derived for an HD wallet: create those that are missing, release all of them."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple, TypeVar

from chalicelib import clock, messages
from chalicelib.domain import hd_wallets, money
from chalicelib.domain.addresses.derivation import HdWallet
from chalicelib.domain.ledgers import Holding
from chalicelib.messages import RefreshLedger
from chalicelib.models import (
    DerivedAddresses,
    Ledger,
    Membership,
    NamesNoMore,
    Operation,
    Watch,
    Write,
    create_derived,
    release_derived,
    transact,
)
from chalicelib.services.ledgers.derived_addresses import Derivation

_WRITTEN_AT_ONCE = 25  # derived ledgers in one transaction
_READ_AT_ONCE = 1_000  # between two looks at the lease

T = TypeVar('T')


class DerivedLedgers(NamedTuple):
    """The derived ledgers of an HD wallet as they are stored, by partition key and in order.

    `used` are those of addresses that were ever used, `first` those of the first address of each branch, `resting` those of kinds of script
    that the HD wallet uses none of. `script_types` are the kinds that it uses. `is_capped` says that there are too many.
    """

    by_pk: Mapping[str, Ledger]
    used: frozenset[str]
    first: frozenset[str]
    resting: frozenset[str]
    script_types: tuple[str, ...]
    is_capped: bool

    @property
    def active(self) -> list[Ledger]:
        """Those that say what the HD wallet holds."""
        return [each for pk, each in self.by_pk.items() if pk not in self.resting]


_NONE = DerivedLedgers({}, frozenset(), frozenset(), frozenset(), (), is_capped=False)


def grow(derivation: Derivation, known: DerivedLedgers = _NONE, changed: Iterable[str] = ()) -> DerivedLedgers:
    """Return all derived ledgers as they are stored, branch by branch, after creating those that are missing.

    Those that are `known`, and not among the `changed`, are taken as they are: an HD wallet of thousands of addresses grows by a few at a
    time. How far the branches reach is stored before ledgers are created, so that `release` finds each of them even if this worker dies.
    Raises LeaseLost, and OutOfTime after more was derived or created, where the deadline came before all was.
    """
    ledger, hd_wallet, rows = derivation.ledger, derivation.hd_wallet, derivation.rows
    again = frozenset(changed)
    stored = {pk: each for pk, each in known.by_pk.items() if pk not in again}
    used = known.used & stored.keys()
    while True:
        derivation.reach(ledger.derived.counts(hd_wallet.kinds[0].script.value))
        read = _find(ledger, [pk for row in rows.values() for pk in row if pk not in stored])
        stored |= _watched(ledger, read)
        used |= {pk for pk, each in read.items() if hd_wallets.is_used([coin_holding(each)])}
        uses = {branch: [pk in used for pk in row] for branch, row in rows.items()}
        reach = hd_wallets.reach_of_branches(hd_wallet.kinds, uses, ledger.derived.gap)
        derivation.reach(reach.counts)
        missing = [pk for row in rows.values() for pk in row if pk not in stored]
        if not missing:
            return _in_order(hd_wallet, rows, stored, used, is_capped=reach.is_capped)
        _create(derivation, missing, reach.counts)


def _find(ledger: Ledger, pks: Sequence[str]) -> dict[str, Ledger]:
    """Return those of some ledgers that exist, by their keys, keeping the lease of the HD wallet. Raises LeaseLost."""
    ledgers: dict[str, Ledger] = {}
    for some in slices(pks, _READ_AT_ONCE):
        ledger.renew_if_short(clock.now())
        ledgers |= Ledger.find_many(some)
    return ledgers


def _create(derivation: Derivation, pks: Sequence[str], counts: Mapping[str, int]) -> None:
    """Create derived ledgers, and watch them, after noting how far the branches reach with them. Raises LeaseLost, OutOfTime."""
    ledger = derivation.ledger
    ledger.derived.reach(counts)
    ledger.save_derived(ledger.derived, clock.now())
    member = Membership(ledger.hd_wallet_key.name, ledger.derived.cycle)
    for number, some in enumerate(slices(pks, _WRITTEN_AT_ONCE)):
        if number:
            derivation.require_time()
        ledger.renew_if_short(clock.now())
        full: frozenset[str] = frozenset()
        while not _write(ledger, member, some, full):
            full |= {pk for pk, each in Ledger.find_many(some).items() if each.names_no_more}


def _write(ledger: Ledger, member: Membership, pks: Sequence[str], full: AbstractSet[str]) -> bool:
    """Create derived ledgers that name their HD wallet, but for the `full` ones, and watch them; False if others are full too."""
    now, group = clock.now(), ledger.acting_group
    watches = [Write(Operation.PUT, Watch.of_hd_wallet(pk, ledger.hd_wallet_key)) for pk in pks]
    try:
        transact(*watches, *(create_derived(pk, None if pk in full else member, now, group=group) for pk in pks))
    except NamesNoMore:
        return False
    return True


def release(ledger: Ledger, hd_wallet: HdWallet) -> None:
    """Stop watching an HD wallet's derived ledgers; those without another watch are deleted by their next refresh. Raises LeaseLost."""
    derivation = Derivation(ledger, hd_wallet, deadline=math.inf)
    derivation.reach(ledger.derived.counts(hd_wallet.kinds[0].script.value))
    pks = [pk for row in derivation.rows.values() for pk in row]
    for some in slices(pks, _WRITTEN_AT_ONCE):
        now = clock.now()
        ledger.renew_if_short(now)
        stored = Ledger.find_many(some)
        unwatched = [Write(Operation.DELETE, Watch.of_hd_wallet(pk, ledger.hd_wallet_key)) for pk in some]
        transact(*unwatched, *(release_derived(stored.get(pk, Ledger.at(pk)), ledger.hd_wallet_key, now) for pk in some))
    messages.send(*(RefreshLedger(pk, group=ledger.acting_group) for pk in pks))
    DerivedAddresses.remove(ledger.pk)


def coin_holding(derived_ledger: Ledger) -> Holding:
    """Return what a derived ledger holds of its chain's own coin."""
    currency = derived_ledger.address_key.currency
    for row in derived_ledger.holdings:
        if row.currency == currency:
            return Holding(row.currency, row.balance, row.sent, row.received, row.transactions, row.unconfirmed)
    return Holding(currency, money.ZERO, None, None, None)


def slices(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Yield up to `size` items at a time."""
    return (items[start : start + size] for start in range(0, len(items), size))


def _watched(ledger: Ledger, read: Mapping[str, Ledger]) -> dict[str, Ledger]:
    """Return those of some ledgers that the HD wallet watches: they name it, or name as many others as they may.

    Costs a request only where there are such.
    """
    naming = {pk: each for pk, each in read.items() if _is_member(each, ledger)}
    watches = [Watch.of_hd_wallet(pk, ledger.hd_wallet_key) for pk, each in read.items() if pk not in naming and each.names_no_more]
    return naming | {watch.pk: read[watch.pk] for watch in Watch.get_many((watch.pk, watch.sk) for watch in watches)}


def _is_member(derived_ledger: Ledger, ledger: Ledger) -> bool:
    name, cycle = ledger.hd_wallet_key.name, ledger.derived.cycle
    return any(member.hd_wallet == name and member.cycle <= cycle for member in derived_ledger.memberships)


def _in_order(
    hd_wallet: HdWallet, rows: Mapping[str, Sequence[str]], stored: Mapping[str, Ledger], used: AbstractSet[str], *, is_capped: bool
) -> DerivedLedgers:
    by_kind = {kind.script.value: [pk for branch in kind.branches for pk in rows[branch.name]] for kind in hd_wallet.kinds}
    script_types = tuple(kind for kind, row in by_kind.items() if not used.isdisjoint(row))
    return DerivedLedgers(
        {pk: stored[pk] for row in by_kind.values() for pk in row},
        frozenset(used),
        frozenset(row[0] for row in rows.values() if row),
        frozenset(pk for kind in by_kind.keys() - set(script_types) for pk in by_kind[kind]) if script_types else frozenset(),
        script_types,
        is_capped,
    )
