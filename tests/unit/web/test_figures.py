"""Amounts on pages: the digits of the API, grouped."""

from decimal import Decimal

import pytest

from chalicelib.web import figures


def test_a_change_has_its_sign():
    assert [figures.signed(amount) for amount in ('1250.00', '-1250.00', '0.0')] == ['+1,250.00', '−1,250.00', '+0.0']  # noqa: RUF001


@pytest.mark.parametrize(
    ('amount', 'shown'),
    [('650000', '650k'), ('1250000', '1.25M'), ('0.05', '0.05'), ('0', '0'), ('-2500', '\N{MINUS SIGN}2.5k'), ('100', '100')],
)
def test_round_amounts_are_short(amount: str, shown: str):
    assert figures.compact(Decimal(amount)) == shown


def test_no_digit_of_the_amount_of_a_line_is_lost():
    assert figures.compact(Decimal('9' * 38)) == '99' + ',999' * 8 + '.999999999999T'
