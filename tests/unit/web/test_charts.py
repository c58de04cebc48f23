"""Charts show what is known as what it is: incomplete stretches dashed and hatched, unknown ones as gaps, never a bridge."""

import re
from decimal import Decimal

import pytest

from chalicelib.web.charts import MOST_POINTS, ChartPoint, donut, line_chart

HOUR = 3_600


def points(*amounts: str | None, incomplete: tuple[int, ...] = ()) -> list[ChartPoint]:
    """Return a point for each hour; None for an hour of which nothing is known."""
    return [ChartPoint(n * HOUR, amount, n not in incomplete) for n, amount in enumerate(amounts) if amount is not None]


def strokes(path: str) -> list[list[float]]:
    """Return the x of the points of each line of a path."""
    return [[float(place.split()[0]) for place in line.removesuffix('h.1').split('L')] for line in path.split('M')[1:]]


def test_a_whole_line_is_one_stroke_from_edge_to_edge_that_ends_at_the_last_amount():
    chart = line_chart(points('0', '50', '100', '75'), HOUR, 100)

    assert strokes(chart.solid) == [[0, 333.3, 666.7, 1000]]
    assert (chart.dashed, chart.bands, chart.has_gaps) == ('', [], False)
    assert (chart.lowest.amount, chart.highest.amount, chart.last.amount) == ('0', '100', '75')
    assert chart.from_zero
    assert chart.solid.endswith(f'1000.0 {chart.last_y}')
    places = [float(y) for y in re.findall(r' ([\d.]+)', chart.solid)]
    assert places[0] == pytest.approx(100)  # zero is the bottom
    assert places[1] - places[2] == pytest.approx(places[0] - places[1], abs=0.2)


def test_where_nothing_is_known_the_line_ends_and_begins_anew():
    chart = line_chart(points('1', '2', None, '4', None, '6'), HOUR, 100)

    assert strokes(chart.solid) == [[0, 200], [600], [1000]]
    assert chart.area.count('M') == 3
    assert chart.has_gaps
    assert chart.solid.count('h.1') == 2  # lone points are dots


def test_a_stretch_beside_an_incomplete_point_is_dashed_over_a_hatched_band():
    chart = line_chart(points('1', '2', '3', '4', '5', incomplete=(2,)), HOUR, 100)

    assert strokes(chart.solid) == [[0, 250], [750, 1000]]
    assert strokes(chart.dashed) == [[250, 500, 750]]
    assert [(band.left, band.width) for band in chart.bands] == [('25.00%', '50.00%')]


def test_an_incomplete_end_is_dashed_to_the_end_and_a_lone_incomplete_point_has_a_band():
    chart = line_chart(points('1', None, '3', '4', incomplete=(0, 3)), HOUR, 100)

    assert strokes(chart.dashed) == [[0], [666.7, 1000]]
    assert [band.left for band in chart.bands] == ['0.00%', '66.67%']
    assert all(float(band.width.rstrip('%')) > 0 for band in chart.bands)


def test_an_axis_far_from_zero_says_so():
    assert not line_chart(points('700', '705', '702'), HOUR, 100).from_zero
    assert line_chart(points('1', '705', '702'), HOUR, 100).from_zero
    below = line_chart(points('-5', '10'), HOUR, 100)
    assert all(0 <= float(y) <= 100 for y in re.findall(r' (-?[\d.]+)', below.solid))


@pytest.mark.parametrize(
    ('low', 'high'), [('0', '100'), ('640001.5', '700123.4'), ('0.00001', '0.00009'), ('-40', '3'), ('5', '5'), ('0', '0')]
)
def test_lines_across_are_at_round_amounts_within(low: str, high: str):
    chart = line_chart(points(low, high), HOUR, 200)

    assert 1 <= len(chart.ticks) <= 6
    assert all(0 <= float(tick.y) <= 200 for tick in chart.ticks)
    assert all(len(tick.amount.normalize().as_tuple().digits) <= 4 for tick in chart.ticks)


@pytest.mark.parametrize('amount', ['9' * 38, '9' * 60, '-' + '9' * 60, '1' + '0' * 300])
def test_a_level_line_is_flat_however_many_digits_it_is_at(amount: str):
    chart = line_chart(points(amount, amount), HOUR, 200)

    [left, right] = re.findall(r' (-?[\d.]+)', chart.solid)
    assert left == right == chart.last_y
    assert 0 <= float(left) <= 200
    assert chart.ticks


def test_a_difference_in_the_last_of_many_digits_is_drawn_as_any_other():
    high = '1' + '0' * 60

    assert line_chart(points('9' * 60, high), HOUR, 100).solid == line_chart(points('999', '1000'), HOUR, 100).solid


def test_of_many_points_the_extremes_and_both_ends_stay():
    amounts = ['500'] * 3_000
    amounts[1_234], amounts[2_000] = '1', '900'
    chart = line_chart(points(*amounts, incomplete=(2_500,)), HOUR, 100)

    assert len(chart.points) <= MOST_POINTS + 2
    assert (chart.lowest.amount, chart.highest.amount) == ('1', '900')
    assert (chart.first.at, chart.last.at) == (0, 2_999 * HOUR)
    assert chart.dashed
    assert [point.at for point in chart.points] == sorted({point.at for point in chart.points})


def test_a_point_is_no_chart():
    assert line_chart(points('1'), HOUR, 100) is None


def test_the_slices_of_a_donut_follow_each_other_round():
    slices = donut([Decimal(50), Decimal(25), Decimal(25)])

    assert [one.length for one in slices] == ['50.0', '25.0', '25.0']
    assert [one.offset for one in slices] == ['25.0', '-25.0', '-50.0']
    assert donut([Decimal(0)])[0].length == '0.0'


def test_the_slices_of_a_donut_tell_no_more_than_percentages_with_one_digit_do():
    slices = donut([Decimal('47.3391'), Decimal('39.1739'), Decimal('13.487')])

    assert [(one.length, one.rest, one.offset) for one in slices] == [
        ('47.3', '52.7', '25.0'),
        ('39.2', '60.8', '-22.3'),
        ('13.5', '86.5', '-61.5'),
    ]


def test_the_points_for_the_script_are_those_drawn_by_stretch_with_what_is_incomplete_marked():
    chart = line_chart(points('1', '2.50', None, '4', incomplete=(1,)), HOUR, 100)

    assert chart.data == '0:1 3600:2.50*;10800:4'
    assert (chart.bottom, chart.top) == (0, Decimal('4.32'))
