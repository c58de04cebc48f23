"""Which transactions of a portfolio are transfers between its own parts. Pure."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple


class Side(NamedTuple):
    """What one transaction did to what a part of the portfolio holds of a currency."""

    part: str
    currency: str
    delta: Decimal


def have_other_sides(sides: Sequence[Side]) -> list[bool]:
    """Return of each side of one transaction whether another part has its other side: another sign in the same currency.

    >>> have_other_sides([Side('a', 'btc', Decimal(-2)), Side('b', 'btc', Decimal(1)), Side('b', 'eth', Decimal(1))])
    [True, True, False]
    """
    parts: dict[tuple[str, bool], set[str]] = {}  # by currency, and whether it was received
    for side in sides:
        parts.setdefault((side.currency, side.delta > 0), set()).add(side.part)
    others = (parts.get((side.currency, side.delta <= 0), set()) for side in sides)
    return [bool(other) and other != {side.part} for side, other in zip(sides, others, strict=True)]
