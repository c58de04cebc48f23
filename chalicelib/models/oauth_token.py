"""Authorization codes and refresh tokens. Stored only as SHA-256; TTL deletes them some time after they expire.

A family is all tokens that descend from one authorization. A second use of a code or refresh token means that two parties have it,
so the whole family is revoked (RFC 9700 section 4.14.2).
"""

from typing import Any, Self

from pynamodb.attributes import UnicodeAttribute

from chalicelib.models.attributes import IntegerAttribute, texts
from chalicelib.models.client import digest
from chalicelib.models.item import Item


class OneTimeToken(Item):
    """The common part of codes and refresh tokens: user, client and scopes, and a single use before they expire."""

    user_id = UnicodeAttribute()
    client_id = UnicodeAttribute()
    scopes = texts()
    family = UnicodeAttribute()
    grant_id = UnicodeAttribute()
    spent_at = IntegerAttribute(null=True)
    created_at = IntegerAttribute()

    @classmethod
    def key(cls, token: str) -> tuple[str, str]:
        raise NotImplementedError

    @classmethod
    def store(cls, token: str, **values: Any) -> None:
        """Store a new token under its hash."""
        cls(*cls.key(token), **values).save(Item.pk.does_not_exist())

    @classmethod
    def find(cls, token: str) -> Self | None:
        """Return the stored token, even if it is redeemed or expired, or None."""
        try:
            return cls.get(*cls.key(token), consistent_read=True)
        except cls.DoesNotExist:
            return None

    def has_expired(self, now: int) -> bool:
        """Return whether the token has expired. TTL deletes late, so a stored token may have."""
        return (self.expires_at or 0) <= now

    def redeem(self, now: int) -> bool:
        """Mark the token as used; return False if it was used already. Of two concurrent uses only one succeeds."""
        return self.update_if(OneTimeToken.spent_at.does_not_exist(), OneTimeToken.spent_at.set(now))


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
    """pk=REFRESH#<sha256 of the token>  sk=REFRESH   TTL"""

    @classmethod
    def key(cls, token: str) -> tuple[str, str]:
        return f'REFRESH#{digest(token)}', 'REFRESH'


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
