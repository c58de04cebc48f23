"""Numbers and dates in the customs of a language; every digit is that of the API, and every time says that it is UTC."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import locales
from chalicelib.texts import LANGUAGES, use_language
from chalicelib.web import amounts, figures

BEFORE_MIDNIGHT = 1_514_764_740  # 2017-12-31T23:59:00Z
MINUS, SPACE = '\N{MINUS SIGN}', '\N{NO-BREAK SPACE}'
API_AMOUNTS = st.from_regex(r'-?(0|[1-9][0-9]{0,8})\.[0-9]{1,8}', fullmatch=True)


@pytest.mark.parametrize(
    ('amount', 'english', 'german'),
    [
        ('662901.82', '662,901.82', '662.901,82'),
        ('10.0', '10.0', '10,0'),
        ('-1234567.5', f'{MINUS}1,234,567.5', f'{MINUS}1.234.567,5'),
        ('999.123456789012345678', '999.123456789012345678', '999,123456789012345678'),
        (
            '115792089237316195423570985008687907853269984665640564039457.5',
            '115,792,089,237,316,195,423,570,985,008,687,907,853,269,984,665,640,564,039,457.5',
            '115.792.089.237.316.195.423.570.985.008.687.907.853.269.984.665.640.564.039.457,5',
        ),
    ],
)
def test_only_separators_come_to_the_digits_of_an_amount(amount: str, english: str, german: str):
    assert locales.group_digits(amount) == english
    with use_language('de'):
        assert locales.group_digits(amount) == german


def test_dates_and_times_are_written_as_the_language_does():
    epoch = BEFORE_MIDNIGHT
    written = (locales.day, locales.short_day, locales.minute, locales.day_of_month, locales.month_of_year, figures.in_table)

    assert [write(epoch) for write in written] == [
        *('31 December 2017', '31 Dec 2017', '31 December 2017, 23:59 UTC', '31 Dec', 'Dec 2017', '2017-12-31 23:59'),
    ]
    assert figures.as_of(epoch + 60) == 'the end of 31 December 2017 (UTC)'
    with use_language('de'):
        assert [write(epoch) for write in written] == [
            *('31. Dezember 2017', '31. Dez. 2017', '31. Dezember 2017, 23:59 UTC', '31. Dez.', 'Dez. 2017', '31.12.2017 23:59'),
        ]
        assert figures.as_of(epoch + 60) == 'Ende des 31. Dezember 2017 (UTC)'
        assert figures.compact(Decimal('1250000')) == f'1,25{SPACE}Mio.'


@pytest.mark.parametrize(
    ('typed', 'english', 'german'),
    [
        ('12500.50', '12500.50', '12500.50'),
        ('12500,50', None, '12500.50'),
        ('-1', '-1', '-1'),
        ('0,5', None, '0.5'),
        ('0.123', '0.123', '0.123'),  # no thousand begins with zero
        ('0,123', None, '0.123'),
        ('1.234', '1.234', None),  # a thousand in German
        ('1,234', None, None),  # a thousand in English
        ('-999.000', '-999.000', None),
        ('1234.567', '1234.567', '1234.567'),
        ('1234,567', None, '1234.567'),
        ('1.2340', '1.2340', '1.2340'),
        ('1,2340', None, '1.2340'),
        *(
            (text, None, None)
            for text in (
                '500,500',
                '1.234,56',
                '1,234.56',
                '1.234.567',
                "1'000",
                '1,',
                ',5',
                '.5',
                '1e3',
                '\N{ARABIC-INDIC DIGIT ONE}',
                '+1',
                '',
            )
        ),
    ],
)
def test_an_amount_that_may_be_two_is_refused(typed: str, english: str | None, german: str | None):
    for code, expected in (('en', english), ('de', german)):
        with use_language(code):
            if expected is None:
                with pytest.raises(amounts.BadAmount):
                    amounts.to_api(typed)
            else:
                assert amounts.to_api(typed) == expected


def test_a_refused_amount_says_how_to_write_what_is_meant():
    with use_language('de'), pytest.raises(amounts.BadAmount) as refused:
        amounts.to_api('1.234')
    assert refused.value.sentence == '“1.234” can mean two amounts: write 1234 or 1.2340'

    with use_language('de'):
        assert [amounts.to_api(text) for text in ('1234', '1,2340')] == ['1234', '1.2340']


@given(API_AMOUNTS, st.sampled_from(sorted(LANGUAGES)))
def test_an_amount_that_a_form_shows_is_taken_for_the_same(amount: str, code: str):
    with use_language(code):
        assert Decimal(amounts.to_api(amounts.to_type(amount))) == Decimal(amount)
