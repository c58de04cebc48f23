"""Logging in on the pages: the session that it starts, and the browsers that a user logs in with."""

from typing import NamedTuple

from chalicelib.models import KnownBrowser, Session, User
from chalicelib.services import notices


class Visitor(NamedTuple):
    """The browser that a request came from: the token by which it is known again, what it is called, and its network."""

    token: str
    browser: str
    network: str


def begin_session(user: User, visitor: Visitor, now_ms: int) -> str:
    """Start a session and remember its browser; return the session's token. Raises AccessEnded as `Session.start`."""
    remembering = KnownBrowser.remembering(user.user_id, visitor.token, now_ms // 1000)
    return Session.start(user, now_ms, browser=visitor.browser, network=visitor.network, also=[remembering])


def begin_session_and_tell(user: User, visitor: Visitor, now_ms: int) -> str:
    """Start a session as `begin_session` does, and mail the user if they had not logged in with this browser before."""
    if not KnownBrowser.is_known(user.user_id, visitor.token, now_ms // 1000):
        notices.tell_of_log_in(user, visitor.browser, visitor.network, now_ms // 1000)
    return begin_session(user, visitor, now_ms)
