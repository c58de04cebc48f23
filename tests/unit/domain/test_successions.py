"""Renamed, replaced and redenominated currencies: how they convert before and after."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from chalicelib.domain import currencies, rates
from chalicelib.domain.consensus import choose_closes
from chalicelib.domain.conversion import Rate, Rates
from chalicelib.domain.pegs import PEGS
from chalicelib.domain.rates import DailyClose, midnight
from chalicelib.domain.successions import REDENOMINATIONS, SUCCESSIONS

# What each code's central bank or foundation gave for one, by hand.
GIVEN = {
    'hrk': ('753.45', 'eur', '100'),
    'bgn': ('195.583', 'eur', '100'),
    'byr': ('1000000', 'byn', '100'),
    'mro': ('1000', 'mru', '100'),
    'std': ('100000', 'stn', '100'),
    'vef': ('100000000000', 'ves', '1'),
    'sll': ('100000', 'sle', '100'),
    'zwl': ('2498.7242', 'zwg', '1'),
    'ang': ('100', 'xcg', '100'),
    'eek': ('15.6466', 'eur', '1'),
    'zmk': ('1000', 'zmw', '1'),
    'matic': ('7', 'pol', '7'),
    'ftm': ('7', 's', '7'),
    'eos': ('7', 'a', '7'),
}


def known(day: date, *given: tuple[str, str, str]) -> Rates:
    return Rates(midnight(day), [Rate(base, quote, Decimal(price), midnight(day), 'test') for base, quote, price in given])


def hops(found: Rates, base: str, quote: str) -> list[tuple[str, str, bool]]:
    return [(f'{hop.rate.base}/{hop.rate.quote}', hop.rate.sources, hop.inverse) for hop in found.route(base, quote) or ()]


def test_every_succession_is_one_that_was_worked_out_here() -> None:
    assert SUCCESSIONS.keys() == GIVEN.keys()


@pytest.mark.parametrize('old', GIVEN)
def test_what_was_replaced_converts_by_its_ratio_from_the_day_on(old: str) -> None:
    amount, new, worth = GIVEN[old]
    since = SUCCESSIONS[old].since
    assert known(since).convert(Decimal(amount), old, new) == Decimal(worth)
    assert known(since).convert(Decimal(worth), new, old) == Decimal(amount)
    assert known(since - timedelta(days=1)).convert(Decimal(amount), old, new) is None
    assert hops(known(since), old, new) == [(f'{new}/{old}', 'successor', True)]


def test_before_its_end_a_currency_has_the_rates_that_were_published() -> None:
    given = [('eur', 'hrk', '7.5365'), ('eur', 'usd', '1.25')]
    assert known(date(2022, 12, 31), *given).convert(Decimal('75.365'), 'hrk', 'usd') == Decimal('12.5')
    assert known(date(2023, 1, 1), *given).convert(Decimal('75.345'), 'hrk', 'usd') == Decimal('12.5')


@pytest.mark.parametrize('pair', [('matic', 'usd', '999'), ('usd', 'byr', '999'), ('eur', 'hrk', '999')])
def test_what_is_published_of_a_currency_after_its_end_is_refused(pair: tuple[str, str, str]) -> None:
    found = known(date(2026, 6, 1), pair, ('pol', 'usd', '0.5'), ('usd', 'byn', '3'), ('eur', 'usd', '1.25'))
    old = next(code for code in pair[:2] if code in GIVEN)
    expected = {'matic': '0.5', 'byr': '0.0000333333', 'hrk': '0.1659035'}[old]  # 1/3/10000, 1.25/7.5345
    value = found.convert(Decimal(1), old, 'usd')
    assert value is not None
    assert abs(value - Decimal(expected)) < Decimal('1e-7')


def test_both_ends_may_be_replaced_ones() -> None:
    assert known(date(2026, 6, 1)).convert(Decimal('7.5345'), 'hrk', 'bgn') == Decimal('1.95583')
    found = known(date(2026, 6, 1), ('usd', 'byn', '2'), ('eur', 'usd', '1.25'))
    # 10,000 old roubles are a new one, half a dollar, 0.4 euros, 3.0138 kunas
    assert found.convert(Decimal(10_000), 'byr', 'hrk') == Decimal('3.0138')
    assert [pair for pair, *_ in hops(found, 'byr', 'hrk')] == ['byn/byr', 'usd/byn', 'eur/usd', 'eur/hrk']


def test_a_currency_that_kept_its_code_is_worth_the_same_before_and_after_its_zeros_were_cut() -> None:
    for code, old, new in (('syp', '13000', '130'), ('ves', '4180000', '4.18')):
        since = REDENOMINATIONS[code].since
        assert known(since - timedelta(days=1), ('usd', code, old)).convert(Decimal(1), 'usd', code) == Decimal(new)
        assert known(since, ('usd', code, new)).convert(Decimal(1), 'usd', code) == Decimal(new)


def test_a_close_of_before_that_is_carried_over_the_day_is_of_before() -> None:
    carried = Rate('usd', 'syp', Decimal(13_000), midnight(date(2025, 12, 31)), 'nbp')
    assert Rates(midnight(date(2026, 1, 5)), [carried]).convert(Decimal(1), 'usd', 'syp') == 130


def test_cut_zeros_are_no_jump_among_closes() -> None:
    prices = {date(2025, 12, 31): '13000', date(2026, 1, 1): '130'}
    closes = [DailyClose(day, 'usd', 'syp', Decimal(price), 'frankfurter') for day, price in prices.items()]
    assert [close.disputed for close in choose_closes([closes])] == [False, False]


def test_a_code_is_converted_by_those_that_it_leads_to() -> None:
    assert rates.with_related(['vef']) == {'vef', 'ves'}
    assert rates.with_related(['ved', 'bnd', 'btc']) == {'ved', 'ves', 'bnd', 'sgd', 'btc'}
    assert ('usd', 'byn') in rates.pairs_of(['byr'])


def test_all_codes_of_the_tables_are_currencies() -> None:
    codes = {*SUCCESSIONS, *(one.new for one in SUCCESSIONS.values()), *REDENOMINATIONS, *PEGS, *(one.anchor for one in PEGS.values())}
    assert all(currencies.find(code) for code in codes)
    assert all(peg.code == code and currencies.get(code).kind == 'fiat' for code, peg in PEGS.items())


def test_a_peg_of_what_is_itself_priced_is_exact_and_begins_on_its_day() -> None:
    found = known(date(2026, 6, 1), ('eur', 'gbp', '0.875'), ('usd', 'ves', '250'))
    assert found.convert(Decimal(7), 'fkp', 'eur') == 8
    assert found.convert(Decimal(1), 'usd', 'ved') == 250
    assert known(date(2014, 12, 31)).convert(Decimal(1), 'usd', 'tmt') is None
    assert known(date(2015, 1, 1)).convert(Decimal(1), 'usd', 'tmt') == Decimal('3.5')
    disputed = Rates(midnight(date(2026, 6, 1)), [Rate('eur', 'gbp', Decimal(1), 0, 'ecb', disputed=True)])
    assert disputed.convert(Decimal(1), 'fkp', 'eur') is None
    assert disputed.reason_without_route('fkp', 'eur') == 'disputed'
