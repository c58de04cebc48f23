"""Which price is believed when several sources name one."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain import currencies, rates
from chalicelib.domain.conversion import Rate
from chalicelib.domain.rates import Observation, choose, merge, outliers

NOW = 1_800_000_000
DAY = 86_400
PRICES = st.decimals(min_value='0.00000001', max_value='1000000', places=8).filter(bool)
OBSERVATIONS = st.lists(
    st.builds(
        Observation,
        base=st.sampled_from(['btc', 'eth']),
        quote=st.just('usd'),
        price=PRICES,
        at=st.integers(NOW - 2 * DAY, NOW),
        source=st.sampled_from(['bitstamp', 'coinbase', 'coingecko', 'kraken']),
    )
)


def seen(price: str, source: str, age: int = 0, base: str = 'btc', quote: str = 'usd') -> Observation:
    return Observation(base, quote, Decimal(price), NOW - age, source)


def chosen(*observations: Observation) -> Rate:
    [rate] = choose(observations, NOW)
    return rate


def test_the_median_of_an_odd_number_of_sources_is_the_middle_one() -> None:
    rate = chosen(seen('103', 'kraken'), seen('100', 'bitstamp', 5), seen('101', 'coinbase'))
    assert rate == Rate('btc', 'usd', Decimal(101), NOW - 5, 'bitstamp,coinbase,kraken')


def test_the_median_of_an_even_number_of_sources_is_the_mean_of_the_middle_two_exactly() -> None:
    assert chosen(seen('1.00000000000000000000000000000000000001', 'a'), seen('1.02', 'b')).price == Decimal(
        '1.010000000000000000000000000000000000005'
    )


def test_what_is_more_than_a_tenth_off_the_median_is_dropped_and_told() -> None:
    observations = [seen('100', 'a'), seen('102', 'b'), seen('10000000', 'c')]
    assert chosen(*observations) == Rate('btc', 'usd', Decimal(101), NOW, 'a,b')
    assert outliers(observations, NOW) == [seen('10000000', 'c')]


@pytest.mark.parametrize(('price', 'used'), [('110', 'a,b,c'), ('110.0000000001', 'a,b'), ('90', 'a,b,c'), ('89.9999999999', 'a,b')])
def test_a_tenth_off_is_not_more_than_a_tenth_off(price: str, used: str) -> None:
    assert chosen(seen('100', 'a'), seen('100', 'b'), seen(price, 'c')).sources == used


@pytest.mark.parametrize(
    ('prices', 'disputed'),
    [(['100'], False), (['100', '101'], False), (['100', '200'], True), (['50', '100', '200'], True), (['50', '99', '100'], False)],
)
def test_a_rate_is_disputed_when_it_has_several_sources_and_no_two_agree(prices: list[str], disputed: bool) -> None:
    assert chosen(*(seen(price, f'source{n}') for n, price in enumerate(prices))).disputed is disputed


def test_sources_that_are_not_fresh_do_not_count_beside_one_that_is() -> None:
    assert chosen(seen('100', 'a', 900), seen('104', 'b', 901)).sources == 'a'


def test_where_none_is_fresh_the_newest_counts() -> None:
    assert chosen(seen('100', 'a', 7_000), seen('104', 'b', 6_000), seen('106', 'c', 6_000)).sources == 'b,c'


@pytest.mark.parametrize(('age', 'there'), [(DAY, True), (DAY + 1, False)])
def test_a_cryptocurrency_loses_its_rate_after_a_day(age: int, there: bool) -> None:
    assert bool(choose([seen('100', 'a', age)], NOW)) is there


@pytest.mark.parametrize(('age', 'there'), [(7 * DAY, True), (7 * DAY + 1, False)])
def test_a_rate_between_fiat_currencies_outlives_the_longest_holidays(age: int, there: bool) -> None:
    assert bool(choose([seen('1.25', 'ecb', age, 'eur', 'usd')], NOW)) is there


def test_of_one_source_the_newest_counts() -> None:
    assert chosen(seen('100', 'a', 60), seen('102', 'a', 30)).price == 102


@given(OBSERVATIONS, st.randoms())
def test_the_order_does_not_matter(observations: list[Observation], random: Any) -> None:
    shuffled = list(observations)
    random.shuffle(shuffled)
    assert choose(shuffled, NOW) == choose(observations, NOW)


@given(OBSERVATIONS)
def test_a_rate_lies_between_the_prices_of_its_sources_and_none_of_them_is_too_old(observations: list[Observation]) -> None:
    for rate in choose(observations, NOW):
        used = [one for one in merge(observations, (), NOW) if one.base == rate.base and one.source in rate.sources.split(',')]
        assert min(one.price for one in used) <= rate.price <= max(one.price for one in used)
        assert rate.at == min(one.at for one in used)
        assert rate.is_usable(NOW)


@given(OBSERVATIONS, OBSERVATIONS)
def test_merged_observations_choose_as_all_of_them_do(old: list[Observation], new: list[Observation]) -> None:
    assert choose(merge(old, new, NOW), NOW) == choose([*old, *new], NOW)


def test_merging_forgets_what_is_too_old() -> None:
    assert merge([seen('100', 'a', 2 * DAY)], [seen('101', 'b')], NOW) == [seen('101', 'b')]


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
    closes = {date(2020, 1, 1): (Decimal(5), 'ecb')}
    assert rates.carry_forward(closes, ('eur', 'usd'), date(2020, 1, 8)) == Rate('eur', 'usd', Decimal(5), 1_577_836_800, 'ecb')
    assert rates.carry_forward(closes, ('eur', 'usd'), date(2020, 1, 9)) is None
    assert rates.carry_forward(closes, ('eur', 'usd'), date(2019, 12, 31)) is None


@pytest.mark.parametrize(('day', 'before'), [(date(2026, 11, 23), date(2026, 11, 20)), (date(2026, 11, 24), date(2026, 11, 23))])
def test_the_european_central_bank_fixes_nothing_on_weekends(day: date, before: date) -> None:
    assert rates.day_before(('eur', 'usd'), day) == before
