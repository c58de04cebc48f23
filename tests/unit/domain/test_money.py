"""Amounts are exact: no float, no rounding, no exponent."""

import re
from decimal import Decimal, Inexact, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain import money

UINT256 = 2**256 - 1
units = st.integers(-UINT256, UINT256)
decimals = st.integers(0, 36)
amounts = st.builds(money.scaled, units, decimals)


@given(units, decimals)
def test_units_are_scaled_exactly(number: int, places: int) -> None:
    amount = money.scaled(number, places)
    assert type(amount) is Decimal
    assert Fraction(amount) == Fraction(number, 10**places)


@pytest.mark.parametrize('places', range(37))
@pytest.mark.parametrize('number', [0, 1, -1, UINT256, -UINT256])
def test_the_extremes_of_uint256_are_scaled_exactly(number: int, places: int) -> None:
    assert Fraction(money.scaled(number, places)) == Fraction(number, 10**places)


@given(units, decimals)
def test_scaling_does_not_look_at_the_context_of_the_thread(number: int, places: int) -> None:
    with localcontext(prec=3):
        assert Fraction(money.scaled(number, places)) == Fraction(number, 10**places)


@given(amounts, amounts)
def test_sums_and_differences_are_exact_whatever_the_context_of_the_thread(left: Decimal, right: Decimal) -> None:
    with localcontext(prec=3):
        total, difference, negated = money.add(left, right), money.subtract(left, right), money.negate(left)
    assert type(total) is type(difference) is type(negated) is Decimal
    assert Fraction(total) == Fraction(left) + Fraction(right)
    assert Fraction(difference) == Fraction(left) - Fraction(right)
    assert Fraction(negated) == -Fraction(left)
    assert str(money.negate(money.ZERO)) == '0'


def test_a_sum_that_would_round_is_refused() -> None:
    with pytest.raises(Inexact):
        money.add(Decimal('1e200'), Decimal('1e-200'))


@pytest.mark.parametrize('other', [0.1, 1.0, '1'])
def test_what_is_no_decimal_is_not_added(other: object) -> None:
    with pytest.raises(TypeError):
        money.add(Decimal(1), other)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ('part', 'whole', 'percentage'),
    [
        ('1', '3', '33.3'),
        ('-1', '8', '-12.5'),
        ('-1', '100000', '0.0'),  # of what rounds to nothing no sign is left
        ('0.0005', '1', '0.0'),  # half a tenth goes to the even one
        ('0.00050000000000000000000000000000000001', '1', '0.1'),
        ('500000000000000000000000000000000001', '1000000000000000000000000000000000000000', '0.1'),
        ('1', '0', None),
        ('1', '-1', None),
    ],
)
def test_a_percentage_is_rounded_once_whatever_the_context_of_the_thread(part: str, whole: str, percentage: str | None) -> None:
    with localcontext(prec=3):
        result = money.percentage(Decimal(part), Decimal(whole))
    assert (None if result is None else str(result)) == percentage


@given(st.lists(amounts, max_size=20).flatmap(lambda row: st.tuples(st.just(row), st.permutations(row))))
def test_a_total_is_the_same_in_any_order(orders: tuple[list[Decimal], list[Decimal]]) -> None:
    one, other = orders
    assert money.total(one) == money.total(other)
    assert Fraction(money.total(one)) == sum(map(Fraction, one))


def test_the_total_of_nothing_is_zero() -> None:
    assert money.total([]) == 0


@given(amounts)
def test_the_stored_notation_of_an_amount_is_read_as_the_same_amount(amount: Decimal) -> None:
    assert Decimal(money.canonical(amount)) == amount


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=Decimal('-1e60'), max_value=Decimal('1e60')), st.integers(0, 9))
def test_equal_amounts_are_stored_in_the_same_notation(amount: Decimal, zeros: int) -> None:
    longer = Decimal(f'{amount:f}' + ('' if '.' in f'{amount:f}' else '.') + '0' * zeros)

    assert money.canonical(longer) == money.canonical(amount)
    assert re.fullmatch(r'-?(0|[1-9]\d*)\.(0|\d*[1-9])', money.canonical(amount), re.ASCII)


@pytest.mark.parametrize(
    ('amount', 'notation'),
    [
        ('50.00501000', '50.00501'),
        ('10', '10.0'),
        ('1E+3', '1000.0'),
        ('1E-8', '0.00000001'),
        ('-0.50', '-0.5'),
        ('-0E+5', '0.0'),
    ],
)
def test_the_stored_notation_has_no_exponent_and_never_changes(amount: str, notation: str) -> None:
    assert money.canonical(Decimal(amount)) == notation


@given(st.integers(-(10**78) + 1, 10**78 - 1))
def test_a_whole_number_is_read_from_json_and_from_text(number: int) -> None:
    assert money.whole(number) == money.whole(str(number)) == number
    assert type(money.whole(str(number))) is int


@given(st.floats() | st.decimals() | st.booleans() | st.none() | st.binary() | st.lists(st.integers()))
def test_nothing_but_whole_numbers_is_one(value: object) -> None:
    with pytest.raises(ValueError, match='whole'):
        money.whole(value)


@pytest.mark.parametrize('value', [10**78, -(10**78), str(10**78), '9' * 5_000])
def test_a_number_of_more_digits_than_uint256_has_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match='whole'):
        money.whole(value)


@pytest.mark.parametrize('value', ['', '-', '--1', '+1', ' 1', '1\n', '1.0', '1e3', '0x1', '1_000', '٣', '²', 'NaN', 'Infinity'])
def test_a_text_that_is_not_just_digits_is_no_whole_number(value: str) -> None:
    with pytest.raises(ValueError, match='whole'):
        money.whole(value)


@pytest.mark.parametrize(
    ('percentage', 'coarse'),
    [
        ('0.0', '0.0'), ('0.4', '0.4'), ('-12.3', '-12.3'), ('123.4', '123.4'), ('1000.0', '1000'), ('1234.5', '1234'),
        ('-9999.9', '-10000'), ('1517843.8', '1518000'), ('-1517843.8', '-1518000'),
    ],
)  # fmt: skip
def test_a_coarse_percentage_has_four_digits(percentage: str, coarse: str) -> None:
    assert str(money.coarse(Decimal(percentage))) == coarse
