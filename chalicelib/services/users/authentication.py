"""User accounts: login, password reset, and the limits on attempts.

No response reveals whether an email address has an account; only the mail to that address does.
"""

import contextlib
from collections.abc import Callable, Collection
from typing import NamedTuple

from chalicelib import mail_templates
from chalicelib.config import settings
from chalicelib.domain.credentials import check_new_password, mailbox_of
from chalicelib.errors import Fault, Invalid, NotFound, TooMany, check_all
from chalicelib.models import (
    DATABASE_ERRORS,
    AttemptCounter,
    EmailToken,
    FormerEmail,
    KnownBrowser,
    Session,
    User,
    Write,
    new_token,
    transact,
)
from chalicelib.passwords import hash_password, verify_password
from chalicelib.services.users import access, mailing, notices, second_factors
from chalicelib.services.users.log_ins import Visitor
from chalicelib.texts import translatable

_QUARTER = 900
_HOUR = 3_600
_DAY = 86_400
_MOST_CHANGES = 5  # of a password in a day


class Authenticated(NamedTuple):
    """The user whose password was right, and whether they had logged in with this browser before, and it is not doubted."""

    user: User
    knows_browser: bool


def authenticate(
    email: str, password: str, *, network: str, now: int, browser: str | None = None, by_application: bool = False
) -> Authenticated | None:
    """Return the user with this email address and password, or None if the login fails for any reason.

    `browser` is the token of the browser; in one that the user logged in with before, strangers' failures do not count.
    `by_application` is the password grant, which the user must have allowed. Only failures count towards the limits. Every
    failure takes one hash and the same requests, so that timing reveals nothing. Raises TooMany.
    """
    user = User.with_email(email)
    user_id = user.user_id if user else 'nobody'
    known_browser = None if browser is None else KnownBrowser.find(user_id, browser, now)
    account = email.strip().lower()
    limits = (
        [('log_in_known', f'{user_id} {browser}', 10)]
        if known_browser is not None
        else [('log_in_network', network, 100), ('log_in', account, 10)]
    )
    for kind, subject, most in limits:
        AttemptCounter.record(kind, subject, most, _QUARTER, now)
    password_matches = verify_password(user.password_hash if user else None, password)
    if user is None or not password_matches or user.confirmed_at is None or (by_application and not _allows_application(user)):
        return None
    for kind, subject, _ in limits:
        AttemptCounter.undo(kind, subject, _QUARTER, now)
    return Authenticated(user, known_browser is not None and not known_browser.doubted)


def _allows_application(user: User) -> bool:
    """Return whether applications may log in with the user's password, which alone opens no account with a second factor."""
    return user.allow_remote_login and not second_factors.of_user(user.user_id).protect


def forgot_password(email: str, *, network: str, browser: str | None, now: int) -> None:
    """Mail a password reset link, or, if there is no account, or none any longer, a mail that says so. Raises TooMany, NotSent.

    `browser` is the token of the browser: in one that the user logged in with before, the mails that strangers ask for do not count.

    A reset confirms the email address. An account that nobody confirmed in time counts as none. So does any that is not confirmed where not
    everybody may sign up: a reset would open it without using up an invitation.
    """
    AttemptCounter.record('forgot_network', network, 30, _HOUR, now)
    user = User.with_email(email)
    user_id = user.user_id if user else 'nobody'
    knows_browser = browser is not None and KnownBrowser.find(user_id, browser, now) is not None
    with mailing.count_by_visitor('forgot', f'{user_id} {browser}' if knows_browser else mailbox_of(email), now):
        _mail_reset_link(user, email, now)


def _mail_reset_link(user: User | None, email: str, now: int) -> None:
    kept_for = FormerEmail.kept_for(email, now)
    if user is None or not user.is_or_may_be_confirmed(now) or (settings().signup != 'open' and user.confirmed_at is None):
        if kept_for is not None:
            mailing.tell_of_former_email(email, now)
        else:  # the same number of requests as for an existing account
            mailing.store_token_and_send(mailing.unused_token(now), email, mail_templates.NO_ACCOUNT, signup=settings().url('/signup'))
        return
    token = new_token()
    mailing.store_token_and_send(
        reset_token(token, user, now),
        user.email,
        mail_templates.RESET_PASSWORD,
        link=mailing.token_link('/reset', token),
        factors=settings().url('/profile/second-factor'),
    )


def reset_token(token: str, user: User, now: int, lasts_seconds: int = _HOUR) -> Write:
    """Return the write that stores the token of a link with which a user sets a new password."""
    return EmailToken.creation(token, purpose='reset', user_id=user.user_id, stamp=user.log_in_stamp, expires_at=now + lasts_seconds)


def find_by_link(token: str, purpose: str, now: int) -> tuple[EmailToken, User]:
    """Return the token of a mailed link and its user.

    Raises NotFound if the token is unknown, used, expired or for another purpose, or if the user's email address or password
    changed since it was mailed, or, of any but a reset, all sessions ended.
    """
    email_token = EmailToken.find(token, purpose, now)
    user = User.find(email_token.user_id)
    if email_token.stamp != (user.log_in_stamp if purpose == 'reset' else user.stamp):
        raise NotFound
    return email_token, user


def reset_password(token: str, password: str, *, now: int) -> User:
    """Set a new password through a mailed link; end all sessions and everything else that opens the account. Return the user.

    Raises NotFound, Invalid.
    """
    email_token, user = find_by_link(token, 'reset', now)
    check_new_password(password, user.email)
    password_hash = hash_password(password)
    reset = [email_token.use(), *user.password_reset(password_hash, now)]
    end_around(lambda: transact(*reset), user.user_id, (), now, forget_browsers=True)
    notices.tell_of_reset(user)
    return User.find(user.user_id)


def change_password(user: User, *, current: str, session_id: str, password: str, keep: Collection[str], now: int) -> None:
    """Set a new password; end all sessions, and what opens the account except the names in `keep` (see `access`).

    Counted by the day: whoever knows the password could else change it over and over, and end each reset link of its owner before that is
    followed. Raises Invalid, TooMany, AccessEnded.
    """
    check_all(
        lambda: check_current_password(user, current, session_id, now),
        lambda: check_new_password(password, user.email),
    )
    AttemptCounter.record('change_password', user.user_id, _MOST_CHANGES, _DAY, now)
    password_hash = hash_password(password)
    end_around(lambda: user.set_password(password_hash), user.user_id, keep, now)
    _tell_of_new_password(user, now)


def _tell_of_new_password(user: User, now: int) -> None:
    """Mail the user a link that resets the password, too: whoever changed it may have used up those that can be asked for today."""
    token, link = new_token(), settings().url('/forgot')
    with contextlib.suppress(*DATABASE_ERRORS):
        transact(reset_token(token, user, now, lasts_seconds=_DAY))
        link = mailing.token_link('/reset', token)
    notices.tell_of_new_password(user, link)


def log_out_everywhere(user: User, *, keep: Collection[str], visitor: Visitor, now: int) -> None:
    """End all sessions, and what opens the account except passkeys and the names in `keep` (see `access`); mail the user of it.

    Counted, as whoever has a session may do it, and so could keep its owner out. Raises AccessEnded, TooMany.
    """
    AttemptCounter.record('end_all_sessions', user.user_id, 5, _HOUR, now)
    end_around(user.end_sessions, user.user_id, access.FACTORS.union(keep), now)
    notices.tell_of_ended_sessions(user, visitor.browser, visitor.network, now)


def log_out_session(user: User, session_id: str, now: int) -> None:
    """End one session of a user; it is no error if it has ended already. Counted as `log_out_everywhere` is. Raises TooMany."""
    AttemptCounter.record('end_session', user.user_id, 30, _HOUR, now)
    Session.end_one(user.user_id, session_id)


def allow_remote_login(user: User, allowed: bool) -> None:
    """Set whether applications may use the password grant; mail the user of it if they newly may, end what came by it if they may not.

    Raises NotFound, AccessEnded.
    """
    if not allowed:
        access.forbid_remote_login(user.user_id)
        return
    if user.allow_remote():  # whether they might when the user was read says nothing: it may have been forbidden since
        notices.tell_of_remote_login(user)


def end_around(end_sessions: Callable[[], None], user_id: str, keep: Collection[str], now: int, *, forget_browsers: bool = False) -> None:
    """End all sessions, and before and after it all else that opens an account, as `access.end_all` does.

    First, so that this can be repeated the same way should it be interrupted; and once nobody else is logged in any more, for what was
    made meanwhile.
    """
    access.end_all(user_id, now, keep=keep, forget_browsers=forget_browsers)
    end_sessions()
    access.end_all(user_id, now, keep=keep, forget_browsers=forget_browsers)


def check_current_password(user: User, password: str, session_id: str, now: int) -> None:
    """Check that the request comes from the user, not from someone at their unlocked browser. Raises Invalid, TooMany.

    Counted by session, so that who has another does not keep the user from changing the password. Who fails too often loses the session:
    they may have a copy of its cookie, and the user knows the password to log in again.
    """
    try:
        AttemptCounter.record('current_password', session_id, 10, _QUARTER, now)
    except TooMany:
        Session.end_one(user.user_id, session_id)
        raise
    if not verify_password(user.password_hash, password):
        raise Invalid(Fault('current_password', 'wrong', translatable('Your current password is incorrect')))
    AttemptCounter.undo('current_password', session_id, _QUARTER, now)
