"""The notation of instants and amounts in answers. What is stored or compared uses a notation of its own."""

from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import lru_cache
from typing import overload

_ROUNDING = Context(prec=1_000, rounding=ROUND_HALF_EVEN)  # more digits than any value has


@overload
def format_instant(epoch: int) -> str: ...
@overload
def format_instant(epoch: None) -> None: ...
@lru_cache(4_096)  # the rows of a history share their instants, and the histories of everybody their midnights
def format_instant(epoch: int | None) -> str | None:
    """Return an instant in epoch seconds in ISO 8601: `2017-11-06T04:54:54+00:00`. None, for one that has not come, stays None."""
    return None if epoch is None else datetime.fromtimestamp(epoch, UTC).isoformat()


@overload
def format_amount(amount: Decimal) -> str: ...
@overload
def format_amount(amount: None) -> None: ...
@lru_cache(4_096)  # most rows of a history have the balance of the day before
def format_amount(amount: Decimal | None) -> str | None:
    """Return an exact amount in plain notation, without trailing zeros but with at least one fractional digit.

    `50.00501`, `10.0`, `-0.5`; zero is `0.0` whatever its sign. None, for one that is not known, stays None.
    """
    if amount is None:
        return None
    if not amount:
        return '0.0'
    whole, _, fraction = f'{amount:f}'.partition('.')
    return f'{whole}.{fraction.rstrip("0") or "0"}'


def format_rounded(amount: Decimal, *, decimals: int, pad: bool) -> str:
    """Return an amount rounded half-even to a number of decimals, all of which are there if it is to be padded.

    `117753.60` padded to two decimals, else `117753.6`.
    """
    rounded = amount.quantize(_unit(decimals), context=_ROUNDING)
    if not pad or not decimals:
        return format_amount(rounded)
    return f'{rounded if rounded else abs(rounded):f}'


@lru_cache
def _unit(decimals: int) -> Decimal:
    return Decimal(1).scaleb(-decimals)
