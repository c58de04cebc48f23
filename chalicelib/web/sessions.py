"""Who sits at the browser: the session cookie, logging in and out, and the tokens that keep forged forms away."""

import hashlib
import hmac
import re
import secrets
from urllib.parse import urlencode, urlsplit

from chalice.app import Request

from chalicelib import clock
from chalicelib.config import settings
from chalicelib.errors import AppError, NotFound
from chalicelib.models import Session, User, new_token
from chalicelib.models.session import LONGEST_SECONDS

_TOKEN = re.compile(r'[A-Za-z0-9_-]{43}')
_CSRF = re.compile(r'([A-Za-z0-9_-]{16})\.([0-9a-f]{64})')


class LogInFirst(AppError):
    """This page is for users only; `location` is where to log in and come back from."""

    status = 303

    def __init__(self, location: str) -> None:
        super().__init__()
        self.location = location


class Forged(AppError):
    """A form that did not come from a page of ours in this browser."""

    status = 403
    code = 'forbidden'
    message = 'This form has expired. Go back, reload the page and try again.'


def is_secure() -> bool:
    return settings().issuer.startswith('https://')


def cookie_name() -> str:
    """Return the session cookie's name; with its prefix, browsers hold it to this host alone (RFC 6265bis section 4.1.3)."""
    return '__Host-session' if is_secure() else 'session'


def current(request: Request) -> User | None:
    """Return who is logged in, None for nobody."""
    token = held_token(request)
    now = clock.now()
    session = Session.find(token, now) if token else None
    if session is None:
        return None
    try:
        user = User.find(session.user_id)
    except NotFound:
        return None
    if user.confirmed_at is None or session.started_at < user.sessions_valid_from:
        return None
    session.prolong(now)
    return user


def require(request: Request) -> User:
    """Return who is logged in. Raises LogInFirst."""
    user = current(request)
    if user is None:
        back = own_path(request) if request.method == 'GET' else '/profile'
        raise LogInFirst('/login?' + urlencode({'next': back}))
    return user


def start(user: User, now_ms: int | None = None) -> str:
    """Begin a session, always under a new token, so that none planted before is of any use; return the Set-Cookie value."""
    return cookie(Session.start(user.user_id, now_ms or clock.now_ms()), LONGEST_SECONDS)


def end(request: Request) -> str:
    """End the session, if there is one; return the Set-Cookie value that forgets it."""
    token = held_token(request)
    if token:
        Session.end(token)
    return cookie('', 0)


def cookie(value: str, seconds: int | None) -> str:
    """Return a Set-Cookie value for the session cookie; without `seconds` it lasts until the browser is closed."""
    age = '' if seconds is None else f'; Max-Age={seconds}'
    return f'{cookie_name()}={value}; Path=/{age}; HttpOnly; SameSite=Lax' + ('; Secure' if is_secure() else '')


def held_token(request: Request) -> str | None:
    """Return the value of the session cookie: a session's, or a visitor's who was given a form and has none."""
    for pair in request.headers.get('cookie', '').split(';'):
        name, _, value = pair.strip().partition('=')
        if name == cookie_name() and _TOKEN.fullmatch(value):
            return str(value)
    return None


def new_visitor_token() -> str:
    """Return a cookie value for a visitor without a session. It is stored nowhere."""
    return new_token()


def csrf_token(held: str) -> str:
    """Return a token for the forms of whoever holds this cookie, another one each time (against BREACH)."""
    nonce = secrets.token_urlsafe(12)
    return f'{nonce}.{_mac(held, nonce)}'


def check_form(request: Request, given: str) -> None:
    """Make sure that a form came from a page of ours in this browser. Raises Forged."""
    held = held_token(request)
    match = _CSRF.fullmatch(given)
    if held is None or match is None or not hmac.compare_digest(_mac(held, match[1]), match[2]):
        raise Forged
    if request.headers.get('sec-fetch-site', 'same-origin') not in ('same-origin', 'none'):
        raise Forged
    origin = request.headers.get('origin')
    if origin is not None and urlsplit(origin).netloc not in (request.headers.get('host'), urlsplit(settings().issuer).netloc):
        raise Forged


def _mac(held: str, nonce: str) -> str:
    return hmac.new(held.encode(), b'csrf ' + nonce.encode(), hashlib.sha256).hexdigest()


def own_path(request: Request) -> str:
    """Return the path and query that was asked for, without the stage that API Gateway may put before it."""
    path = str(request.path)
    for name, value in (request.uri_params or {}).items():
        path = path.replace(f'{{{name}}}', value)
    query = request.query_params
    pairs = [(name, value) for name in query for value in query.getlist(name)] if query else []
    return f'{path}?{urlencode(pairs)}' if pairs else path


def safe_path(text: str) -> str:
    """Return `text` if it is a path of ours that one may be sent to after logging in, else /profile.

    Browsers read \\ as /, and // as the start of a host.
    """
    plain = re.fullmatch(r'/(?:[!-.0-\[\]-~][!-\[\]-~]*)?', text)
    return text if plain and '//' not in text.partition('?')[0] and len(text) <= 4_096 else '/profile'
