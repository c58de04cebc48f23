"""Sums of balances over currencies. Pure."""

from collections.abc import Iterable
from decimal import Decimal

from chalicelib.domain import money


def sums(reporting: Iterable[str], balances: Iterable[tuple[str, Decimal]]) -> dict[str, Decimal]:
    """Return the sum per currency, by code: every reporting currency, and every other one that is not zero."""
    reported = set(reporting)
    totals = dict.fromkeys(reported, money.ZERO)
    for currency, balance in balances:
        totals[currency] = money.add(totals.get(currency, money.ZERO), balance)
    return {code: totals[code] for code in sorted(totals) if code in reported or totals[code]}
