"""Amounts: exact decimals, how they are parsed, added and printed. Pure; refuses floats."""

from collections.abc import Iterable
from decimal import Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow

ZERO = Decimal(0)

# uint256 has 78 digits; adding a million of those needs 84. Inexact traps: a sum that would round is an error, not a sum.
EXACT = Context(prec=200, traps=[InvalidOperation, DivisionByZero, Overflow, Inexact])


def scaled(units: int, decimals: int) -> Decimal:
    """Return `units` of a currency's smallest unit (satoshi, wei) as an amount of the currency, exactly."""
    return Decimal(units).scaleb(-decimals, EXACT)


def whole(value: object) -> int:
    """Return a whole number of up to 78 digits (uint256) as upstreams send it, in JSON or as text. Raises ValueError."""
    if isinstance(value, str) and len(value) <= 80 and value.isascii() and value.removeprefix('-').isdecimal():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**78:
        return value
    raise ValueError('a whole number')


def add(left: Decimal, right: Decimal) -> Decimal:
    """Return the exact sum. Raises decimal.Inexact rather than round."""
    return EXACT.add(left, right)


def total(amounts: Iterable[Decimal]) -> Decimal:
    """Return the exact sum of `amounts`, zero of none."""
    result = ZERO
    for amount in amounts:
        result = add(result, amount)
    return result


def plain(amount: Decimal) -> str:
    """Return `amount` as the API prints it: plain notation, no trailing zeros, at least one fractional digit.

    `50.00501`, `10.0`, `-0.5`; zero is `0.0` whatever its sign.
    """
    if not amount:
        return '0.0'
    whole, _, fraction = f'{amount:f}'.partition('.')
    return f'{whole}.{fraction.rstrip("0") or "0"}'
