"""Amounts: exact decimals, how they are parsed, added and stored. Pure; refuses floats."""

import re
from collections.abc import Iterable
from decimal import Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow

ZERO = Decimal(0)
MOST_DIGITS = 60
_TEXT = re.compile(r'-?[0-9]+(\.[0-9]+)?')

# uint256 has 78 digits; adding a million of those needs 84. Inexact traps: a sum that would round is an error, not a sum.
EXACT = Context(prec=200, traps=[InvalidOperation, DivisionByZero, Overflow, Inexact])

# Overflow and Underflow are Inexact too: an exponent of thousands never becomes a text of thousands of zeros.
_GIVEN = Context(prec=MOST_DIGITS, Emin=-MOST_DIGITS, Emax=MOST_DIGITS - 1, traps=[Inexact])


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


def parse_amount(value: object, decimals: int) -> Decimal:
    """Return an amount as people give it, exactly: a whole number, a Decimal, or a text in plain decimal notation.

    Leading and trailing zeros do not count. Raises ValueError, which says what an amount must be, for anything else, and for
    more than `decimals` fractional digits or more than 60 digits in all.
    """
    try:
        amount = _given(value).normalize(_GIVEN)
    except Inexact:
        raise ValueError(f'must have at most {MOST_DIGITS} digits') from None
    _, _, fraction = f'{amount:f}'.partition('.')
    if len(fraction) > decimals:
        raise ValueError(f'must have at most {decimals} digits after the point')
    return amount


def _given(value: object) -> Decimal:
    if isinstance(value, str) and _TEXT.fullmatch(value):
        return Decimal(value)
    if isinstance(value, Decimal) and value.is_finite():
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    raise ValueError('must be a number in plain decimal notation')


def add(left: Decimal, right: Decimal) -> Decimal:
    """Return the exact sum. Raises decimal.Inexact rather than round."""
    return EXACT.add(left, right)


def total(amounts: Iterable[Decimal]) -> Decimal:
    """Return the exact sum of `amounts`, zero of none."""
    result = ZERO
    for amount in amounts:
        result = add(result, amount)
    return result


def total_by_currency(reporting: Iterable[str], balances: Iterable[tuple[str, Decimal]]) -> dict[str, Decimal]:
    """Return the exact sum per currency, in order of code: of every reporting currency, and of every other one that is not zero."""
    reported = set(reporting)
    totals = dict.fromkeys(reported, ZERO)
    for currency, balance in balances:
        totals[currency] = add(totals.get(currency, ZERO), balance)
    return {code: totals[code] for code in sorted(totals) if code in reported or totals[code]}


def canonical(amount: Decimal) -> str:
    """Return the one notation in which all amounts that equal `amount` are stored: `50.00501`, `10.0`, `-0.5`; zero is `0.0`."""
    if not amount:
        return '0.0'
    whole, _, fraction = f'{amount:f}'.partition('.')
    return f'{whole}.{fraction.rstrip("0") or "0"}'
