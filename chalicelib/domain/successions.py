"""Currencies that were renamed, replaced or redenominated: from which day on, and how many old units are one new unit. Pure.

A balance in a replaced currency still converts, by the fixed ratio, as whoever holds it may exchange it so; what sources go on
publishing under its code is refused. Where a currency kept its code, published prices of before are scaled to today's units, in which
all balances are.

The list has what could be verified. Fiat currencies: https://github.com/lineofflight/frankfurter/blob/main/db/seeds/defunct_currencies.json
names an official source of each, except of `mro` (Banque Centrale de Mauritanie, 2017-12-05), `zwl` (Reserve Bank of Zimbabwe,
2024-04-06) and `ang` (Centrale Bank van Curaçao en Sint Maarten); the two redenominations are those of the Banque Centrale de Syrie and
the maintenance agency of ISO 4217 (`ves`, which then also was the unit of 100,000 `vef`). Coins: Polygon, Sonic Labs and the Vaulta
Foundation, by the day from which the new coin was traded in place of the old one.

Left out are older ones (`ltl`, `lvl`, `trl`, `ghc`), `cuc`, whose successor nobody prices, and what is no plain exchange: `mkr` to `sky`
is optional and has a growing penalty, `lend` and `rndr` never were in the catalogue beside `aave` and `render`, and `luna` became
another coin.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from chalicelib.domain import money

SOURCE = 'successor'  # the source of a fixed ratio, in place of an upstream's key


class Succession(NamedTuple):
    """`new` took the place of `old` on a day, one of it for `ratio` units of the old one."""

    old: str
    new: str
    since: date
    ratio: Decimal


class Redenomination(NamedTuple):
    """One unit of a currency is `factor` of those of before a day, under the same code."""

    code: str
    since: date
    factor: Decimal


_SUCCESSIONS = (
    ('ang', 'xcg', '2025-03-31', '1'),
    ('bgn', 'eur', '2026-01-01', '1.95583'),
    ('byr', 'byn', '2016-07-01', '10000'),
    ('eek', 'eur', '2011-01-01', '15.6466'),
    ('eos', 'a', '2025-05-28', '1'),
    ('ftm', 's', '2024-12-18', '1'),
    ('hrk', 'eur', '2023-01-01', '7.53450'),
    ('matic', 'pol', '2024-09-04', '1'),
    ('mro', 'mru', '2018-01-01', '10'),
    ('sll', 'sle', '2022-07-01', '1000'),
    ('std', 'stn', '2018-01-01', '1000'),
    ('vef', 'ves', '2018-08-20', '100000000000'),  # a hundred thousand, times the million of 2021
    ('zmk', 'zmw', '2013-01-01', '1000'),
    ('zwl', 'zwg', '2024-04-08', '2498.7242'),
)
_REDENOMINATIONS = (
    ('syp', '2026-01-01', '100'),
    ('ves', '2021-10-01', '1000000'),
)
SUCCESSIONS: Mapping[str, Succession] = {
    old: Succession(old, new, date.fromisoformat(since), Decimal(ratio)) for old, new, since, ratio in _SUCCESSIONS
}
REDENOMINATIONS: Mapping[str, Redenomination] = {
    code: Redenomination(code, date.fromisoformat(since), Decimal(factor)) for code, since, factor in _REDENOMINATIONS
}


@lru_cache(4_096)  # a history asks for each of its days
def successions_by(day: date) -> Mapping[str, Succession]:
    """Return what took the place of currencies by a day, by the code of what it took the place of."""
    return {code: succession for code, succession in SUCCESSIONS.items() if succession.since <= day}


def in_current_units(price: Decimal, quote: str, day: date) -> Decimal:
    """Return a price that was published in units of `quote` on a day in the units of today.

    >>> in_current_units(Decimal(13000), 'syp', date(2025, 12, 31))
    Decimal('130')
    """
    change = REDENOMINATIONS.get(quote)
    return price if change is None or day >= change.since else money.EXACT.divide(price, change.factor)
