"""Histories: what a portfolio held, and was worth, at instants of the past."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from chalice.app import Blueprint, Response

from chalicelib import clock
from chalicelib.api import answers
from chalicelib.api.presenters.histories import present_historic_balance, present_historic_value, present_history_state
from chalicelib.api.requests.api_request import ApiRequest
from chalicelib.api.requests.query import EXPAND, FROM, INTERVAL, LIMIT, OLDEST_FIRST, TO, Query, cursor
from chalicelib.api.requests.router import Router
from chalicelib.auth import bearer
from chalicelib.domain import currencies, timeline
from chalicelib.errors import Fault, Invalid
from chalicelib.services.histories import pages
from chalicelib.services.histories.pages import HistoricBalance, HistoricValue, InstantRange, Position, Row, RowsAt

bp = Blueprint(__name__)
router = Router(bp, authorizer=bearer)

PORTFOLIO = '/portfolios/{portfolio_id}'
_DEFAULT_SECONDS = 365 * timeline.DAY
_POSITION = re.compile(r'([0-9]{1,12})#([a-z0-9-]{1,64})', re.ASCII)


def _parse_position(text: str) -> Position:
    match = _POSITION.fullmatch(text)
    if match is None:
        raise ValueError
    return Position(int(match[1]), match[2])


CURSOR: Query[Position | None] = cursor(_parse_position, start=None)
QUERY = (LIMIT, CURSOR, EXPAND, FROM, TO, INTERVAL, OLDEST_FIRST)


@router.get(
    PORTFOLIO + '/balances/history', answer=list[answers.HistoricBalance], beside=answers.HistoryState, query=QUERY, asynchronous=True
)
def get_balances_history(request: ApiRequest, portfolio_id: int) -> Response:
    """Get the historical balances for a portfolio."""
    return _page(request, portfolio_id, pages.balances, present_historic_balance)


@router.get(
    PORTFOLIO + '/balances/{currency}/history',
    answer=list[answers.HistoricBalance],
    beside=answers.HistoryState,
    query=QUERY,
    asynchronous=True,
)
def get_balance_history(request: ApiRequest, portfolio_id: int, currency: str) -> Response:
    """Get the historical balances for a portfolio for a particular currency."""
    return _page(request, portfolio_id, pages.balances_in(currencies.require(currency).code), present_historic_balance)


@router.get(
    PORTFOLIO + '/converted/history', answer=list[answers.HistoricValue], beside=answers.HistoryState, query=QUERY, asynchronous=True
)
def get_converted_history(request: ApiRequest, portfolio_id: int) -> Response:
    """Get the historical converted balances for a portfolio."""
    return _page(request, portfolio_id, pages.converted, present_historic_value)


def _page(request: ApiRequest, portfolio_id: int, rows_at: RowsAt[Row], present: Callable[..., Any]) -> Response:
    page = pages.read(request.user_id, portfolio_id, rows_at, _span(request, clock.now()), request[CURSOR], request[LIMIT] + 1)
    present_row = partial(present, expand=request.expand)
    return request.page(page.rows, present_row, _position, **present_history_state(page))


def _span(request: ApiRequest, now: int) -> InstantRange:
    """Return the instants that were requested. Raises Invalid."""
    first, last = request[FROM], request[TO]
    if first is None:
        first = max((now if last is None else last) - _DEFAULT_SECONDS, 0)
    if last is not None and first > last:
        raise Invalid(Fault('from', 'out_of_range', 'from must not be later than to'))
    return InstantRange(request[INTERVAL], first, last, newest_first=not request[OLDEST_FIRST])


def _position(row: HistoricBalance | HistoricValue) -> str:
    return f'{row.at}#{row.currency}'
