"""HTML pages: templates, security headers, links below a stage prefix, error pages."""

import base64
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from chalice.app import Chalice, Request, Response

from chalicelib import texts
from chalicelib.config import settings
from chalicelib.domain.addresses import private_keys
from chalicelib.errors import AppError, TooMany, TooManyRequests
from chalicelib.http_io import methods
from chalicelib.texts import translatable, translatable_plural
from chalicelib.web import figures, sessions, static_files

if TYPE_CHECKING:
    from jinja2 import Environment

Headers = dict[str, str | list[str]]

# After which a page loads itself again while something is read. It has no field then: what is being typed would be lost.
RELOAD_SECONDS = 5

_SECRET_PATHS = '/s/'  # no other site, search engine or log is to know what is below it
_TEMPLATES = Path(__file__).parent / 'templates'
_TITLES = {
    400: (translatable('Bad request'), translatable('Go back and try again.')),
    403: (translatable('This form has expired'), translatable('Go back, reload the page and try again.')),
    404: (translatable('Page not found'), translatable('It may have been removed, or it may belong to another user.')),
    405: (translatable('This action is not possible here'), translatable('Go back and use the buttons on the page.')),
    409: (translatable('Changed at the same time'), translatable('Someone else changed this at the same time. Try again.')),
    413: (translatable('Form too large'), translatable('You sent more than this form accepts.')),
    415: (translatable('Unsupported form'), translatable('Go back and try again.')),
    429: (translatable('Too many attempts'), translatable('Please try again later.')),
    503: (translatable('Temporarily busy'), translatable('Try again in a few seconds.')),
}
_TITLES_BY_CODE = {
    'answer_too_large': (
        translatable('This is larger than the server can send'),
        translatable(
            'View part of it: fewer reporting currencies, or one portfolio at a time. Programs can read all of it page by page, from the '
            'lists of the API.'
        ),
    ),
    'mail_not_sent': (
        translatable('The email could not be sent'),
        translatable('Nothing was changed. Try again in a few minutes. If it fails again, tell the operator of this server.'),
    ),
    'access_ended': (
        translatable('Log in again'),
        translatable('The password or the email address was changed, or all sessions were ended, at the same time.'),
    ),
}
_UNEXPECTED = (translatable('Something went wrong'), translatable('This is our fault, and it has been logged. Try again in a while.'))


def render(
    template: str,
    request: Request,
    status: int = 200,
    headers: Mapping[str, str | list[str]] | None = None,
    form_action: Iterable[str] = (),
    cookies: Iterable[str] = (),
    scripts: bool = False,
    connects: bool = False,
    **context: Any,
) -> Response:
    """Return a response with a page.

    `form_action` lists the Content-Security-Policy sources to which the page's forms may redirect; `scripts` lets the page load scripts of
    ours, which pages of passkeys and the console need and a chart is better with; `connects` lets these send requests to us; `cookies` are
    further Set-Cookie values. Templates see `context`, `link(path)`, `static(name)`, `csrf()`, which also sets a cookie if the
    visitor has none, and `guarded()`, the attributes of a button whose effect cannot be undone: on its page no link chooses where Tab
    begins, and a script of ours guards it where the page is shown again.
    """
    cookie_value = sessions.cookie_token(request)
    token = cookie_value or sessions.new_visitor_token()
    csrf_used = guarded_used = False

    def csrf() -> str:
        nonlocal csrf_used
        csrf_used = True
        return sessions.csrf_token(token)

    def guarded() -> str:
        nonlocal guarded_used
        guarded_used = True
        return 'data-guarded hidden'  # until the stylesheet is there, which guards it

    values = {
        'user': None,
        'faults': (),
        'links': (),
        'signup_policy': settings().signup,
        'languages': texts.LANGUAGES,
        'language': texts.language(),
        'hides_amounts': sessions.hides_amounts(request),
    } | context
    entered = {name: text for name, text in context.get('form', {}).items() if not private_keys.are_in(text)}  # never shown again
    values['form'] = defaultdict(str, entered)
    html = (
        _environment()
        .get_template(template)
        .render(
            values,
            link=lambda path: link(request, path),
            csrf=csrf,
            guarded=guarded,
            is_guarded=lambda: guarded_used,
            static=lambda name: link(request, static_files.versioned_path(name)),
        )
    )
    page_headers: Headers = {
        'Content-Type': 'text/html; charset=utf-8',
        'Content-Language': texts.language(),
        'Vary': 'Accept-Language, Cookie',
    }
    if guarded_used:
        page_headers['Document-Policy'] = 'force-load-at-top'
    if request.path.startswith(_SECRET_PATHS):
        page_headers |= {'Referrer-Policy': 'no-referrer', 'X-Robots-Tag': 'noindex, nofollow'}
    set_cookies = [*cookies, *([sessions.cookie(token, None)] if csrf_used and cookie_value is None else [])]
    if set_cookies:
        page_headers['Set-Cookie'] = set_cookies
    safe = _security_headers(form_action, scripts=scripts or guarded_used, connects=connects)
    return Response(html, status_code=status, headers=safe | page_headers | dict(headers or {}))


def download(text: str, content_type: str, name: str) -> Response:
    """Return a file; `name` is of plain letters, digits and hyphens."""
    headers: Headers = {'Content-Type': content_type, 'Content-Disposition': f'attachment; filename="{name}"'}
    return Response(text, headers=_security_headers(()) | headers)


def redirect(location: str, headers: Mapping[str, str | list[str]] | None = None) -> Response:
    """Return a 303 response: the browser fetches `location` by GET."""
    return Response('', status_code=303, headers=_security_headers(()) | {'Location': location} | dict(headers or {}))


class Attachment(Response):
    """A response of bytes that the browser saves as a file.

    Chalice would send bytes only to who asks for that type, which no browser does that follows a form. The API must have the type
    among its binary ones, see `infra.gateway`.
    """

    def __init__(self, content: bytes, kind: str, name: str) -> None:
        disposition: Headers = {'Content-Type': kind, 'Content-Disposition': f'attachment; filename="{name}"'}
        super().__init__(base64.b64encode(content).decode(), headers=_security_headers(()) | disposition)

    def to_dict(self, binary_types: list[str] | None = None) -> dict[str, Any]:
        return super().to_dict(None) | {'isBase64Encoded': True}


def link(request: Request, path: str) -> str:
    """Return the link to a local path, with the stage (such as `/prod`) below which API Gateway may serve the site."""
    unknown: str | None = (request.uri_params or {}).get('proxy')  # at a path that has no route
    resource = [part for part in (unknown or request.path).split('/') if part]
    whole = [part for part in str(request.context['path']).split('/') if part]
    stage = whole[: len(whole) - len(resource)]
    return ''.join(f'/{part}' for part in stage) + path


def choice_link(request: Request, path: str, chosen: Mapping[str, str | None], **changes: str) -> str:
    """Return the link to the page at a path with what was chosen on it, but for the changes."""
    query = {name: value for name, value in {**chosen, **changes}.items() if value is not None}
    return link(request, f'{path}?{urlencode(query)}')


def page_before(request: Request, app: Chalice) -> str:
    """Return the link to the page of ours that a link or form was on, the home page where the browser does not say.

    A page that answered a form may be at a path without GET: then it is the nearest page above that.
    """
    referrer = sessions.split_url(request.headers.get('referer', ''))
    target = f'{referrer.path}?{referrer.query}' if referrer.query else referrer.path
    if referrer.netloc != request.headers.get('host') or sessions.safe_path(target) != target:
        return link(request, '/')
    base = link(request, '')
    if referrer.path != base and not referrer.path.startswith(f'{base}/'):
        return link(request, '/')
    path = referrer.path.removeprefix(base) or '/'
    if methods.has_get(app, path):
        return target
    return link(request, methods.nearest_with_get(app, path))


def error_page(
    request: Request, status: int, title: str, text: str, headers: Mapping[str, str | list[str]] | None = None, **context: Any
) -> Response:
    """Return a page that says what is wrong and what to do.

    Who is logged in keeps the navigation: `user` where the view has read it, else they are looked up, unless our own side fails.
    """
    if 'user' not in context and status < 500:
        context['user'] = sessions.current_user(request)
    return render('message.html', request, status=status, headers=headers, title=title, text=text, **{'detail': None} | context)


def render_error(request: Request, error: AppError) -> Response:
    """Return the page for an error, or a redirect to the login form for LoginRequired."""
    if isinstance(error, sessions.LoginRequired):
        return redirect(link(request, error.location))
    title, text = _TITLES_BY_CODE.get(error.code) or _TITLES.get(error.status, _UNEXPECTED)
    if isinstance(error, TooMany):
        text = translatable('To protect your account, please try again in {time}.', time=_in_words(error.retry_after))
    nobody = {'user': None} if isinstance(error, TooManyRequests) else {}  # looking somebody up would read the table
    return error_page(request, error.status, title, text, dict(error.headers()), **nobody)


def _in_words(seconds: int) -> str:
    """Return a time in whole minutes, from two hours on in whole hours, rounded up: 12 minutes, 23 hours."""
    minutes = -(-seconds // 60)
    if minutes >= 120:
        return translatable_plural('{number} hour', '{number} hours', -(-minutes // 60))
    return translatable_plural('{number} minute', '{number} minutes', minutes)


def _security_headers(form_action: Iterable[str], *, scripts: bool = False, connects: bool = False) -> Headers:
    """https://cheatsheetseries.owasp.org/cheatsheets/HTTP_Headers_Cheat_Sheet.html"""
    targets = ' '.join(["'self'", *form_action])
    script_source = ("script-src 'self'; " if scripts else '') + ("connect-src 'self'; " if connects else '')
    headers: Headers = {
        'Content-Security-Policy': "default-src 'none'; style-src 'self'; img-src 'self' data:; "
        f'{script_source}'
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
def _environment() -> 'Environment':
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # API calls should not pay for its cold start

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=['jinja2.ext.i18n'],
    )
    environment.install_gettext_callables(texts.gettext, texts.ngettext, newstyle=True)  # type: ignore[attr-defined]  # added by the extension
    environment.filters |= {name: _in_each_request(function) for name, function in figures.FILTERS.items()}
    return environment


def _in_each_request(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a filter that Jinja does not apply to constants once for all, in the language of whoever is the first to see a template."""
    from jinja2 import pass_context

    @pass_context
    def filter_in_request(_: Any, *args: Any) -> Any:
        return function(*args)

    return filter_in_request
