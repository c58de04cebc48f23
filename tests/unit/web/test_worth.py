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


def test_of_nothing_there_are_no_percentages():
    assert in_percent(points('0', '0')) == []
