"""What sources publish: prices, pairs and closes."""

from datetime import date
from decimal import Decimal

import pytest

from chalicelib.domain import currencies, rates
from chalicelib.domain.conversion import Rate
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


def test_closes_are_carried_for_a_week() -> None:
    closes = {date(2020, 1, 1): DailyClose(date(2020, 1, 1), 'eur', 'usd', Decimal(5), 'ecb')}
    assert rates.carry_forward(closes, date(2020, 1, 8)) == Rate('eur', 'usd', Decimal(5), 1_577_836_800, 'ecb')
    assert rates.carry_forward(closes, date(2020, 1, 9)) is None
    assert rates.carry_forward(closes, date(2019, 12, 31)) is None


@pytest.mark.parametrize(('day', 'before'), [(date(2026, 11, 23), date(2026, 11, 20)), (date(2026, 11, 24), date(2026, 11, 23))])
def test_the_european_central_bank_fixes_nothing_on_weekends(day: date, before: date) -> None:
    assert rates.day_before(('eur', 'usd'), day) == before
