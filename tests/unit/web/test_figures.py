"""Amounts on pages: the digits of the API, grouped."""

from decimal import Decimal

import pytest

from chalicelib.web import figures


@pytest.mark.parametrize(
    ('amount', 'shown'),
    [
        ('662901.82', '662,901.82'),
        ('10.0', '10.0'),
        ('1000.0', '1,000.0'),
        ('-1234567.5', '−1,234,567.5'),  # noqa: RUF001
        ('999.123456789012345678', '999.123456789012345678'),
        (
            '115792089237316195423570985008687907853269984665640564039457.5',
            '115,792,089,237,316,195,423,570,985,008,687,907,853,269,984,665,640,564,039,457.5',
        ),
    ],
)
def test_only_commas_come_to_the_digits_of_an_amount(amount: str, shown: str):
    assert figures.group_digits(amount) == shown
    assert shown.replace(',', '').replace('−', '-') == amount  # noqa: RUF001


def test_a_change_has_its_sign():
    assert [figures.signed(amount) for amount in ('1250.00', '-1250.00', '0.0')] == ['+1,250.00', '−1,250.00', '+0.0']  # noqa: RUF001


@pytest.mark.parametrize(
    ('amount', 'shown'), [('650000', '650k'), ('1250000', '1.25M'), ('0.05', '0.05'), ('0', '0'), ('-2500', '-2.5k'), ('100', '100')]
)
def test_round_amounts_are_short(amount: str, shown: str):
    assert figures.compact(Decimal(amount)) == shown
