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

USE_SECONDS = 3_600  # how exactly it is known when a key was last used
_PREFIX_LENGTH = len(API_KEY_PREFIX) + 4


class ApiKey(Item, discriminator='api_key'):
    """pk=USER#<user id>  sk=APIKEY#<key id>   TTL, where it expires

    creation: transaction with its secret   of_user: query   touch: one update, at most hourly   revoke: get, transaction

    `prefix` is how the secret begins, by which its owner tells keys apart. It is absent from keys made before prefixes were kept.
    """

    key_id = UnicodeAttribute()
    name = UnicodeAttribute()
    prefix = UnicodeAttribute(null=True)
    scopes = string_list()
    secret_hash = UnicodeAttribute()
    created_at = IntegerAttribute()
    last_used_at = IntegerAttribute(null=True)

    @classmethod
    def creation(cls, user_id: str, *, name: str, scopes: list[str], expires_at: int | None, now: int) -> tuple['ApiKey', str, list[Write]]:
        """Return a new key, its secret, which is not stored and cannot be shown again, and the writes that store the key."""
        secret = API_KEY_PREFIX + secrets.token_urlsafe(32)
        key_id = secrets.token_hex(8)
        key = cls(
            User.pk_of(user_id),
            f'APIKEY#{key_id}',
            key_id=key_id,
            name=name,
            prefix=secret[:_PREFIX_LENGTH],
            scopes=scopes,
            secret_hash=digest(secret),
            created_at=now,
            expires_at=expires_at,
        )
        key_secret = ApiKeySecret(*ApiKeySecret.key(digest(secret)), user_id=user_id, key_id=key_id, scopes=scopes, expires_at=expires_at)
        return key, secret, [Write(Operation.PUT, key), Write(Operation.PUT, key_secret)]

    @classmethod
    def create(cls, user_id: str, *, name: str, scopes: list[str], now: int, expires_at: int | None = None) -> tuple['ApiKey', str]:
        """Store a key; return it with its secret."""
        key, secret, writes = cls.creation(user_id, name=name, scopes=scopes, expires_at=expires_at, now=now)
        transact(*writes)
        return key, secret

    @classmethod
    def of_user(cls, user_id: str) -> list['ApiKey']:
        """Return a user's keys, oldest first."""
        keys = cls.query(User.pk_of(user_id), cls.sk.startswith('APIKEY#'), consistent_read=True)
        return sorted(keys, key=lambda key: (key.created_at, key.key_id))

    @classmethod
    def touch(cls, user_id: str, key_id: str, now: int) -> None:
        """Record that a key was used, at most once an hour; it is no error if it was revoked in the meantime."""
        key = cls(User.pk_of(user_id), f'APIKEY#{key_id}')
        is_old = cls.last_used_at.does_not_exist() | (cls.last_used_at <= now - USE_SECONDS)
        key.update_if(cls.pk.exists() & is_old, cls.last_used_at.set(now))

    @classmethod
    def revoke(cls, user_id: str, key_id: str) -> None:
        """Delete a key, with immediate effect. Raises NotFound."""
        try:
            key = cls.get(User.pk_of(user_id), f'APIKEY#{key_id}', consistent_read=True)
        except cls.DoesNotExist:
            raise errors.NotFound from None
        transact(Write(Operation.DELETE, key), Write(Operation.DELETE, ApiKeySecret(*ApiKeySecret.key(key.secret_hash))))


class ApiKeySecret(Item, discriminator='api_key_secret'):
    """pk=APIKEY#<sha256 of the secret>  sk=APIKEY   TTL   What the authorizer needs to know of a key.   find: get"""

    user_id = UnicodeAttribute()
    key_id = UnicodeAttribute(null=True)
    scopes = string_list()

    @classmethod
    def key(cls, secret_hash: str) -> tuple[str, str]:
        return f'APIKEY#{secret_hash}', 'APIKEY'

    @classmethod
    def find(cls, secret: str, now: int) -> 'ApiKeySecret | None':
        """Return the key with this secret, or None if there is none or it has expired. TTL deletes late."""
        try:
            stored = cls.get(*cls.key(digest(secret)), consistent_read=True)
        except cls.DoesNotExist:
            return None
        return stored if stored.expires_at is None or stored.expires_at > now else None
