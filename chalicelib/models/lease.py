"""Leases: one worker at a time works on an item, and one that dies loses it to the next."""

from typing import ClassVar

from pynamodb.attributes import UnicodeAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.models.attributes import IntegerAttribute
from chalicelib.models.item import Item


class LeaseLost(Exception):
    """The lease ran out and another worker took over, or the item is gone; what this worker holds must not be written."""


class Leased(Item):
    """Base of items with a lease: acquire it, write under it, release it. Each of them is one conditional update."""

    LEASE_SECONDS: ClassVar[int]
    MIN_SECONDS_LEFT: ClassVar[int] = 0

    lease_owner = UnicodeAttribute(null=True)
    lease_until = IntegerAttribute(null=True)

    def acquire(self, owner: str, now: int, *actions: Action) -> bool:
        """Take the lease, carry out `actions` with it and load what this item then is.

        False when another worker holds the lease, or there is no such item.
        """
        free = Leased.lease_until.does_not_exist() | (Leased.lease_until <= now)
        return self.update_if(Item.pk.exists() & free, Leased.lease_owner.set(owner), *self._extend(now), *actions)

    def renew(self, now: int, *actions: Action) -> None:
        """Extend the lease and carry out `actions` with it. Raises LeaseLost."""
        self._update_leased(*self._extend(now), *actions)

    def renew_if_short(self, now: int) -> None:
        """Extend the lease if fewer than MIN_SECONDS_LEFT remain. Raises LeaseLost."""
        if (self.lease_until or 0) - now < self.MIN_SECONDS_LEFT:
            self.renew(now)

    def release(self, *actions: Action) -> None:
        """Give the lease back and carry out `actions` with it. Raises LeaseLost."""
        self._update_leased(*self._give_back(), *actions)

    @property
    def holds_lease(self) -> Condition:
        """The condition that no other worker took the lease since."""
        ours: Condition = Leased.lease_owner == self.lease_owner
        return ours

    def _extend(self, now: int) -> list[Action]:
        return [Leased.lease_until.set(now + self.LEASE_SECONDS)]

    def _give_back(self) -> list[Action]:
        return [Leased.lease_owner.remove(), Leased.lease_until.remove()]

    def _update_leased(self, *actions: Action) -> None:
        if not self.update_if(self.holds_lease, *actions):
            raise LeaseLost(self.pk)
