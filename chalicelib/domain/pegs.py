"""Fiat currencies whose authority holds their price in another one fixed: what it says is exact, where markets and averages round it.

The list has what an authority states: https://github.com/lineofflight/frankfurter/tree/main/db/seeds/pegs names the page of each, except
of `xcg` (Centrale Bank van Curaçao en Sint Maarten) and `ved` (the maintenance agency of ISO 4217: another code for what `ves` has been
since 2021-10-01). Left out are pegs for which no such page is known to us, and those that were given up: `bob` in 2026, `lbp`, `ngn`,
`etb`, `egp`. Pure.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import NamedTuple

SOURCE = 'peg'  # the source of a rate that is fixed, in place of an upstream's key


class Peg(NamedTuple):
    """One unit of `anchor` has cost `price` units of `code` since a day."""

    code: str
    anchor: str
    price: Decimal
    since: date


_PEGS = (
    ('aed', 'usd', '3.6725', '1997-11-02'),
    ('ang', 'usd', '1.79', '1971-12-18'),
    ('bam', 'eur', '1.95583', '1997-08-11'),
    ('bhd', 'usd', '0.376', '2001-01-01'),
    ('bmd', 'usd', '1', '1972-02-06'),
    ('bnd', 'sgd', '1', '1967-06-12'),
    ('btn', 'inr', '1', '1974-01-01'),
    ('cve', 'eur', '110.265', '1999-01-01'),
    ('fkp', 'gbp', '1', '1966-02-14'),
    ('jod', 'usd', '0.709', '1995-10-23'),
    ('mop', 'hkd', '1.03', '1983-01-01'),
    ('omr', 'usd', '0.3845', '1986-01-01'),
    ('qar', 'usd', '3.64', '2001-07-09'),
    ('sar', 'usd', '3.75', '1986-06-01'),
    ('shp', 'gbp', '1', '1976-02-02'),
    ('tmt', 'usd', '3.5', '2015-01-01'),
    ('ved', 'ves', '1', '2021-10-01'),
    ('xaf', 'eur', '655.957', '1999-01-01'),
    ('xcg', 'usd', '1.79', '2025-03-31'),
    ('xof', 'eur', '655.957', '1999-01-01'),
)
PEGS: Mapping[str, Peg] = {code: Peg(code, anchor, Decimal(price), date.fromisoformat(since)) for code, anchor, price, since in _PEGS}
_BROKEN = Decimal('0.02')


def is_broken(base: str, quote: str, price: Decimal) -> bool:
    """Whether a price that sources name is so far from the peg of its pair that this may have been given up."""
    peg = PEGS.get(quote)
    return peg is not None and peg.anchor == base and abs(price - peg.price) > _BROKEN * peg.price
