"""What a portfolio was worth, as per cent of what it once was."""

from chalicelib.web.charts import ChartPoint
from chalicelib.web.worth import in_percent


def points(*amounts: str) -> list[ChartPoint]:
    """Return a point for each amount; one that ends in `*` is incomplete."""
    return [ChartPoint(at, amount.removesuffix('*'), not amount.endswith('*')) for at, amount in enumerate(amounts)]


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
