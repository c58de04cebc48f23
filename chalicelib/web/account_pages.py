"""Pages of accounts at exchanges: the form that adds one, and one with the forms that change it. Credentials are never shown."""

from typing import Any

from chalice.app import Blueprint, Request, Response

from chalicelib import clock
from chalicelib.api.presenters.accounts import present_account, present_wallet
from chalicelib.api.presenters.addresses import present_address_balances, present_balance_completeness
from chalicelib.api.requests import credentials, fields
from chalicelib.api.requests.body import Body
from chalicelib.domain import experimental_exchanges
from chalicelib.errors import Fault, Invalid, NotReady
from chalicelib.http_io.request import path_id
from chalicelib.models import Account, AlreadyUsed, Portfolio, User
from chalicelib.services.ledgers import reading
from chalicelib.services.portfolios import accounts
from chalicelib.texts import translatable, with_values
from chalicelib.web import forms, pages, repeats, sessions

bp = Blueprint(__name__)

_LIST = '/portfolios/{portfolio_id}/accounts'
_ITEM = _LIST + '/{account_id}'
_NEW = Body('AccountForm', required=(credentials.WALLET, credentials.CREDENTIALS), optional=(fields.TITLE,))
_CHANGES = Body('AccountChangesForm', optional=(fields.TITLE, credentials.SAME_WALLET, credentials.CREDENTIALS))
_LABELS = {
    'key': translatable('API key'),
    'secret': translatable('Secret'),
    'password': translatable('Passphrase'),
    'uid': translatable('Number of the user'),
    'url': translatable('Address of your server'),
}


@bp.route(_LIST + '/new', cors=False)
def show_new_account(portfolio_id: str) -> Response:
    """Show the exchanges, or the form of the one that was chosen."""
    request = bp.current_request
    return _render_new(request, sessions.require_user(request), path_id(portfolio_id), forms.query_parameter(request, 'wallet'))


@bp.route(_LIST, methods=['POST'], content_types=forms.TYPES, cors=False)
def add_account(portfolio_id: str) -> Response:
    """Add an account to a portfolio."""
    request = bp.current_request
    form = forms.read(request)
    user = sessions.require_user(request)
    number, wallet = path_id(portfolio_id), form.text('wallet')
    try:
        body = _NEW.read({'wallet': wallet, 'credentials': _credentials(form, wallet), **_title(form)})
        title, secrets = body.get(fields.TITLE) or experimental_exchanges.get(wallet).title, body[credentials.CREDENTIALS]
        draft = accounts.draft(user.user_id, number, title=title, wallet=body[credentials.WALLET], credentials=secrets, now=clock.now())
        accounts.store(draft, also=[repeats.note_first(request, user, f'/portfolios/{number}')])
    except Invalid as invalid:
        return _render_new(request, user, number, wallet, faults=[*map(_named, invalid.faults)], form={'title': form.text('title')})
    except AlreadyUsed:
        return pages.redirect(pages.link(request, repeats.location_of_first(request, user)))
    return pages.redirect(pages.link(request, f'/portfolios/{number}'))


@bp.route(_ITEM, cors=False)
def show_account(portfolio_id: str, account_id: str) -> Response:
    """Show an account with its balances and the forms that change it."""
    request = bp.current_request
    user = sessions.require_user(request)
    return _render(request, user, _find(user, portfolio_id, account_id))


@bp.route(_ITEM, methods=['POST'], content_types=forms.TYPES, cors=False)
def update_account_settings(portfolio_id: str, account_id: str) -> Response:
    """Change the title of an account, or replace its credentials if any were entered."""
    request = bp.current_request
    form = forms.read(request)
    user = sessions.require_user(request)
    account = _find(user, portfolio_id, account_id)
    entered = _credentials(form, account.wallet)
    try:
        body = _CHANGES.read({**_title(form), **({'credentials': entered} if entered else {})}, wallet=account.wallet)
        accounts.change(account, title=body.get(fields.TITLE), credentials=body.get(credentials.CREDENTIALS), now=clock.now())
    except Invalid as invalid:
        return _render(request, user, account, faults=[*map(_named, invalid.faults)], form={'title': form.text('title')})
    return pages.redirect(pages.link(request, f'/portfolios/{account.portfolio_id}/accounts/{account.account_id}'))


@bp.route(_ITEM + '/delete', cors=False)
def show_delete_account(portfolio_id: str, account_id: str) -> Response:
    """Ask before an account is removed."""
    request = bp.current_request
    user = sessions.require_user(request)
    account = _find(user, portfolio_id, account_id)
    path = f'/portfolios/{account.portfolio_id}/accounts/{account.account_id}'
    return pages.render('part_delete.html', request, user=user, part=account, path=path)


@bp.route(_ITEM + '/delete', methods=['POST'], content_types=forms.TYPES, cors=False)
def submit_delete_account(portfolio_id: str, account_id: str) -> Response:
    """Remove an account from its portfolio, and destroy its credentials."""
    request = bp.current_request
    forms.read(request)
    user = sessions.require_user(request)
    accounts.delete(_find(user, portfolio_id, account_id), now=clock.now())
    return pages.redirect(pages.link(request, f'/portfolios/{path_id(portfolio_id)}'))


def _find(user: User, portfolio_id: str, account_id: str) -> Account:
    return Account.find(user.user_id, path_id(portfolio_id), path_id(account_id))


def _title(form: forms.Form) -> dict[str, str]:
    return {'title': form.text('title')} if form.text('title').strip() else {}


def _credentials(form: forms.Form, wallet: str) -> dict[str, str]:
    """Return the credentials that were entered, of those that an exchange takes; a page has no headers."""
    names = _credential_names(wallet) if wallet in accounts.offered_exchanges() else []
    return {name: form.text(name).replace('\r\n', '\n') for name in names if form.text(name).strip()}


def _labels(wallet: str) -> dict[str, str]:
    return {name: _LABELS[name] for name in _credential_names(wallet)}


def _named(fault: Fault) -> Fault:
    """Return a fault that calls a credential what the page calls it."""
    label = _LABELS.get(fault.field.removeprefix('credentials.'))
    return fault if label is None else fault._replace(message=with_values(fault.message, field=label))


def _credential_names(wallet: str) -> list[str]:
    exchange = experimental_exchanges.get(wallet)
    return [name for name in (*exchange.needs, *exchange.takes) if name != 'headers']


def _render_new(request: Request, user: User, portfolio_id: int, wallet: str, **context: Any) -> Response:
    portfolio = Portfolio.find(user.user_id, portfolio_id)
    offered = accounts.offered_exchanges()
    chosen = offered.get(wallet)
    return pages.render(
        'account_new.html',
        request,
        status=422 if context.get('faults') else 200,
        user=user,
        portfolio=portfolio,
        wallets=[present_wallet(exchange) for exchange in sorted(offered.values(), key=lambda exchange: exchange.title.lower())],
        wallet=None if chosen is None else present_wallet(chosen),
        labels={} if chosen is None else _labels(wallet),
        **context,
    )


def _render(request: Request, user: User, account: Account, **context: Any) -> Response:
    try:
        ledger = reading.read(account.ledger, user.user_id)
    except NotReady:
        ledger = None
    return pages.render(
        'account.html',
        request,
        status=422 if context.get('faults') else 200,
        user=user,
        portfolio_id=account.portfolio_id,
        account=present_account(account),
        labels=_labels(account.wallet),
        balances=present_address_balances(ledger, account) if ledger else None,
        state=present_balance_completeness(ledger) if ledger else {},
        observed_at=ledger.updated_at if ledger else None,
        now=clock.now(),
        **context,
    )
