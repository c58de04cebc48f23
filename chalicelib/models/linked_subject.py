"""Which user a subject of another issuer is."""

import hashlib
import json

from pynamodb.attributes import UnicodeAttribute

from chalicelib import errors
from chalicelib.models.attributes import IntegerAttribute
from chalicelib.models.item import Item
from chalicelib.models.user import User
from chalicelib.models.writes import Operation, Write, transact


class LinkedSubject(Item, discriminator='linked-subject'):
    """pk=SUBJECT#<sha256 of issuer and subject>  sk=SUBJECT

    link, unlink: transaction with the user's pointer   find: get
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
        """Let a subject's tokens open the account of a user, and no other. Raises NotFound if there is no such user, Conflict."""
        earlier = cls.find(issuer, subject)
        linked = cls.at(issuer, subject)
        linked.issuer, linked.subject, linked.user_id, linked.created_at = issuer, subject, user_id, now
        unchanged = cls.pk.does_not_exist() if earlier is None else cls.user_id == earlier
        theirs = [] if earlier in (None, user_id) else [Write(Operation.DELETE, LinkedSubjectPointer.of(linked, earlier))]
        transact(
            Write(Operation.CHECK, User.at(user_id), User.pk.exists(), on_failure=errors.NotFound),
            Write(Operation.PUT, linked, unchanged),
            Write(Operation.PUT, LinkedSubjectPointer.of(linked, user_id)),
            *theirs,
        )

    @classmethod
    def unlink(cls, issuer: str, subject: str) -> bool:
        """Let a subject's tokens open no account; False if they opened none. Raises Conflict."""
        user_id = cls.find(issuer, subject)
        if user_id is None:
            return False
        linked = cls.at(issuer, subject)
        transact(Write(Operation.DELETE, linked, cls.user_id == user_id), Write(Operation.DELETE, LinkedSubjectPointer.of(linked, user_id)))
        return True

    @classmethod
    def find(cls, issuer: str, subject: str) -> str | None:
        """Return the id of the user whom a subject is linked to, None for nobody."""
        key = cls.at(issuer, subject)
        try:
            return cls.get(key.pk, key.sk, consistent_read=True).user_id
        except cls.DoesNotExist:
            return None


class LinkedSubjectPointer(Item, discriminator='linked-subject-pointer'):
    """pk=USER#<user id>  sk=the link's pk   The pointer from a user to a subject whose tokens open their account."""

    @classmethod
    def of(cls, linked: LinkedSubject, user_id: str) -> 'LinkedSubjectPointer':
        return cls(User.pk_of(user_id), linked.pk)

    def unlink(self) -> None:
        """Delete the link, unless it leads to another user by now."""
        LinkedSubject(self.sk, 'SUBJECT').delete_if(LinkedSubject.user_id == str(self.pk).removeprefix('USER#'))
