"""What is left of deleted users."""

from chalicelib import errors
from chalicelib.models.due_index import LEDGERS
from chalicelib.models.email_address import Email
from chalicelib.models.email_change import no_longer_kept
from chalicelib.models.item import Item
from chalicelib.models.user import User
from chalicelib.models.writes import Operation, Write


class Leftovers(Item, discriminator='leftovers'):
    """pk=USER#<user id>  sk=LEFTOVERS   That things of a deleted user are left to remove; in the `due` index until done."""

    @classmethod
    def of(cls, user_pk: str, now: int) -> 'Leftovers':
        return cls(user_pk, 'LEFTOVERS', due_shard=LEDGERS.shard_of(user_pk), due_at=now)

    @classmethod
    def instead_of(cls, user: User, now: int) -> list[Write]:
        """Return the writes that delete a user and leave `Leftovers`. Their transaction raises NotFound if the user is to stay."""
        return [
            Write(Operation.DELETE, user, User.delete_at == user.delete_at, on_failure=errors.NotFound),
            Write(Operation.DELETE, Email(Email.key(user.email), 'EMAIL'), Email.user_id == user.user_id, on_failure=errors.NotFound),
            *no_longer_kept(user, (), now),
            Write(Operation.PUT, cls.of(user.pk, now)),
        ]

    @classmethod
    def is_there(cls, user_pk: str) -> bool:
        try:
            cls.get(user_pk, 'LEFTOVERS', consistent_read=True)
        except cls.DoesNotExist:
            return False
        return True
