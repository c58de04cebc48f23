"""Marks of addresses: what tells that nothing moved since an address was last read, without reading it again. Pure."""

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple


class Mark(NamedTuple):
    """What a bulk source showed of an address from `since` (epoch seconds) on, without a break.

    `text` says what balances do not, such as how many transactions the address has sent. `position` is the block up to which the events
    that concern it were looked through, None where none are.
    """

    text: str
    since: int
    position: int | None = None


class Sight(NamedTuple):
    """What a bulk source shows of an address at one moment.

    `balances` are what it holds, by currency, without what it holds nothing of: of the coin, and of every token that it is known to hold.
    They are None where the source tells whatever moves, so that they need not be compared. `text` and `position` are those of a mark.
    `has_moved` says that something moved, or may have, after the position of the earlier mark.
    """

    balances: Mapping[str, Decimal] | None
    text: str
    position: int | None = None
    has_moved: bool = False

    def mark(self, since: int) -> Mark:
        """Return the mark that this leaves."""
        return Mark(self.text, since, self.position)


class Verdict(NamedTuple):
    """What a check says of a ledger: until when nothing had moved, None if something has or nobody can tell, and the mark to keep.

    `knows_unconfirmed`: a transaction that is in no block yet would have been seen too.
    """

    quiet_until: int | None
    mark: Mark | None = None
    knows_unconfirmed: bool = True
