"""Changing the email address of an account: the new one is used once the link that is mailed there was followed."""

from chalicelib import mail_templates
from chalicelib.config import settings
from chalicelib.domain.credentials import parse_email
from chalicelib.errors import Fault, Invalid, NotFound, check_all
from chalicelib.models import AttemptCounter, EmailToken, User, new_token, transact
from chalicelib.passwords import verify_password
from chalicelib.services import mailing, notices, users
from chalicelib.texts import translatable

_HOUR = 3_600
_DAY = 86_400


def request_email_change(user: User, *, typed: str, password: str, session_id: str, now: int) -> str:
    """Mail a link to the new address and return that; the address changes when the link is followed.

    Somebody who signed up with the address and never confirmed it does not have it.
    Raises Invalid, TooMany, NotSent.
    """
    check_all(lambda: parse_email(typed), lambda: users.check_current_password(user, password, session_id, now))
    email = parse_email(typed)
    AttemptCounter.record('change_email', user.user_id, 5, _HOUR, now)
    token = new_token()
    owner = User.with_email(email)
    creation = EmailToken.creation(token, purpose='email', user_id=user.user_id, email=email, stamp=user.stamp, expires_at=now + _DAY)
    with mailing.uncount_unsent('change_email', user.user_id, _HOUR, now), mailing.count_to_stranger(email, now):
        if owner is not None and owner.user_id != user.user_id and owner.confirmed_at is not None:
            mailing.store_token_and_send(creation, email, mail_templates.EMAIL_TAKEN, login=settings().url('/login'))
        else:
            mailing.store_token_and_send(creation, email, mail_templates.CONFIRM_NEW_EMAIL, link=mailing.token_link('/confirm', token))
    return email


def change_email(token: str, *, logged_in: User | None, password: str, now: int) -> None:
    """Change the email address to the one the link was mailed to, and notify the old one.

    Where `logged_in`, who follows the link, is not the account's user, `password` must be the account's: whoever only has the link may be
    somebody whose address a stranger entered, and is not to vouch for the stranger's account.
    Raises NotFound, also once the address has an account of its own, Invalid for a wrong password, TooMany.
    """
    email_token, user = users.find_by_link(token, 'email', now)
    if not is_same(user.user_id, logged_in):
        AttemptCounter.record('confirm', token, 10, _DAY, now)
        if not verify_password(user.password_hash, password):
            raise Invalid(Fault('password', 'wrong', translatable('This is not the password of the account')))
    new = str(email_token.email)
    try:
        transact(email_token.use(), *user.email_change(new, now, instead_of=User.unconfirmed_with_email(new)))
    except Invalid:
        raise NotFound from None
    notices.tell_of_new_address(user, new)


def is_same(user_id: str, logged_in: User | None) -> bool:
    """Return whether who is logged in, None for nobody, is this user."""
    return logged_in is not None and logged_in.user_id == user_id
