"""Sign-ups: the mail that confirms one, and the account that it leads to.

No response reveals whether an email address has an account; only the mail to that address does.
"""

from typing import Any

from chalicelib import mail_templates
from chalicelib.config import settings
from chalicelib.domain.credentials import check_new_password, mailbox_of, parse_name, parse_new_email
from chalicelib.errors import Fault, Invalid, NotFound
from chalicelib.models import AttemptCounter, EmailToken, FormerEmail, Invitation, User, new_token, transact
from chalicelib.models.client import digest
from chalicelib.models.user import CONFIRM_SECONDS
from chalicelib.passwords import hash_password, verify_password
from chalicelib.services.users import authentication, mailing
from chalicelib.texts import translatable

_HOUR = 3_600
_DAY = 86_400


def sign_up(
    *, name: str | None, email: str, password: str, network: str, now: int, browser: str | None = None, invitation: str | None = None
) -> None:
    """Mail a confirmation link, or, if the address has an account already, or is kept for one, a report of the attempt.

    `browser` is a cookie of the browser, in which the link may then be followed without the password. `invitation` is the token of an
    invitation, which following the link uses up.
    Either way it takes one hash, three gets, one transaction and one mail, so that timing reveals nothing.
    Raises Invalid for a bad password, TooMany, and NotSent.
    """
    check_new_password(password, email)
    AttemptCounter.record('sign_up_network', network, 20, _HOUR, now)
    values: dict[str, Any] = {'name': name, 'email': email, 'password_hash': hash_password(password)}
    came_by = {key: digest(token) for key, token in (('browser', browser), ('invitation', invitation)) if token}
    with mailing.count_by_visitor('sign_up', mailbox_of(email), now):
        try:
            _store_sign_up(User.with_email(email), values, came_by, now)
        except Invalid:  # another sign-up with the same address, or its confirmation, came between the read and the write
            _store_sign_up(User.with_email(email), values, came_by, now)


def create_confirmed(*, name: str | None, email: str, password: str, now: int) -> User:
    """Store a user as an operator does, whose word is taken for the address: a sign-up with it that nobody confirmed ends.

    Raises Invalid, also if the address is taken.
    """
    address = parse_new_email(email)
    check_new_password(password, address)
    name = parse_name(name or address.partition('@')[0])
    user = User.new(name=name, email=address, password_hash=hash_password(password), allow_remote_login=False, now=now)
    transact(*user.creation(instead_of=User.unconfirmed_with_email(address)))
    return user


def _store_sign_up(user: User | None, values: dict[str, Any], came_by: dict[str, str], now: int) -> None:
    token, kept_for = new_token(), FormerEmail.kept_for(values['email'], now)
    if user is not None and user.confirmed_at is not None:
        login, link = settings().url('/login'), mailing.token_link('/reset', token)
        mailing.store_token_and_send(
            authentication.reset_token(token, user, now), user.email, mail_templates.ALREADY_REGISTERED, login=login, link=link
        )
        return
    if kept_for is not None:
        mailing.tell_of_former_email(values['email'], now)
        return
    owner = user or User.new(**values, allow_remote_login=False, now=now, confirmed=False)
    token_creation = EmailToken.creation(
        token, purpose='confirm', user_id=owner.user_id, expires_at=now + CONFIRM_SECONDS, **values, **came_by
    )
    writes = [token_creation, *(owner.renewal(now) if user else owner.creation())]
    withdrawal = [mailing.deletion(token_creation), *([] if user else owner.withdrawal())]
    mailing.store_and_send(writes, withdrawal, values['email'], mail_templates.CONFIRM_SIGN_UP, link=mailing.token_link('/confirm', token))


def find_sign_up(token: str, now: int) -> tuple[EmailToken, User]:
    """Return the token of a mailed link and the user whose sign-up it confirms. Raises NotFound, also once that is confirmed."""
    email_token = EmailToken.find(token, 'confirm', now)
    user = User.find(email_token.user_id)
    confirmed_at: int | None = user.confirmed_at
    if confirmed_at is not None:
        raise NotFound
    return email_token, user


def is_signing_up(email_token: EmailToken, browser: str | None) -> bool:
    """Return whether a cookie is that of the browser in which somebody signed up."""
    return email_token.browser is not None and browser is not None and email_token.browser == digest(browser)


def confirm(token: str, *, browser: str | None, password: str, now: int) -> User:
    """Confirm a sign-up and activate the password entered with it.

    In another browser than that of the sign-up, `password` must be that password: whoever only has the link may be somebody whose address
    a stranger signed up with, and is not to get an account that the stranger can log in to.
    Raises NotFound for an invalid or used token or invitation, Invalid for a wrong password, TooMany.
    """
    email_token, user = find_sign_up(token, now)
    if not is_signing_up(email_token, browser):
        AttemptCounter.record('confirm', token, 10, _DAY, now)
        if not verify_password(email_token.password_hash, password):
            raise Invalid(Fault('password', 'wrong', translatable('This is not the password that was entered at sign-up')))
    confirmation = user.confirmation(name=email_token.name, password_hash=str(email_token.password_hash), now=now)
    invitation = [Invitation.use(email_token.invitation)] if email_token.invitation else []
    transact(email_token.use(), *confirmation, *invitation)
    return User.find(user.user_id)
