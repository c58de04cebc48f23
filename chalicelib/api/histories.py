"""Histories: what a portfolio held, and was worth, at instants of the past."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from chalice.app import Blueprint, Request, Response

from chalicelib import clock
from chalicelib.api import answers, presenters
from chalicelib.api.openapi.operation_spec import Contract
from chalicelib.api.requests import expand, query
from chalicelib.auth import bearer
from chalicelib.domain import currencies, timeline
from chalicelib.errors import Fault, Invalid
from chalicelib.http_io import paging
from chalicelib.http_io.request import path_id, user_id
from chalicelib.services.histories import pages
from chalicelib.services.histories.pages import HistoricBalance, HistoricValue, InstantRange, Position, Row, RowsAt

bp = Blueprint(__name__)

PORTFOLIO = '/portfolios/{portfolio_id}'
QUERY = ('from', 'to', 'interval', 'order')
_DEFAULT_SECONDS = 365 * timeline.DAY
_POSITION = re.compile(r'([0-9]{1,12})#([a-z0-9-]{1,64})', re.ASCII)


@bp.route(PORTFOLIO + '/balances/history', authorizer=bearer)
@Contract(list[answers.HistoricBalance], beside=answers.HistoryState, paged=True, expandable=True, asynchronous=True, query=QUERY)
def get_balances_history(portfolio_id: str) -> Response:
    """Get the historical balances for a portfolio."""
    return _respond(portfolio_id, pages.balances, presenters.present_historic_balance)


@bp.route(PORTFOLIO + '/balances/{currency}/history', authorizer=bearer)
@Contract(list[answers.HistoricBalance], beside=answers.HistoryState, paged=True, expandable=True, asynchronous=True, query=QUERY)
def get_balance_history(portfolio_id: str, currency: str) -> Response:
    """Get the historical balances for a portfolio for a particular currency."""
    return _respond(portfolio_id, pages.balances_in(currencies.require(currency).code), presenters.present_historic_balance)


@bp.route(PORTFOLIO + '/converted/history', authorizer=bearer)
@Contract(list[answers.HistoricValue], beside=answers.HistoryState, paged=True, expandable=True, asynchronous=True, query=QUERY)
def get_converted_history(portfolio_id: str) -> Response:
    """Get the historical converted balances for a portfolio."""
    return _respond(portfolio_id, pages.converted, presenters.present_historic_value)


def _respond(portfolio_id: str, rows_at: RowsAt[Row], present: Callable[..., Any]) -> Response:
    request = bp.current_request
    present_row = partial(present, expand=expand.is_asked(request))  # before anything is read: a bad request is never Not ready
    asked = paging.paging(request)
    span = _span(request, clock.now())
    after = None if asked.cursor is None else _read_position(asked.cursor)
    page = pages.read(user_id(request), path_id(portfolio_id), rows_at, span, after, asked.limit + 1)
    return paging.page(request, page.rows, asked, present_row, _position, **presenters.present_history_state(page))


def _span(request: Request, now: int) -> InstantRange:
    """Read `from`, `to`, `interval` and `order`. Raises Invalid."""
    interval = timeline.INTERVALS[query.choice(request, 'interval', ('day', 'hour', 'week'))]
    first, last = query.instant(request, 'from'), query.instant(request, 'to')
    if first is None:
        first = max((now if last is None else last) - _DEFAULT_SECONDS, 0)
    if last is not None and first > last:
        raise Invalid(Fault('from', 'out_of_range', 'from must not be later than to'))
    return InstantRange(interval, first, last, newest_first=query.choice(request, 'order', ('desc', 'asc')) == 'desc')


def _position(row: HistoricBalance | HistoricValue) -> str:
    return f'{row.at}#{row.currency}'


def _read_position(cursor: str) -> Position:
    match = _POSITION.fullmatch(cursor)
    if match is None:
        raise paging.bad_cursor()
    return Position(int(match[1]), match[2])
