"""What a portfolio is worth and was worth, for the pages that show it: the answers of the API, by its services and presenters."""

from collections.abc import Sequence
from decimal import Decimal
from enum import Enum
from itertools import pairwise
from typing import NamedTuple

from chalicelib import clock
from chalicelib.api import answers
from chalicelib.api.presenters.currencies import present_value
from chalicelib.api.presenters.portfolios import present_converted_balances
from chalicelib.domain import currencies, money, timeline
from chalicelib.errors import HistoryTooLarge, NotReady
from chalicelib.models import Portfolio
from chalicelib.services.histories import pages as history_pages
from chalicelib.services.histories import rows
from chalicelib.services.histories.pages import InstantRange, PageRequest
from chalicelib.services.portfolios import converted
from chalicelib.services.portfolios.allowances import Allowance
from chalicelib.services.portfolios.balances import PortfolioBalances
from chalicelib.services.portfolios.converted import ConvertedBalances
from chalicelib.web.charts import ChartPoint, LineChart, line_chart

_GENESIS = 1_230_940_800  # 3 January 2009, before which nothing was worth anything
_MOST_ROWS = 1_000
_LEAST_OF_HIGHEST = Decimal('0.01')  # of the highest value, where a chart in per cent begins


class ChartRange(NamedTuple):
    """How far back a chart goes, None for the beginning, and the seconds between two of its points."""

    name: str
    seconds: int | None
    interval: int


RANGES = {
    each.name: each
    for each in (
        ChartRange('24h', timeline.DAY, timeline.HOUR),
        ChartRange('7d', timeline.WEEK, timeline.HOUR),
        ChartRange('30d', 30 * timeline.DAY, timeline.DAY),
        ChartRange('1y', 365 * timeline.DAY, timeline.DAY),
        ChartRange('all', None, timeline.WEEK),
    )
}
USUAL_RANGE = '30d'


class Past(Enum):
    """Whether the points before the last of a chart are known, still to come, or more than is computed."""

    KNOWN = 'known'
    AWAITED = 'awaited'
    TOO_LARGE = 'too_large'


class ExactPoint(NamedTuple):
    """What a portfolio was worth at an instant, not rounded as for display; `complete` says whether nothing is missing from it."""

    at: int
    value: Decimal
    complete: bool


class Change(NamedTuple):
    """By how much the value of a portfolio differs from that at an earlier instant, and by how many per cent, None of nothing."""

    amount: str
    percent: Decimal | None
    since: int

    @property
    def direction(self) -> str:
        sign = (Decimal(self.amount) > 0) - (Decimal(self.amount) < 0)
        return {1: 'up', 0: 'level', -1: 'down'}[sign]


class Worth(NamedTuple):
    """The value of a portfolio in one of its reporting currencies: the row of /converted and its chart, None while there is none.

    `points` are those of the chart, oldest first, the last of which is the value itself, and `past` says whether they are all there are.
    `change` is None where it would compare what is incomplete. `at` is the instant of the past that was asked for.
    """

    row: answers.ConvertedBalance
    converted: ConvertedBalances
    at: int | None
    points: list[ExactPoint]
    past: Past
    chart: LineChart | None
    change: Change | None

    @property
    def currency(self) -> str:
        return str(self.row['currency'])

    @property
    def missing(self) -> list[answers.NotInTotal]:
        """What is not in the value."""
        return self.row.get('missing', [])

    @property
    def is_known(self) -> bool:
        """Whether anything is counted in it, or all that there is to count: a value of nothing but missing parts is no zero."""
        return counts_anything(self.row)

    @property
    def observed_at(self) -> int:
        """When the oldest balance or rate in it was observed."""
        return self.converted.balance_at


def choose_currency(portfolio: Portfolio, code: str = '') -> str:
    """Return a code if it is one of the portfolio's reporting currencies, else the first of those that is fiat, else the first."""
    codes = list(portfolio.currencies)
    if code in codes:
        return code
    return next((each for each in codes if currencies.get(each).kind == 'fiat'), codes[0])


def counts_anything(row: answers.ConvertedBalance) -> bool:
    """Whether an explained row of /converted has anything in it, or lacks nothing."""
    return row['complete'] or any(Decimal(share['balance']) for share in row['explain'])


def value(
    summed: PortfolioBalances,
    currency: str,
    chart_range: ChartRange,
    height: int,
    at: int | None = None,
    allowance: Allowance | None = None,
) -> Worth:
    """Return what a portfolio is worth, or was at an instant, from what it held then. Raises NotReady.

    What of its history is not stored is computed within an allowance, that of one history or of all that are shown together.
    """
    row, totals = row_of(summed, currency, at)
    last = ExactPoint(clock.now() if at is None else at, totals.totals[0].value, row['complete'])
    past, before = _history(summed.portfolio, currency, chart_range, at, allowance)
    points = [*before, last]
    shown = [ChartPoint(point.at, present_value(point.value, currency), point.complete) for point in points]
    chart = line_chart(shown, chart_range.interval, height) if any(point.value for point in shown) else None
    return Worth(row, totals, at, points, past, chart, _change(shown, currency))


def in_percent(points: Sequence[ExactPoint]) -> list[ChartPoint]:
    """Return points as per cent of one of them, from that one on: how a value moved, and not what it was.

    That is the first of at least a hundredth of the highest, and they have four digits: per cents of a few cents would have so many that
    only one number of cents fits them, and tell each amount, as per cents of rounded values would. Among these it is the first that is
    complete, as what comes after would seem to have grown by what an incomplete one lacks, or where none is, just the first.
    """
    least = max((point.value for point in points), default=money.ZERO) * _LEAST_OF_HIGHEST
    large = [number for number, point in enumerate(points) if point.value >= least > 0]
    begins = next((number for number in large if points[number].complete), next(iter(large), len(points)))
    whole = points[begins].value if points[begins:] else money.ZERO
    percentages = (money.percentage(point.value, whole) or money.ZERO for point in points[begins:])
    return [ChartPoint(point.at, str(money.coarse(each)), point.complete) for point, each in zip(points[begins:], percentages, strict=True)]


def change_in_percent(points: Sequence[ChartPoint]) -> Change | None:
    """Return by how many per cent the last of points in per cent differs from the first, as far as these tell."""
    if not _can_be_compared(points):
        return None
    return Change(str(money.coarse(money.subtract(points[-1].value, points[0].value))), None, points[0].at)


def row_of(summed: PortfolioBalances, currency: str, at: int | None) -> tuple[answers.ConvertedBalance, ConvertedBalances]:
    """Return the row of /converted of one reporting currency, explained, and what it was presented from. Raises NotReady."""
    totals = converted.convert(summed, at=at, reporting=[currency])
    [row] = present_converted_balances(totals, expand=False, explain=True)
    return row, totals


def _history(
    portfolio: Portfolio, currency: str, chart_range: ChartRange, at: int | None, allowance: Allowance | None
) -> tuple[Past, list[ExactPoint]]:
    """Return the points before the last, oldest first, none of a past that is not known."""
    until = clock.now() if at is None else at
    first = _GENESIS if chart_range.seconds is None else max(0, until - chart_range.seconds)
    span = InstantRange(chart_range.interval, first, until - 1, newest_first=True)
    page_request = PageRequest(span, None, _MOST_ROWS)
    try:
        page = history_pages.read(portfolio.user_id, portfolio.portfolio_id, rows.converted_in(currency), page_request, allowance)
    except NotReady:
        return Past.AWAITED, []
    except HistoryTooLarge:
        return Past.TOO_LARGE, []
    points = [ExactPoint(row.at, row.value, row.complete) for row in reversed(page.rows)]
    return Past.KNOWN, _without_empty_start(points) if chart_range.seconds is None else points


def _without_empty_start(points: Sequence[ExactPoint]) -> list[ExactPoint]:
    """Return what is left of the points from the last before there was anything."""
    begins = next((number for number, (_, point) in enumerate(pairwise(points)) if point.value), len(points))
    return list(points[begins:])


def _change(points: Sequence[ChartPoint], currency: str) -> Change | None:
    if not _can_be_compared(points):
        return None
    first, last = points[0], points[-1]
    difference = money.subtract(last.value, first.value)
    return Change(present_value(difference, currency), money.percentage(difference, first.value), first.at)


def _can_be_compared(points: Sequence[ChartPoint]) -> bool:
    """Whether nothing is missing from the first and the last of points."""
    return len(points) > 1 and points[0].complete and points[-1].complete
