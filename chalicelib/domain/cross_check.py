"""When a second explorer is asked about an address, and whether it agrees with the first. Pure."""

import hashlib
from collections.abc import Iterable
from decimal import Decimal

from chalicelib.domain import money
from chalicelib.domain.ledgers import Holding

_DRAWS = 2**32


def is_sampled(ledger: str, now: int, rate: Decimal) -> bool:
    """Say whether the refresh of a ledger at `now` (epoch seconds) belongs to the share `rate` (0 to 1) of all refreshes.

    The answer is the same however often it is asked.
    """
    draw = hashlib.sha256(f'{ledger} {now}'.encode()).digest()
    return int.from_bytes(draw[:4], 'big') < rate * _DRAWS


def agree(left: Iterable[Holding], right: Iterable[Holding], only: str | None = None) -> bool:
    """Say whether two explorers tell the same balances, and the same number of transactions where both tell one.

    What one of them does not tell is none; `only` is the one currency to be compared where one of them knows no other.
    """
    mine, theirs = ({held.currency: held for held in side if only in (None, held.currency)} for side in (left, right))
    return all(_is_same(mine.get(code), theirs.get(code)) for code in mine.keys() | theirs.keys())


def _is_same(left: Holding | None, right: Holding | None) -> bool:
    balances = {held.balance if held else money.ZERO for held in (left, right)}
    counts = {held.transactions for held in (left, right) if held and held.transactions is not None}
    return len(balances) == 1 and len(counts) <= 1
