"""Charts as SVG: where lines, areas, bands and slices lie. Templates draw them; only here do amounts become floats, for pixels.

A chart shows nothing that is not known: where an instant of the grid is missing the line ends and begins anew, and a stretch between two
points one of which is incomplete is dashed over a hatched band.
"""

from collections.abc import Iterator, Sequence
from decimal import Context, Decimal, localcontext
from itertools import pairwise
from typing import NamedTuple

from chalicelib.domain import money

WIDTH = 1_000  # of the drawing, which is stretched to the width of the page; heights are pixels
MOST_POINTS = 400
_HEADROOM = Decimal('0.08')  # of the height, above the highest point
_MOST_TICKS = 4
_STEPS = tuple(Decimal(step) for step in ('1', '2', '2.5', '5', '10'))
_FLAT = Decimal('0.5')  # a lowest point above this share of the highest: the axis does not begin at zero
_NARROWEST_BAND = 4
_PIXELS = Context(prec=17)  # as many digits as a float has


class ChartPoint(NamedTuple):
    """What something was worth at an instant, as the API says it: `amount` is text, `complete` whether nothing is missing from it."""

    at: int
    amount: str
    complete: bool

    @property
    def value(self) -> Decimal:
        return Decimal(self.amount)


class Band(NamedTuple):
    """A stretch of a chart, in per cent of its width."""

    left: str
    width: str


class Tick(NamedTuple):
    """A line across a chart at an amount, in pixels from the top."""

    y: str
    amount: Decimal


class LineChart(NamedTuple):
    """A line in a drawing of `WIDTH` by `height`: paths of SVG, and what a reader is told of it in words.

    `points` are those drawn, at most about `MOST_POINTS`: of more, the lowest and the highest of each stretch. `last_y` is where the last
    point is, which stands at the right edge. The axis reaches from `bottom` to `top`. `data` are the points for static/chart.js.
    """

    height: int
    solid: str
    dashed: str
    area: str
    bands: list[Band]
    ticks: list[Tick]
    points: list[ChartPoint]
    lowest: ChartPoint
    highest: ChartPoint
    last_y: str
    bottom: Decimal
    top: Decimal
    data: str

    @property
    def from_zero(self) -> bool:
        return self.bottom <= 0

    @property
    def first(self) -> ChartPoint:
        return self.points[0]

    @property
    def last(self) -> ChartPoint:
        return self.points[-1]

    @property
    def has_gaps(self) -> bool:
        return self.area.count('M') > 1

    def instants(self, number: int) -> list[int]:
        """Return instants at equal distances, from the first to the last."""
        return [self.first.at + (self.last.at - self.first.at) * n // (number - 1) for n in range(number)]


class Slice(NamedTuple):
    """A part of a donut of circumference 100: its length, and how far from the top it begins, as SVG's dashes want it."""

    length: str
    rest: str
    offset: str


def line_chart(points: Sequence[ChartPoint], step: int, height: int) -> LineChart | None:
    """Return the chart of points, oldest first; None of fewer than two. Those more than `step` seconds apart have a gap between them."""
    if len(points) < 2:
        return None
    with localcontext(money.WIDE):
        return _line_chart(points, step, height)


def _line_chart(points: Sequence[ChartPoint], step: int, height: int) -> LineChart:
    runs = [_reduced(run, len(points)) for run in _runs(points, step)]
    drawn = [point for run in runs for point in run]
    lowest, highest = (choose(drawn, key=lambda point: point.value) for choose in (min, max))
    scale = _Scale(drawn[0].at, drawn[-1].at, *_axis(lowest.value, highest.value), height)
    stretches = list(_stretches(runs))
    return LineChart(
        height,
        solid=_path(scale, [run for run, complete in stretches if complete]),
        dashed=_path(scale, [run for run, complete in stretches if not complete]),
        area=''.join(f'{_line(scale, run)}V{scale.height}H{scale.x(run[0].at):.1f}z' for run in runs),
        bands=[scale.band(run[0].at, run[-1].at) for run, complete in stretches if not complete],
        ticks=[Tick(f'{scale.y(amount):.1f}', amount) for amount in _ticks(scale.bottom, scale.top)],
        points=drawn,
        lowest=lowest,
        highest=highest,
        last_y=f'{scale.y(drawn[-1].value):.1f}',
        bottom=scale.bottom,
        top=scale.top,
        data=';'.join(' '.join(map(_datum, run)) for run in runs),
    )


def donut(parts: Sequence[Decimal]) -> list[Slice]:
    """Return a slice for each part of a whole; none of the parts is negative. No more is told of one than its percentage beside it says."""
    with localcontext(money.WIDE):
        whole = sum(parts)
    slices: list[Slice] = []
    begun = 0.0
    for part in parts:
        length = float(_PIXELS.divide(part, Decimal(whole))) * 100 if whole else 0.0
        slices.append(Slice(f'{length:.1f}', f'{100 - length:.1f}', f'{25 - begun:.1f}'))
        begun += length
    return slices


class _Scale(NamedTuple):
    """Where instants and amounts lie."""

    first: int
    last: int
    bottom: Decimal
    top: Decimal
    height: int

    def x(self, at: int) -> float:
        return (at - self.first) / max(1, self.last - self.first) * WIDTH

    def y(self, amount: Decimal) -> float:
        return float(_PIXELS.divide(self.top - amount, self.top - self.bottom)) * self.height

    def place(self, point: ChartPoint) -> str:
        return f'{self.x(point.at):.1f} {self.y(point.value):.1f}'

    def band(self, since: int, until: int) -> Band:
        left = min(self.x(since), WIDTH - _NARROWEST_BAND)
        width = max(self.x(until) - left, _NARROWEST_BAND)
        return Band(f'{left / WIDTH:.2%}', f'{width / WIDTH:.2%}')


def _runs(points: Sequence[ChartPoint], step: int) -> Iterator[list[ChartPoint]]:
    """Yield the stretches without a gap."""
    run = [points[0]]
    for before, point in pairwise(points):
        if point.at - before.at > step:
            yield run
            run = []
        run.append(point)
    yield run


def _reduced(run: list[ChartPoint], number: int) -> list[ChartPoint]:
    """Return the lowest and highest point of each of as many stretches as make `MOST_POINTS` of `number`; incomplete if any there is."""
    if number <= MOST_POINTS:
        return run
    size = 2 * -(-number // MOST_POINTS)
    points: list[ChartPoint] = []
    for start in range(0, len(run), size):
        bucket = run[start : start + size]
        complete = all(point.complete for point in bucket)
        ends = {bucket[0]} if start == 0 else set()
        ends |= {bucket[-1]} if start + size >= len(run) else set()
        chosen = {min(bucket, key=lambda point: point.value), max(bucket, key=lambda point: point.value), *ends}
        points += [point._replace(complete=complete) for point in sorted(chosen)]
    return points


def _stretches(runs: Sequence[list[ChartPoint]]) -> Iterator[tuple[list[ChartPoint], bool]]:
    """Yield the parts of each run that are complete throughout, or nowhere, beside which; neighbours share a point."""
    for run in runs:
        if len(run) == 1:
            yield run, run[0].complete
        stretch, complete = run[:1], True
        for before, point in pairwise(run):
            both = before.complete and point.complete
            if both != complete and len(stretch) > 1:
                yield stretch, complete
                stretch = [before]
            complete = both
            stretch.append(point)
        if len(stretch) > 1:
            yield stretch, complete


def _datum(point: ChartPoint) -> str:
    return f'{point.at}:{point.amount}{"" if point.complete else "*"}'


def _path(scale: _Scale, stretches: Sequence[list[ChartPoint]]) -> str:
    return ''.join(_line(scale, stretch) for stretch in stretches)


def _line(scale: _Scale, points: Sequence[ChartPoint]) -> str:
    lone = 'h.1' if len(points) == 1 else ''  # a dot, by round ends
    return 'M' + 'L'.join(scale.place(point) for point in points) + lone


def _axis(lowest: Decimal, highest: Decimal) -> tuple[Decimal, Decimal]:
    """Return the amounts at the bottom and the top: from zero, unless all of it is far above zero or some of it below."""
    is_flat = lowest > 0 and lowest > highest * _FLAT
    room = (highest - lowest if is_flat else max(abs(highest), abs(lowest))) * _HEADROOM or Decimal(1)
    bottom = max(lowest - room, Decimal(0)) if is_flat else min(lowest - room if lowest < 0 else Decimal(0), Decimal(0))
    return bottom, highest + room


def _ticks(bottom: Decimal, top: Decimal) -> list[Decimal]:
    """Return round amounts between two."""
    rough = (top - bottom) / _MOST_TICKS
    magnitude = Decimal(1).scaleb(rough.adjusted())
    step = next(step * magnitude for step in _STEPS if step * magnitude >= rough)
    first = -(-bottom // step)
    return [step * n for n in range(int(first), int(first) + _MOST_TICKS + 1) if bottom <= step * n <= top]
