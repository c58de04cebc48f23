"""Authorization codes and refresh tokens. Stored only as SHA-256; TTL deletes them some time after they expire.

A family is all tokens that descend from one authorization, see chalicelib/oauth/families.py.
"""

import base64
import hmac
import secrets
from typing import Any, Self

from pynamodb.attributes import UnicodeAttribute
from pynamodb.expressions.update import Action

from chalicelib.models.attributes import IntegerAttribute, string_list
from chalicelib.models.client import digest
from chalicelib.models.item import Item
from chalicelib.models.sealed import SealedItem
from chalicelib.models.writes import Operation, Write


class AlreadyRedeemed(Exception):
    """A one-time token was used before."""


class OneTimeToken(SealedItem):
    """The common part of codes and refresh tokens: user (sealed), client and scopes, and a single use before they expire."""

    plain_user_id = UnicodeAttribute(null=True, attr_name='user_id')  # of tokens stored before it was sealed
    client_id = UnicodeAttribute()
    scopes = string_list()
    family = UnicodeAttribute()
    grant_id = UnicodeAttribute()
    spent_at = IntegerAttribute(null=True)
    created_at = IntegerAttribute()

    @classmethod
    def key(cls, token: str) -> tuple[str, str]:
        raise NotImplementedError

    @classmethod
    def new(cls, token: str, *, user_id: str, **values: Any) -> Self:
        """Return a new token, to be stored under its hash."""
        new = cls(*cls.key(token), **values)
        new.seal(token, {'user_id': user_id})
        return new

    @property
    def user_id(self) -> str:
        """The user that the token is of."""
        return self.private.get('user_id') or str(self.plain_user_id)

    def storing(self) -> Write:
        """Return the write that stores a new token."""
        return Write(Operation.PUT, self, Item.pk.does_not_exist())

    def store(self) -> None:
        """Store a new token; one that is stored already stays as it is."""
        self.put_if(Item.pk.does_not_exist())

    @classmethod
    def find(cls, token: str) -> Self | None:
        """Return the stored token, even if it is redeemed or expired, or None."""
        try:
            stored = cls.get(*cls.key(token), consistent_read=True)
        except cls.DoesNotExist:
            return None
        stored.unseal(token)
        return stored

    @property
    def is_spent(self) -> bool:
        """Whether the token was used."""
        return self.spent_at is not None

    def has_expired(self, now: int) -> bool:
        """Return whether the token has expired. TTL deletes late, so a stored token may have."""
        return (self.expires_at or 0) <= now

    def redemption(self, now: int, kept_until: int) -> Write:
        """Return the write that marks the token as used; its transaction raises AlreadyRedeemed for all uses but one.

        A used token is kept, so that another use of it is noticed.
        """
        unused = OneTimeToken.spent_at.does_not_exist()
        return Write(Operation.UPDATE, self, Item.pk.exists() & unused, self._use(now, kept_until), AlreadyRedeemed)

    def _use(self, now: int, kept_until: int) -> list[Action]:
        return [OneTimeToken.spent_at.set(now), OneTimeToken.expires_at.set(kept_until)]


class Code(OneTimeToken, discriminator='code'):
    """pk=CODE#<sha256 of the code>  sk=CODE   TTL   An authorization code (RFC 6749 section 4.1.2, RFC 7636).

    `redirect_uri` is the authorization request's, None if it named none.
    """

    redirect_uri = UnicodeAttribute(null=True)
    challenge = UnicodeAttribute(null=True)

    @classmethod
    def key(cls, token: str) -> tuple[str, str]:
        return f'CODE#{digest(token)}', 'CODE'


class RefreshToken(OneTimeToken, discriminator='refresh'):
    """pk=REFRESH#<sha256 of the token>  sk=REFRESH   TTL

    `seed` is drawn when the token is first used, and absent from one that was used before seeds were.
    """

    seed = UnicodeAttribute(null=True)

    @classmethod
    def key(cls, token: str) -> tuple[str, str]:
        return f'REFRESH#{digest(token)}', 'REFRESH'

    def draw_seed(self) -> None:
        """Choose the token that takes the place of this one; `redemption` stores the choice."""
        self.seed = secrets.token_hex(32)

    def _use(self, now: int, kept_until: int) -> list[Action]:
        return [*super()._use(now, kept_until), RefreshToken.seed.set(self.seed)]

    def successor(self, token: str) -> str | None:
        """Return the token that takes the place of this used one, the same whenever it is asked for; None if it has no seed.

        It follows from the token and its seed: the table alone, in which no token is, and an old token alone do not give it.
        """
        seed: str | None = self.seed
        if seed is None:
            return None
        derived = hmac.digest(bytes.fromhex(seed), token.encode(), 'sha256')
        return base64.urlsafe_b64encode(derived).decode().rstrip('=')


class RevokedFamily(Item, discriminator='revoked_family'):
    """pk=FAMILY#<family>  sk=FAMILY   TTL   revoke: put   is_revoked: get"""

    @classmethod
    def revoke(cls, family: str, expires_at: int) -> None:
        cls(f'FAMILY#{family}', 'FAMILY', expires_at=expires_at).save()

    @classmethod
    def is_revoked(cls, family: str) -> bool:
        try:
            cls.get(f'FAMILY#{family}', 'FAMILY', consistent_read=True)
        except cls.DoesNotExist:
            return False
        return True
