from decimal import Decimal

import pytest

from chalicelib.api.presenters.currencies import present_currency_ref, present_value


def test_the_short_form_of_a_currency_is_title_and_code():
    assert present_currency_ref('btc') == {'title': 'Bitcoin', 'code': 'btc'}


@pytest.mark.parametrize(
    ('amount', 'code', 'text'),
    [
        ('117753.6', 'usd', '117753.60'),
        ('0', 'usd', '0.00'),
        ('-0.001', 'usd', '0.00'),
        ('0.125', 'usd', '0.12'),
        ('0.135', 'usd', '0.14'),
        ('-2.5', 'jpy', '-2.0'),
        ('1.5', 'jpy', '2.0'),
        ('1.23456', 'kwd', '1.235'),
        ('10', 'btc', '10.0'),
        ('0.123456785', 'btc', '0.12345678'),
        ('0.000000001', 'btc', '0.0'),
    ],
)
def test_a_value_is_rounded_half_even_to_its_currency_and_fiat_has_all_decimals(amount: str, code: str, text: str) -> None:
    assert present_value(Decimal(amount), code) == text
