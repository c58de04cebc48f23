"""Who may sign up (`SIGNUP`), and inviting people."""

from collections.abc import Sequence
from urllib.parse import urlencode

from chalicelib import mail_templates
from chalicelib.config import settings
from chalicelib.models import AttemptCounter, Invitation, User, Write, new_token
from chalicelib.models.client import digest
from chalicelib.services.users import mailing

_MOST_A_DAY = 20
_DAY = 86_400


def may_sign_up(invitation: str, now: int) -> bool:
    """Return whether somebody with this invitation, which may be none, may sign up."""
    if settings().signup == 'invite':
        return bool(invitation) and Invitation.is_good(invitation, now)
    return settings().signup == 'open'


def creation(user: User, email: str | None, now: int) -> tuple[str, list[Write]]:
    """Return the token of a new invitation, which may be for an address, and the writes that store and count it.

    Their transaction raises TooMany.
    """
    token = new_token()
    to_stranger = [] if email is None else [mailing.counting_to_stranger(email, now)]
    return token, [
        Invitation.creation(token, now),
        AttemptCounter.recording('invite', user.user_id, _MOST_A_DAY, _DAY, now),
        *to_stranger,
    ]


def send(user: User, email: str, token: str, withdrawal: Sequence[Write], now: int) -> None:
    """Mail an invitation that was stored; if it cannot be sent, take it back with what else was stored. Raises NotSent."""
    with mailing.uncount_unsent('invite', user.user_id, _DAY, now), mailing.uncount_to_stranger(email, now):
        mailing.send_or_withdraw(
            [Invitation.use(digest(token)), *withdrawal], email, mail_templates.INVITATION, inviter=user.email, link=link_of(token)
        )


def link_of(token: str) -> str:
    """Return the link through which the holder of an invitation signs up."""
    return settings().url(path_of(token))


def path_of(token: str) -> str:
    """Return the path at which the holder of an invitation signs up."""
    return '/signup?' + urlencode({'invitation': token})
