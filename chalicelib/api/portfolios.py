"""Portfolios: /api/portfolios and /api/portfolios/ID."""

from chalice.app import Blueprint, Response

from chalicelib import clock
from chalicelib.api import answers
from chalicelib.api.presenters.portfolios import (
    present_converted_balances,
    present_coverage,
    present_portfolio,
    present_portfolio_balance,
    present_portfolio_balances,
    present_portfolio_summary,
    present_portfolio_transaction,
    present_rate_set,
    require_room_for_missing,
)
from chalicelib.api.requests import fields, idempotency
from chalicelib.api.requests.api_request import ApiRequest
from chalicelib.api.requests.body import Body
from chalicelib.api.requests.query import AT, EXPAND, EXPLAIN, ID_CURSOR, LIMIT, Query, cursor
from chalicelib.api.requests.router import Router
from chalicelib.auth import bearer
from chalicelib.domain import currencies
from chalicelib.errors import PreconditionFailed
from chalicelib.http_io.response import created, ok
from chalicelib.models import Portfolio, PortfolioTree, is_position, read_portfolio_tree
from chalicelib.services.portfolios import balances, converted, portfolios, transactions
from chalicelib.services.portfolios.transactions import PortfolioPosition

bp = Blueprint(__name__)
router = Router(bp, authorizer=bearer)

COLLECTION = '/portfolios'
ITEM = COLLECTION + '/{portfolio_id}'

NEW = Body('NewPortfolio', required=(fields.TITLE, fields.CURRENCIES))
CHANGES = Body('PortfolioChanges', optional=(fields.TITLE, fields.CURRENCIES))


_PLACE = '|'


def _parse_place(text: str) -> PortfolioPosition:
    position, _, child = text.rpartition(_PLACE)
    if not (is_position(position) and child.isascii() and child.isalnum()):
        raise ValueError
    return PortfolioPosition(position, child)


PLACE_CURSOR: Query[PortfolioPosition | None] = cursor(_parse_place, start=None)


@router.post(COLLECTION, answer=answers.Portfolio, body=NEW)
def create_portfolio(request: ApiRequest) -> Response:
    """Create a new portfolio.

    A portfolio groups addresses, accounts and offsets, which further requests add. `currencies` are its reporting currencies: its
    value is given in each of them.
    """
    title, reporting = request.body()[fields.TITLE], request.body()[fields.CURRENCIES]
    portfolio = Portfolio.draft(request.user_id, title=title, currencies=reporting, now=clock.now())
    answer = created(present_portfolio(PortfolioTree(portfolio, [])), f'/api/portfolios/{portfolio.portfolio_id}')
    portfolios.store(portfolio, also=idempotency.record(request, answer))
    return answer


@router.get(COLLECTION, answer=list[answers.PortfolioSummary], query=(LIMIT, ID_CURSOR))
def list_portfolios(request: ApiRequest) -> Response:
    """List all of your portfolios.

    By id, with how many accounts, addresses and offsets each has; their balances are not in the list.
    """
    found = Portfolio.page(request.user_id, after=request[ID_CURSOR], limit=request[LIMIT] + 1)
    return request.page(found, present_portfolio_summary, lambda portfolio: str(portfolio.portfolio_id))


@router.get(ITEM, answer=answers.Portfolio)
def get_portfolio(request: ApiRequest, portfolio_id: int) -> Response:
    """List the properties and accounts of a portfolio.

    Its reporting currencies, and its accounts, addresses and offsets in short form.
    """
    return _shown(read_portfolio_tree(request.user_id, portfolio_id))


@router.patch(ITEM, answer=answers.Portfolio, body=CHANGES)
def update_portfolio(request: ApiRequest, portfolio_id: int) -> Response:
    """Update the attributes or currencies of a portfolio.

    What is not sent stays. `currencies` replaces the whole list of reporting currencies.
    """
    title, reporting = request.body().get(fields.TITLE), request.body().get(fields.CURRENCIES)
    expected = request.expected_versions
    if title is not None or reporting is not None:
        portfolios.change(request.user_id, portfolio_id, title=title, currencies=reporting, now=clock.now(), expected=expected)
        return _shown(read_portfolio_tree(request.user_id, portfolio_id))
    contents = read_portfolio_tree(request.user_id, portfolio_id)
    if expected is not None and contents.portfolio.version not in expected:
        raise PreconditionFailed
    return _shown(contents)


@router.delete(ITEM, answer=answers.Portfolio)
def delete_portfolio(request: ApiRequest, portfolio_id: int) -> Response:
    """Delete a portfolio; returns the portfolio as it was.

    All that it contains is deleted too, credentials of accounts included. This cannot be undone.
    """
    return _shown(portfolios.delete(request.user_id, portfolio_id, request.expected_versions))


@router.get(ITEM + '/balances', answer=list[answers.PortfolioBalance], query=(EXPAND, AT), asynchronous=True)
def get_portfolio_balances(request: ApiRequest, portfolio_id: int) -> Response:
    """Get all current balances for a portfolio, summed over its accounts, addresses and offsets.

    Lists every reporting currency, and every other currency that is held. Each row says whether it is `complete`, and names the
    addresses and accounts that are `missing` from it. With `at`, the balances of that instant.
    """
    summed = balances.sum_up(request.user_id, portfolio_id, request[AT])
    require_room_for_missing(summed)
    return ok(present_portfolio_balances(summed, expand=request.expand))


@router.get(ITEM + '/balances/{currency}', answer=answers.PortfolioBalance, query=(EXPAND, AT), asynchronous=True)
def get_portfolio_balance(request: ApiRequest, portfolio_id: int, currency: str) -> Response:
    """Get the current balance of a portfolio in one currency, summed over its accounts, addresses and offsets.

    The one row of all balances that is in this currency: `0.0` if none is held. A code that is not in the catalogue is not found.
    """
    code = currencies.require(currency).code
    summed = balances.sum_up(request.user_id, portfolio_id, request[AT])
    return ok(present_portfolio_balance(summed, code, expand=request.expand))


@router.get(
    ITEM + '/converted', answer=list[answers.ConvertedBalance], beside=answers.RateSet, query=(EXPAND, AT, EXPLAIN), asynchronous=True
)
def get_converted_balances(request: ApiRequest, portfolio_id: int) -> Response:
    """Get the converted balances for a portfolio, as if all balances were converted into each of its reporting currencies.

    One row for each reporting currency, all by the same set of rates, which `rates` beside the result identifies. What has no rate is
    listed in `missing` and never counts as zero. `explain=true` adds the rates by which each balance was converted; `at` converts the
    balances of that instant by the rates of that time.
    """
    totals = converted.of_portfolio(request.user_id, portfolio_id, at=request[AT])
    require_room_for_missing(totals)
    rows = present_converted_balances(totals, expand=request.expand, explain=request[EXPLAIN])
    return ok(rows, **present_rate_set(totals))


@router.get(
    ITEM + '/transactions',
    ITEM + '/txns',
    answer=list[answers.PortfolioTransaction],
    beside=answers.Coverage,
    query=(LIMIT, PLACE_CURSOR),
    asynchronous=True,
)
def list_portfolio_transactions(request: ApiRequest, portfolio_id: int) -> Response:
    """List the transactions of all accounts and addresses of a portfolio, newest first.

    Each says of which `address` or `account` it is. Both sides of a transfer between parts of the portfolio are listed, and marked
    `internal`. `complete` and `missing` beside the list say whether all are known.
    """
    page = transactions.list_transactions(request.user_id, portfolio_id, after=request[PLACE_CURSOR], limit=request[LIMIT] + 1)
    coverage = present_coverage(page.incomplete)
    return request.page(page.rows, present_portfolio_transaction, lambda row: _PLACE.join(row.place), **coverage)


def _shown(contents: PortfolioTree) -> Response:
    return ok(present_portfolio(contents), version=contents.portfolio.version)
