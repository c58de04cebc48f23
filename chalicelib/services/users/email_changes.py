"""Changing the email address of an account: the new one is used once the link that is mailed there was followed.

The one before is mailed a link that takes the change back: whoever knows the password alone could else take an account for good. Nobody
else gets that address while the link works: its owner, told that it has no account, would sign up anew and make the link useless. Who
returns to such an address has taken the change back as well, and no link is mailed to the one that they leave.
"""

from enum import Enum

from chalicelib import mail_templates, notice_templates
from chalicelib.config import settings
from chalicelib.domain.credentials import parse_new_email
from chalicelib.errors import Fault, Invalid, NotFound, check_all
from chalicelib.models import (
    AttemptCounter,
    EmailToken,
    FormerEmail,
    TakeBack,
    User,
    earlier_than,
    email_change,
    email_restoration,
    email_return,
    email_taken_error,
    link_listing,
    links_after_return,
    new_token,
    transact,
)
from chalicelib.models.take_back import LONGEST_SECONDS, WORKS_SECONDS
from chalicelib.passwords import hash_password, verify_password
from chalicelib.services.users import authentication, mailing, notices, second_factors
from chalicelib.texts import translatable

_HOUR = 3_600
_DAY = 86_400


class Proof(Enum):
    """What shows that whoever follows a link is the account's user, and did not only get a mail that a stranger had sent."""

    SESSION = 'they are logged in'
    PASSWORD = 'they enter the password'
    LOG_IN = 'they log in first, as the password alone does not open an account with a second factor'


def request_email_change(user: User, *, typed: str, password: str, session_id: str, now: int) -> str:
    """Mail a link to the new address and return that; the address changes when the link is followed. Tell the one so far.

    Somebody who signed up with the address and never confirmed it does not have it; who moved away from it and can take that back does.
    Raises Invalid, TooMany, NotSent.
    """
    check_all(lambda: parse_new_email(typed), lambda: authentication.check_current_password(user, password, session_id, now))
    email = parse_new_email(typed)
    AttemptCounter.record('change_email', user.user_id, 5, _HOUR, now)
    token = new_token()
    owner, kept = User.with_email(email), _is_kept_for_another(email, user, now)
    creation = EmailToken.creation(token, purpose='email', user_id=user.user_id, email=email, stamp=user.stamp, expires_at=now + _DAY)
    with mailing.uncount_unsent('change_email', user.user_id, _HOUR, now), mailing.count_to_stranger(email, now):
        if owner is not None and owner.user_id != user.user_id and owner.confirmed_at is not None:
            mailing.store_token_and_send(creation, email, mail_templates.EMAIL_TAKEN, login=settings().url('/login'))
        elif kept:
            mailing.tell_of_former_email(email, now)
        else:
            mailing.store_token_and_send(creation, email, mail_templates.CONFIRM_NEW_EMAIL, link=mailing.token_link('/confirm', token))
    notices.tell_of_requested_address(user, email)
    return email


def required_proof(user_id: str, logged_in: User | None) -> Proof:
    """Return the proof that whoever follows the link must give to be this user; `logged_in` is the user logged in there, or None."""
    if logged_in is not None and logged_in.user_id == user_id:
        return Proof.SESSION
    return Proof.LOG_IN if second_factors.of_user(user_id).protect else Proof.PASSWORD


def change_email(token: str, *, logged_in: User | None, password: str, now: int) -> None:
    """Change the email address to the one the link was mailed to.

    `password` is the account's, where it is the proof. The link alone is none: a stranger may have entered the address of its recipient,
    who must not confirm the stranger's account.
    Raises NotFound, also once the address has an account of its own, Invalid for a wrong password or where a log-in is missing, TooMany,
    Conflict, and NotSent, without a change: nobody could take back what they hear nothing of.
    """
    email_token, user = authentication.find_by_link(token, 'email', now)
    proof = required_proof(user.user_id, logged_in)
    if proof is Proof.LOG_IN:
        raise Invalid(Fault('log_in', 'required', translatable('Log in to the account first')))
    if proof is Proof.PASSWORD:
        AttemptCounter.record('confirm', token, 10, _DAY, now)
        if not verify_password(user.password_hash, password):
            raise Invalid(Fault('password', 'wrong', translatable('This is not the password of the account')))
    new = str(email_token.email)
    try:
        if _is_kept_for_another(new, user, now):
            raise email_taken_error()
        left = links_after_return(user, new, now)
        if left:
            _return(user, email_token, left, now)
        else:
            _move(user, email_token, now)
    except Invalid:
        raise NotFound from None


def _move(user: User, email_token: EmailToken, now: int) -> None:
    """Change the address once the one before was mailed the link that takes the change back.

    One request at a time does so: whoever sends many could else bury the owner's mail under others. The link works before it is mailed,
    and goes on working if the change fails after that, or dies; repeated a minute later, that mails another one, which works too.
    Raises as `change_email`, and Invalid where somebody else has the address.
    """
    new, link, until, longest = str(email_token.email), new_token(), now + WORKS_SECONDS, now + LONGEST_SECONDS
    creation = EmailToken.creation(link, purpose='take_back', user_id=user.user_id, email=user.email, expires_at=longest)
    values = {'old': user.email, 'new': new, 'link': mailing.token_link('/take-back', link), 'forgot': settings().url('/forgot')}
    change = email_change(user, new, until, now, instead_of=_find_unconfirmed(new, user))
    listed = link_listing(user, TakeBack(EmailToken.id_of(link), until, user.email, longest), now)
    begun = [email_token.claim(now), creation, listed.write]
    withdrawal = [email_token.release(), mailing.deletion(creation), listed.withdrawal]
    mailing.store_and_send(begun, withdrawal, user.email, notice_templates.EMAIL_CHANGED, **values)
    transact(email_token.use(), *change)


def _return(user: User, email_token: EmailToken, left: list[TakeBack], now: int) -> None:
    """Change the address back to one that the user had, with the links that are then left.

    Whoever had it since could else take the account after its owner has it again. Raises as `change_email`, and Invalid where somebody else
    has the address.
    """
    new = str(email_token.email)
    transact(email_token.use(), *email_return(user, new, left, now, instead_of=_find_unconfirmed(new, user)))
    notices.tell_of_return(user, new)


def find_take_back(token: str, now: int) -> tuple[EmailToken, User]:
    """Return the token of a link that takes a change of address back, and its user.

    Raises NotFound if it is unknown, used or expired, or if an earlier change was taken back.
    """
    email_token = EmailToken.find(token, 'take_back', now)
    user = User.find(email_token.user_id)
    earlier_than(email_token.token_id, user.take_backs, now)
    return email_token, user


def take_back(token: str, now: int) -> str:
    """Give an account the address back that a link was mailed to; return the token of a link with which to set its password.

    Until then nobody knows the password. All that opens the account ends, as by a reset; a second factor stays.
    Raises NotFound as `find_take_back`, Invalid if the address has an account of its own by now, and Conflict.
    """
    email_token, user = find_take_back(token, now)
    old = str(email_token.email)
    instead_of = _find_unconfirmed(old, user)
    password_hash, reset = hash_password(new_token()), new_token()
    restored = User.at(user.user_id)
    restored.user_id, restored.email, restored.password_hash = user.user_id, old, password_hash
    restoration = email_restoration(user, email_token, password_hash, now, instead_of)
    authentication.end_around(lambda: transact(*restoration, authentication.reset_token(reset, restored, now)), user.user_id, (), now)
    if user.email != old:  # nor the change of which the link told, where that failed
        notices.tell_of_restored_address(user, old)
    return reset


def _is_kept_for_another(address: str, user: User, now: int) -> bool:
    return FormerEmail.kept_for(address, now) not in (None, user.user_id)


def _find_unconfirmed(address: str, user: User) -> User | None:
    """Return who signed up with an address and never confirmed it, or None, before a user gets it.

    Raises Invalid if somebody else has it.
    """
    owner = User.with_email(address)
    if owner is None or owner.confirmed_at is None:
        return owner
    if owner.user_id != user.user_id:
        raise email_taken_error()
    return None
