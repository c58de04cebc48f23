"""When an address is compared with a second explorer, and whether that agrees with the first. Pure."""

import hashlib
from collections.abc import Collection, Iterable
from decimal import Decimal

from chalicelib.domain import money
from chalicelib.domain.ledgers import Holding

_DRAWS = 2**32


def is_sampled(ledger: str, now: int, rate: Decimal) -> bool:
    """Return whether the refresh of a ledger at `now` (epoch seconds) is in the share `rate` (0 to 1) of all refreshes.

    The same arguments always give the same result.
    """
    draw = hashlib.sha256(f'{ledger} {now}'.encode()).digest()
    return int.from_bytes(draw[:4], 'big') < rate * _DRAWS


def agree(left: Iterable[Holding], right: Iterable[Holding], only: str | None = None, without: Collection[str] = ()) -> bool:
    """Return whether two explorers report the same balances, and the same number of transactions where both report one.

    A currency that only one of them reports counts as zero at the other. `only` limits the comparison to one currency, for
    an explorer that knows no other; currencies `without` a balance that can be read at either of them are not compared.
    """
    mine, theirs = ({held.currency: held for held in side if only in (None, held.currency)} for side in (left, right))
    return all(_is_same(mine.get(code), theirs.get(code)) for code in (mine.keys() | theirs.keys()) - {*without})


def _is_same(left: Holding | None, right: Holding | None) -> bool:
    balances = {held.balance if held else money.ZERO for held in (left, right)}
    counts = {held.transactions for held in (left, right) if held and held.transactions is not None}
    return len(balances) == 1 and len(counts) <= 1
