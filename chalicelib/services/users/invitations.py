"""Who may sign up (`SIGNUP`), and inviting people."""

from urllib.parse import urlencode

from chalicelib import mail_templates
from chalicelib.config import settings
from chalicelib.models import AttemptCounter, Invitation, User, new_token, transact
from chalicelib.models.client import digest
from chalicelib.services.users import mailing

_MOST_A_DAY = 20
_DAY = 86_400


def may_sign_up(invitation: str, now: int) -> bool:
    """Return whether somebody with this invitation, which may be none, may sign up."""
    if settings().signup == 'invite':
        return bool(invitation) and Invitation.is_good(invitation, now)
    return settings().signup == 'open'


def invite(user: User, email: str | None, now: int) -> str:
    """Make an invitation and return its link, which is also mailed to `email`. Raises TooMany, NotSent."""
    AttemptCounter.record('invite', user.user_id, _MOST_A_DAY, _DAY, now)
    token = new_token()
    creation, link = Invitation.creation(token, now), settings().url(path_of(token))
    if email is None:
        transact(creation)
        return link
    with mailing.uncount_unsent('invite', user.user_id, _DAY, now), mailing.count_to_stranger(email, now):
        mailing.store_and_send([creation], [Invitation.use(digest(token))], email, mail_templates.INVITATION, inviter=user.email, link=link)
    return link


def path_of(token: str) -> str:
    """Return the path at which the holder of an invitation signs up."""
    return '/signup?' + urlencode({'invitation': token})
