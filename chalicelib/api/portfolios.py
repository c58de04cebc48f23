"""Portfolios: /api/portfolios and /api/portfolios/ID."""

from chalice.app import Blueprint, Response

from chalicelib import clock
from chalicelib.api import answers, presenters
from chalicelib.api.openapi.operation_spec import Contract
from chalicelib.api.requests import expand, fields, idempotency, query
from chalicelib.api.requests.body import Body
from chalicelib.auth import bearer
from chalicelib.domain import currencies
from chalicelib.errors import PreconditionFailed
from chalicelib.http_io import paging
from chalicelib.http_io.conditional import expected_versions
from chalicelib.http_io.request import BODY_TYPES, parse_body, path_id, user_id
from chalicelib.http_io.response import ok
from chalicelib.models import Portfolio, PortfolioTree, read_portfolio_tree
from chalicelib.services.portfolios import balances, converted, portfolios

bp = Blueprint(__name__)

NEW = Body('NewPortfolio', required=(fields.TITLE, fields.CURRENCIES))
CHANGES = Body('PortfolioChanges', optional=(fields.TITLE, fields.CURRENCIES))


@bp.route('/portfolios', methods=['POST'], content_types=BODY_TYPES, authorizer=bearer)
@Contract(answers.Portfolio, body=NEW)
def create_portfolio() -> Response:
    """Create a new portfolio."""
    request = bp.current_request
    given = NEW.read(parse_body(request))
    title, reporting = given[fields.TITLE], given[fields.CURRENCIES]
    return idempotency.create(
        request,
        lambda also: portfolios.create(user_id(request), title=title, currencies=reporting, now=clock.now(), also=also),
        lambda portfolio: idempotency.Made(
            {**presenters.present_portfolio(PortfolioTree(portfolio, []))}, f'/api/portfolios/{portfolio.portfolio_id}'
        ),
    )


@bp.route('/portfolios', authorizer=bearer)
@Contract(list[answers.PortfolioSummary], paged=True)
def list_portfolios() -> Response:
    """List all of your portfolios."""
    request = bp.current_request
    asked = paging.paging(request)
    found = Portfolio.page(user_id(request), after=paging.position_id(asked), limit=asked.limit + 1)
    return paging.page(request, found, asked, presenters.present_portfolio_summary, lambda portfolio: str(portfolio.portfolio_id))


@bp.route('/portfolios/{portfolio_id}', authorizer=bearer)
@Contract(answers.Portfolio)
def get_portfolio(portfolio_id: str) -> Response:
    """List the properties and accounts of a portfolio."""
    return _shown(read_portfolio_tree(user_id(bp.current_request), path_id(portfolio_id)))


@bp.route('/portfolios/{portfolio_id}', methods=['PATCH'], content_types=BODY_TYPES, authorizer=bearer)
@Contract(answers.Portfolio, body=CHANGES)
def update_portfolio(portfolio_id: str) -> Response:
    """Update the attributes or currencies of a portfolio."""
    request = bp.current_request
    key = user_id(request), path_id(portfolio_id)
    given = CHANGES.read(parse_body(request))
    title, reporting = given.get(fields.TITLE), given.get(fields.CURRENCIES)
    expected = expected_versions(request)
    if title is not None or reporting is not None:
        portfolios.change(*key, title=title, currencies=reporting, now=clock.now(), expected=expected)
        return _shown(read_portfolio_tree(*key))
    contents = read_portfolio_tree(*key)
    if expected is not None and contents.portfolio.version not in expected:
        raise PreconditionFailed
    return _shown(contents)


@bp.route('/portfolios/{portfolio_id}', methods=['DELETE'], authorizer=bearer)
@Contract(answers.Portfolio)
def delete_portfolio(portfolio_id: str) -> Response:
    """Delete a portfolio; answers with the portfolio as it was."""
    request = bp.current_request
    return _shown(portfolios.delete(user_id(request), path_id(portfolio_id), expected_versions(request)))


@bp.route('/portfolios/{portfolio_id}/balances', authorizer=bearer)
@Contract(list[answers.PortfolioBalance], expandable=True, asynchronous=True, query=('at',))
def get_portfolio_balances(portfolio_id: str) -> Response:
    """Get all current balances for a portfolio, summed over its accounts, addresses and offsets."""
    request = bp.current_request
    summed = balances.sum_up(user_id(request), path_id(portfolio_id), query.past_instant(request, 'at'))
    return ok(presenters.present_portfolio_balances(summed, expand=expand.is_asked(request)))


@bp.route('/portfolios/{portfolio_id}/balances/{currency}', authorizer=bearer)
@Contract(answers.PortfolioBalance, expandable=True, asynchronous=True, query=('at',))
def get_portfolio_balance(portfolio_id: str, currency: str) -> Response:
    """Get the current balance of a portfolio in one currency, summed over its accounts, addresses and offsets."""
    request = bp.current_request
    at = query.past_instant(request, 'at')
    code = currencies.require(currency).code
    summed = balances.sum_up(user_id(request), path_id(portfolio_id), at)
    return ok(presenters.present_portfolio_balance(summed, code, expand=expand.is_asked(request)))


@bp.route('/portfolios/{portfolio_id}/converted', authorizer=bearer)
@Contract(list[answers.ConvertedBalance], beside=answers.RateSet, expandable=True, asynchronous=True, query=('at', 'explain'))
def get_converted_balances(portfolio_id: str) -> Response:
    """Get the converted balances for a portfolio, as if all balances were converted into each of its reporting currencies."""
    request = bp.current_request
    at = query.past_instant(request, 'at')
    expanded = expand.is_asked(request)  # before anything is read: a bad request is never Not ready
    explain = query.choice(request, 'explain', ('false', 'true')) == 'true'
    totals = converted.of_portfolio(user_id(request), path_id(portfolio_id), at=at)
    rows = presenters.present_converted_balances(totals, expand=expanded, explain=explain)
    return ok(rows, **presenters.present_rate_set(totals))


def _shown(contents: PortfolioTree) -> Response:
    return ok(presenters.present_portfolio(contents), version=contents.portfolio.version)
