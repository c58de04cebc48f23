"""Amounts that people give are taken exactly or not at all."""

from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain import money

DECIMALS = 36
amounts = st.builds(money.scaled, st.integers(-(10**60) + 1, 10**60 - 1), st.integers(0, DECIMALS))


@given(amounts)
def test_text_and_number_are_the_same_amount(amount: Decimal) -> None:
    assert money.parse_amount(f'{amount:f}', DECIMALS) == money.parse_amount(amount, DECIMALS) == amount


@given(amounts)
def test_an_amount_is_parsed_exactly_whatever_the_context_of_the_thread(amount: Decimal) -> None:
    with localcontext(prec=3):
        assert Fraction(money.parse_amount(f'{amount:f}', DECIMALS)) == Fraction(amount)


@given(amounts)
def test_what_is_stored_is_parsed_again(amount: Decimal) -> None:
    assert money.parse_amount(money.canonical(amount), DECIMALS) == amount


@given(st.integers(-(10**60) + 1, 10**60 - 1))
def test_a_whole_number_is_taken_as_it_is(number: int) -> None:
    assert money.parse_amount(number, 0) == number


@pytest.mark.parametrize(
    ('given_text', 'decimals', 'amount'),
    [
        ('1.500', 1, '1.5'),
        ('1.000', 0, '1'),
        ('0.' + '0' * 1_000, 0, '0'),
        ('0' * 1_000 + '1', 0, '1'),
        ('1' + '0' * 59, 0, '1E+59'),
        ('-0.00000001', 8, '-1E-8'),
    ],
)
def test_zeros_at_either_end_do_not_count(given_text: str, decimals: int, amount: str) -> None:
    assert money.parse_amount(given_text, decimals) == Decimal(amount)


@pytest.mark.parametrize(
    ('number', 'amount'), [('1e5', '100000'), ('1.5E+3', '1500'), ('1e-8', '0.00000001'), ('1000e-3', '1'), ('0e9', '0')]
)
def test_a_number_may_have_an_exponent(number: str, amount: str) -> None:
    assert f'{money.parse_amount(Decimal(number), 8):f}' == amount


@pytest.mark.parametrize('value', ['0.01', '-1.001', Decimal('1e-2'), Decimal('0.05')])
def test_more_fractional_digits_than_the_currency_has_are_refused(value: Any) -> None:
    with pytest.raises(ValueError, match='at most 1 digits after the point'):
        money.parse_amount(value, 1)


@pytest.mark.parametrize(
    'value',
    [
        '9' * 61, '-' + '9' * 61, '9' * 53 + '.' + '9' * 8, '1' * 100_000, 10**60, -(10**60), 10**4_000,
        *map(Decimal, ('1e60', '1e400', '-1e400', '1e-400', '1e999999999', '1e-999999999')),
    ],
)  # fmt: skip
def test_more_than_sixty_digits_are_refused(value: Any) -> None:
    with pytest.raises(ValueError, match='at most 60 digits'):
        money.parse_amount(value, DECIMALS)


@pytest.mark.parametrize(
    'value',
    [
        '', ' ', ' 1', '1 ', '1\n', '+1', '.5', '5.', '--1', '1e5', '1E5', 'NaN', 'Infinity', '-Infinity', 'sNaN', '0x10', '1_000', '1,5',
        '\u0661', True, False, None, 1.5, 1.0, [], ['1'], {}, b'1', *map(Decimal, ('NaN', 'sNaN', 'Infinity', '-Infinity')),
    ],
)  # fmt: skip
def test_what_is_no_number_in_plain_decimal_notation_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match='must be a number'):
        money.parse_amount(value, DECIMALS)
