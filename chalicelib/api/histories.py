"""Histories: what a portfolio held, and was worth, at instants of the past."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from chalice.app import Blueprint, Response

from chalicelib import clock
from chalicelib.api import answers
from chalicelib.api.presenters.histories import present_historic_balance, present_historic_value, present_history_state
from chalicelib.api.requests.api_request import ApiRequest
from chalicelib.api.requests.query import EXPAND, FROM, INTERVAL, LIMIT, OLDEST_FIRST, TO, Query, cursor
from chalicelib.api.requests.router import Router
from chalicelib.auth import bearer
from chalicelib.domain import currencies, timeline
from chalicelib.domain.instants import from_epoch
from chalicelib.errors import Fault, Invalid
from chalicelib.services.histories import pages, rows
from chalicelib.services.histories.pages import HistoryPage, InstantRange, PageRequest, Position
from chalicelib.services.histories.rows import Row, RowsAt

bp = Blueprint(__name__)
router = Router(bp, authorizer=bearer)

PORTFOLIO = '/portfolios/{portfolio_id}'
_DEFAULT_SECONDS = 365 * timeline.DAY
_NOW = 'now'
_POSITION = re.compile(rf'([0-9]{{1,12}})#([a-z0-9-]{{1,64}})(?:#({_NOW})?#([0-9]{{1,12}})#([0-9]{{1,12}})#([0-9]{{1,12}}))?', re.ASCII)


class _Cursor(NamedTuple):
    """Where a page begins, and the first instant of the range, so that this does not move with the time; None of earlier releases."""

    position: Position
    first: int | None

    @property
    def text(self) -> str:
        at, currency, is_now, version, as_of = self.position
        return f'{at}#{currency}#{_NOW if is_now else ""}#{version}#{as_of}#{self.first}'


def _parse_cursor(text: str) -> _Cursor:
    """Return the cursor that `text` stands for; earlier releases wrote the instant and the currency alone. Raises ValueError."""
    match = _POSITION.fullmatch(text)
    if match is None:
        raise ValueError
    at, currency, now, version, as_of, first = match.groups()
    if version is None:
        return _Cursor(Position(from_epoch(at), currency), None)
    position = Position(from_epoch(at), currency, now is not None, int(version), from_epoch(as_of))
    return _Cursor(position, from_epoch(first))


CURSOR: Query[_Cursor | None] = cursor(_parse_cursor, start=None)
QUERY = (LIMIT, CURSOR, EXPAND, FROM, TO, INTERVAL, OLDEST_FIRST)


@router.get(
    PORTFOLIO + '/balances/history', answer=list[answers.HistoricBalance], beside=answers.HistoryState, query=QUERY, asynchronous=True
)
def get_balances_history(request: ApiRequest, portfolio_id: int) -> Response:
    """Get the historical balances for a portfolio.

    One row for each currency and instant of the interval, newest first, by default for the last 365 days. `covered` and `total` say how
    many contents of the portfolio were known then. An instant about which nothing is known has no row.
    """
    return _page(request, portfolio_id, rows.balances, present_historic_balance)


@router.get(
    PORTFOLIO + '/balances/{currency}/history',
    answer=list[answers.HistoricBalance],
    beside=answers.HistoryState,
    query=QUERY,
    asynchronous=True,
)
def get_balance_history(request: ApiRequest, portfolio_id: int, currency: str) -> Response:
    """Get the historical balances for a portfolio for a particular currency.

    As the history of all balances, in this currency alone.
    """
    return _page(request, portfolio_id, rows.balances_in(currencies.require(currency).code), present_historic_balance)


@router.get(
    PORTFOLIO + '/converted/history', answer=list[answers.HistoricValue], beside=answers.HistoryState, query=QUERY, asynchronous=True
)
def get_converted_history(request: ApiRequest, portfolio_id: int) -> Response:
    """Get the historical converted balances for a portfolio.

    One row for each reporting currency and instant. Past balances are converted by the rates kept for their hour, else by the closing
    rates of their day; `missing` lists what has no rate.
    """
    return _page(request, portfolio_id, rows.converted, present_historic_value)


def _page(request: ApiRequest, portfolio_id: int, rows_at: RowsAt[Row], present: Callable[..., Any]) -> Response:
    return present_page(request, lambda page_request: pages.read(request.user_id, portfolio_id, rows_at, page_request), present)


def present_page(request: ApiRequest, read: Callable[[PageRequest], HistoryPage[Row]], present: Callable[..., Any]) -> Response:
    """Return the page of a history that was requested, which `read` reads. Raises Invalid, and what `read` raises."""
    span, continued = _span(request, clock.now()), request[CURSOR]
    page_request = PageRequest(span, continued.position if continued else None, request[LIMIT] + 1)
    page = read(page_request)
    present_row = partial(present, expand=request.expand)
    return request.page(page.rows, present_row, lambda row: _Cursor(page.position(row), span.first).text, **present_history_state(page))


def _span(request: ApiRequest, now: int) -> InstantRange:
    """Return the instants that were requested. Raises Invalid."""
    first, last, continued = request[FROM], request[TO], request[CURSOR]
    if first is None and continued is not None:
        first = continued.first
    if first is None:
        first = max((now if last is None else last) - _DEFAULT_SECONDS, 0)
    if last is not None and first > last:
        raise Invalid(Fault('from', 'out_of_range', 'from must not be later than to'))
    return InstantRange(request[INTERVAL], first, last, newest_first=not request[OLDEST_FIRST])
