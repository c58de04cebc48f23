"""HTML pages: templates, the headers that keep them safe, links behind a stage prefix, and errors as pages."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chalice.app import Request, Response

from chalicelib.errors import AppError
from chalicelib.web import sessions

if TYPE_CHECKING:
    from jinja2 import Environment

Headers = dict[str, str | list[str]]

STYLE = Path(__file__).parent / 'static' / 'style.css'
_TEMPLATES = Path(__file__).parent / 'templates'
_TITLES = {
    400: ('Bad request', 'Go back and try again.'),
    403: ('This form has expired', 'Go back, reload the page and try again.'),
    404: ('Page not found', 'It may have been removed, or it may belong to another user.'),
    405: ('This action is not possible here', 'Go back and use the buttons on the page.'),
    409: ('Changed at the same time', 'Someone else changed this at the same time. Try again.'),
    413: ('Form too large', 'You sent more than this form accepts.'),
    415: ('Unsupported form', 'Go back and try again.'),
    429: ('Too many attempts', 'To protect your account, please wait a while and try again.'),
    503: ('Temporarily busy', 'Try again in a few seconds.'),
}
_UNEXPECTED = ('Something went wrong', 'This is our fault, and it has been logged. Try again in a while.')


def render(
    template: str,
    request: Request,
    status: int = 200,
    headers: Mapping[str, str | list[str]] | None = None,
    form_action: Iterable[str] = (),
    **context: Any,
) -> Response:
    """Answer with a page.

    `form_action` are the sources, in the sense of Content-Security-Policy, that posting a form of the page may redirect to.
    Templates see `context`, `link(path)`, and `csrf()`, which brings a cookie along for a visitor who has none.
    """
    held = sessions.held_token(request)
    given = held or sessions.new_visitor_token()
    asked: list[str] = []

    def csrf() -> str:
        asked.append(given)
        return sessions.csrf_token(given)

    values = {'user': None, 'faults': (), 'links': ()} | context
    values['form'] = defaultdict(str, context.get('form', {}))  # what was typed before, if anything
    html = (
        _environment()
        .get_template(template)
        .render(values, link=lambda path: link(request, path), csrf=csrf, style=link(request, f'/static/style.css?v={style_version()}'))
    )
    own: Headers = {'Content-Type': 'text/html; charset=utf-8'}
    if asked and held is None:
        own['Set-Cookie'] = [sessions.cookie(given, None)]
    return Response(html, status_code=status, headers=_safety(form_action) | own | dict(headers or {}))


def redirect(location: str, headers: Mapping[str, str | list[str]] | None = None) -> Response:
    """Send the browser elsewhere, to be asked for by GET."""
    return Response('', status_code=303, headers=_safety(()) | {'Location': location} | dict(headers or {}))


def link(request: Request, path: str) -> str:
    """Return the link to a path of ours: API Gateway may serve us below a stage, `/prod`, which is not part of our paths."""
    resource = [part for part in request.path.split('/') if part]
    whole = [part for part in str(request.context['path']).split('/') if part]
    stage = whole[: len(whole) - len(resource)]
    return ''.join(f'/{part}' for part in stage) + path


def error_page(
    request: Request, status: int, title: str, text: str, headers: Mapping[str, str | list[str]] | None = None, **context: Any
) -> Response:
    """Answer with a page that says what is wrong and what to do."""
    return render('message.html', request, status=status, headers=headers, title=title, text=text, **context)


def render_error(request: Request, error: AppError) -> Response:
    """Return the page for an error, or a redirect to the login form for LogInFirst."""
    if isinstance(error, sessions.LogInFirst):
        return redirect(link(request, error.location))
    title, text = _TITLES.get(error.status, _UNEXPECTED)
    return error_page(request, error.status, title, text, dict(error.headers()))


def _safety(form_action: Iterable[str]) -> Headers:
    """https://cheatsheetseries.owasp.org/cheatsheets/HTTP_Headers_Cheat_Sheet.html"""
    targets = ' '.join(["'self'", *form_action])
    headers: Headers = {
        'Content-Security-Policy': "default-src 'none'; style-src 'self'; img-src 'self' data:; "
        f"form-action {targets}; frame-ancestors 'none'; base-uri 'none'",
        'X-Frame-Options': 'DENY',
        'X-Content-Type-Options': 'nosniff',
        'Referrer-Policy': 'same-origin',
        'Cross-Origin-Opener-Policy': 'same-origin',
        'Cache-Control': 'no-store',
    }
    if sessions.is_secure():
        headers['Strict-Transport-Security'] = 'max-age=31536000; includeSubDomains'
    return headers


@lru_cache(1)
def style_version() -> str:
    """Return what changes with the stylesheet, so that it can be cached for ever."""
    return hashlib.sha256(STYLE.read_bytes()).hexdigest()[:16]


@lru_cache(1)
def _environment() -> 'Environment':
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # costs a cold start that API calls need not pay

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters['day'] = _day
    return environment


def _day(epoch: int) -> str:
    """Return an instant as people write the day, in UTC: 7 November 2017."""
    moment = datetime.fromtimestamp(epoch, UTC)
    return f'{moment.day} {moment:%B %Y}'
