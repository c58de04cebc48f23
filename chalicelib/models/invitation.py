"""Invitations to sign up, where not everybody may."""

from chalicelib import errors
from chalicelib.models.client import digest
from chalicelib.models.item import Item
from chalicelib.models.session import new_token
from chalicelib.models.user import CONFIRM_SECONDS
from chalicelib.models.writes import Operation, Write, transact

VALID_SECONDS = 7 * 86_400


class Invitation(Item, discriminator='invitation'):
    """pk=INVITATION#<sha256 of the token>  sk=INVITATION   TTL   Lets whoever has its token sign up, once.

    creation: put in a transaction   is_good: get   deleted in the transaction that confirms a sign-up, see `use`

    It stays CONFIRM_SECONDS longer than it lets anybody sign up, so that whoever signed up at the last moment can confirm that.
    """

    @classmethod
    def creation(cls, token: str, now: int) -> Write:
        """Return the write that stores an invitation under a token made by `new_token`."""
        return Write(Operation.PUT, cls(*_key(digest(token)), expires_at=now + VALID_SECONDS + CONFIRM_SECONDS))

    @classmethod
    def create(cls, now: int) -> str:
        """Store an invitation; return its token."""
        token = new_token()
        transact(cls.creation(token, now))
        return token

    @classmethod
    def is_good(cls, token: str, now: int) -> bool:
        """Return whether this is the token of an invitation that lets somebody sign up: neither used nor older than VALID_SECONDS."""
        try:
            invitation = cls.get(*_key(digest(token)), consistent_read=True)
        except cls.DoesNotExist:
            return False
        return (invitation.expires_at or 0) - CONFIRM_SECONDS > now

    @classmethod
    def use(cls, token_digest: str) -> Write:
        """Return the write that uses an invitation up; the transaction of a second use raises NotFound."""
        return Write(Operation.DELETE, cls(*_key(token_digest)), condition=cls.pk.exists(), on_failure=errors.NotFound)


def _key(token_digest: str) -> tuple[str, str]:
    return f'INVITATION#{token_digest}', 'INVITATION'
