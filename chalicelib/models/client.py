"""Registered applications (RFC 6749 section 2). Secrets are stored only as SHA-256.

They are 32 random bytes, which cannot be guessed, so a fast hash is enough (RFC 6749 section 10.10).
"""

import hashlib
import hmac
import secrets

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute, UnicodeSetAttribute
from pynamodb.expressions.update import Action

from chalicelib import errors
from chalicelib.models.attributes import IntegerAttribute, string_list
from chalicelib.models.item import Item
from chalicelib.models.user import User
from chalicelib.models.writes import Operation, Write, transact


class Client(Item, discriminator='client'):
    """pk=CLIENT#<client id>  sk=CLIENT

    register: transaction with the owner's pointer   find: get   owned_by: query of the pointers, batch get
    change, rotate_secret, end_access: update   delete: transaction

    `tokens_valid_from` ends all access to the owner's own data that was given until then.
    """

    client_id = UnicodeAttribute()
    secret_hash = UnicodeAttribute(null=True)
    owner_id = UnicodeAttribute()
    name = UnicodeAttribute()
    redirect_uris = string_list()
    confidential = BooleanAttribute(default=True)
    created_at = IntegerAttribute()
    updated_at = IntegerAttribute()
    tokens_valid_from = IntegerAttribute(default=0)

    @classmethod
    def register(
        cls,
        *,
        owner_id: str,
        name: str,
        redirect_uris: list[str],
        now: int,
        confidential: bool = True,
        client_id: str | None = None,
        secret: str | None = None,
    ) -> tuple['Client', str | None]:
        """Store a client; return it with its secret, which is not stored and cannot be shown again. A public client has none."""
        client_id = client_id or secrets.token_hex(16)
        secret = (secret or secrets.token_urlsafe(32)) if confidential else None
        client = cls(
            f'CLIENT#{client_id}',
            'CLIENT',
            client_id=client_id,
            secret_hash=digest(secret) if secret else None,
            owner_id=owner_id,
            name=name,
            redirect_uris=redirect_uris,
            confidential=confidential,
            created_at=now,
            updated_at=now,
        )
        transact(
            Write(Operation.PUT, client, condition=Client.pk.does_not_exist()),
            Write(Operation.PUT, Application.of(client)),
        )
        return client, secret

    @classmethod
    def find(cls, client_id: str) -> 'Client | None':
        try:
            return cls.get(f'CLIENT#{client_id}', 'CLIENT', consistent_read=True)
        except cls.DoesNotExist:
            return None

    @classmethod
    def find_many(cls, client_ids: list[str]) -> dict[str, 'Client']:
        """Return the existing ones of these clients, by id."""
        return {client.client_id: client for client in cls.get_many((f'CLIENT#{client_id}', 'CLIENT') for client_id in client_ids)}

    @classmethod
    def owned_by(cls, user_id: str) -> list['Client']:
        """Return the clients that a user registered, oldest first."""
        pointers = Item.query(User.pk_of(user_id), Item.sk.startswith('CLIENT#'), consistent_read=True)
        clients = cls.find_many([str(pointer.sk).removeprefix('CLIENT#') for pointer in pointers])
        return sorted(clients.values(), key=lambda client: (client.created_at, client.client_id))

    def change(self, *, name: str, redirect_uris: list[str], now: int) -> None:
        """Set the name and redirect URIs. Raises NotFound."""
        self.update_existing([Client.name.set(name), Client.redirect_uris.set(redirect_uris), Client.updated_at.set(now)])

    def rotate_secret(self, now: int) -> str:
        """Replace the secret; return the new one, which is not stored and cannot be shown again. Raises NotFound."""
        secret = secrets.token_urlsafe(32)
        actions: list[Action] = [Client.secret_hash.set(digest(secret)), Client.updated_at.set(now)]
        self.update_existing(actions)
        return secret

    def end_access(self, now: int) -> None:
        """Replace the secret by one that nobody learns, and end all access to the owner's own data. Raises NotFound."""
        unknown = digest(secrets.token_urlsafe(32))
        self.update_existing([Client.secret_hash.set(unknown), Client.updated_at.set(now), Client.tokens_valid_from.set(now)])

    def remove(self) -> None:
        """Delete the client, which makes its tokens invalid at their next use. Raises NotFound."""
        transact(
            Write(Operation.DELETE, self, condition=Client.pk.exists(), on_failure=errors.NotFound),
            Write(Operation.DELETE, Application.of(self)),
        )

    def has_secret(self, secret: str) -> bool:
        """Return whether this is the client's secret; compares in constant time."""
        return self.secret_hash is not None and hmac.compare_digest(self.secret_hash, digest(secret))


class Application(Item, discriminator='application'):
    """pk=USER#<user id>  sk=CLIENT#<client id>   The pointer from an owner to a client."""

    @classmethod
    def of(cls, client: Client) -> 'Application':
        return cls(User.pk_of(client.owner_id), f'CLIENT#{client.client_id}')


class Grant(Item, discriminator='grant'):
    """pk=USER#<user id>  sk=GRANT#<client id>   A user's consent to an application's scopes.

    allow: update   find: get   of_user: query   revoke: delete, which invalidates every refresh token with its `grant_id`
    """

    client_id = UnicodeAttribute()
    grant_id = UnicodeAttribute()
    scopes = UnicodeSetAttribute()
    created_at = IntegerAttribute()
    last_used_at = IntegerAttribute()

    @classmethod
    def at(cls, user_id: str, client_id: str) -> 'Grant':
        return cls(User.pk_of(user_id), f'GRANT#{client_id}')

    @classmethod
    def allow(cls, user_id: str, client_id: str, scopes: list[str], now: int) -> 'Grant':
        """Store consent to these scopes, in addition to any granted earlier; tokens of earlier consents stay valid."""
        grant = cls.at(user_id, client_id)
        grant.update(
            [
                cls.kind.set(cls),
                cls.client_id.set(client_id),
                cls.grant_id.set(cls.grant_id | secrets.token_hex(16)),
                cls.scopes.add(set(scopes)),
                cls.created_at.set(cls.created_at | now),
                cls.last_used_at.set(now),
            ]
        )
        return grant

    @classmethod
    def find(cls, user_id: str, client_id: str) -> 'Grant | None':
        try:
            return cls.get(User.pk_of(user_id), f'GRANT#{client_id}', consistent_read=True)
        except cls.DoesNotExist:
            return None

    @classmethod
    def of_user(cls, user_id: str) -> list['Grant']:
        """Return all grants of a user, most recently used first."""
        grants = cls.query(User.pk_of(user_id), cls.sk.startswith('GRANT#'), consistent_read=True)
        return sorted(grants, key=lambda grant: -grant.last_used_at)

    @classmethod
    def revoke(cls, user_id: str, client_id: str) -> None:
        """Revoke a grant; it is no error if there is none."""
        grant = cls.find(user_id, client_id)
        if grant is not None:
            grant.delete()

    def touch(self, now: int) -> Write:
        """Return the write that records that the application used its grant; its transaction raises NotFound if that was revoked."""
        return Write(Operation.UPDATE, self, Grant.pk.exists(), [Grant.last_used_at.set(now)], errors.NotFound)


def digest(secret: str) -> str:
    """Return the hexadecimal SHA-256 under which a generated secret is stored."""
    return hashlib.sha256(secret.encode()).hexdigest()
