"""Addresses: /api/portfolios/ID/addresses and below."""

from chalice.app import Blueprint, Response

from chalicelib import clock
from chalicelib.api import answers, presenters
from chalicelib.api.openapi.operation_spec import Contract
from chalicelib.api.requests import fields, idempotency
from chalicelib.api.requests.body import Body
from chalicelib.auth import bearer
from chalicelib.domain import currencies
from chalicelib.http_io import paging
from chalicelib.http_io.conditional import expected_versions
from chalicelib.http_io.request import BODY_TYPES, parse_body, path_id, user_id
from chalicelib.http_io.response import ok
from chalicelib.models import Address, is_position
from chalicelib.services.ledgers import reading
from chalicelib.services.portfolios import addresses

bp = Blueprint(__name__)

COLLECTION = '/portfolios/{portfolio_id}/addresses'
ITEM = COLLECTION + '/{address_id}'

NEW = Body('NewAddress', required=(fields.FOLLOWED_CURRENCY, fields.ADDRESS), optional=(fields.TITLE,))
CHANGES = Body('AddressChanges', optional=(fields.TITLE, fields.ADDRESS, fields.SAME_CURRENCY))


@bp.route(COLLECTION, methods=['POST'], content_types=BODY_TYPES, authorizer=bearer)
@Contract(answers.Address, body=NEW)
def create_address(portfolio_id: str) -> Response:
    """Create a new portfolio address."""
    request = bp.current_request
    portfolio = path_id(portfolio_id)
    given = NEW.read(parse_body(request))
    currency = given[fields.FOLLOWED_CURRENCY]
    return idempotency.create(
        request,
        lambda also: addresses.create(
            user_id(request),
            portfolio,
            title=given.get(fields.TITLE) or f'{currencies.get(currency).title} address',
            address=given[fields.ADDRESS],
            currency=currency,
            now=clock.now(),
            also=also,
        ),
        lambda address: idempotency.Made(
            {**presenters.present_address(address)}, f'/api/portfolios/{portfolio}/addresses/{address.address_id}'
        ),
    )


@bp.route(COLLECTION, authorizer=bearer)
@Contract(list[answers.AddressSummary], paged=True)
def list_addresses(portfolio_id: str) -> Response:
    """List the addresses on a portfolio."""
    request = bp.current_request
    asked = paging.paging(request)
    found = Address.page(user_id(request), path_id(portfolio_id), after=paging.position_id(asked), limit=asked.limit + 1)
    return paging.page(request, found, asked, presenters.present_address_summary, lambda address: str(address.address_id))


@bp.route(ITEM, authorizer=bearer)
@Contract(answers.Address)
def get_address(portfolio_id: str, address_id: str) -> Response:
    """Get the full details of an address."""
    return _shown(_find(portfolio_id, address_id))


@bp.route(ITEM, methods=['PATCH'], content_types=BODY_TYPES, authorizer=bearer)
@Contract(answers.Address, body=CHANGES)
def update_address(portfolio_id: str, address_id: str) -> Response:
    """Update an existing address with a title or address; its currency stays."""
    address = _find(portfolio_id, address_id)
    given = CHANGES.read(parse_body(bp.current_request), currency=address.currency, shown_address=address.address)
    title, text = given.get(fields.TITLE), given.get(fields.ADDRESS)
    expected = expected_versions(bp.current_request)
    return _shown(addresses.change(address, title=title, address=text, now=clock.now(), expected=expected))


@bp.route(ITEM, methods=['DELETE'], authorizer=bearer)
@Contract(answers.Address)
def delete_address(portfolio_id: str, address_id: str) -> Response:
    """Delete a portfolio address; answers with the address as it was."""
    address = _find(portfolio_id, address_id)
    addresses.delete(address, now=clock.now(), expected=expected_versions(bp.current_request))
    return _shown(address)


@bp.route(ITEM + '/balances', authorizer=bearer)
@Contract(list[answers.AddressBalance], beside=answers.Completeness, asynchronous=True)
def get_address_balances(portfolio_id: str, address_id: str) -> Response:
    """Get the balances for a particular address."""
    ledger = reading.read(_find(portfolio_id, address_id).ledger)
    return ok(presenters.present_address_balances(ledger), **presenters.present_completeness(ledger))


@bp.route(ITEM + '/txns', authorizer=bearer)
@bp.route(ITEM + '/transactions', authorizer=bearer)
@Contract(list[answers.Transaction], beside=answers.Completeness, paged=True, asynchronous=True)
def list_address_transactions(portfolio_id: str, address_id: str) -> Response:
    """Get the transactions for a particular address, newest first."""
    request = bp.current_request
    asked = paging.paging(request)
    if asked.cursor is not None and not is_position(asked.cursor):
        raise paging.bad_cursor()
    address = _find(portfolio_id, address_id)
    found = reading.read_transactions(address.ledger, before=asked.cursor, limit=asked.limit + 1)
    completeness = presenters.present_completeness(found.ledger)
    return paging.page(request, found.transactions, asked, presenters.present_transaction, lambda txn: txn.position, **completeness)


def _shown(address: Address) -> Response:
    return ok(presenters.present_address(address), version=address.version)


def _find(portfolio_id: str, address_id: str) -> Address:
    return Address.find(user_id(bp.current_request), path_id(portfolio_id), path_id(address_id))
