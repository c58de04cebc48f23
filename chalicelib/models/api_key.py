"""API keys of users for their own account. The secret is stored only as SHA-256; models/client.py says why that is enough."""

import secrets

from pynamodb.attributes import UnicodeAttribute

from chalicelib import errors
from chalicelib.domain.scopes import API_KEY_PREFIX
from chalicelib.models.attributes import IntegerAttribute, string_list
from chalicelib.models.client import digest
from chalicelib.models.item import Item
from chalicelib.models.user import User
from chalicelib.models.writes import Operation, Write, transact


class ApiKey(Item, discriminator='api_key'):
    """pk=USER#<user id>  sk=APIKEY#<key id>

    create: transaction with its secret   of_user: query   revoke: get, transaction
    """

    key_id = UnicodeAttribute()
    name = UnicodeAttribute()
    scopes = string_list()
    secret_hash = UnicodeAttribute()
    created_at = IntegerAttribute()

    @classmethod
    def create(cls, user_id: str, *, name: str, scopes: list[str], now: int) -> tuple['ApiKey', str]:
        """Store a key; return it with its secret, which is not stored and cannot be shown again."""
        secret = API_KEY_PREFIX + secrets.token_urlsafe(32)
        key_id = secrets.token_hex(8)
        key = cls(
            User.pk_of(user_id),
            f'APIKEY#{key_id}',
            key_id=key_id,
            name=name,
            scopes=scopes,
            secret_hash=digest(secret),
            created_at=now,
        )
        key_secret = ApiKeySecret(*ApiKeySecret.key(digest(secret)), user_id=user_id, scopes=scopes)
        transact(Write(Operation.PUT, key), Write(Operation.PUT, key_secret))
        return key, secret

    @classmethod
    def of_user(cls, user_id: str) -> list['ApiKey']:
        """Return a user's keys, oldest first."""
        keys = cls.query(User.pk_of(user_id), cls.sk.startswith('APIKEY#'), consistent_read=True)
        return sorted(keys, key=lambda key: (key.created_at, key.key_id))

    @classmethod
    def revoke(cls, user_id: str, key_id: str) -> None:
        """Delete a key, with immediate effect. Raises NotFound."""
        try:
            key = cls.get(User.pk_of(user_id), f'APIKEY#{key_id}', consistent_read=True)
        except cls.DoesNotExist:
            raise errors.NotFound from None
        transact(Write(Operation.DELETE, key), Write(Operation.DELETE, ApiKeySecret(*ApiKeySecret.key(key.secret_hash))))


class ApiKeySecret(Item, discriminator='api_key_secret'):
    """pk=APIKEY#<sha256 of the secret>  sk=APIKEY   What the authorizer needs to know of a key.   find: get"""

    user_id = UnicodeAttribute()
    scopes = string_list()

    @classmethod
    def key(cls, secret_hash: str) -> tuple[str, str]:
        return f'APIKEY#{secret_hash}', 'APIKEY'

    @classmethod
    def find(cls, secret: str) -> 'ApiKeySecret | None':
        try:
            return cls.get(*cls.key(digest(secret)), consistent_read=True)
        except cls.DoesNotExist:
            return None
