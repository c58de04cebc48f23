"""Which price is believed when several sources name one, and when none is."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.consensus import AgreedPrice, agree, choose, choose_closes, outliers
from chalicelib.domain.conversion import Rate
from chalicelib.domain.rates import DailyClose, Observation, merge

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
        error=st.just(Decimal(0)),
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


@pytest.mark.parametrize(('age', 'used'), [(900, 'a,b'), (901, 'a,b'), (1800, 'a,b'), (1801, 'a')])
def test_the_price_is_that_of_observations_at_least_half_as_fresh_as_the_freshest(age: int, used: str) -> None:
    assert chosen(seen('100', 'a', 60), seen('104', 'b', age)).sources == used


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


# Contradictions


def agreed(price: str, age: int = 300, *outvoted: str) -> list[AgreedPrice]:
    return [AgreedPrice('btc', 'usd', Decimal(price), NOW - age, outvoted)]


def outcome(observations: Sequence[Observation], before: Sequence[AgreedPrice] = (), at: int = NOW) -> str:
    """Return the price that is chosen, `disputed` for none."""
    [rate] = choose(observations, at, before)
    return 'disputed' if rate.disputed else f'{rate.price.normalize():f}'


@pytest.mark.parametrize(
    ('told', 'before', 'chosen'),
    [
        # one against one: what was agreed on decides, a mean that nobody quoted never does
        (['0.1', '10'], None, 'disputed'),
        (['0.1', '10'], '0.099', '0.1'),
        (['0.1', '10'], '10.5', '10'),
        (['0.1', '10'], '1', 'disputed'),
        (['100', '112'], '106', 'disputed'),  # supports both, so neither
        # most agree
        (['80', '80.2', '8010'], None, '80.1'),
        (['80', '80.2', '8010'], '8010', '80.1'),
        (['80', '81', '95', '120'], None, '80.5'),
        # two against two
        (['80', '80.2', '8010', '8012'], None, 'disputed'),
        (['80', '80.2', '8010', '8012'], '79', '80.1'),
        (['80', '80.2', '8010', '8012'], '8000', '8011'),
        # all say something else
        (['1', '2', '4'], None, 'disputed'),
        (['1', '2', '4'], '2.1', '2'),
        # one alone
        (['80'], None, '80'),
        (['80'], '8', '80'),
        (['80'], '7.99', 'disputed'),
        (['80'], '801', 'disputed'),
        (['80', '80.2'], '8000', '80.1'),
    ],
)
def test_a_price_is_believed_that_most_of_the_observations_and_the_agreed_price_support(
    told: list[str], before: str | None, chosen: str
) -> None:
    observations = [seen(price, f'source{n}') for n, price in enumerate(told)]
    assert outcome(observations, agreed(before) if before else ()) == chosen


@pytest.mark.parametrize('aged', [0, 901, 1_801])
def test_an_outvoted_price_does_not_come_back_when_one_of_the_others_ages(aged: int) -> None:
    observations = [seen('80', 'a', aged), seen('80.2', 'b'), seen('8010', 'c')]
    before = agree([seen('80', 'a', 901), seen('80.2', 'b', 901), seen('8010', 'c', 901)], NOW - 901)
    assert outcome(observations, before) == ('80.1' if aged < 1_801 else '80.2')


@given(
    st.lists(st.integers(0, 2 * DAY), min_size=1, max_size=40),
    st.integers(0, DAY),
    st.sampled_from(['90', '150', '400', '8010']),
)
def test_an_outvoted_price_never_comes_back_however_long_the_others_are_silent(gaps: list[int], silent_after: int, outlier: str) -> None:
    before = agree([seen('80', 'a'), seen('80.2', 'b'), seen(outlier, 'c')], NOW)
    at = NOW
    for gap in gaps:
        at = min(at + gap, NOW + 29 * DAY)
        last = min(at, NOW + silent_after)
        observations = [
            *(Observation('btc', 'usd', Decimal(price), last, source) for price, source in (('80', 'a'), ('80.2', 'b'))),
            Observation('btc', 'usd', Decimal(outlier), at, 'c'),
        ]
        assert outcome(observations, before, at) in {'80.1', 'disputed'}
        before = agree(observations, at, before)


def test_an_outvoted_source_is_believed_again_once_it_comes_back_to_the_price_or_another_agrees() -> None:
    before = agree([seen('80', 'a'), seen('80.2', 'b'), seen('160', 'c')], NOW)
    assert before == [AgreedPrice('btc', 'usd', Decimal('80.1'), NOW, ('c',))]
    assert outcome([seen('160', 'c')], before) == 'disputed'
    assert outcome([seen('81', 'c')], before) == '81'
    assert outcome([seen('160', 'c'), seen('162', 'd')], before) == '161'
    assert agree([seen('81', 'c')], NOW, before)[0].outvoted == ()


def test_a_source_that_nobody_ever_contradicted_may_move_a_little_at_a_time() -> None:
    before: list[AgreedPrice] = []
    for price in (1, 5, 30, 200):
        assert outcome([seen(str(price), 'a')], before) == str(price)
        before = agree([seen(str(price), 'a')], NOW, before)


@pytest.mark.parametrize(('days', 'chosen'), [(1, 'disputed'), (30, 'disputed'), (31, '8000')])
def test_a_jump_of_a_single_source_is_disputed_for_a_month(days: int, chosen: str) -> None:
    assert outcome([seen('8000', 'a')], agreed('80', days * DAY)) == chosen


def test_what_is_disputed_leaves_the_agreed_price_as_it_was() -> None:
    before = agreed('80')
    assert agree([seen('8000', 'a')], NOW, before) == before
    assert agree([seen('1', 'a', base='eth')], NOW, before) == [*before, AgreedPrice('eth', 'usd', Decimal(1), NOW)]


@pytest.mark.parametrize(('age', 'chosen'), [(300, 'disputed'), (DAY + 1, '0.12')])
def test_after_a_day_without_agreement_the_agreed_price_supports_what_may_have_become_of_it(age: int, chosen: str) -> None:
    assert outcome([seen('0.12', 'a'), seen('10', 'b')], agreed('0.1', age)) == chosen


def fiat(price: str, source: str, age: int = 0, error: str = '0') -> Observation:
    return Observation('eur', 'chf', Decimal(price), NOW - age, source, Decimal(error))


@pytest.mark.parametrize(
    ('observations', 'chosen'),
    [
        ([fiat('0.93', 'coinbase'), fiat('0.931', 'ecb', 2 * DAY)], '0.931'),  # a fixing before a market
        ([fiat('0.93', 'coinbase'), fiat('0.931', 'ecb', 4 * DAY)], '0.93'),  # what is fresh before that
        ([fiat('0.93', 'coinbase'), fiat('0.95', 'ecb')], 'disputed'),  # a fiftieth apart is too much between fiat currencies
        ([fiat('0.93', 'coinbase'), fiat('0.95', 'nbp', error='0.016')], '0.95'),  # unless it has no more digits
        ([fiat('0.93', 'nbp'), fiat('0.93', 'frankfurter'), fiat('9.3', 'ecb')], '0.93'),
    ],
)
def test_a_price_of_fiat_currencies_is_one_that_somebody_published(observations: list[Observation], chosen: str) -> None:
    assert outcome(observations) == chosen


# Closes

FIRST = date(2020, 1, 1)


def series(source: str, *prices: str) -> list[DailyClose]:
    return [DailyClose(FIRST + timedelta(days=n), 'btc', 'usd', Decimal(price), source) for n, price in enumerate(prices) if price]


def told_of(closes: list[DailyClose]) -> list[str]:
    return ['disputed' if close.disputed else f'{close.price:f} {close.source}' for close in closes]


def test_of_closes_that_agree_that_of_the_first_source_is_kept_as_it_was_published() -> None:
    assert told_of(choose_closes([series('a', '80', '', '82'), series('b', '80.2', '81', '82.1')])) == ['80 a', '81 b', '82 a']


def test_closes_that_contradict_each_other_are_judged_as_current_prices_are() -> None:
    assert told_of(choose_closes([series('a', '0.1', '10'), series('b', '10', '10.1')])) == ['disputed', '10 a']
    assert told_of(choose_closes([series('a', '10', '0.1'), series('b', '10', '10.1')])) == ['10 a', '10.1 b']


def test_a_spike_of_one_source_is_disputed_and_a_fall_that_lasts_is_not() -> None:
    assert told_of(choose_closes([series('a', '80', '8000', '81', '82', '83', '84')]))[1:3] == ['disputed', '81 a']
    assert told_of(choose_closes([series('a', '80', '0.01', '0.02', '0.01', '0.01')]))[1] == '0.01 a'
    assert told_of(choose_closes([series('a', '8000')], agreed('80')[0]._replace(at=1_577_800_000))) == ['disputed']
