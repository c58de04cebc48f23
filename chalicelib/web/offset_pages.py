"""Pages of offsets, which are amounts that a person enters: one form that makes, changes and shows one."""

import re
from typing import Any

from chalice.app import Blueprint, Request, Response

from chalicelib import clock
from chalicelib.api.presenters.offsets import present_offset
from chalicelib.api.requests import fields
from chalicelib.api.requests.body import Body, ParsedBody
from chalicelib.config import settings
from chalicelib.errors import Fault, Invalid
from chalicelib.http_io.request import path_id
from chalicelib.models import AlreadyUsed, Offset, Portfolio, Since, User
from chalicelib.services.portfolios import offsets
from chalicelib.texts import translatable, with_values
from chalicelib.web import amounts, forms, pages, repeats, sessions

bp = Blueprint(__name__)

_LIST = '/portfolios/{portfolio_id}/offsets'
_ITEM = _LIST + '/{offset_id}'
_SEPARATOR = re.compile(r'(?<![0-9]),|,(?![0-9])')
_LINE = re.compile(r'balances\[([0-9]+)\]')
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
    """Return what was entered: a line for each amount, `12500.50 usd` or `usd 12500.50`. Raises Invalid with all of its faults."""
    typed = [line for line in form.text('balances').splitlines() if line.strip()]
    if len(typed) > settings().max_offset_balances:
        raise Invalid(forms.too_many_lines('balances', settings().max_offset_balances))
    lines = [_split(line) for line in typed]
    faults: list[Fault] = []
    rows = [{'currency': currency, 'balance': _amount(number, amount, faults)} for number, (currency, amount) in enumerate(lines)]
    try:
        body = _OFFSET.read({'title': form.text('title'), 'balances': rows, 'since': form.text('since')})
    except Invalid as invalid:
        raise Invalid(*faults, *map(_named, invalid.faults)) from None
    if faults:
        raise Invalid(*faults)
    return body


def _split(line: str) -> tuple[str, str]:
    """Return the currency and the amount of a line, the latter empty if there is none. A comma between digits belongs to an amount."""
    words = _SEPARATOR.sub(' ', line).split()
    place = next((number for number, word in enumerate(words) if word.removeprefix('-')[:1].isdecimal()), None)
    amount = '' if place is None else words.pop(place)
    return ' '.join(words), amount


def _amount(number: int, typed: str, faults: list[Fault]) -> str:
    """Return an amount as the API takes it; note what is wrong with it among the faults, and return zero, with which nothing is."""
    try:
        return amounts.to_api(typed) if typed else ''
    except amounts.BadAmount as error:
        problem = translatable('Line {number}: {problem}', number=number + 1, problem=error.sentence)
        faults.append(Fault(f'balances[{number}].balance', 'invalid_amount', problem))
        return '0'


def _named(fault: Fault) -> Fault:
    """Return a fault that calls a line by its number."""
    match = _LINE.match(fault.field)
    if match is None:
        return fault
    line = translatable('Line {number}:', number=int(match[1]) + 1)
    return fault._replace(message=with_values(fault.message, field=line))


def _typed(form: forms.Form) -> dict[str, str]:
    return {name: form.text(name) for name in ('title', 'balances', 'since')}


def _render(request: Request, user: User, portfolio_id: int, offset: Offset | None, **context: Any) -> Response:
    portfolio = Portfolio.find(user.user_id, portfolio_id)
    shown = None if offset is None else present_offset(offset, expand=False)
    status = 422 if context.get('faults') else 200
    return pages.render('offset.html', request, status=status, user=user, portfolio=portfolio, offset=shown, **context)
