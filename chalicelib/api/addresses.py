"""Addresses: /api/portfolios/ID/addresses and below."""

from functools import partial

from chalice.app import Blueprint, Response

from chalicelib import clock
from chalicelib.api import answers
from chalicelib.api.presenters.addresses import (
    present_address,
    present_address_balances,
    present_address_summary,
    present_completeness,
    present_transaction,
    present_unreadable,
)
from chalicelib.api.requests import fields, idempotency
from chalicelib.api.requests.api_request import ApiRequest
from chalicelib.api.requests.body import Body
from chalicelib.api.requests.query import ID_CURSOR, LIMIT, Query, cursor
from chalicelib.api.requests.router import Router
from chalicelib.auth import bearer
from chalicelib.domain import currencies
from chalicelib.http_io.response import created, ok
from chalicelib.models import Address, is_position
from chalicelib.services.ledgers import reading
from chalicelib.services.portfolios import addresses, owners

bp = Blueprint(__name__)
router = Router(bp, authorizer=bearer)

COLLECTION = '/portfolios/{portfolio_id}/addresses'
ITEM = COLLECTION + '/{address_id}'

NEW = Body('NewAddress', required=(fields.FOLLOWED_CURRENCY, fields.ADDRESS), optional=(fields.TITLE, fields.GAP_LIMIT))
CHANGES = Body('AddressChanges', optional=(fields.TITLE, fields.ADDRESS, fields.SAME_CURRENCY, fields.GAP_LIMIT))


def _parse_position(text: str) -> str:
    if not is_position(text):
        raise ValueError
    return text


TRANSACTION_CURSOR: Query[str | None] = cursor(_parse_position, start=None)


@router.post(COLLECTION, answer=answers.Address, body=NEW)
def create_address(request: ApiRequest, portfolio_id: int) -> Response:
    """Create a new portfolio address.

    Reading begins at once: its balances are there a few seconds later, and `503 Not ready` until then. The address must be one of its
    currency; private keys are refused. For Bitcoin and Litecoin, an extended public key or an output descriptor stands for a whole
    wallet.
    """
    body = request.body()
    currency, address = body[fields.FOLLOWED_CURRENCY], body[fields.ADDRESS]
    title = body.get(fields.TITLE) or f'{currencies.get(currency).title} address'
    gap_limit = body.get(fields.GAP_LIMIT)
    draft = addresses.draft(
        request.user_id, portfolio_id, title=title, address=address, currency=currency, gap_limit=gap_limit, now=clock.now()
    )
    answer = created(present_address(draft.child), f'/api/portfolios/{portfolio_id}/addresses/{draft.child.address_id}')
    addresses.store(draft, also=idempotency.record(request, answer))
    return answer


@router.get(COLLECTION, answer=list[answers.AddressSummary], query=(LIMIT, ID_CURSOR))
def list_addresses(request: ApiRequest, portfolio_id: int) -> Response:
    """List the addresses on a portfolio.

    By id, in short form, without balances.
    """
    found = Address.page(request.user_id, portfolio_id, after=request[ID_CURSOR], limit=request[LIMIT] + 1)
    return request.page(found, present_address_summary, lambda address: str(address.address_id))


@router.get(ITEM, answer=answers.Address)
def get_address(request: ApiRequest, portfolio_id: int, address_id: int) -> Response:
    """Get the full details of an address.

    Whether the explorers accept it (`valid`), when it was last read, and whether two explorers agreed about it (`agreement`).
    """
    return _shown(Address.find(request.user_id, portfolio_id, address_id))


@router.patch(ITEM, answer=answers.Address, body=CHANGES)
def update_address(request: ApiRequest, portfolio_id: int, address_id: int) -> Response:
    """Update an existing address with a title, address or gap limit; its currency stays.

    What is not sent stays. A new address is read from its beginning.
    """
    address = Address.find(request.user_id, portfolio_id, address_id)
    body = request.body(currency=address.currency, shown_address=address.address, is_hd_wallet=address.hd_wallet is not None)
    changed = addresses.change(
        address,
        title=body.get(fields.TITLE),
        address=body.get(fields.ADDRESS),
        gap_limit=body.get(fields.GAP_LIMIT),
        now=clock.now(),
        expected=request.expected_versions,
    )
    return _shown(changed)


@router.delete(ITEM, answer=answers.Address)
def delete_address(request: ApiRequest, portfolio_id: int, address_id: int) -> Response:
    """Delete a portfolio address; returns the address as it was.

    Its balances and transactions no longer count for the portfolio, now or in its history.
    """
    address = Address.find(request.user_id, portfolio_id, address_id)
    answer = _shown(address)
    addresses.delete(address, now=clock.now(), expected=request.expected_versions)
    return answer


@router.get(ITEM + '/balances', answer=list[answers.AddressBalance], beside=answers.Completeness, asynchronous=True)
def get_address_balances(request: ApiRequest, portfolio_id: int, address_id: int) -> Response:
    """Get the balances for a particular address.

    Confirmed balances as the explorers last reported them: the coin of its chain, and the tokens of the catalogue on it. `complete` beside
    the list says whether its transactions add up to them; `updated_at` how old they are.
    """
    address = Address.find(request.user_id, portfolio_id, address_id)
    ledger = reading.read(address.ledger, request.user_id)
    return ok(present_address_balances(ledger, address), **present_completeness(ledger))


@router.get(
    ITEM + '/transactions',
    ITEM + '/txns',
    answer=list[answers.Transaction],
    beside=answers.TransactionsState,
    query=(LIMIT, TRANSACTION_CURSOR),
    asynchronous=True,
)
def list_address_transactions(request: ApiRequest, portfolio_id: int, address_id: int) -> Response:
    """Get the transactions for a particular address, newest first.

    One row for each currency that a transaction changed. The `delta` of all rows of a complete list add up to the balance.
    """
    address = Address.find(request.user_id, portfolio_id, address_id)
    page = reading.read_transaction_page(address.ledger, request.user_id, before=request[TRANSACTION_CURSOR], limit=request[LIMIT] + 1)
    state = {**present_completeness(page.ledger), **present_unreadable(page.ledger)}
    return request.page(page.transactions, partial(present_transaction, follower=address), lambda txn: txn.position, **state)


def _shown(address: Address) -> Response:
    return ok(present_address(address, owners.owner(address)), version=address.version)
