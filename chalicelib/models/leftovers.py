"""What is left of deleted users."""

from chalicelib.models.due_index import LEDGERS
from chalicelib.models.item import Item


class Leftovers(Item, discriminator='leftovers'):
    """pk=USER#<user id>  sk=LEFTOVERS   That things of a deleted user are left to remove; in the `due` index until done."""

    @classmethod
    def of(cls, user_pk: str, now: int) -> 'Leftovers':
        return cls(user_pk, 'LEFTOVERS', due_shard=LEDGERS.shard_of(user_pk), due_at=now)

    @classmethod
    def is_there(cls, user_pk: str) -> bool:
        try:
            cls.get(user_pk, 'LEFTOVERS', consistent_read=True)
        except cls.DoesNotExist:
            return False
        return True
