"""Who watches which ledger."""

from pynamodb.attributes import UnicodeAttribute

from chalicelib.domain.ledger_keys import HdWalletKey
from chalicelib.models.attributes import IntegerAttribute
from chalicelib.models.item import Item


class Watch(Item, discriminator='watch'):
    """pk=the ledger's  sk=WATCH#<user id>#<000001> or WATCH#WALLET#<wallet>

    Which child of which portfolio shows this ledger. One per portfolio: that a portfolio cannot hold an address twice
    is this key's attribute_not_exists. Or which wallet the ledger is a part of: then it shows in no portfolio by itself.
    """

    user_id = UnicodeAttribute(null=True)
    portfolio_id = IntegerAttribute(null=True)
    child_id = IntegerAttribute(null=True)

    @classmethod
    def of(cls, pk: str, user_id: str, portfolio_id: int, child_id: int) -> 'Watch':
        sk = f'WATCH#{user_id}#{portfolio_id:06}'
        return cls(pk, sk, user_id=user_id, portfolio_id=portfolio_id, child_id=child_id)

    @classmethod
    def of_wallet(cls, pk: str, wallet: HdWalletKey) -> 'Watch':
        """Return the watch of an HD wallet on one of its derived ledgers."""
        return cls(pk, f'WATCH#WALLET#{wallet.name}')

    @classmethod
    def every(cls, pk: str) -> list['Watch']:
        """Return everybody who watches a ledger."""
        return list(cls.query(pk, cls.sk.startswith('WATCH#'), consistent_read=True))

    @property
    def is_of_child(self) -> bool:
        """Whether a portfolio's child shows this ledger."""
        return self.child_id is not None
