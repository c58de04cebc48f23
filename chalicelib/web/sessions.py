"""The cookies of sessions, of known browsers and of hidden amounts, logging in and out, and the CSRF tokens of forms."""

import hashlib
import hmac
import re
import secrets
from urllib.parse import SplitResult, parse_qs, urlencode, urlsplit

from chalice.app import Request

from chalicelib import clock
from chalicelib.config import settings
from chalicelib.domain import browsers
from chalicelib.errors import AppError, NotFound
from chalicelib.http_io.request import network
from chalicelib.models import Session, User, new_token
from chalicelib.models.known_browser import KNOWN_SECONDS
from chalicelib.models.session import LONGEST_SECONDS
from chalicelib.services.users import log_ins
from chalicelib.services.users.log_ins import LogIn, Visitor

_OUTCOMES = ('saved', 'done')
_TOKEN = re.compile(r'[A-Za-z0-9_-]{43}')
_CSRF = re.compile(r'([A-Za-z0-9_-]{16})\.([0-9a-f]{64})')


class LoginRequired(AppError):
    """A page for logged-in users only; `location` is the login page, which redirects back afterwards."""

    status = 303

    def __init__(self, location: str) -> None:
        super().__init__()
        self.location = location


class ForgedForm(AppError):
    """A form that was not submitted from one of our pages in the same browser."""

    status = 403
    code = 'forbidden'
    message = 'This form has expired. Go back, reload the page and try again.'


def is_secure() -> bool:
    return settings().issuer.startswith('https://')


def cookie_name(what: str = 'session') -> str:
    """Return the name of a cookie; its prefix makes browsers bind it to this host (RFC 6265bis section 4.1.3)."""
    return f'__Host-{what}' if is_secure() else what


def current_user(request: Request) -> User | None:
    """Return the logged-in user, or None. Extends the session."""
    current = _current(request)
    return None if current is None else current[1]


def _current(request: Request) -> tuple[Session, User] | None:
    """Return the session that a request is of, and its user, or None. Extends the session."""
    token = cookie_token(request)
    current = find(token) if token else None
    if current is not None:
        current[0].see(clock.now(), network(request))
    return current


def find(token: str) -> tuple[Session, User] | None:
    """Return the session that a token is of, and its user; None if there is none, or it has ended."""
    session = Session.find(token, clock.now())
    if session is None:
        return None
    try:
        user = User.find(session.user_id)
    except NotFound:
        return None
    return (session, user) if user.confirmed_at is not None and session.is_valid_for(user) else None


def current_session_id(request: Request) -> str:
    """Return the id of the session in which somebody is logged in, without reading it."""
    return Session.id_of(cookie_token(request) or '')


def require_user(request: Request) -> User:
    """Return the logged-in user. Raises LoginRequired."""
    return require_session(request)[1]


def require_session(request: Request) -> tuple[Session, User]:
    """Return the session that a request is of, and its user. Raises LoginRequired."""
    current = _current(request)
    if current is None:
        back = requested_path(request) if request.method in ('GET', 'HEAD') else '/account'
        raise LoginRequired(login_path(back))
    return current


def visitor(request: Request) -> Visitor:
    """Return the browser that a request came from."""
    words = browsers.name_browser(request.headers.get('user-agent', ''))
    return Visitor(_token(request, 'browser'), words, network(request))


def start_anew(request: Request, user: User, ended: Session) -> list[str]:
    """Start a session in the place of one that ended, without a log-in, and return its Set-Cookie values, as `start` does.

    It ends when that would have at the latest: whoever copied a cookie could else be in for good.
    """
    return _cookies(log_ins.begin_session(user, visitor(request), clock.now_ms(), started_at=int(ended.started_at)))


def start(request: Request, user: User, *, tell: bool = False, knows_browser: bool | None = None) -> list[str]:
    """Start a session and return its Set-Cookie values. The token is always new, which prevents session fixation.

    `user` is as they were read before anything of the log-in was checked: raises AccessEnded if the password was changed in the meantime.
    `tell` mails the user if the browser is not known, which `knows_browser` says where it was looked up.
    """
    who, now_ms = visitor(request), clock.now_ms()
    if tell:
        log_in = log_ins.begin_session_and_tell(user, who, now_ms, knows_browser=knows_browser)
    else:
        log_in = log_ins.begin_session(user, who, now_ms)
    return _cookies(log_in)


def _cookies(log_in: LogIn) -> list[str]:
    return [cookie(log_in.session_token, LONGEST_SECONDS), cookie(log_in.browser_token, KNOWN_SECONDS, 'browser')]


def end(request: Request) -> str:
    """End the session, if any; return the Set-Cookie value that deletes the cookie."""
    token = cookie_token(request)
    if token:
        Session.end(token)
    return cookie('', 0)


def cookie(value: str, seconds: int | None, what: str = 'session') -> str:
    """Return a Set-Cookie value; if `seconds` is None, the cookie lasts until the browser is closed."""
    age = '' if seconds is None else f'; Max-Age={seconds}'
    return f'{cookie_name(what)}={value}; Path=/{age}; HttpOnly; SameSite=Lax' + ('; Secure' if is_secure() else '')


def cookie_token(request: Request) -> str | None:
    """Return the value of the session cookie: the token of a session, or of a visitor without one (see `new_visitor_token`)."""
    return _token(request, 'session')


def step_token(request: Request) -> str | None:
    """Return the token of the log-in, or registration of a passkey, that is under way in this browser; see `LogInStep`."""
    return _token(request, 'step')


def hides_amounts(request: Request) -> bool:
    """Whether no amount is to be seen on pages in this browser."""
    return cookie_value(request, 'amounts') == 'hidden'


def amounts_cookie(*, hide: bool) -> str:
    """Return the Set-Cookie value that hides amounts in this browser, or shows them again."""
    return cookie('hidden', KNOWN_SECONDS, 'amounts') if hide else cookie('', 0, 'amounts')


def login_path(target: str) -> str:
    """Return the path of the login page, which redirects to `target` afterwards."""
    return '/login?' + urlencode({'next': target})


def cookie_value(request: Request, what: str) -> str | None:
    """Return the value of a cookie, of which nothing is checked; of several with the same name, the first."""
    pairs = (pair.strip().partition('=') for pair in request.headers.get('cookie', '').split(';'))
    return next((str(value) for name, _, value in pairs if name == cookie_name(what)), None)


def _token(request: Request, what: str) -> str | None:
    value = cookie_value(request, what)
    return value if value and _TOKEN.fullmatch(value) else None


def new_visitor_token() -> str:
    """Return a cookie value for a visitor without a session, for their forms' CSRF tokens. It is not stored."""
    return new_token()


def csrf_token(cookie_value: str) -> str:
    """Return a CSRF token bound to a cookie value, different on each call (against BREACH)."""
    nonce = secrets.token_urlsafe(12)
    return f'{nonce}.{_mac(cookie_value, nonce)}'


def check_form(request: Request, csrf: str) -> None:
    """Check that a form was submitted from one of our pages in the same browser. Raises ForgedForm."""
    cookie_value = cookie_token(request)
    match = _CSRF.fullmatch(csrf)
    if cookie_value is None or match is None or not hmac.compare_digest(_mac(cookie_value, match[1]), match[2]):
        raise ForgedForm
    if request.headers.get('sec-fetch-site', 'same-origin') not in ('same-origin', 'none'):
        raise ForgedForm
    origin = request.headers.get('origin')
    if origin is not None and split_url(origin).netloc not in (request.headers.get('host'), urlsplit(settings().issuer).netloc):
        raise ForgedForm


def split_url(text: str) -> SplitResult:
    """Return the parts of a URL that a browser says, those of an empty one for what is no URL."""
    try:
        return urlsplit(text)
    except ValueError:
        return urlsplit('')


def _mac(cookie_value: str, nonce: str) -> str:
    return hmac.new(cookie_value.encode(), b'csrf ' + nonce.encode(), hashlib.sha256).hexdigest()


def requested_path(request: Request) -> str:
    """Return the requested path and query, without the stage that API Gateway may put before it."""
    path = str(request.path)
    for name, value in (request.uri_params or {}).items():
        path = path.replace(f'{{{name}}}', value)
    query = request.query_params
    pairs = [(name, value) for name in query for value in query.getlist(name)] if query else []
    return f'{path}?{urlencode(pairs)}' if pairs else path


def safe_path(text: str) -> str:
    """Return `text` if it is a local path that is safe to redirect to after login, otherwise /portfolios.

    Browsers read \\ as /, and // as the start of a host. What a page says that a form did (`forms.outcome`) is not to come from a link.
    """
    plain = re.fullmatch(r'/(?:[!-.0-\[\]-~][!-\[\]-~]*)?', text)
    path, _, query = text.partition('?')
    if not plain or '//' in path or len(text) > 4_096:
        return '/portfolios'
    return path if any(name in parse_qs(query, keep_blank_values=True) for name in _OUTCOMES) else text
