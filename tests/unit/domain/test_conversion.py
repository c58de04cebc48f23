"""Conversion on the graph of rates, checked against fractions."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain import conversion, currencies, money
from chalicelib.domain.conversion import Rate, Rates, along, total

AT = 1_700_000_000
DAY = 86_400


def rate(base: str, quote: str, price: str, at: int = AT) -> Rate:
    return Rate(base, quote, Decimal(price), at, 'kraken')


def rates(*given: Rate, at: int = AT) -> Rates:
    return Rates.usable(at, given)


def path(found: Rates, base: str, quote: str) -> list[str] | None:
    route = found.route(base, quote)
    return None if route is None else [f'{"1/" if hop.inverse else ""}{hop.rate.base}/{hop.rate.quote}' for hop in route]


def test_ten_bitcoins_at_the_documents_rate_are_worth_what_the_document_says() -> None:
    found = total({'btc': Decimal(10)}, 'usd', rates(rate('btc', 'usd', '11775.36')))
    assert (found.value, found.missing) == (Decimal('117753.6'), ())


def test_the_same_currency_needs_no_rate() -> None:
    assert rates().route('btc', 'btc') == ()
    assert rates().convert(Decimal('0.1'), 'btc', 'btc') == Decimal('0.1')


def test_a_direct_rate_goes_before_an_inverse_one_and_that_before_a_path() -> None:
    direct, inverse = rate('eth', 'btc', '0.05'), rate('btc', 'eth', '19')
    through = (rate('eth', 'usd', '2000'), rate('btc', 'usd', '40000'))
    assert path(rates(direct, inverse, *through), 'eth', 'btc') == ['eth/btc']
    assert path(rates(inverse, *through), 'eth', 'btc') == ['1/btc/eth']
    assert path(rates(*through), 'eth', 'btc') == ['eth/usd', '1/btc/usd']


def test_of_paths_as_long_as_each_other_the_one_through_the_first_intermediate_is_taken() -> None:
    found = rates(rate('ltc', 'btc', '0.002'), rate('btc', 'jpy', '6000000'), rate('ltc', 'usd', '80'), rate('usd', 'jpy', '150'))
    assert path(found, 'ltc', 'jpy') == ['ltc/usd', 'usd/jpy']


def test_three_hops_are_the_most() -> None:
    three = (rate('uni', 'eth', '0.003'), rate('eth', 'eur', '1800'), rate('eur', 'sek', '11'))
    assert path(rates(*three), 'uni', 'sek') == ['uni/eth', 'eth/eur', 'eur/sek']
    four = (rate('uni', 'eth', '0.003'), rate('eth', 'btc', '0.05'), rate('btc', 'eur', '1'), rate('eur', 'sek', '11'))
    assert path(rates(*four), 'uni', 'sek') is None


def test_a_currency_that_is_no_intermediate_is_not_gone_through() -> None:
    assert path(rates(rate('ltc', 'xrp', '100'), rate('xrp', 'usd', '1')), 'ltc', 'usd') is None


@pytest.mark.parametrize(('base', 'quote', 'seconds'), [('btc', 'usd', DAY), ('eur', 'usd', 7 * DAY)])
def test_a_rate_is_used_until_it_is_too_old(base: str, quote: str, seconds: int) -> None:
    assert path(rates(rate(base, quote, '2', AT - seconds)), base, quote) == [f'{base}/{quote}']
    assert path(rates(rate(base, quote, '2', AT - seconds - 1)), base, quote) is None


@pytest.mark.parametrize(('base', 'quote', 'seconds'), [('btc', 'usd', 900), ('eur', 'usd', 3 * DAY)])
def test_a_rate_is_fresh_for_a_while(base: str, quote: str, seconds: int) -> None:
    assert rate(base, quote, '2', AT - seconds).is_fresh(AT)
    assert not rate(base, quote, '2', AT - seconds - 1).is_fresh(AT)


def test_a_balance_without_a_rate_is_missing_and_never_zero_or_one_to_one() -> None:
    found = total({'btc': Decimal(1), 'doge': Decimal(7), 'usd': Decimal(5)}, 'usd', rates(rate('btc', 'usd', '40000')))
    assert found.value == Decimal(40005)
    assert found.missing == (conversion.Unconverted('doge', Decimal(7), 'no_rate'),)


def test_nothing_needs_no_rate() -> None:
    assert total({'doge': Decimal(0)}, 'usd', rates()).missing == ()


CODES = ('btc', 'eth', 'usd', 'eur', 'ltc', 'doge', 'uni', 'jpy')
amounts = st.decimals(min_value='-1e30', max_value='1e30', allow_nan=False, places=18)
prices = st.decimals(min_value='1e-12', max_value='1e9', allow_nan=False, places=12)
pairs = st.tuples(st.sampled_from(CODES), st.sampled_from(CODES)).filter(lambda pair: pair[0] != pair[1])
graphs = st.dictionaries(pairs, prices, max_size=12).map(
    lambda found: Rates(AT, [Rate(base, quote, price, AT, 'x') for (base, quote), price in found.items()])
)
holdings = st.dictionaries(st.sampled_from(CODES), amounts, max_size=8)


def exactly(amount: Decimal, route: conversion.Route) -> Fraction:
    value = Fraction(amount)
    for hop in route:
        value = value / Fraction(hop.rate.price) if hop.inverse else value * Fraction(hop.rate.price)
    return value


@given(graphs, amounts, pairs)
def test_an_amount_carried_along_a_route_is_exact_to_fifty_digits(found: Rates, amount: Decimal, pair: tuple[str, str]) -> None:
    route = found.route(*pair)
    if route is not None:
        exact = exactly(amount, route)
        assert abs(Fraction(along(route, amount)) - exact) <= abs(exact) / 10**49


@given(prices, st.decimals(min_value='-1e12', max_value='1e12', places=2), st.sampled_from(['usd', 'jpy', 'btc']))
def test_there_and_back_again_is_the_same_to_the_last_place_of_the_currency(price: Decimal, amount: Decimal, code: str) -> None:
    found = rates(Rate(code, 'doge', price, AT, 'x'))
    there = found.convert(amount, code, 'doge')
    assert there is not None
    back = found.convert(there, 'doge', code)
    assert back is not None
    unit = Decimal(1).scaleb(-currencies.get(code).decimals)
    assert abs(back - amount) <= unit


@given(graphs, holdings, st.sampled_from(CODES), st.randoms())
def test_a_total_does_not_depend_on_the_order_of_what_is_summed(found: Rates, held: dict[str, Decimal], code: str, random: object) -> None:
    items = list(held.items())
    random.shuffle(items)  # type: ignore[attr-defined]
    assert total(dict(items), code, found) == total(held, code, found)


@given(graphs, holdings, st.sampled_from(CODES))
def test_every_balance_is_in_a_total_or_missing_from_it_and_none_is_a_float(found: Rates, held: dict[str, Decimal], code: str) -> None:
    result = total(held, code, found)
    assert {share.currency for share in result.shares} | {one.currency for one in result.missing} >= {key for key in held if held[key]}
    assert {share.currency for share in result.shares}.isdisjoint(one.currency for one in result.missing)
    assert sum((Fraction(share.value) for share in result.shares), Fraction(0)) == Fraction(result.value)
    assert all(isinstance(value, Decimal) for value in (result.value, *(share.value for share in result.shares)))


@given(graphs, pairs)
def test_a_route_leads_from_its_start_to_its_end_by_at_most_three_usable_hops(found: Rates, pair: tuple[str, str]) -> None:
    route = found.route(*pair)
    if route is None:
        assert pair not in found.by_pair
        assert pair[::-1] not in found.by_pair
        return
    place = pair[0]
    for hop in route:
        ends = (hop.rate.quote, hop.rate.base) if hop.inverse else (hop.rate.base, hop.rate.quote)
        assert ends[0] == place
        place = ends[1]
    assert place == pair[1]
    assert len(route) <= 3


def test_the_largest_token_amounts_convert() -> None:
    found = rates(rate('uni', 'eth', '0.' + '0' * 30 + '123456789'), rate('eth', 'usd', '3000.123456789012345678901234567890'))
    assert found.convert(Decimal(2**256 - 1), 'uni', 'usd') is not None
    assert money.canonical(total({'uni': Decimal(2**256 - 1)}, 'usd', found).value)


@pytest.mark.parametrize('pair', [('doge', 'usd'), ('usd', 'doge'), ('doge', 'btc'), ('chf', 'doge'), ('doge', 'chf')])
def test_a_disputed_rate_converts_in_no_direction_and_on_no_route(pair: tuple[str, str]) -> None:
    disputed = rate('doge', 'usd', '5.05')._replace(disputed=True)
    found = rates(disputed, rate('btc', 'usd', '40000'), rate('eur', 'usd', '1.25'), rate('eur', 'chf', '0.95'))
    assert found.convert(Decimal(1), *pair) is None
    assert found.reason_without_route(*pair) == 'disputed'
    assert [one.reason for one in total({pair[0]: Decimal(100)}, pair[1], found).missing] == ['disputed']
    assert found.reason_without_route('doge', 'gbp') == 'no_rate'
    assert found.convert(Decimal(1), 'btc', 'chf') == Decimal(30400)


def test_a_route_leads_around_a_disputed_rate_where_there_is_another() -> None:
    found = rates(rate('uni', 'usd', '5')._replace(disputed=True), rate('uni', 'eth', '0.002'), rate('eth', 'usd', '3000'))
    assert path(found, 'uni', 'usd') == ['uni/eth', 'eth/usd']
