"""Adding a second factor. An account's first takes a link to its mailbox beside the password.

Otherwise whoever knows the password alone could add one, which no reset by mail removes, and so keep the owner out for good.
"""

from enum import StrEnum
from urllib.parse import urlencode

from chalicelib import locales, mail_templates
from chalicelib.config import settings
from chalicelib.errors import Fault, Invalid, NotFound
from chalicelib.models import AttemptCounter, EmailToken, User, Write, new_token, still_working, transact
from chalicelib.services import mailing, passkeys, second_factors, users
from chalicelib.texts import translatable

_HOUR = 3_600


class FactorKind(StrEnum):
    """What can be added."""

    APP = 'app'
    PASSKEY = 'passkey'


def begin(user: User, kind: FactorKind, now: int) -> str | None:
    """Let a user add a factor, whose password was right; return the token of the step, or None where a link was mailed instead.

    Raises Invalid where they have too many passkeys, or it would be the first one and a change of the address can still be taken back,
    TooMany, NotSent.
    """
    if second_factors.of_user(user.user_id).protect:
        return _begin_step(user, kind, now)
    _check_address_stays(user, now)
    AttemptCounter.record('first_factor', user.user_id, 5, _HOUR, now)
    with mailing.uncount_unsent('first_factor', user.user_id, _HOUR, now):
        _mail_link(user, kind, now)
    return None


def find_link(user: User, kind: FactorKind, token: str, now: int) -> EmailToken:
    """Return the token of a link that was mailed to this user. Raises NotFound as `users.find_by_link`."""
    email_token, owner = users.find_by_link(token, _purpose(kind), now)
    if owner.user_id != user.user_id:
        raise NotFound
    return email_token


def begin_by_link(user: User, kind: FactorKind, token: str, now: int) -> str:
    """Let a user add a factor through a mailed link; return the token of the step. Raises NotFound, Invalid as `begin`."""
    email_token = find_link(user, kind, token, now)
    step = _begin_step(user, kind, now)
    transact(email_token.use())
    return step


def link_token(token: str, user: User, kind: FactorKind, now: int) -> Write:
    """Return the write that stores the token of a link with which a user adds a factor."""
    return EmailToken.creation(token, purpose=_purpose(kind), user_id=user.user_id, stamp=user.stamp, expires_at=now + _HOUR)


def _check_address_stays(user: User, now: int) -> None:
    """Check that the mailbox that is to vouch for a first factor is the owner's for good: one that stays would outlast a thief's address.

    Raises Invalid while a change of the address can be taken back.
    """
    restorable = still_working(user.take_backs, now)
    if restorable:
        time = locales.minute(restorable[-1].until)
        sentence = translatable('Your email address was changed. You can add your first second factor from {time} on', time=time)
        raise Invalid(Fault('current_password', 'too_early', sentence))


def _mail_link(user: User, kind: FactorKind, now: int) -> None:
    token = new_token()
    link = settings().url('/profile/second-factor/begin?' + urlencode({'what': kind, 'token': token}))
    mailing.store_token_and_send(
        link_token(token, user, kind, now), user.email, mail_templates.ADD_SECOND_FACTOR, link=link, forgot=settings().url('/forgot')
    )


def _begin_step(user: User, kind: FactorKind, now: int) -> str:
    return second_factors.begin_authenticator(user, now) if kind is FactorKind.APP else passkeys.begin_registration(user, now)


def _purpose(kind: FactorKind) -> str:
    return f'add_{kind}'
