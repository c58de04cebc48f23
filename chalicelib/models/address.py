"""Addresses of portfolios."""

from pynamodb.attributes import UnicodeAttribute
from pynamodb.expressions.condition import Condition

from chalicelib.domain.hd_wallets import FollowedLedger
from chalicelib.domain.ledger_keys import AddressKey, HdWalletKey, LedgerKey
from chalicelib.models.attributes import IntegerAttribute
from chalicelib.models.follower import Follower
from chalicelib.models.portfolio import child_sk, portfolio_sk
from chalicelib.models.portfolio_tree import read_child, read_children, read_range
from chalicelib.models.user import User


class Address(Follower, discriminator='address'):
    """pk=USER#<user id>  sk=PORTFOLIO#<000001>#ADDRESS#<000012>

    find: batch get with the portfolio's header   page: one query from the header on
    Of an HD wallet `address` is only what is shown of its text; `hd_wallet` names it. `moved_at` is when it began to follow another ledger.
    """

    follower_kind = 'address'

    address_id = IntegerAttribute()
    address = UnicodeAttribute()
    hd_wallet = UnicodeAttribute(null=True, attr_name='wallet')
    currency = UnicodeAttribute()
    version = IntegerAttribute(default=1)
    created_at = IntegerAttribute()
    updated_at = IntegerAttribute()
    moved_at = IntegerAttribute(null=True)

    @classmethod
    def at(cls, user_id: str, portfolio_id: int, child_id: int) -> 'Address':
        """Return an empty instance with the key of an address, to update it by."""
        return cls(User.pk_of(user_id), child_sk('ADDRESS', portfolio_id, child_id))

    @classmethod
    def find(cls, user_id: str, portfolio_id: int, address_id: int) -> 'Address':
        """Return the address. Raises NotFound, also when its portfolio is gone."""
        return read_child(cls, user_id, portfolio_id, child_sk('ADDRESS', portfolio_id, address_id))

    @classmethod
    def page(cls, user_id: str, portfolio_id: int, *, after: int, limit: int) -> list['Address']:
        """Return up to `limit` addresses with ids above `after`, by id. Raises NotFound."""
        return read_children(cls, 'ADDRESS', user_id, portfolio_id, after=after, limit=limit)

    @classmethod
    def every(cls, user_id: str, portfolio_id: int) -> list['Address']:
        """Return all addresses of a portfolio, by id, in one query."""
        start = f'{portfolio_sk(portfolio_id)}#ADDRESS#'
        items = read_range(user_id, start, f'{start}~')
        return [item for item in items if isinstance(item, cls)]

    @property
    def child_id(self) -> int:
        return self.address_id

    @property
    def follows_since(self) -> int:
        return self.moved_at or self.created_at

    @property
    def ledger_key(self) -> AddressKey | HdWalletKey:
        """The ledger that holds this address's balances and transactions."""
        return HdWalletKey(self.currency, self.hd_wallet) if self.hd_wallet else AddressKey(self.currency, self.address)

    def point_to(self, followed: FollowedLedger) -> None:
        """Let this address follow another ledger; to be stored by the caller."""
        self.address = followed.shown
        self.hd_wallet = followed.key.name if isinstance(followed.key, HdWalletKey) else None

    @classmethod
    def follows(cls, key: LedgerKey) -> Condition:
        """Return the condition that an address follows this ledger."""
        following: Condition
        if isinstance(key, HdWalletKey):
            following = cls.hd_wallet == key.name
        elif isinstance(key, AddressKey):
            following = cls.hd_wallet.does_not_exist() & (cls.address == key.address)
        else:
            raise TypeError('no address follows the ledger of an account')
        return following
