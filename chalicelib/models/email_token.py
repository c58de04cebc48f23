"""The tokens of mailed links. Stored only as SHA-256, which is enough for 32 random bytes that cannot be guessed."""

from typing import Any

from pynamodb.attributes import UnicodeAttribute
from pynamodb.expressions.update import Action

from chalicelib import errors
from chalicelib.models.attributes import IntegerAttribute
from chalicelib.models.client import digest
from chalicelib.models.sealed import SealedItem
from chalicelib.models.writes import Operation, Write

_ID_LENGTH = 16
_CLAIM_SECONDS = 60  # longer than a request may take, so that one which died loses nothing


class EmailToken(SealedItem, discriminator='mailed'):
    """pk=MAILED#<sha256 of the token>  sk=MAILED   TTL   The single-use token of a mailed link.

    `purpose` is `confirm` (a sign-up; its name and password are sealed here until it is confirmed), `email` (a new address), `reset`,
    `add_app`, `add_passkey`, `add_codes` (see services/users/new_factors.py) or `take_back` (a change of address; `email` is the one
    before). `stamp` must still be what it was: `User.log_in_stamp` of `reset`, `User.stamp` of the others; a sign-up has none, nor has
    `take_back`, which must be in `User.take_backs`. `browser` is a digest of the cookie of the browser that signed up, `invitation` one of
    the token with which somebody did. `claimed_at` is when a request began to make the change of address.
    put in a transaction, see `creation`   find: get   claimed and released, and deleted in a transaction, see `use`
    """

    purpose = UnicodeAttribute()
    stamp = UnicodeAttribute(null=True)
    browser = UnicodeAttribute(null=True)
    invitation = UnicodeAttribute(null=True)
    claimed_at = IntegerAttribute(null=True)

    @classmethod
    def creation(
        cls,
        token: str,
        *,
        user_id: str,
        email: str | None = None,
        name: str | None = None,
        password_hash: str | None = None,
        **values: Any,
    ) -> Write:
        """Return the write that stores a token made by `new_token`."""
        email_token = cls(*_key(token), **values)
        email_token.seal(token, {'user_id': user_id, 'email': email, 'name': name, 'password_hash': password_hash})
        return Write(Operation.PUT, email_token)

    @property
    def token_id(self) -> str:
        """See `id_of`."""
        return _id(str(self.pk))

    @classmethod
    def id_of(cls, token: str) -> str:
        """Return what tells a token from the others of its user."""
        return _id(_key(token)[0])

    @property
    def user_id(self) -> str:
        return str(self.private['user_id'])

    @property
    def email(self) -> str | None:
        return self.private['email']

    @property
    def name(self) -> str | None:
        return self.private['name']

    @property
    def password_hash(self) -> str | None:
        return self.private['password_hash']

    @classmethod
    def find(cls, token: str, purpose: str, now: int) -> 'EmailToken':
        """Return an unused, unexpired token for this purpose. Raises NotFound."""
        if not token:  # of a link whose end was lost
            raise errors.NotFound
        try:
            email_token = cls.get(*_key(token), consistent_read=True)
        except cls.DoesNotExist:
            raise errors.NotFound from None
        email_token.unseal(token)
        if email_token.purpose != purpose or (email_token.expires_at or 0) <= now or not email_token.private:
            raise errors.NotFound
        return email_token

    def claim(self, now: int) -> Write:
        """Return the write that keeps the token for one request; that of another raises TooMany in its transaction, for a minute."""
        free = EmailToken.claimed_at.does_not_exist() | (EmailToken.claimed_at <= now - _CLAIM_SECONDS)
        claimed: list[Action] = [EmailToken.claimed_at.set(now)]
        return Write(Operation.UPDATE, self, EmailToken.pk.exists() & free, claimed, lambda: errors.TooMany(_CLAIM_SECONDS))

    def release(self) -> Write:
        """Return the write that takes a claim back; its transaction raises NotFound if the token was used."""
        return Write(Operation.UPDATE, self, EmailToken.pk.exists(), [EmailToken.claimed_at.remove()], errors.NotFound)

    def use(self) -> Write:
        """Return the write that consumes the token; the transaction of a second use raises NotFound."""
        return Write(Operation.DELETE, self, condition=EmailToken.pk.exists(), on_failure=errors.NotFound)


def _key(token: str) -> tuple[str, str]:
    return f'MAILED#{digest(token)}', 'MAILED'


def _id(pk: str) -> str:
    return pk.removeprefix('MAILED#')[:_ID_LENGTH]
