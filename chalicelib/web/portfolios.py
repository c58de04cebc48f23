"""The pages of portfolios: all of them, and one with what it is worth and made of."""

import math
from collections.abc import Iterable, Iterator
from decimal import Decimal
from functools import partial
from typing import NamedTuple

from chalice.app import Blueprint, Response

from chalicelib import clock
from chalicelib.api.presenters.currencies import present_value
from chalicelib.config import settings
from chalicelib.domain import money
from chalicelib.errors import NotReady
from chalicelib.http_io import rate_limiter
from chalicelib.http_io.request import path_id
from chalicelib.models import Portfolio
from chalicelib.services.histories.compute import value_allowance
from chalicelib.services.portfolios import balances
from chalicelib.services.portfolios.allowances import Allowance
from chalicelib.texts import translatable
from chalicelib.web import figures, forms, holdings, pages, sessions, unread, worth
from chalicelib.web.days import parse_as_of

bp = Blueprint(__name__)

_CARDS = 10
_CARDS_SHARE = 6  # the rest are left out once those before took as many requests as a sixth of what a user may make in a minute
_CARD_HEIGHT, _CHART_HEIGHT = 48, 220


class Card(NamedTuple):
    """A portfolio on the page of all of them; `worth` is None while nothing is known of it; `unread_reason` is that of NotReady.

    `is_left_out` says that it was not read, as those before it are large.
    """

    portfolio: Portfolio
    currency: str
    worth: worth.Worth | None
    unread_reason: str | None = None
    is_left_out: bool = False

    @property
    def is_empty(self) -> bool:
        return not (self.portfolio.addresses or self.portfolio.accounts or self.portfolio.offsets)


class TotalWorth(NamedTuple):
    """What several portfolios are worth together, as they are shown; incomplete if any of them is."""

    amount: str
    currency: str
    complete: bool


@bp.route('/portfolios', cors=False)
def show_portfolios() -> Response:
    """Show the user's portfolios, ten to a page, each with what it is worth."""
    request = bp.current_request
    user = sessions.require_user(request)
    text = forms.query_parameter(request, 'after')
    after = path_id(text) if text else 0
    page = Portfolio.page(user.user_id, after=after, limit=_CARDS + 1)
    cards = list(_cards(page[:_CARDS]))
    is_reading = any(card.worth is None and not card.is_left_out for card in cards)
    return pages.render(
        'portfolios.html',
        request,
        headers=_reload(is_reading),
        user=user,
        cards=cards,
        total=_total(cards) if after == 0 and len(page) <= _CARDS else None,
        next_after=cards[-1].portfolio.portfolio_id if len(page) > _CARDS else None,
        now=clock.now(),
    )


@bp.route('/portfolios/{portfolio_id}', cors=False)
def show_portfolio(portfolio_id: str) -> Response:
    """Show what a portfolio is worth, how that changed and what it is made of, now or as of a day of the past."""
    request = bp.current_request
    user = sessions.require_user(request)
    number = path_id(portfolio_id)
    chart_range = worth.RANGES.get(forms.query_parameter(request, 'range'), worth.RANGES[worth.USUAL_RANGE])
    day = forms.query_parameter(request, 'at')
    at, faults = parse_as_of(day)
    try:
        with rate_limiter.large_work_counted_for(f'pages of {user.user_id}'):
            summed = balances.sum_up(user.user_id, number, at)
            currency = worth.choose_currency(summed.portfolio, forms.query_parameter(request, 'in'))
            value = worth.value(summed, currency, chart_range, _CHART_HEIGHT, at)
            transactions = holdings.latest_transactions(summed, at)
    except NotReady as not_ready:
        return unread.render_unread(request, user, number, not_ready)
    is_reading = not day and holdings.is_being_read(summed, value, clock.now())
    return pages.render(
        'portfolio.html',
        request,
        headers=_reload(is_reading),
        is_reading=is_reading,
        scripts=value.chart is not None,
        status=422 if faults else 200,
        faults=faults,
        user=user,
        portfolio=summed.portfolio,
        worth=value,
        here=partial(pages.choice_link, request, f'/portfolios/{number}', {'range': chart_range.name, 'in': currency, 'at': day or None}),
        made_of=holdings.allocation(value),
        contents=holdings.contents(summed),
        transactions=transactions,
        ranges=list(worth.RANGES),
        chosen_range=chart_range.name,
        chosen_day=day,
        last_year=f'{int(figures.iso(clock.now())[:4]) - 1}-12-31',
        now=clock.now(),
    )


@bp.route('/portfolios/{portfolio_id}/explain', cors=False)
def explain_portfolio(portfolio_id: str) -> Response:
    """Show how the value of a portfolio came about: each currency's route and rates, and what its parts were read from."""
    request = bp.current_request
    user = sessions.require_user(request)
    number = path_id(portfolio_id)
    at, faults = parse_as_of(forms.query_parameter(request, 'at'))
    if faults:
        return pages.error_page(request, 422, translatable('There is no value for that day'), faults[0].message, user=user)
    try:
        with rate_limiter.large_work_counted_for(f'pages of {user.user_id}'):
            summed = balances.sum_up(user.user_id, number, at)
            currency = worth.choose_currency(summed.portfolio, forms.query_parameter(request, 'in'))
            row, totals = worth.row_of(summed, currency, at)
    except NotReady as not_ready:
        return unread.render_unread(request, user, number, not_ready)
    return pages.render(
        'explain.html',
        request,
        user=user,
        portfolio=summed.portfolio,
        row=row,
        is_known=worth.counts_anything(row),
        missing=row.get('missing', []),
        code=currency,
        at=at,
        rates_at=totals.rates_made_at,
        readings=holdings.readings(summed),
        now=clock.now(),
    )


def _cards(portfolios: Iterable[Portfolio]) -> Iterator[Card]:
    allowance, begun = value_allowance(), rate_limiter.requests_so_far()  # for all of them
    most = settings().rate_limit // _CARDS_SHARE or math.inf
    for portfolio in portfolios:
        if rate_limiter.requests_so_far() - begun > most:
            yield Card(portfolio, worth.choose_currency(portfolio), None, is_left_out=True)
        else:
            with rate_limiter.large_work_counted_for(f'pages of {portfolio.user_id}'):  # each before the next
                card = _card(portfolio, allowance)
            yield card


def _card(portfolio: Portfolio, allowance: Allowance) -> Card:
    currency = worth.choose_currency(portfolio)
    try:
        summed = balances.sum_up(portfolio.user_id, portfolio.portfolio_id)
        value = worth.value(summed, currency, worth.RANGES[worth.USUAL_RANGE], _CARD_HEIGHT, allowance=allowance)
        return Card(portfolio, currency, value)
    except NotReady as not_ready:
        return Card(portfolio, currency, None, not_ready.reason)


def _total(cards: list[Card]) -> TotalWorth | None:
    """Return what several portfolios are worth together, if the worth of each is known, all in one currency."""
    rows = [card.worth.row for card in cards if card.worth is not None]
    if len(cards) < 2 or len(rows) < len(cards) or len({card.currency for card in cards}) > 1:
        return None
    if not any(map(worth.counts_anything, rows)):
        return None
    currency = cards[0].currency
    amount = money.total(Decimal(row['balance']) for row in rows)
    return TotalWorth(present_value(amount, currency), currency, all(row['complete'] for row in rows))


def _reload(is_reading: bool) -> dict[str, str | list[str]]:
    """Return the header by which a page loads itself again, without a script."""
    return {'Refresh': str(pages.RELOAD_SECONDS)} if is_reading else {}
