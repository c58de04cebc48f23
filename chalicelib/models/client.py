"""Registered applications (RFC 6749 section 2). Secrets are stored only as SHA-256.

They are 32 random bytes, which cannot be guessed, so a fast hash is enough (RFC 6749 section 10.10).
"""

import hashlib
import hmac
import secrets
from typing import Any, NamedTuple

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute
from pynamodb.expressions.update import Action

from chalicelib import errors
from chalicelib.domain import redirect_uris as uris
from chalicelib.models.attributes import IntegerAttribute, string_list
from chalicelib.models.item import Item
from chalicelib.models.user import User
from chalicelib.models.writes import Operation, Write, transact

_USE_SECONDS = 3_600  # how exactly it is known when a secret was last used


class ClientIdentity(NamedTuple):
    """What a user knows an application by, and what its owner may change: its name, and which redirect URI it sends its users to."""

    name: str
    redirect_uri: str


class Client(Item, discriminator='client'):
    """pk=CLIENT#<client id>  sk=CLIENT

    register: transaction with the owner's pointer   find: get   owned_by: query of the pointers, batch get
    change: transaction with a check of the owner   end_access, touch: update   new_secret: a write of a transaction   delete: transaction

    `access_epoch` is drawn anew when all access to the owner's own data ends, and tokens name it. The secret before the last new one,
    `previous_secret_hash`, is good until `previous_valid_until`. `secret_used_at` and `previous_used_at` say when each was last used.
    """

    client_id = UnicodeAttribute()
    secret_hash = UnicodeAttribute(null=True)
    owner_id = UnicodeAttribute()
    name = UnicodeAttribute()
    redirect_uris = string_list()
    confidential = BooleanAttribute(default=True)
    created_at = IntegerAttribute()
    updated_at = IntegerAttribute()
    access_epoch = UnicodeAttribute(default='first')
    secret_created_at = IntegerAttribute(null=True)
    secret_used_at = IntegerAttribute(null=True)
    previous_secret_hash = UnicodeAttribute(null=True)
    previous_valid_until = IntegerAttribute(null=True)
    previous_used_at = IntegerAttribute(null=True)

    @classmethod
    def registration(
        cls,
        *,
        owner_id: str,
        name: str,
        redirect_uris: list[str],
        now: int,
        confidential: bool = True,
        client_id: str | None = None,
        secret: str | None = None,
    ) -> tuple['Client', str | None, list[Write]]:
        """Return a new client, its secret, which is not stored and cannot be shown again, and the writes that store the client.

        A public client has no secret.
        """
        client_id = client_id or secrets.token_hex(16)
        secret = (secret or secrets.token_urlsafe(32)) if confidential else None
        client = cls(
            f'CLIENT#{client_id}',
            'CLIENT',
            client_id=client_id,
            secret_hash=digest(secret) if secret else None,
            secret_created_at=now if secret else None,
            owner_id=owner_id,
            name=name,
            redirect_uris=redirect_uris,
            confidential=confidential,
            created_at=now,
            updated_at=now,
        )
        is_new = Write(Operation.PUT, client, condition=Client.pk.does_not_exist())
        return client, secret, [is_new, Write(Operation.PUT, Application.of(client))]

    @classmethod
    def register(cls, **values: Any) -> tuple['Client', str | None]:
        """Store a client with the arguments of `registration`; return it with its secret."""
        client, secret, writes = cls.registration(**values)
        transact(*writes)
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

    def identity_at(self, requested: str) -> ClientIdentity | None:
        """Return what a user who is sent to this URI knows the client by, None if it is not registered."""
        registered = uris.matching(list(self.redirect_uris), requested)
        return None if registered is None else ClientIdentity(self.name, registered)

    def change(self, owner: User, *, name: str, redirect_uris: list[str], now: int) -> None:
        """Set the name and redirect URIs.

        Raises AccessEnded if the owner's stamp changed since they were read, and Conflict if the client's redirect URIs did, or it is gone.
        """
        actions: list[Action] = [Client.name.set(name), Client.redirect_uris.set(redirect_uris), Client.updated_at.set(now)]
        unchanged = Client.redirect_uris == list(self.redirect_uris)
        transact(owner.check_unchanged(), Write(Operation.UPDATE, self, unchanged, actions))

    def new_secret(self, now: int, *, overlap_seconds: int = 0) -> tuple[str, Write]:
        """Return a new secret, which is not stored and cannot be shown again, and the write that sets it.

        The secret until now stays good for `overlap_seconds`, one from before it no longer. The write's transaction raises NotFound.
        """
        secret = secrets.token_urlsafe(32)
        actions: list[Action] = [Client.secret_hash.set(digest(secret)), Client.secret_created_at.set(now), Client.updated_at.set(now)]
        if overlap_seconds and self.secret_hash is not None:
            actions += [
                Client.previous_secret_hash.set(self.secret_hash),
                Client.previous_valid_until.set(now + overlap_seconds),
                Client.previous_used_at.set(self.secret_used_at) if self.secret_used_at else Client.previous_used_at.remove(),
            ]
        else:
            actions += _NO_PREVIOUS
        return secret, Write(Operation.UPDATE, self, Client.pk.exists(), [*actions, Client.secret_used_at.remove()], errors.NotFound)

    def end_access(self, now: int) -> None:
        """Replace the secrets by one that nobody learns, and end all access to the owner's own data. Raises NotFound."""
        unknown = digest(secrets.token_urlsafe(32))
        self.update_existing(
            [
                Client.secret_hash.set(unknown),
                Client.secret_created_at.remove(),
                Client.secret_used_at.remove(),
                Client.updated_at.set(now),
                Client.access_epoch.set(secrets.token_hex(8)),
                *_NO_PREVIOUS,
            ]
        )

    def touch(self, secret: str, now: int) -> None:
        """Record that the client used a good secret, at most once an hour; it is no error if it was replaced in the meantime."""
        is_current = self.secret_hash == digest(secret)
        attribute, stored = (Client.secret_used_at, Client.secret_hash) if is_current else _PREVIOUS_USE
        used_at: int | None = self.secret_used_at if is_current else self.previous_used_at
        if used_at is None or used_at <= now - _USE_SECONDS:
            self.update_if(stored == digest(secret), attribute.set(now))

    def remove(self) -> None:
        """Delete the client, which makes its tokens invalid at their next use. Raises NotFound."""
        transact(
            Write(Operation.DELETE, self, condition=Client.pk.exists(), on_failure=errors.NotFound),
            Write(Operation.DELETE, Application.of(self)),
        )

    def has_secret(self, secret: str, now: int) -> bool:
        """Return whether this is a good secret of the client; compares each in constant time."""
        hashes = [self.secret_hash] + ([self.previous_secret_hash] if (self.previous_valid_until or 0) > now else [])
        return any(hmac.compare_digest(good, digest(secret)) for good in hashes if good is not None)


_PREVIOUS_USE = (Client.previous_used_at, Client.previous_secret_hash)
_NO_PREVIOUS: list[Action] = [
    attribute.remove() for attribute in (Client.previous_secret_hash, Client.previous_valid_until, Client.previous_used_at)
]


class Application(Item, discriminator='application'):
    """pk=USER#<user id>  sk=CLIENT#<client id>   The pointer from an owner to a client."""

    @classmethod
    def of(cls, client: Client) -> 'Application':
        return cls(User.pk_of(client.owner_id), f'CLIENT#{client.client_id}')


def digest(secret: str) -> str:
    """Return the hexadecimal SHA-256 under which a generated secret is stored."""
    return hashlib.sha256(secret.encode()).hexdigest()
