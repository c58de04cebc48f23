"""Adding a second factor, or new recovery codes: beside the password that takes a link to the account's mailbox.

Otherwise whoever knows the password, and perhaps is in a session, could put factors of their own in the place of the owner's. No reset by
mail removes those, so the owner would be kept out for good.
"""

from enum import StrEnum
from urllib.parse import urlencode

from chalicelib import locales, mail_templates
from chalicelib.config import settings
from chalicelib.errors import Fault, Invalid, NotFound
from chalicelib.models import AttemptCounter, EmailToken, User, Write, links_elsewhere, new_token, transact
from chalicelib.services.users import authentication, mailing, passkeys, second_factors
from chalicelib.texts import translatable

_HOUR = 3_600


class FactorKind(StrEnum):
    """What can be added. New recovery codes take the place of the earlier ones."""

    APP = 'app'
    PASSKEY = 'passkey'
    CODES = 'codes'


_MAILS = {
    FactorKind.APP: mail_templates.ADD_SECOND_FACTOR,
    FactorKind.PASSKEY: mail_templates.ADD_SECOND_FACTOR,
    FactorKind.CODES: mail_templates.REPLACE_RECOVERY_CODES,
}


def send_link(user: User, kind: FactorKind, now: int) -> None:
    """Mail a user, whose password was right, the link through which they go on.

    Raises Invalid where they have too many passkeys, or a change of the address can still be taken back, NotFound where there is no factor
    that recovery codes could stand in for, TooMany, NotSent.
    """
    if kind is FactorKind.PASSKEY:
        passkeys.check_room(user)
    elif kind is FactorKind.CODES:
        _check_codes_are_needed(user)
    _check_address_stays(user, now)
    AttemptCounter.record('new_factor', user.user_id, 5, _HOUR, now)
    with mailing.uncount_unsent('new_factor', user.user_id, _HOUR, now):
        _mail_link(user, kind, now)


def find_link(user: User, kind: FactorKind, token: str, now: int) -> EmailToken:
    """Return the token of a link that was mailed to this user. Raises NotFound as `authentication.find_by_link`."""
    email_token, owner = authentication.find_by_link(token, _purpose(kind), now)
    if owner.user_id != user.user_id:
        raise NotFound
    return email_token


def begin(user: User, kind: FactorKind, token: str, now: int) -> str:
    """Let a user add an app or a passkey through a mailed link; return the token of the step. Raises NotFound, Invalid as `send_link`."""
    email_token = find_link(user, kind, token, now)
    step = second_factors.begin_authenticator(user, now) if kind is FactorKind.APP else passkeys.begin_registration(user, now)
    transact(email_token.use())
    return step


def replace_codes(user: User, token: str, now: int) -> tuple[list[str], list[Write]]:
    """Return new recovery codes and the writes that store them and use a mailed link up. Raises NotFound as `send_link`."""
    email_token = find_link(user, FactorKind.CODES, token, now)
    _check_codes_are_needed(user)
    codes, stored = second_factors.new_recovery_codes(user.user_id)
    return codes, [email_token.use(), stored]


def link_token(token: str, user: User, kind: FactorKind, now: int) -> Write:
    """Return the write that stores the token of a link through which a user adds a factor."""
    return EmailToken.creation(token, purpose=_purpose(kind), user_id=user.user_id, stamp=user.stamp, expires_at=now + _HOUR)


def _check_address_stays(user: User, now: int) -> None:
    """Check that the mailbox that is to vouch for a factor is the owner's for good: one that stays would outlast a thief's address.

    Raises Invalid while a change of the address can be taken back that gave the account the one that it has.
    """
    restorable = links_elsewhere(user, now)
    if restorable:
        time = locales.minute(restorable[-1].until)
        sentence = translatable(
            'Your email address was changed. You can add second factors and generate new recovery codes from {time} on', time=time
        )
        raise Invalid(Fault('current_password', 'too_early', sentence))


def _mail_link(user: User, kind: FactorKind, now: int) -> None:
    token = new_token()
    link = settings().url('/profile/second-factor/begin?' + urlencode({'what': kind, 'token': token}))
    mailing.store_token_and_send(link_token(token, user, kind, now), user.email, _MAILS[kind], link=link, forgot=settings().url('/forgot'))


def _check_codes_are_needed(user: User) -> None:
    """Raises NotFound where no log-in asks for a second factor: codes alone would make it ask."""
    if not second_factors.of_user(user.user_id).protect:
        raise NotFound


def _purpose(kind: FactorKind) -> str:
    return f'add_{kind}'
