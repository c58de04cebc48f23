"""Instants are ISO 8601 with an offset, amounts exact decimals in plain notation."""

import re
from datetime import datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.formats import format_amount, format_instant, format_rounded

seconds = st.integers(0, 253_402_300_799)  # 1970 to the end of 9999
amounts = st.decimals(allow_nan=False, allow_infinity=False, min_value=Decimal('-1e60'), max_value=Decimal('1e60'))


@given(seconds)
def test_an_instant_reads_back_the_same(moment: int) -> None:
    assert datetime.fromisoformat(format_instant(moment)).timestamp() == moment


@given(seconds)
def test_an_instant_has_seconds_and_an_offset_of_zero(moment: int) -> None:
    assert re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00', format_instant(moment), re.ASCII)


@pytest.mark.parametrize(
    ('moment', 'text'),
    [(0, '1970-01-01T00:00:00+00:00'), (1_231_471_428, '2009-01-09T03:23:48+00:00'), (1_462_227_851, '2016-05-02T22:24:11+00:00')],
)
def test_instants_are_formatted_as_documented(moment: int, text: str) -> None:
    assert format_instant(moment) == text


def test_what_is_not_known_stays_none() -> None:
    assert format_instant(None) is None
    assert format_amount(None) is None


@given(amounts)
def test_an_amount_reads_back_the_same(amount: Decimal) -> None:
    assert Decimal(format_amount(amount)) == amount


@given(amounts)
def test_an_amount_is_in_plain_notation_with_one_fractional_digit_or_as_many_as_are_needed(amount: Decimal) -> None:
    assert re.fullmatch(r'-?(0|[1-9]\d*)\.(0|\d*[1-9])', format_amount(amount), re.ASCII)


@pytest.mark.parametrize(
    ('amount', 'text'),
    [
        ('50.00501', '50.00501'),
        ('50.00501000', '50.00501'),
        ('10', '10.0'),
        ('1E+1', '10.0'),
        ('1E+30', '1' + '0' * 30 + '.0'),
        ('1E-18', '0.000000000000000001'),
        ('-0.50', '-0.5'),
        ('0', '0.0'),
        ('-0', '0.0'),
        ('0E-8', '0.0'),
        ('-0E+5', '0.0'),
    ],
)
def test_amounts_are_formatted_as_documented(amount: str, text: str) -> None:
    assert format_amount(Decimal(amount)) == text


@pytest.mark.parametrize(
    ('amount', 'decimals', 'pad', 'text'),
    [
        ('117753.6', 2, True, '117753.60'),
        ('0.125', 2, True, '0.12'),
        ('0.135', 2, True, '0.14'),
        ('-0.001', 2, True, '0.00'),
        ('-2.5', 0, True, '-2.0'),
        ('10', 8, False, '10.0'),
        ('0.123456785', 8, False, '0.12345678'),
    ],
)
def test_an_amount_is_rounded_half_even_and_padded_if_need_be(amount: str, decimals: int, pad: bool, text: str) -> None:
    assert format_rounded(Decimal(amount), decimals=decimals, pad=pad) == text
