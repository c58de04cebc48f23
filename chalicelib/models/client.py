"""Registered applications and the refresh tokens they were given. Secrets and tokens are stored only as SHA-256.

They are 32 random bytes, so a fast hash is enough: there is nothing to guess (RFC 6749 section 10.10).
"""

import hashlib
import hmac
import secrets

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute
from pynamodb.exceptions import UpdateError

from chalicelib.models.base import IntegerAttribute, Item, condition_failed, texts


class Client(Item, discriminator='client'):
    """pk=CLIENT#<client id>  sk=CLIENT   A registered application (RFC 6749 section 2).   find: get"""

    client_id = UnicodeAttribute()
    secret_hash = UnicodeAttribute(null=True)
    owner_id = UnicodeAttribute()
    name = UnicodeAttribute()
    redirect_uris = texts()
    confidential = BooleanAttribute(default=True)
    created_at = IntegerAttribute()

    @classmethod
    def register(cls, *, client_id: str, secret: str, owner_id: str, name: str, redirect_uris: list[str], now: int) -> 'Client':
        """Store a confidential client."""
        client = cls(
            f'CLIENT#{client_id}',
            'CLIENT',
            client_id=client_id,
            secret_hash=digest(secret),
            owner_id=owner_id,
            name=name,
            redirect_uris=redirect_uris,
            created_at=now,
        )
        client.save()
        return client

    @classmethod
    def find(cls, client_id: str) -> 'Client | None':
        try:
            return cls.get(f'CLIENT#{client_id}', 'CLIENT', consistent_read=True)
        except cls.DoesNotExist:
            return None

    def has_secret(self, secret: str) -> bool:
        """Compare in constant time."""
        return self.secret_hash is not None and hmac.compare_digest(self.secret_hash, digest(secret))


class RefreshToken(Item, discriminator='refresh'):
    """pk=REFRESH#<sha256 of the token>  sk=REFRESH   TTL

    find: get   spend: conditional update   A family is every token descended from one grant.
    """

    user_id = UnicodeAttribute()
    client_id = UnicodeAttribute()
    scopes = texts()
    family = UnicodeAttribute()
    spent_at = IntegerAttribute(null=True)
    created_at = IntegerAttribute()

    @classmethod
    def store(cls, token: str, *, user_id: str, client_id: str, scopes: list[str], family: str | None, now: int, expires_at: int) -> None:
        """Store a token under its hash; without a family it starts one."""
        cls(
            _pk(token),
            'REFRESH',
            user_id=user_id,
            client_id=client_id,
            scopes=scopes,
            family=family or secrets.token_hex(16),
            created_at=now,
            expires_at=expires_at,
        ).save(cls.pk.does_not_exist())

    @classmethod
    def find(cls, token: str) -> 'RefreshToken | None':
        """Return what is known of a token, spent or not."""
        try:
            return cls.get(_pk(token), 'REFRESH', consistent_read=True)
        except cls.DoesNotExist:
            return None

    def spend(self, now: int) -> bool:
        """Use the token up; False when it was already used: two copies of one token are never both good."""
        try:
            self.update([RefreshToken.spent_at.set(now)], condition=RefreshToken.spent_at.does_not_exist())
        except UpdateError as error:
            if condition_failed(error):
                return False
            raise
        return True


class RevokedFamily(Item, discriminator='revoked_family'):
    """pk=FAMILY#<family>  sk=FAMILY   TTL   A family of refresh tokens that is no longer good.   revoke: put   is_revoked: get"""

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


def digest(secret: str) -> str:
    """Return the hash under which a secret of ours is stored."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _pk(token: str) -> str:
    return f'REFRESH#{digest(token)}'
