"""Who may sign up (`SIGNUP`), and inviting people."""

from urllib.parse import urlencode

from chalicelib import mail
from chalicelib.config import settings
from chalicelib.models import AttemptCounter, Invitation, User

_MOST_A_DAY = 20
_DAY = 86_400


def may_sign_up(invitation: str, now: int) -> bool:
    """Return whether somebody with this invitation, which may be none, may sign up."""
    if settings().signup == 'invite':
        return bool(invitation) and Invitation.is_good(invitation, now)
    return settings().signup == 'open'


def invite(user: User, email: str | None, now: int) -> str:
    """Make an invitation and return its link, which is also mailed to `email`. Raises TooMany."""
    AttemptCounter.record('invite', user.user_id, _MOST_A_DAY, _DAY, now)
    link = settings().issuer.rstrip('/') + path_of(Invitation.create(now))
    if email is not None:
        mail.send(email, mail.INVITATION, inviter=user.email, link=link)
    return link


def path_of(token: str) -> str:
    """Return the path at which the holder of an invitation signs up."""
    return '/signup?' + urlencode({'invitation': token})
