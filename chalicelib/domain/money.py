"""Amounts: exact decimals, how they are parsed, added and stored. Pure; refuses floats."""

import re
from collections.abc import Iterable
from decimal import Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow
from functools import lru_cache

from chalicelib.texts import translatable

ZERO = Decimal(0)
MOST_DIGITS = 60
_TEXT = re.compile(r'-?[0-9]+(\.[0-9]+)?')

# uint256 has 78 digits; adding a million of those needs 84. Inexact is trapped: a sum that would be rounded raises an error.
EXACT = Context(prec=200, traps=[InvalidOperation, DivisionByZero, Overflow, Inexact])

_DIVISION = Context(prec=200)
_FOUR_DIGITS = Context(prec=4)

# For operators on amounts that are drawn or written: no sum, difference or product of converted amounts has as many digits.
WIDE = Context(prec=1_000)

# Overflow and Underflow are Inexact too, so an exponent of thousands never becomes a string of thousands of zeros.
_INPUT = Context(prec=MOST_DIGITS, Emin=-MOST_DIGITS, Emax=MOST_DIGITS - 1, traps=[Inexact])


def scaled(units: int, decimals: int) -> Decimal:
    """Return `units` of a currency's smallest unit (satoshi, wei) as an amount of the currency, exactly."""
    return Decimal(units).scaleb(-decimals, EXACT)


def whole(value: object) -> int:
    """Return an integer of up to 78 digits (uint256) from a JSON number or a string. Raises ValueError."""
    if isinstance(value, str) and len(value) <= 80 and value.isascii() and value.removeprefix('-').isdecimal():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**78:
        return value
    raise ValueError('not a whole number')


def parse_amount(value: object, decimals: int) -> Decimal:
    """Return an amount from user input, exactly: an integer, a Decimal, or a string in plain decimal notation.

    Raises ValueError, whose message tells the user what an amount must be, for anything else, and for more than `decimals`
    fractional digits or 60 digits in all. Leading and trailing zeros do not count.
    """
    try:
        amount = _decimal(value).normalize(_INPUT)
    except Inexact:
        raise ValueError(translatable('must have at most {most} digits', most=MOST_DIGITS)) from None
    _, _, fraction = f'{amount:f}'.partition('.')
    if len(fraction) > decimals:
        raise ValueError(translatable('must have at most {most} digits after the point', most=decimals))
    return amount


def _decimal(value: object) -> Decimal:
    if isinstance(value, str) and _TEXT.fullmatch(value):
        return Decimal(value)
    if isinstance(value, Decimal) and value.is_finite():
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    raise ValueError(translatable('must be a number in plain decimal notation'))


def add(left: Decimal, right: Decimal) -> Decimal:
    """Return the exact sum. Raises decimal.Inexact if it would have to be rounded."""
    return EXACT.add(left, right)


def subtract(left: Decimal, right: Decimal) -> Decimal:
    """Return the exact difference. Raises decimal.Inexact if it would have to be rounded."""
    return EXACT.subtract(left, right)


def negate(amount: Decimal) -> Decimal:
    """Return the amount with the other sign, exactly: the operator `-` rounds to the 28 digits of a thread's own context."""
    return EXACT.minus(amount)


def multiply(left: Decimal, right: Decimal) -> Decimal:
    """Return the product, exactly."""
    return EXACT.multiply(left, right)


def total(amounts: Iterable[Decimal]) -> Decimal:
    """Return the exact sum of `amounts`; zero if there are none."""
    result = ZERO
    for amount in amounts:
        result = add(result, amount)
    return result


def percentage(part: Decimal, whole: Decimal) -> Decimal | None:
    """Return how many per cent of a positive amount another one is, rounded half-even to one decimal; None of anything else.

    What rounds to nothing has no sign.
    """
    if whole <= 0:
        return None
    rounded = _DIVISION.divide(multiply(part, Decimal(100)), whole).quantize(Decimal('0.1'), context=_DIVISION)
    return rounded if rounded else abs(rounded)


def coarse(percentage: Decimal) -> Decimal:
    """Return a percentage rounded to four significant digits: all of them would reveal the amount if something grew from a few cents.

    coarse(Decimal('1517843.8')) == Decimal('1518000')
    """
    rounded = _FOUR_DIGITS.plus(percentage)
    return rounded.quantize(Decimal(1), context=_DIVISION) if rounded.adjusted() > 3 else rounded


def total_by_currency(reporting: Iterable[str], balances: Iterable[tuple[str, Decimal]]) -> dict[str, Decimal]:
    """Return the exact sum per currency, in order of code: of every reporting currency, and of every other one that is not zero."""
    reported = set(reporting)
    totals = dict.fromkeys(reported, ZERO)
    for currency, balance in balances:
        totals[currency] = add(totals.get(currency, ZERO), balance)
    return {code: totals[code] for code in sorted(totals) if code in reported or totals[code]}


@lru_cache(4_096)  # most states of a history have the balances of the one before
def canonical(amount: Decimal) -> str:
    """Return the one notation in which all amounts that equal `amount` are stored: `50.00501`, `10.0`, `-0.5`; zero is `0.0`."""
    if not amount:
        return '0.0'
    whole, _, fraction = f'{amount:f}'.partition('.')
    return f'{whole}.{fraction.rstrip("0") or "0"}'
