"""Derive the addresses of an HD wallet in slices, so that its lease is kept meanwhile, and a message ends in time.

An address of one key takes a tenth of a millisecond, one of twenty keys almost two. Where all of them are more than a slice, they are
stored beside the state of the HD wallet, some at a time, and neither the next message nor the next cycle derives them again. So each
message gets further, however little of a processor it has.
"""

from collections.abc import Mapping

from chalicelib import clock
from chalicelib.domain.addresses.derivation import Branch, HdWallet
from chalicelib.domain.ledger_keys import AddressKey
from chalicelib.models import DerivedAddresses, Ledger

_STEPS_AT_ONCE = 1_000  # of a derivation, each the key of an address: a tenth of a second, or some where fifty refreshes share a processor


class OutOfTime(Exception):
    """The deadline came before all was done; what was done is stored."""


class Derivation:
    """Derives the addresses of an HD wallet under its lease, until `deadline` (clock.monotonic()).

    `rows` are the keys of their ledgers so far, by branch.
    """

    def __init__(self, ledger: Ledger, hd_wallet: HdWallet, deadline: float) -> None:
        self.ledger = ledger
        self.hd_wallet = hd_wallet
        self.rows: dict[str, list[str]] = {branch.name: [] for branch in hd_wallet.branches}
        self._addresses: dict[str, list[str]] = {branch.name: [] for branch in hd_wallet.branches}  # derived or stored, maybe more
        self._stored: dict[str, int] | None = None  # how many of them are stored, None before anybody looked
        self._deadline = deadline

    def reach(self, counts: Mapping[str, int]) -> None:
        """Have the rows reach so far. Raises LeaseLost, and OutOfTime after it stored more than there was."""
        missing = [branch for branch in self.hd_wallet.branches if len(self.rows[branch.name]) < counts.get(branch.name, 0)]
        steps = sum(len(branch.keys) * counts.get(branch.name, 0) for branch in self.hd_wallet.branches)
        if missing and self._stored is None and steps > _STEPS_AT_ONCE:
            self._recall()
        for branch in missing:
            self._derive(branch, counts[branch.name])
            row = self.rows[branch.name]
            new = self._addresses[branch.name][len(row) : counts[branch.name]]
            row += [AddressKey(self.ledger.hd_wallet_key.currency, address).text for address in new]

    def require_time(self) -> None:
        """Raise OutOfTime if the deadline came."""
        if clock.monotonic() > self._deadline:
            raise OutOfTime

    def _recall(self) -> None:
        stored = DerivedAddresses.rows(self.ledger.pk)
        self._stored = {name: len(stored.get(name, ())) for name in self.rows}
        for name, addresses in self._addresses.items():
            addresses += stored.get(name, [])[len(addresses) :]

    def _derive(self, branch: Branch, count: int) -> None:
        """Derive the addresses of a branch that are neither derived nor stored yet, up to so many."""
        addresses, at_once = self._addresses[branch.name], _STEPS_AT_ONCE // len(branch.keys)
        while len(addresses) < count:
            addresses += [branch.address(index) for index in range(len(addresses), min(count, len(addresses) + at_once))]
            is_stored = self._store(branch.name, addresses)
            self.ledger.renew_if_short(clock.now())
            if is_stored:
                self.require_time()

    def _store(self, branch: str, addresses: list[str]) -> bool:
        """Store those addresses of a branch that are not stored yet, where any are to be; return whether there were enough to be stored."""
        if self._stored is None:
            return False
        length = DerivedAddresses.LENGTH
        new = range(self._stored[branch], len(addresses) - length + 1, length)
        DerivedAddresses.write_many(
            put=[DerivedAddresses.of(self.ledger.pk, branch, start, addresses[start : start + length]) for start in new]
        )
        self._stored[branch] += len(new) * length
        return bool(new)
