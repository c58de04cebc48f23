"""What watches which ledger."""

from collections.abc import Mapping

from pynamodb.attributes import UnicodeAttribute

from chalicelib.domain.ledger_keys import HdWalletKey
from chalicelib.models.account import Account
from chalicelib.models.address import Address
from chalicelib.models.attributes import IntegerAttribute
from chalicelib.models.follower import Follower
from chalicelib.models.item import Item

_PREFIX = 'WATCH#'
_OF_HD_WALLETS = f'{_PREFIX}WALLET#'
_FOLLOWERS: Mapping[str, type[Follower]] = {kind.follower_kind: kind for kind in (Address, Account)}


class Watch(Item, discriminator='watch'):
    """pk=the ledger's  sk=WATCH#<user id>#<000001> or WATCH#WALLET#<HD wallet>

    Which child of which portfolio shows this ledger: one per portfolio, so that its condition attribute_not_exists keeps
    a portfolio from holding an address twice. Or which HD wallet the ledger is derived for: that is no portfolio's child.
    """

    user_id = UnicodeAttribute(null=True)
    portfolio_id = IntegerAttribute(null=True)
    child_kind = UnicodeAttribute(null=True)  # absent where it was stored before there was more than one kind
    child_id = IntegerAttribute(null=True)
    gap_limit = IntegerAttribute(null=True)  # of an HD wallet, where the child says one

    @classmethod
    def of(cls, child: Follower) -> 'Watch':
        """Return the watch of a portfolio's child on the ledger that it follows."""
        return cls(
            child.ledger,
            f'WATCH#{child.user_id}#{child.portfolio_id:06}',
            user_id=child.user_id,
            portfolio_id=child.portfolio_id,
            child_kind=child.follower_kind,
            child_id=child.child_id,
            gap_limit=child.gap_limit,
        )

    @classmethod
    def of_hd_wallet(cls, pk: str, hd_wallet: HdWalletKey) -> 'Watch':
        """Return the watch of an HD wallet on one of its derived ledgers."""
        return cls(pk, f'{_OF_HD_WALLETS}{hd_wallet.name}')

    @classmethod
    def page(cls, pk: str, *, after: str, limit: int) -> list['Watch']:
        """Return up to `limit` watches on a ledger, by sort key, that come after the sort key `after`; the first ones for ''."""
        between = cls.sk.between(after or _PREFIX, f'{_PREFIX}~')
        found = cls.query(pk, between, consistent_read=True, limit=limit + 1)  # the one that has `after` is not counted
        return [watch for watch in found if watch.sk != after][:limit]

    @classmethod
    def every(cls, pk: str) -> list['Watch']:
        """Return all watches on a ledger."""
        return list(cls.query(pk, cls.sk.startswith(_PREFIX), consistent_read=True))

    @property
    def child(self) -> Follower:
        """An empty instance with the key of the child that shows this ledger, to update it by."""
        kind = _FOLLOWERS[self.child_kind or Address.follower_kind]
        return kind.at(self.user_id, self.portfolio_id, self.child_id)

    @property
    def before_next_child(self) -> str:
        """The sort key after which those of further children come: the watches of HD wallets, however many, are passed over at once."""
        return str(self.sk) if self.is_of_child else f'{_OF_HD_WALLETS}~'

    @property
    def is_of_child(self) -> bool:
        """Whether a portfolio's child shows this ledger."""
        return self.child_id is not None
