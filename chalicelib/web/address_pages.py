"""Pages of the addresses of a portfolio: all of them, one with its balances and transactions, and the forms that change it."""

from typing import Any

from chalice.app import Blueprint, Request, Response

from chalicelib import clock
from chalicelib.api.presenters.addresses import (
    present_address,
    present_address_balances,
    present_address_summary,
    present_completeness,
    present_transaction,
)
from chalicelib.api.requests import fields
from chalicelib.api.requests.body import Body
from chalicelib.errors import Invalid, NotReady
from chalicelib.http_io import paging
from chalicelib.http_io.request import path_id
from chalicelib.models import Address, User, is_position
from chalicelib.services.ledgers import reading
from chalicelib.services.portfolios import addresses, owners
from chalicelib.web import forms, pages, sessions

bp = Blueprint(__name__)

_LIST = '/portfolios/{portfolio_id}/addresses'
_ITEM = _LIST + '/{address_id}'
_TITLE = Body('TitleForm', required=(fields.TITLE,))
_ON_A_PAGE = 100
_TRANSACTIONS = 25


@bp.route(_LIST, cors=False)
def show_addresses(portfolio_id: str) -> Response:
    """Show the addresses of a portfolio, a hundred to a page."""
    request = bp.current_request
    user = sessions.require_user(request)
    after = forms.query_parameter(request, 'after')
    page = Address.page(user.user_id, path_id(portfolio_id), after=path_id(after) if after else 0, limit=_ON_A_PAGE + 1)
    shown = [present_address_summary(address) for address in page[:_ON_A_PAGE]]
    next_after = shown[-1]['id'] if len(page) > _ON_A_PAGE else None
    return pages.render('addresses.html', request, user=user, portfolio_id=path_id(portfolio_id), addresses=shown, next_after=next_after)


@bp.route(_ITEM, cors=False)
def show_address(portfolio_id: str, address_id: str) -> Response:
    """Show an address with its balances and its transactions, newest first; the form that changes it once it was read, or with `change`."""
    request = bp.current_request
    user = sessions.require_user(request)
    return _render(request, user, _find(user, portfolio_id, address_id))


@bp.route(_ITEM, methods=['POST'], content_types=forms.TYPES, cors=False)
def rename_address(portfolio_id: str, address_id: str) -> Response:
    """Change the title of an address."""
    request = bp.current_request
    form = forms.read(request)
    user = sessions.require_user(request)
    address = _find(user, portfolio_id, address_id)
    try:
        title = _TITLE.read({'title': form.text('title')})[fields.TITLE]
    except Invalid as invalid:
        return _render(request, user, address, invalid=invalid, form={'title': form.text('title')})
    addresses.change(address, title=title, address=None, now=clock.now())
    return pages.redirect(pages.link(request, f'/portfolios/{address.portfolio_id}/addresses/{address.address_id}'))


@bp.route(_ITEM + '/delete', cors=False)
def show_delete_address(portfolio_id: str, address_id: str) -> Response:
    """Ask before an address is removed."""
    request = bp.current_request
    user = sessions.require_user(request)
    address = _find(user, portfolio_id, address_id)
    path = f'/portfolios/{address.portfolio_id}/addresses/{address.address_id}'
    return pages.render('part_delete.html', request, user=user, part=address, path=path)


@bp.route(_ITEM + '/delete', methods=['POST'], content_types=forms.TYPES, cors=False)
def submit_delete_address(portfolio_id: str, address_id: str) -> Response:
    """Remove an address from its portfolio."""
    request = bp.current_request
    forms.read(request)
    user = sessions.require_user(request)
    addresses.delete(_find(user, portfolio_id, address_id), now=clock.now())
    return pages.redirect(pages.link(request, f'/portfolios/{path_id(portfolio_id)}'))


def _find(user: User, portfolio_id: str, address_id: str) -> Address:
    return Address.find(user.user_id, path_id(portfolio_id), path_id(address_id))


def _render(request: Request, user: User, address: Address, *, invalid: Invalid | None = None, **context: Any) -> Response:
    position = _position(forms.query_parameter(request, 'cursor'))
    try:
        page = reading.read_transaction_page(address.ledger, user.user_id, before=position, limit=_TRANSACTIONS + 1)
        ledger, transactions = page.ledger or reading.read(address.ledger, user.user_id), page.transactions
    except NotReady as not_ready:
        ledger, transactions, reload = None, [], {'Refresh': str(max(not_ready.retry_after, pages.RELOAD_SECONDS))}
    has_form = bool(ledger or invalid or forms.query_parameter(request, 'change'))
    has_next = len(transactions) > _TRANSACTIONS
    return pages.render(
        'address.html',
        request,
        status=422 if invalid else 200,
        headers=None if has_form else reload,
        has_form=has_form,
        user=user,
        faults=invalid.faults if invalid else (),
        portfolio_id=address.portfolio_id,
        address=present_address(address, owners.owner(address)),
        balances=present_address_balances(ledger, address) if ledger else None,
        state=present_completeness(ledger),
        observed_at=ledger.updated_at if ledger else None,
        transactions=[present_transaction(transaction, address) for transaction in transactions[:_TRANSACTIONS]],
        next_cursor=paging.encode_cursor(transactions[_TRANSACTIONS - 1].position) if has_next else None,
        now=clock.now(),
        **context,
    )


def _position(cursor: str) -> str | None:
    """Return where a page of transactions begins; the start for what no page links to."""
    try:
        position = paging.decode_cursor(cursor)
    except ValueError:
        return None
    return position if is_position(position) else None
