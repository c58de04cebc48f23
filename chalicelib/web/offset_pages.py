"""Pages of offsets, which are amounts that a person enters: one form that makes, changes and shows one."""

from typing import Any

from chalice.app import Blueprint, Request, Response

from chalicelib import clock
from chalicelib.api.presenters.offsets import present_offset
from chalicelib.api.requests import fields
from chalicelib.api.requests.body import Body, ParsedBody
from chalicelib.errors import Invalid
from chalicelib.http_io.request import path_id
from chalicelib.models import AlreadyUsed, Offset, Since, User, read_portfolio_tree
from chalicelib.services.portfolios import offsets
from chalicelib.web import forms, pages, repeats, sessions

bp = Blueprint(__name__)

_LIST = '/portfolios/{portfolio_id}/offsets'
_ITEM = _LIST + '/{offset_id}'
_OFFSET = Body('OffsetForm', required=(fields.TITLE, fields.BALANCES), optional=(fields.SINCE,))


@bp.route(_LIST + '/new', cors=False)
def show_new_offset(portfolio_id: str) -> Response:
    """Show the form that adds amounts."""
    request = bp.current_request
    user = sessions.require_user(request)
    return _render(request, user, path_id(portfolio_id), None)


@bp.route(_LIST, methods=['POST'], content_types=forms.TYPES, cors=False)
def add_offset(portfolio_id: str) -> Response:
    """Add amounts to a portfolio."""
    request = bp.current_request
    form = forms.read(request)
    user = sessions.require_user(request)
    number = path_id(portfolio_id)
    try:
        body = _parse(form)
        title, balances, since = body[fields.TITLE], body[fields.BALANCES], (body.get(fields.SINCE) or Since(None)).at
        offset = Offset.draft(user.user_id, number, title=title, balances=balances, since=since, now=clock.now())
        offsets.store(offset, also=[repeats.note_first(request, user, f'/portfolios/{number}')])
    except Invalid as invalid:
        return _render(request, user, number, None, faults=invalid.faults, form=_typed(form))
    except AlreadyUsed:
        return pages.redirect(pages.link(request, repeats.location_of_first(request, user)))
    return pages.redirect(pages.link(request, f'/portfolios/{number}'))


@bp.route(_ITEM, cors=False)
def show_offset(portfolio_id: str, offset_id: str) -> Response:
    """Show amounts in the form that changes them."""
    request = bp.current_request
    user = sessions.require_user(request)
    return _render(request, user, path_id(portfolio_id), _find(user, portfolio_id, offset_id))


@bp.route(_ITEM, methods=['POST'], content_types=forms.TYPES, cors=False)
def submit_offset(portfolio_id: str, offset_id: str) -> Response:
    """Change amounts, their title, and since when they count."""
    request = bp.current_request
    form = forms.read(request)
    user = sessions.require_user(request)
    offset = _find(user, portfolio_id, offset_id)
    try:
        body = _parse(form)
    except Invalid as invalid:
        return _render(request, user, offset.portfolio_id, offset, faults=invalid.faults, form=_typed(form))
    key = (user.user_id, offset.portfolio_id, offset.offset_id)
    title, balances, since = body[fields.TITLE], body[fields.BALANCES], body.get(fields.SINCE)
    offsets.change(*key, title=title, balances=balances, since=since, now=clock.now())
    return pages.redirect(pages.link(request, f'/portfolios/{offset.portfolio_id}'))


@bp.route(_ITEM + '/delete', cors=False)
def show_delete_offset(portfolio_id: str, offset_id: str) -> Response:
    """Ask before amounts are removed."""
    request = bp.current_request
    user = sessions.require_user(request)
    offset = _find(user, portfolio_id, offset_id)
    path = f'/portfolios/{offset.portfolio_id}/offsets/{offset.offset_id}'
    return pages.render('part_delete.html', request, user=user, part=offset, path=path)


@bp.route(_ITEM + '/delete', methods=['POST'], content_types=forms.TYPES, cors=False)
def submit_delete_offset(portfolio_id: str, offset_id: str) -> Response:
    """Remove amounts from their portfolio."""
    request = bp.current_request
    forms.read(request)
    user = sessions.require_user(request)
    offsets.delete(user.user_id, path_id(portfolio_id), path_id(offset_id), now=clock.now())
    return pages.redirect(pages.link(request, f'/portfolios/{path_id(portfolio_id)}'))


def _find(user: User, portfolio_id: str, offset_id: str) -> Offset:
    return Offset.find(user.user_id, path_id(portfolio_id), path_id(offset_id))


def _parse(form: forms.Form) -> ParsedBody:
    """Return what was entered: a line for each amount, `12500.50 usd` or `usd 12500.50`. Raises Invalid."""
    rows = [_row(line) for line in form.text('balances').splitlines() if line.strip()]
    return _OFFSET.read({'title': form.text('title'), 'balances': rows, 'since': form.text('since')})


def _row(line: str) -> dict[str, str]:
    words = line.replace(',', ' ').split()
    place = next((number for number, word in enumerate(words) if word.removeprefix('-')[:1].isdecimal()), None)
    amount = '' if place is None else words.pop(place)
    return {'currency': ' '.join(words), 'balance': amount}


def _typed(form: forms.Form) -> dict[str, str]:
    return {name: form.text(name) for name in ('title', 'balances', 'since')}


def _render(request: Request, user: User, portfolio_id: int, offset: Offset | None, **context: Any) -> Response:
    portfolio = read_portfolio_tree(user.user_id, portfolio_id).portfolio
    shown = None if offset is None else present_offset(offset, expand=False)
    status = 422 if context.get('faults') else 200
    return pages.render('offset.html', request, status=status, user=user, portfolio=portfolio, offset=shown, **context)
