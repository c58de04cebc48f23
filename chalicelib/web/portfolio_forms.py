"""Pages on which portfolios are made, changed and deleted, and addresses pasted into them."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from chalice.app import Blueprint, Request, Response

from chalicelib import clock
from chalicelib.api.requests import fields
from chalicelib.api.requests.body import Body
from chalicelib.domain import currencies
from chalicelib.errors import Fault, Invalid
from chalicelib.http_io.request import path_id
from chalicelib.models import AlreadyUsed, Portfolio, User
from chalicelib.services.portfolios import portfolios
from chalicelib.texts import language, translatable, translatable_plural
from chalicelib.web import address_lines, forms, pages, repeats, sessions
from chalicelib.web.address_lines import Line

bp = Blueprint(__name__)

_PORTFOLIO = Body('PortfolioForm', required=(fields.TITLE, fields.CURRENCIES))
_COMMON = ('usd', 'eur', 'gbp', 'chf', 'jpy', 'btc', 'eth')
_MOST_CODES_READ = 100  # more than there may be
_USUAL_MONEY = {'de': 'eur'}  # by the language of the page; dollars elsewhere


@bp.route('/portfolios/new', cors=False)
def show_new_portfolio() -> Response:
    """Show the form that makes a portfolio with its first addresses."""
    request = bp.current_request
    return _render_new(request, sessions.require_user(request), chosen=[_USUAL_MONEY.get(language(), 'usd'), 'btc'])


@bp.route('/portfolios', methods=['POST'], content_types=forms.TYPES, cors=False)
def submit_new_portfolio() -> Response:
    """Make a portfolio with the addresses that were pasted, or say of each line what is wrong with it."""
    request = bp.current_request
    form = forms.read(request)
    user = sessions.require_user(request)
    codes, lines = _codes(form), list[Line]()
    try:
        lines = _lines(form)
        body = _PORTFOLIO.read({'title': form.text('title'), 'currencies': codes})
        if _are_unclear(lines):
            raise Invalid
        title, reporting = body[fields.TITLE], body[fields.CURRENCIES]
        portfolio = Portfolio.draft(user.user_id, title=title, currencies=reporting, now=clock.now())
        portfolios.store(portfolio, also=[repeats.note_first(request, user, f'/portfolios/{portfolio.portfolio_id}')])
    except AlreadyUsed:  # perhaps by a worker that ended before it had added all addresses
        portfolio = _find(user, repeats.location_of_first(request, user).rpartition('/')[2])
    except Invalid as invalid:
        return _render_new(request, user, chosen=codes, form=_typed(form, lines), lines=lines, faults=[*invalid.faults, *_faults(lines)])
    return _store(request, user, portfolio, lines)


@bp.route('/portfolios/{portfolio_id}/addresses/new', cors=False)
def show_new_addresses(portfolio_id: str) -> Response:
    """Show the form that adds addresses to a portfolio."""
    request = bp.current_request
    user = sessions.require_user(request)
    return _render_add(request, user, _find(user, portfolio_id))


@bp.route('/portfolios/{portfolio_id}/addresses', methods=['POST'], content_types=forms.TYPES, cors=False)
def add_addresses(portfolio_id: str) -> Response:
    """Add the addresses that were pasted, or say of each line what is wrong with it."""
    request = bp.current_request
    form = forms.read(request)
    user = sessions.require_user(request)
    portfolio = _find(user, portfolio_id)
    try:
        lines = _lines(form)
    except Invalid as invalid:
        return _render_add(request, user, portfolio, form=_typed(form), faults=invalid.faults)
    if not lines or _are_unclear(lines):
        faults = _faults(lines) or ([] if lines else [Fault('addresses', 'required', translatable('Enter an address'))])
        return _render_add(request, user, portfolio, form=_typed(form, lines), lines=lines, faults=faults)
    return _store(request, user, portfolio, lines)


@bp.route('/portfolios/{portfolio_id}/settings', cors=False)
def show_portfolio_settings(portfolio_id: str) -> Response:
    """Show the form that changes the title and the reporting currencies of a portfolio."""
    request = bp.current_request
    user = sessions.require_user(request)
    portfolio = _find(user, portfolio_id)
    return _render_settings(request, user, portfolio, chosen=list(portfolio.currencies))


@bp.route('/portfolios/{portfolio_id}/settings', methods=['POST'], content_types=forms.TYPES, cors=False)
def submit_portfolio_settings(portfolio_id: str) -> Response:
    """Change the title and the reporting currencies of a portfolio."""
    request = bp.current_request
    form = forms.read(request)
    user = sessions.require_user(request)
    portfolio, codes = _find(user, portfolio_id), _codes(form)
    try:
        body = _PORTFOLIO.read({'title': form.text('title'), 'currencies': codes})
    except Invalid as invalid:
        return _render_settings(request, user, portfolio, chosen=codes, form=_typed(form), faults=invalid.faults)
    title, reporting = body[fields.TITLE], body[fields.CURRENCIES]
    portfolios.change(user.user_id, portfolio.portfolio_id, title=title, currencies=reporting, now=clock.now())
    return pages.redirect(pages.link(request, f'/portfolios/{portfolio.portfolio_id}'))


@bp.route('/portfolios/{portfolio_id}/delete', cors=False)
def show_delete_portfolio(portfolio_id: str) -> Response:
    """Ask before a portfolio is deleted."""
    request = bp.current_request
    user = sessions.require_user(request)
    return pages.render('portfolio_delete.html', request, user=user, portfolio=_find(user, portfolio_id))


@bp.route('/portfolios/{portfolio_id}/delete', methods=['POST'], content_types=forms.TYPES, cors=False)
def submit_delete_portfolio(portfolio_id: str) -> Response:
    """Delete a portfolio with all that is in it."""
    request = bp.current_request
    forms.read(request)
    user = sessions.require_user(request)
    portfolios.delete(user.user_id, path_id(portfolio_id))
    return pages.redirect(pages.link(request, '/portfolios'))


def _find(user: User, portfolio_id: str) -> Portfolio:
    return Portfolio.find(user.user_id, path_id(portfolio_id))


def _codes(form: forms.Form) -> list[str]:
    """Return the codes that were ticked, and those that were typed, with commas or spaces between them; of too many the first."""
    typed = form.text('more').replace(',', ' ').split()
    return list(dict.fromkeys([*form.all('currency'), *typed]))[:_MOST_CODES_READ]


def _lines(form: forms.Form) -> list[Line]:
    """Raises Invalid for more than are looked at."""
    chosen = {name: form.text(name) for name in form.names() if name.startswith('chain-')}
    return address_lines.parse(form.text('addresses'), chosen)


def _are_unclear(lines: Sequence[Line]) -> bool:
    return len(lines) > address_lines.MOST_LINES or any(line.fault is not None or line.chain is None for line in lines)


def _faults(lines: Sequence[Line]) -> list[Fault]:
    """Return one fault for all lines: each has its own beside it."""
    if len(lines) > address_lines.MOST_LINES:
        return [forms.too_many_lines('addresses', address_lines.MOST_LINES)]
    number = sum(line.fault is not None for line in lines)
    text = translatable_plural(
        '{number} line has an error: see the list above them', '{number} lines have errors: see the list above them', number
    )
    return [Fault('addresses', 'invalid', text)] if number else []


def _store(request: Request, user: User, portfolio: Portfolio, lines: Sequence[Line]) -> Response:
    home = f'/portfolios/{portfolio.portfolio_id}'
    refused = address_lines.store(user.user_id, portfolio.portfolio_id, lines, partial(repeats.note_first, request, user, home))
    if refused:
        text = {'addresses': '\n'.join(line.text for line in refused)}
        return _render_add(request, user, portfolio, form=text, lines=refused, faults=_faults(refused))
    return pages.redirect(pages.link(request, home))


def _typed(form: forms.Form, lines: Sequence[Line] = ()) -> dict[str, str]:
    """Return what was typed, without what may be a private key."""
    return {'title': form.text('title'), 'addresses': '\n'.join(line.text for line in lines if not line.is_secret)}


def _render_new(request: Request, user: User, *, chosen: Sequence[str], **context: Any) -> Response:
    return _render('portfolio_new.html', request, user=user, **_choices(chosen), **context)


def _render_settings(request: Request, user: User, portfolio: Portfolio, *, chosen: Sequence[str], **context: Any) -> Response:
    return _render('portfolio_settings.html', request, user=user, portfolio=portfolio, **_choices(chosen), **context)


def _render_add(request: Request, user: User, portfolio: Portfolio, **context: Any) -> Response:
    return _render('addresses_new.html', request, user=user, portfolio=portfolio, **context)


def _render(template: str, request: Request, *, lines: Sequence[Line] = (), **context: Any) -> Response:
    status = 422 if context.get('faults') or any(line.question for line in lines) else 200
    questions = {line.question: [(code, currencies.get(code).title) for code in line.chains] for line in lines if line.question}
    return pages.render(template, request, status=status, lines=lines, questions=questions, **context)


def _choices(chosen: Sequence[str]) -> dict[str, Any]:
    lower = [code.lower() for code in chosen]
    common = [(code, currencies.get(code).title, code in lower) for code in _COMMON]
    return {'common': common, 'more': ', '.join(code for code in chosen if code.lower() not in _COMMON)}
