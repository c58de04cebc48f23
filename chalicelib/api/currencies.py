"""The catalogue of currencies: /api/currencies and below, without a token."""

from collections.abc import Sequence

from chalice.app import Blueprint, Response

from chalicelib.api import answers
from chalicelib.api.presenters.currencies import present_currency
from chalicelib.api.requests.api_request import ApiRequest
from chalicelib.api.requests.query import ID_CURSOR, LIMIT
from chalicelib.api.requests.router import Router
from chalicelib.domain import currencies
from chalicelib.domain.currencies import Currency
from chalicelib.http_io.response import ok

bp = Blueprint(__name__)
router = Router(bp)

PAGES = (LIMIT, ID_CURSOR)


@router.get('/currencies', answer=answers.Currencies, query=PAGES)
def list_currencies(request: ApiRequest) -> Response:
    """List all currencies.

    Cryptocurrencies, fiat currencies and tokens, by id. A currency that is not in the catalogue cannot be reported in or entered.
    """
    return _page(request, currencies.every())


@router.get('/currencies/cryptocurrencies', answer=answers.Currencies, query=PAGES)
def list_cryptocurrencies(request: ApiRequest) -> Response:
    """List the cryptocurrencies, without tokens.

    The coins of chains. Addresses can be added of those that a source follows: see `chains` of /api/sources.
    """
    return _page(request, currencies.of_kind('cryptocurrency'))


@router.get('/currencies/fiat', answer=answers.Currencies, query=PAGES)
def list_fiat_currencies(request: ApiRequest) -> Response:
    """List the fiat currencies.

    The money of countries, for reporting and for offsets.
    """
    return _page(request, currencies.of_kind('fiat'))


@router.get('/currencies/tokens', answer=answers.Currencies, query=PAGES)
def list_tokens(request: ApiRequest) -> Response:
    """List the tokens, of every chain.

    Each is identified by its contract or the like, so that a token which copies another's name never counts as it.
    """
    return _page(request, currencies.of_kind('token'))


@router.get('/currencies/{code}', answer=answers.Currency)
def get_currency(_: ApiRequest, code: str) -> Response:
    """Get a currency by its code, in any case.

    With its kind, and for a token on Ethereum its contract.
    """
    return _cached(ok(present_currency(currencies.require(code))))


def _page(request: ApiRequest, listed: Sequence[Currency]) -> Response:
    """Return a page of a list, in an object with the number of all that are in the list."""
    found = [currency for currency in listed if currency.id > request[ID_CURSOR]][: request[LIMIT] + 1]
    response = request.page(found, present_currency, lambda currency: str(currency.id))
    response.body['result'] = {'count': len(listed), 'currencies': response.body['result']}
    return _cached(response)


def _cached(response: Response) -> Response:
    response.headers['Cache-Control'] = 'public, max-age=300'
    return response
