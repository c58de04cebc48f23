"""Logging in on the pages: the session that it starts, and the browsers that a user logs in with."""

from typing import NamedTuple

from chalicelib.models import KnownBrowser, Session, User, new_token
from chalicelib.services.users import notices

_MOST_SESSIONS = 50
_MOST_BROWSERS = 20
_TIDIED_EVERY = 10  # log-ins: the others cost no request more


class Visitor(NamedTuple):
    """The browser that a request came from: the token that it has, None for none, what it is called, and its network."""

    token: str | None
    browser: str
    network: str


class LogIn(NamedTuple):
    """The tokens of a new session, and of the browser that it was begun in, which is known by it from now on."""

    session_token: str
    browser_token: str


def begin_session(user: User, visitor: Visitor, now_ms: int, *, started_at: int | None = None) -> LogIn:
    """Start a session in a browser that is known anew: whoever else used the browser may have its former token.

    `started_at` as for `Session.start`, which raises AccessEnded.
    """
    return _begin(user, visitor, new_token(), now_ms, started_at)


def begin_session_and_tell(user: User, visitor: Visitor, now_ms: int, *, knows_browser: bool | None = None) -> LogIn:
    """Start a session; where the user had not logged in with this browser before, as `begin_session` does, and mail them.

    `knows_browser` says whether they had, and it is not doubted, None if that is not known.
    """
    if knows_browser is None:
        browser = KnownBrowser.find(user.user_id, visitor.token, now_ms // 1000) if visitor.token is not None else None
        knows_browser = browser is not None and not browser.doubted
    if knows_browser and visitor.token is not None:
        return _begin(user, visitor, visitor.token, now_ms)
    notices.tell_of_log_in(user, visitor.browser, visitor.network, now_ms // 1000)
    return begin_session(user, visitor, now_ms)


def _begin(user: User, visitor: Visitor, browser_token: str, now_ms: int, started_at: int | None = None) -> LogIn:
    if user.sessions_begun >= _TIDIED_EVERY:
        _make_room(user, now_ms // 1000)
    known_browser = KnownBrowser.in_use(user.user_id, browser_token, now_ms // 1000)
    where = {'browser': visitor.browser, 'network': visitor.network}
    session_token = Session.start(user, now_ms, started_at=started_at, known_browser=known_browser, **where)
    return LogIn(session_token, browser_token)


def _make_room(user: User, now: int) -> None:
    """Delete the oldest sessions and known browsers, so that those that are begun until the next time fit too.

    The count begins anew last of all: what dies before is done again.
    """
    Session.end_all_but(_MOST_SESSIONS - _TIDIED_EVERY, user, now)
    KnownBrowser.forget_all_but(_MOST_BROWSERS - _TIDIED_EVERY, user.user_id)
    User.at(user.user_id).update_blindly(User.sessions_begun.set(0))
