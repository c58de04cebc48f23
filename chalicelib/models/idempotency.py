"""The answers that creates with an Idempotency-Key gave, so that a repeated one gets the same."""

import hashlib
import json
from typing import Any, NamedTuple

from pynamodb.attributes import UnicodeAttribute

from chalicelib import clock
from chalicelib.models.item import Item
from chalicelib.models.user import User
from chalicelib.models.writes import Operation, Write

KEPT_SECONDS = 86_400
SORT_KEYS = 'IDEMPOTENCY#'  # which each begins with


class AlreadyUsed(Exception):
    """A create with this key was carried out already."""


class IdempotencyKey(NamedTuple):
    """A key as the table knows it: one application's of one user, for one route; any other's is another key."""

    user_id: str
    client_id: str
    route: str
    key: str

    @property
    def item_key(self) -> tuple[str, str]:
        """A digest, because the issuer of a client id may have chosen any text of any length for it."""
        scoped = json.dumps([self.client_id, self.route, self.key])
        return User.pk_of(self.user_id), f'{SORT_KEYS}{hashlib.sha256(scoped.encode()).hexdigest()}'


class IdempotencyRecord(Item, discriminator='first_answer'):
    """pk=USER#<user id>  sk=IDEMPOTENCY#<sha256 of client id, route and key>   TTL

    `fingerprint` tells one request from another. find: get   keep: part of the transaction that creates
    """

    fingerprint = UnicodeAttribute()
    result = UnicodeAttribute()
    location = UnicodeAttribute()

    @classmethod
    def find(cls, key: IdempotencyKey) -> 'IdempotencyRecord | None':
        """Return what was answered to this key in the last 24 hours, None for nothing."""
        try:
            record = cls.get(*key.item_key, consistent_read=True)
        except cls.DoesNotExist:
            return None
        return record if (record.expires_at or 0) > clock.now() else None  # DynamoDB deletes expired items days later

    @classmethod
    def keep(cls, key: IdempotencyKey, fingerprint: str, *, result: dict[str, Any], location: str) -> Write:
        """Return the write that keeps an answer. Its transaction raises AlreadyUsed when there is one already."""
        now = clock.now()
        kept = cls(
            *key.item_key,
            fingerprint=fingerprint,
            result=json.dumps(result),
            location=location,
            expires_at=now + KEPT_SECONDS,
        )
        return Write(Operation.PUT, kept, cls.pk.does_not_exist() | (cls.expires_at <= now), on_failure=AlreadyUsed)
