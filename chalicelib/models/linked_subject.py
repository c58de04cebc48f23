"""Which user a subject of another issuer is."""

import hashlib
import json

from pynamodb.attributes import UnicodeAttribute

from chalicelib.models.attributes import IntegerAttribute
from chalicelib.models.item import Item


class LinkedSubject(Item, discriminator='linked-subject'):
    """pk=SUBJECT#<sha256 of issuer and subject>  sk=SUBJECT

    link: put   unlink: delete   find: get
    Made by an operator, never by a token: what an issuer says of itself is no reason to open an account.
    """

    user_id = UnicodeAttribute()
    issuer = UnicodeAttribute()
    subject = UnicodeAttribute()
    created_at = IntegerAttribute()

    @classmethod
    def at(cls, issuer: str, subject: str) -> 'LinkedSubject':
        """Return an empty instance with the key of a subject's link."""
        return cls(f'SUBJECT#{hashlib.sha256(json.dumps([issuer, subject]).encode()).hexdigest()}', 'SUBJECT')

    @classmethod
    def link(cls, issuer: str, subject: str, user_id: str, now: int) -> None:
        """Let a subject's tokens open the account of a user, and no other."""
        linked = cls.at(issuer, subject)
        linked.issuer, linked.subject, linked.user_id, linked.created_at = issuer, subject, user_id, now
        linked.save()

    @classmethod
    def unlink(cls, issuer: str, subject: str) -> bool:
        """Let a subject's tokens open no account; False if they opened none."""
        return cls.find(issuer, subject) is not None and cls.at(issuer, subject).delete_if(cls.pk.exists())

    @classmethod
    def find(cls, issuer: str, subject: str) -> str | None:
        """Return the id of the user whom a subject is linked to, None for nobody."""
        key = cls.at(issuer, subject)
        try:
            return cls.get(key.pk, key.sk, consistent_read=True).user_id
        except cls.DoesNotExist:
            return None
