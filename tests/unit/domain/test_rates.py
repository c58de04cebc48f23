"""What sources publish: prices, pairs and closes."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from chalicelib.domain import currencies, rates
from chalicelib.domain.conversion import Pair, Rate
from chalicelib.domain.rates import DailyClose, Observation, merge

NOW = 1_800_000_000
DAY = 86_400


def test_merging_forgets_what_is_too_old() -> None:
    old, new = (Observation('btc', 'usd', Decimal(100), NOW - age, 'kraken') for age in (2 * DAY, 0))
    assert merge([old], [new._replace(source='bitstamp')], NOW) == [new._replace(source='bitstamp')]


@pytest.mark.parametrize('price', ['0', '-5'])
def test_merging_forgets_what_is_no_price(price: str) -> None:
    assert merge([Observation('btc', 'usd', Decimal(price), NOW, 'kraken')], [], NOW) == []


@pytest.mark.parametrize(
    ('value', 'price'),
    [
        ('11775.36', '11775.36'),
        (1, '1'),
        (Decimal('1.5e-8'), '0.000000015'),
        ('100', '100'),
        ('1' * 31, '1' * 31),
        ('0.' + '1' * 40, '0.' + '1' * 40),
        ('1.50' + '0' * 60, '1.5'),
    ],
)
def test_prices_are_read_exactly(value: object, price: str) -> None:
    assert rates.parse_price(value) == Decimal(price)


@pytest.mark.parametrize(
    'value',
    [
        *('0', '-1', 'NaN', 'Infinity', 'sNaN', '', 'n/a', '1,5', None, True, [], {}, 1.5, float('nan')),
        *('1e31', '1e-31', '1e999999999', 10**400, '0.' + '1' * 41, '\u0661'),
    ],
)
def test_nonsense_is_no_price(value: object) -> None:
    with pytest.raises(ValueError, match=r'price|digits'):
        rates.parse_price(value)


@pytest.mark.parametrize(
    ('code', 'pair'),
    [('btc', 'btc/usd'), ('usdt', 'usdt/usd'), ('usd', 'eur/usd'), ('eur', 'eur/usd'), ('gbp', 'eur/gbp'), ('aed', 'usd/aed')],
)
def test_each_currency_has_its_pair(code: str, pair: str) -> None:
    assert rates.text_of(rates.pair_of(code)) == pair


def test_a_pair_leads_back_to_a_currency_that_it_prices() -> None:
    pairs = {rates.pair_of(currency.code) for currency in currencies.every()}
    assert all(rates.pair_of(rates.code_of(pair)) == pair for pair in pairs)


@pytest.mark.parametrize(('pair', 'first'), [(('btc', 'usd'), 1), (('eur', 'usd'), 2), (('usd', 'try'), 2)])
def test_closes_are_had_from_the_midnight_on_that_they_are_of_or_that_follows_them_and_are_carried_for_a_week(
    pair: Pair, first: int
) -> None:
    """A central bank publishes in the course of a day, and a coin's close is its price when the day begins."""
    for year, earliest in ((2020, 1), (2027, first)):  # years before the rule came keep what was told of them
        closes = {date(year, 1, 1): DailyClose(date(year, 1, 1), *pair, Decimal(5), 'ecb')}
        days = [date(year - 1, 12, 31) + timedelta(days=number) for number in range(12)]
        had = [day for day in days if rates.carry_forward(closes, pair, day) is not None]
        assert had == [date(year, 1, day) for day in range(earliest, 9)]
        assert rates.carry_forward(closes, pair, had[0]) == Rate(*pair, Decimal(5), rates.midnight(date(year, 1, 1)), 'ecb')


@pytest.mark.parametrize(
    ('pair', 'day', 'newest'),
    [
        (('btc', 'usd'), date(2026, 12, 5), date(2026, 12, 5)),
        (('eur', 'usd'), date(2026, 11, 28), date(2026, 11, 28)),  # before the rule
        (('eur', 'usd'), date(2026, 12, 5), date(2026, 12, 4)),  # Saturday begins
        (('eur', 'usd'), date(2026, 12, 7), date(2026, 12, 4)),  # Monday
        (('usd', 'try'), date(2026, 12, 7), date(2026, 12, 6)),
        (('eur', 'gbp'), date(2027, 3, 30), date(2027, 3, 25)),  # after Easter
        (('eur', 'gbp'), date(2026, 12, 28), date(2026, 12, 24)),  # after Christmas
        (('eur', 'gbp'), date(2027, 1, 2), date(2026, 12, 31)),
        (('eur', 'gbp'), date(2028, 5, 2), date(2028, 4, 28)),
    ],
)
def test_the_newest_close_when_a_day_begins_is_of_the_last_day_that_had_one_by_then(pair: Pair, day: date, newest: date) -> None:
    assert rates.newest_close_day(pair, day) == newest


@pytest.mark.parametrize(('day', 'before'), [(date(2026, 11, 23), date(2026, 11, 20)), (date(2026, 11, 24), date(2026, 11, 23))])
def test_the_european_central_bank_fixes_nothing_on_weekends(day: date, before: date) -> None:
    assert rates.day_before(('eur', 'usd'), day) == before
