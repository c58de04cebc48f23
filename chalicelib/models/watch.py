"""Who watches which ledger."""

from pynamodb.attributes import UnicodeAttribute

from chalicelib.models.base import IntegerAttribute, Item


class Watch(Item, discriminator='watch'):
    """pk=LEDGER#<currency>#<address>  sk=WATCH#<user id>#<000001>

    Which child of which portfolio shows this ledger. One per portfolio: that a portfolio cannot hold an address twice
    is this key's attribute_not_exists.
    """

    user_id = UnicodeAttribute()
    portfolio_id = IntegerAttribute()
    child_id = IntegerAttribute()

    @classmethod
    def of(cls, pk: str, user_id: str, portfolio_id: int, child_id: int) -> 'Watch':
        sk = f'WATCH#{user_id}#{portfolio_id:06}'
        return cls(pk, sk, user_id=user_id, portfolio_id=portfolio_id, child_id=child_id)

    @classmethod
    def every(cls, pk: str) -> list['Watch']:
        """Return everybody who watches a ledger."""
        return list(cls.query(pk, cls.sk.startswith('WATCH#'), consistent_read=True))
