"""The catalogue of currencies, for everybody: /api/currencies and below."""

from collections.abc import Sequence

from chalice.app import Blueprint, Response

from chalicelib.api import answers, presenters
from chalicelib.api.openapi.operation_spec import Contract
from chalicelib.domain import currencies
from chalicelib.domain.currencies import Currency
from chalicelib.http_io import paging
from chalicelib.http_io.response import ok

bp = Blueprint(__name__)


@bp.route('/currencies')
@Contract(answers.Currencies, paged=True)
def list_currencies() -> Response:
    """List all currencies."""
    return _page(currencies.every())


@bp.route('/currencies/cryptocurrencies')
@Contract(answers.Currencies, paged=True)
def list_cryptocurrencies() -> Response:
    """List the cryptocurrencies, tokens not among them."""
    return _page(currencies.of_kind('cryptocurrency'))


@bp.route('/currencies/fiat')
@Contract(answers.Currencies, paged=True)
def list_fiat_currencies() -> Response:
    """List the fiat currencies."""
    return _page(currencies.of_kind('fiat'))


@bp.route('/currencies/tokens')
@Contract(answers.Currencies, paged=True)
def list_tokens() -> Response:
    """List the ERC-20 tokens."""
    return _page(currencies.of_kind('token'))


@bp.route('/currencies/{code}')
@Contract(answers.Currency)
def get_currency(code: str) -> Response:
    """One currency, by its code in any case."""
    return _cached(ok(presenters.present_currency(currencies.require(code))))


def _page(listed: Sequence[Currency]) -> Response:
    """Answer a page of a list, in an object with the number of all that are in the list."""
    request = bp.current_request
    asked = paging.paging(request)
    after = paging.position_id(asked)
    found = [currency for currency in listed if currency.id > after][: asked.limit + 1]
    response = paging.page(request, found, asked, presenters.present_currency, lambda currency: str(currency.id))
    response.body['result'] = {'count': len(listed), 'currencies': response.body['result']}
    return _cached(response)


def _cached(response: Response) -> Response:
    response.headers['Cache-Control'] = 'public, max-age=300'
    return response
