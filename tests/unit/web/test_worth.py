"""What a portfolio was worth, as per cent of what it once was."""

from decimal import Decimal

from chalicelib.web.charts import ChartPoint
from chalicelib.web.worth import Change, ExactPoint, change_in_percent, in_percent


def points(*amounts: str) -> list[ExactPoint]:
    """Return a point for each amount; one that ends in `*` is incomplete."""
    return [ExactPoint(at, Decimal(amount.removesuffix('*')), not amount.endswith('*')) for at, amount in enumerate(amounts)]


def test_the_first_complete_value_above_zero_is_100_per_cent():
    assert in_percent(points('0', '10*', '200', '100*', '300')) == [
        ChartPoint(2, '100.0', True),
        ChartPoint(3, '50.0', False),
        ChartPoint(4, '150.0', True),
    ]


def test_the_first_value_above_zero_is_100_per_cent_where_none_is_complete():
    assert in_percent(points('0', '10*', '5*')) == [ChartPoint(1, '100.0', False), ChartPoint(2, '50.0', False)]


def test_what_was_less_than_a_hundredth_of_the_highest_is_left_out():
    """Of a growth from a few cents, the per cents have so many digits that only one number of cents fits all of them."""
    grown = points('3.17', '41.20', '4123.56', '41235.67', '39999.99')

    assert in_percent(grown) == [ChartPoint(2, '100.0', True), ChartPoint(3, '1000', True), ChartPoint(4, '970.0', True)]
    assert in_percent(points('1', '10', '1000*')) == [ChartPoint(1, '100.0', True), ChartPoint(2, '10000', False)]
    assert in_percent(points('1', '1000*', '5')) == [ChartPoint(1, '100.0', False), ChartPoint(2, '0.5', True)]


def test_of_nothing_there_are_no_percentages():
    assert in_percent(points('0', '0')) == []


def test_the_change_in_per_cent_is_that_of_the_points_and_tells_no_more():
    """Of a growth from a cent it would tell the cents: 7,210.60 is 72,105,900 % more than 0.01."""
    dust = in_percent(points('0.01', '0.01', '7000', '7210.60'))

    assert change_in_percent(dust) == Change('3.0', None, 2)
    assert change_in_percent(in_percent(points('100', '9999'))) == Change('9899', None, 0)
    assert change_in_percent(in_percent(points('200', '100'))) == Change('-50.0', None, 0)


def test_what_is_incomplete_at_either_end_has_no_change_in_per_cent():
    assert change_in_percent(in_percent(points('100*', '200'))) is None  # of which 200 alone is complete
    assert change_in_percent(in_percent(points('100', '200*'))) is None
    assert change_in_percent(in_percent(points('100'))) is None
    assert change_in_percent([]) is None
