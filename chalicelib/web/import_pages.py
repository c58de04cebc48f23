"""The page on which addresses and amounts are imported as CSV: it shows what each line would make, and makes that when told so."""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from chalice.app import Blueprint, Request, Response

from chalicelib.domain.tables import BadTable
from chalicelib.errors import Fault, TooLarge
from chalicelib.http_io.request import path_id
from chalicelib.models import Address, Portfolio, User, read_portfolio_tree
from chalicelib.texts import translatable, translatable_plural, with_values
from chalicelib.web import forms, import_rows, pages, repeats, sessions
from chalicelib.web.import_rows import ImportRow, ImportTable

bp = Blueprint(__name__)

_PATH = '/portfolios/{portfolio_id}/import'
_MOST_KB = 256
_NOTHING = ImportTable([], [])


@bp.route(_PATH, cors=False)
def show_import(portfolio_id: str) -> Response:
    """Show the form that takes a file or pasted lines."""
    request = bp.current_request
    user = sessions.require_user(request)
    return _render(request, user, Portfolio.find(user.user_id, path_id(portfolio_id)))


@bp.route(_PATH, methods=['POST'], content_types=forms.WITH_FILES, cors=False)
def submit_import(portfolio_id: str) -> Response:
    """Show what each line would add to the portfolio, or add it if that was confirmed."""
    request = bp.current_request
    form = _read(request)
    user = sessions.require_user(request)
    is_confirmed = form is not None and form.has('confirmed')
    portfolio, there = _find(user, path_id(portfolio_id), with_addresses=not is_confirmed)
    try:
        table = _parse(form, there)
    except BadTable as error:
        return _render(request, user, portfolio, faults=[Fault('lines', 'invalid', error.sentence)])
    if is_confirmed:
        return _store(request, user, portfolio, table)
    return _render(request, user, portfolio, table, faults=_faults(table.rows))


def _find(user: User, portfolio_id: int, *, with_addresses: bool) -> tuple[Portfolio, list[Address]]:
    """Return a portfolio, with the addresses that are in it already where a preview is to name them. Raises NotFound."""
    if not with_addresses:
        return Portfolio.find(user.user_id, portfolio_id), []
    tree = read_portfolio_tree(user.user_id, portfolio_id)
    return tree.portfolio, tree.of_kind(Address)


def _read(request: Request) -> forms.Form | None:
    """Return the form, None if it is too large."""
    try:
        return forms.read(request, _MOST_KB * 1024)
    except TooLarge:
        return None


def _parse(form: forms.Form | None, there: Iterable[Address]) -> ImportTable:
    """Return what a form would add beside the addresses that are there. Raises BadTable."""
    if form is None:
        text = translatable('This is too large: import at most {most} lines, of {kilobytes} KB, at a time, in several files')
        raise BadTable(with_values(text, most=import_rows.MOST_ROWS, kilobytes=_MOST_KB))
    table = import_rows.parse(form.text('file') or form.text('lines'), there)
    if not table.rows:
        raise BadTable(translatable('Choose a file, or enter a line'))
    return table


def _store(request: Request, user: User, portfolio: Portfolio, table: ImportTable) -> Response:
    """Add the lines that have no fault, and show those that could not be added. What was added since the preview is refused there."""
    home = f'/portfolios/{portfolio.portfolio_id}'
    refused = import_rows.store(portfolio, table.good, partial(repeats.note_first, request, user, home))
    left = ImportTable(table.header, sorted([*(row for row in table.rows if row.faults), *refused], key=lambda row: row.number))
    if not left.rows:
        return pages.redirect(pages.link(request, home))
    return _render(request, user, portfolio, left, faults=_faults(left.rows), added=len(table.good) - len(refused))


def _faults(rows: Sequence[ImportRow]) -> list[Fault]:
    """Return one fault for all rows: each has its own beside it."""
    number = sum(bool(row.faults) for row in rows)
    sentence = translatable_plural('{number} line has an error: see the list', '{number} lines have errors: see the list', number)
    return [Fault('lines', 'invalid', sentence)] if number else []


def _render(request: Request, user: User, portfolio: Portfolio, table: ImportTable = _NOTHING, **context: Any) -> Response:
    values = {'added': None, 'faults': (), 'most': import_rows.MOST_ROWS} | context
    status = 422 if values['faults'] else 200
    return pages.render('import.html', request, status=status, user=user, portfolio=portfolio, table=table, **values)
