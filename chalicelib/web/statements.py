"""A statement of what a portfolio held and was worth at an instant: a page to print, CSV, JSON, and signed; and where that is verified."""

import json
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from chalice.app import Blueprint, Request, Response

from chalicelib import clock
from chalicelib.api import answers
from chalicelib.api.presenters.currencies import present_value
from chalicelib.api.presenters.portfolios import (
    present_converted_balances,
    present_portfolio_balances,
    present_rate_set,
    require_room_for_missing,
)
from chalicelib.config import settings
from chalicelib.domain import currencies, tables
from chalicelib.errors import AnswerTooLarge, NotReady
from chalicelib.http_io import answer_size, rate_limiter
from chalicelib.http_io.request import path_id
from chalicelib.locales import group_digits
from chalicelib.models import User
from chalicelib.services.portfolios import balances, converted
from chalicelib.services.portfolios.balances import PortfolioBalances
from chalicelib.services.portfolios.converted import ConvertedBalances
from chalicelib.texts import translatable
from chalicelib.web import figures, forms, pages, sessions, unread
from chalicelib.web.days import parse_as_of

bp = Blueprint(__name__)

Statement = dict[str, Any]
_FOR_PROGRAMS = ('json', 'jws')  # which list what is missing once for each row
_FORMATS = ('csv', *_FOR_PROGRAMS)
# How many characters of amounts and names a column of text has room for side by side, and a page that is broader than others.
_LAYOUTS = {'narrow': 72, 'broad': 112}
_CHARACTERS_OF_A_NAME, _CHARACTERS_BESIDE_AN_AMOUNT = 14, 1


@bp.route('/portfolios/{portfolio_id}/statement', cors=False)
def show_statement(portfolio_id: str) -> Response:
    """Show what a portfolio held and was worth at the end of a day, or now; `format` is csv, json or jws, without it a page."""
    request = bp.current_request
    user = sessions.require_user(request)
    number, day = path_id(portfolio_id), forms.query_parameter(request, 'at')
    at, faults = parse_as_of(day)
    if faults:
        return pages.error_page(request, 422, translatable('There is no statement for that day'), faults[0].message, user=user)
    made_at = clock.now()
    format_name = forms.query_parameter(request, 'format')
    try:
        with rate_limiter.large_work_counted_for(f'pages of {user.user_id}'):
            summed = balances.sum_up(user.user_id, number, at)
            totals = converted.convert(summed, at=at)
    except NotReady as not_ready:
        return unread.render_unread(request, user, number, not_ready, status=503)
    if format_name in _FOR_PROGRAMS:
        try:
            require_room_for_missing(summed, totals)
        except AnswerTooLarge:
            return _render_too_large(request, user, number)
    statement = _statement(summed, totals, made_at if at is None else at)
    if format_name in _FORMATS:
        return _download(request, user, statement, format_name, made_at)
    return _render(request, user, statement, at=made_at if at is None else at, is_of_now=at is None, day=day, made_at=made_at)


@bp.route('/statement/verify', cors=False)
def show_verify() -> Response:
    """Show the form that verifies a signed statement; no account is needed."""
    request = bp.current_request
    return _render_verify(request)


@bp.route('/statement/verify', methods=['POST'], content_types=forms.TYPES, cors=False)
def submit_verify() -> Response:
    """Say whether this server signed a statement, and what it says."""
    from chalicelib.oauth import signed_statements

    request = bp.current_request
    pasted = forms.read(request, signed_statements.LONGEST + forms.MOST_BYTES).text('jws')
    claims = signed_statements.verify_statement(pasted)
    if claims:
        return _render_verify(request, claims=claims, missing=_missing(claims['statement']))
    return _render_verify(request, status=422, refused=True, pasted=pasted if len(pasted) < forms.MOST_BYTES else '')


def _render_verify(request: Request, *, status: int = 200, **context: Any) -> Response:
    values = {'claims': None, 'missing': [], 'refused': False, 'pasted': ''} | context
    return pages.render('statement_verify.html', request, status=status, user=sessions.current_user(request), **values)


def _statement(summed: PortfolioBalances, totals: ConvertedBalances, at: int) -> Statement:
    """Return a statement: what the API answers about balances and converted balances of an instant."""
    return {
        'portfolio': {'id': summed.portfolio.portfolio_id, 'title': summed.portfolio.title},
        'at': figures.iso(at),
        'balances': present_portfolio_balances(summed, expand=False),
        'converted': present_converted_balances(totals, expand=False, explain=True),
        **present_rate_set(totals),
    }


def _download(request: Request, user: User, statement: Statement, format_name: str, made_at: int) -> Response:
    """Return a statement as a file, or a page that says what to do if it is larger than Lambda can answer with."""
    text, content_type = _file(statement, format_name, made_at)
    if answer_size.is_too_large(text):
        return _render_too_large(request, user, statement['portfolio']['id'])
    day = figures.day_told(figures.epoch_of(statement['at']))
    return pages.download(text, content_type, f'statement-{statement["portfolio"]["id"]}-{day}.{format_name}')


def _file(statement: Statement, format_name: str, made_at: int) -> tuple[str, str]:
    """Return a statement in one of the formats, and its content type."""
    if format_name == 'csv':
        return _csv(statement), tables.CSV_TYPE
    if format_name == 'json':
        return json.dumps(statement, indent=1, ensure_ascii=False), 'application/json'
    from chalicelib.oauth import signed_statements  # other pages should not pay for cryptography

    return signed_statements.sign_statement(statement, made_at), 'application/jose'


def _render_too_large(request: Request, user: User, portfolio_id: int) -> Response:
    base, day = f'/portfolios/{portfolio_id}', forms.query_parameter(request, 'at')
    return pages.error_page(
        request,
        422,
        translatable('This statement is too large for one file'),
        translatable(
            'It lists everything that is missing once for each reporting currency. Download the CSV, which does not, or choose fewer '
            'reporting currencies.'
        ),
        user=user,
        links=[
            (f'{base}/statement?' + urlencode({'format': 'csv', **({'at': day} if day else {})}), 'CSV'),
            (f'{base}/settings', translatable('Settings')),
        ],
    )


def _render(request: Request, user: User, statement: Statement, **context: Any) -> Response:
    rows = _rows(statement)
    return pages.render(
        'statement.html',
        request,
        user=user,
        statement=statement,
        rows=rows,
        layout=_layout(rows, statement),
        rates=_rates(statement),
        missing=_missing(statement),
        codes=[row['currency'] for row in statement['converted']],
        issuer=settings().issuer,
        request_id=request.context.get('requestId', ''),
        **context,
    )


def _missing(statement: Statement) -> list[answers.NotInTotal]:
    """Return what is missing from any of the totals, each part once: most are missing from all of them."""
    return list({frozenset(part.items()): part for row in statement['converted'] for part in row.get('missing', ())}.values())


def _layout(rows: list[dict[str, Any]], statement: Statement) -> str:
    """Return the class of the table by the width of its amounts, none of which is to be broken: `narrow`, `broad`, or `stacked`."""
    total = ['', *(row['balance'] for row in statement['converted'])]
    amounts = [*([row['balance'], *row['values']] for row in rows), total]
    columns = [max(len(group_digits(amount or '')) for amount in column) for column in zip(*amounts, strict=True)]
    characters = _CHARACTERS_OF_A_NAME + sum(_CHARACTERS_BESIDE_AN_AMOUNT + longest for longest in columns)
    return next((name for name, most in _LAYOUTS.items() if characters <= most), 'stacked')


def _rates(statement: Statement) -> list[answers.Hop]:
    """Return the rates that any of the values was converted by, each once, by pair."""
    hops = [hop for row in statement['converted'] for share in row['explain'] if share['balance'] != '0.0' for hop in share['route']]
    return [hop for _, hop in sorted({hop['pair']: hop for hop in hops}.items())]


def _rows(statement: Statement) -> list[dict[str, Any]]:
    """Return a row for each currency that was held, with its value in each reporting currency, rounded; None without a rate."""
    values = {
        (row['currency'], share['currency']): present_value(Decimal(share['value']), row['currency'])
        for row in statement['converted']
        for share in row['explain']
    }
    balance_rows = [row for row in statement['balances'] if row['balance'] != '0.0' or not row['complete']]
    codes = [row['currency'] for row in statement['converted']]
    return [
        {
            'code': row['currency'],
            'title': currencies.get(row['currency']).title,
            'balance': row['balance'],
            'complete': row['complete'],
            'values': [values.get((code, row['currency'])) for code in codes],
        }
        for row in balance_rows
    ]


def _csv(statement: Statement) -> str:
    codes = [row['currency'] for row in statement['converted']]
    rows = [[statement['at'], row['code'], row['balance'], *row['values'], row['complete']] for row in _rows(statement)]
    total = [statement['at'], 'total', None, *(row['balance'] for row in statement['converted'])]
    complete = all(row['complete'] for row in statement['converted'])
    return tables.to_csv(['at', 'currency', 'balance', *codes, 'complete'], [*rows, [*total, complete]])
