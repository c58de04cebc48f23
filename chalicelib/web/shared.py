"""What the holder of a link to a portfolio sees of it, without a log-in: see models/share_link.py.

An unknown, a revoked and an ended link look the same. A page with percentages only is made of nothing but percentages, so that no template
can show an amount.
"""

import re
from functools import partial
from typing import NamedTuple

from chalice.app import Blueprint, Request, Response

from chalicelib import clock
from chalicelib.domain import currencies, money
from chalicelib.errors import NotFound, NotReady
from chalicelib.http_io import rate_limiter
from chalicelib.models import ShareToken
from chalicelib.services.portfolios import balances
from chalicelib.texts import translatable
from chalicelib.web import forms, holdings, pages, worth
from chalicelib.web.charts import LineChart, line_chart
from chalicelib.web.holdings import Allocation, Asset
from chalicelib.web.worth import ChartRange, Past, Worth

bp = Blueprint(__name__)

_TOKEN = re.compile(r'[A-Za-z0-9_-]{43}')
_HEIGHT = 220


class SharedView(NamedTuple):
    """What is shown of a portfolio. `amount` is None where only percentages are; then no other field has an amount either.

    `is_known` says whether anything is counted in it. `unit` is what the points of the chart are in: a currency or `%`. `missing_parts` is
    how many parts are not counted in it. Where `past` is KNOWN, a chart that is not there does not come later either.
    """

    amount: str | None
    is_known: bool
    currency: str
    complete: bool
    missing_parts: int
    observed_at: int
    change: worth.Change | None
    past: Past
    chart: LineChart | None
    unit: str
    made_of: Allocation


@bp.route('/s/{token}', cors=False)
def show_shared_portfolio(token: str) -> Response:
    """Show what the link with this token shows of a portfolio; it loads itself again while values are read for the first time."""
    request = bp.current_request
    chart_range = worth.RANGES.get(forms.query_parameter(request, 'range'), worth.RANGES[worth.USUAL_RANGE])
    try:
        link = find_shared(token)
        with rate_limiter.large_work_counted_for(f'links of {link.user_id}'):
            summed = balances.sum_up(link.user_id, link.portfolio_id)
            currency = worth.choose_currency(summed.portfolio, forms.query_parameter(request, 'in'))
            value = worth.value(summed, currency, chart_range, _HEIGHT)
    except NotFound:
        return _render_nothing(request)
    except NotReady as not_ready:
        return _render_unread(request, not_ready)
    return pages.render(
        'shared.html',
        request,
        title=summed.portfolio.title,
        shown=_with_amounts(value) if link.shows_amounts else _in_percent(value, chart_range),
        currencies=list(summed.portfolio.currencies),
        here=partial(pages.choice_link, request, f'/s/{token}', {'range': chart_range.name, 'in': currency}),
        ranges=list(worth.RANGES),
        chosen_range=chart_range.name,
        now=clock.now(),
    )


def find_shared(token: str) -> ShareToken:
    """Return what a link shows. Raises NotFound, without a request to the table for what cannot be a token."""
    if not _TOKEN.fullmatch(token):
        raise NotFound
    return ShareToken.find(token, clock.now())


def _with_amounts(value: Worth) -> SharedView:
    made_of = _without_exchanges(holdings.allocation(value))
    return SharedView(value.row['balance'], *_common(value), value.change, value.past, value.chart, value.currency, made_of)


def _in_percent(value: Worth, chart_range: ChartRange) -> SharedView:
    points = worth.in_percent(value.points)
    chart = line_chart(points, chart_range.interval, _HEIGHT)
    made_of = _without_exchanges(holdings.allocation(value))
    shares = [_share(asset) for asset in made_of.assets]
    return SharedView(None, *_common(value), worth.change_in_percent(points), value.past, chart, '%', made_of._replace(assets=shares))


def _share(asset: Asset) -> Asset:
    """Return an asset without its amounts. All digits of the shares would tell them where debts leave next to nothing of what is held."""
    percent = None if asset.percent is None else money.coarse(asset.percent)
    return asset._replace(balance='', value=None, percent=percent)


def _without_exchanges(made_of: Allocation) -> Allocation:
    """Return an allocation whose unlisted currencies do not say at which exchange somebody has an account."""
    assets = [
        asset if (symbol := currencies.symbol(asset.code)) == asset.code else asset._replace(code=symbol, title=symbol.upper())
        for asset in made_of.assets
    ]
    return made_of._replace(assets=assets)


def _common(value: Worth) -> tuple[bool, str, bool, int, int]:
    return value.is_known, value.currency, value.row['complete'], len(value.missing), value.observed_at


def _render_nothing(request: Request) -> Response:
    text = translatable('It may have expired or been revoked. Ask whoever gave it to you for another.')
    return pages.error_page(request, 404, translatable('This link is not valid'), text, user=None)


def _render_unread(request: Request, not_ready: NotReady) -> Response:
    headers: pages.Headers = {'Refresh': str(max(not_ready.retry_after, pages.RELOAD_SECONDS))}
    return pages.render('shared.html', request, headers=headers, title='CryptFolio', shown=None, unread_reason=not_ready.reason)
