"""People's accounts: signing up, logging in, forgotten passwords, new e-mail addresses; who may try how often.

Nothing here tells anybody whether an e-mail address has an account, but the person who reads its mail.
"""

from typing import Any
from urllib.parse import urlencode

from chalicelib import mail
from chalicelib.config import settings
from chalicelib.domain.credentials import check_new_password
from chalicelib.errors import Fault, Invalid, NotFound
from chalicelib.models import AttemptCounter, EmailToken, Grant, User, Write, new_token, transact

_QUARTER = 900
_HOUR = 3_600
_DAY = 86_400


def sign_up(*, name: str | None, email: str, password: str, network: str, now: int) -> None:
    """Mail a link that makes the account usable, or, when there is one already, word of the attempt.

    Whatever is the case: one hash, two gets, one transaction, one mail. Raises Invalid for the password, TooMany.
    """
    check_new_password(password, email)
    AttemptCounter.record('sign_up_network', network, 20, _HOUR, now)
    AttemptCounter.record('sign_up', email.lower(), 5, _HOUR, now)
    password_hash = _hash(password)
    try:
        _answer_sign_up(User.with_email(email), name=name, email=email, password_hash=password_hash, now=now)
    except Invalid:  # somebody signed up with the same address between the look and the write
        _answer_sign_up(User.with_email(email), name=name, email=email, password_hash=password_hash, now=now)


def _answer_sign_up(user: User | None, *, name: str | None, email: str, password_hash: str, now: int) -> None:
    token = new_token()
    if user is not None and user.confirmed_at is not None:
        transact(_reset_token(token, user, now))
        _post(user.email, mail.ALREADY, login=_url('/login'), link=_url('/reset', token))
        return
    values: dict[str, Any] = {'name': name, 'email': email, 'password_hash': password_hash}
    whose = user or User.new(**values, allow_remote_login=False, now=now, confirmed=False)
    waiting = EmailToken.creation(token, purpose='confirm', user_id=whose.user_id, expires_at=now + _DAY, **values)
    transact(waiting, *([] if user else whose.creation()))
    _post(email, mail.CONFIRM, link=_url('/confirm', token))


def confirm(token: str, now: int) -> User:
    """Confirm a sign-up; from now on its password opens the account. Raises NotFound for a link that is no longer good."""
    mailed = EmailToken.find(token, 'confirm', now)
    user = User.find(mailed.user_id)
    transact(mailed.use(), user.confirmation(name=mailed.name, password_hash=str(mailed.password_hash), now=now))
    return user


def authenticate(email: str, password: str, *, network: str, now: int, remotely: bool = False) -> User | None:
    """Return the user with this e-mail address and password, None for any reason there may be; `remotely`, if they allow it.

    Only failures count towards the limits. Takes one hash and the same requests whatever is wrong. Raises TooMany.
    """
    account = email.strip().lower()
    AttemptCounter.record('log_in_network', network, 100, _QUARTER, now)
    AttemptCounter.record('log_in', account, 10, _QUARTER, now)
    user = User.with_email(email)
    known = _verify(user.password_hash if user else None, password)
    if user is None or not known or user.confirmed_at is None or (remotely and not user.allow_remote_login):
        return None
    AttemptCounter.undo('log_in', account, _QUARTER, now)
    AttemptCounter.undo('log_in_network', network, _QUARTER, now)
    return user


def forgot_password(email: str, *, network: str, now: int) -> None:
    """Mail a link to set a new password, or word that there is no account. Raises TooMany."""
    AttemptCounter.record('forgot_network', network, 30, _HOUR, now)
    AttemptCounter.record('forgot', email.lower(), 5, _HOUR, now)
    user = User.with_email(email)
    token = new_token()
    if user is None:
        # As many requests as for an account; the token is mailed to nobody.
        transact(EmailToken.creation(token, purpose='nothing', user_id='nobody', expires_at=now + _HOUR))
        _post(email, mail.NO_ACCOUNT, signup=_url('/signup'))
        return
    transact(_reset_token(token, user, now))
    _post(user.email, mail.RESET, link=_url('/reset', token))


def _reset_token(token: str, user: User, now: int) -> Write:
    return EmailToken.creation(token, purpose='reset', user_id=user.user_id, stamp=user.stamp, expires_at=now + _HOUR)


def of_link(token: str, purpose: str, now: int) -> tuple[EmailToken, User]:
    """Return what a mailed link is for and whose account it opens. Raises NotFound for one that is no longer good."""
    mailed = EmailToken.find(token, purpose, now)
    user = User.find(mailed.user_id)
    if mailed.stamp != user.stamp:
        raise NotFound
    return mailed, user


def reset_password(token: str, password: str, *, now_ms: int) -> User:
    """Set a new password by a mailed link; ends all sessions and every application's access. Raises NotFound, Invalid."""
    mailed, user = of_link(token, 'reset', now_ms // 1000)
    check_new_password(password, user.email)
    transact(mailed.use(), user.password_reset(_hash(password), now_ms))
    for grant in Grant.of_user(user.user_id):
        Grant.revoke(user.user_id, grant.client_id)
    return user


def change_password(user: User, *, current: str, password: str, now_ms: int) -> None:
    """Set a new password and end all sessions. Raises Invalid, TooMany."""
    check_current_password(user, current, now_ms // 1000)
    check_new_password(password, user.email)
    user.set_password(_hash(password), now_ms)


def check_current_password(user: User, password: str, now: int) -> None:
    """Make sure that it is the user who asks, not whoever found their browser open. Raises Invalid, TooMany."""
    AttemptCounter.record('log_in', user.email.lower(), 10, _QUARTER, now)
    if not _verify(user.password_hash, password):
        raise Invalid(Fault('current_password', 'wrong', 'Your current password is incorrect'))
    AttemptCounter.undo('log_in', user.email.lower(), _QUARTER, now)


def ask_for_email_change(user: User, *, email: str, password: str, now: int) -> None:
    """Mail a link to the new address, which takes effect when it is followed. Raises Invalid, TooMany."""
    check_current_password(user, password, now)
    AttemptCounter.record('change_email', user.user_id, 5, _HOUR, now)
    token = new_token()
    owner = User.with_email(email)
    transact(EmailToken.creation(token, purpose='email', user_id=user.user_id, email=email, stamp=user.stamp, expires_at=now + _DAY))
    if owner is not None and owner.user_id != user.user_id:
        _post(email, mail.TAKEN, login=_url('/login'))
        return
    _post(email, mail.NEW_EMAIL, link=_url('/confirm', token))


def change_email(token: str, now: int) -> User:
    """Move an account to the address that the link was mailed to; the old one is told. Raises NotFound, Invalid."""
    mailed, user = of_link(token, 'email', now)
    old, new = user.email, str(mailed.email)
    transact(mailed.use(), *user.email_change(new))
    _post(old, mail.CHANGED, old=old, new=new)
    return user


def _post(to: str, letter: mail.Letter, **values: str) -> None:
    mail.send(to, letter.subject, letter.text.format(**values))


def _url(path: str, token: str | None = None) -> str:
    return settings().issuer.rstrip('/') + path + (f'?{urlencode({"token": token})}' if token else '')


def _hash(password: str) -> str:
    from chalicelib.passwords import hash_password  # argon2 is for those who log in, not for API calls

    return hash_password(password)


def _verify(stored: str | None, password: str) -> bool:
    from chalicelib.passwords import is_password

    return is_password(stored, password)
