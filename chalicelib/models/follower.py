"""What every child of a portfolio has that follows a ledger, whatever its kind."""

from typing import ClassVar, Literal

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.domain.ledger_keys import LedgerKey
from chalicelib.models.attributes import IntegerAttribute, string_list
from chalicelib.models.cross_check import CrossCheck
from chalicelib.models.derived import MOST_MEMBERSHIPS
from chalicelib.models.item import Item
from chalicelib.models.ledger import Ledger

FollowerKind = Literal['account', 'address']


class Follower(Item):
    """A child of a portfolio whose balances and transactions are those of a ledger.

    A refresh stores on it when the ledger was observed, and a portfolio sums it up, without knowing its kind. A new kind
    is a subclass that says where its items are and which ledger each follows, and a row in models/watch.py.
    Of an HD wallet, `gap_limit` is how many unused addresses in a row end its search, if the user said so, and `script_types` are
    the kinds of script that its addresses use. `within` are the names of HD wallets, anybody's, that have all of its addresses; if they
    are MOST_MEMBERSHIPS, there may be more.
    """

    follower_kind: ClassVar[FollowerKind]  # as answers show it, and watches store it

    user_id = UnicodeAttribute()
    portfolio_id = IntegerAttribute()
    title = UnicodeAttribute()
    valid = BooleanAttribute(default=True)
    txns_last_updated = IntegerAttribute(null=True)
    agreement = CrossCheck(null=True)
    gap_limit = IntegerAttribute(null=True)
    script_types = string_list(null=True)
    within = string_list(null=True)

    @classmethod
    def at(cls, user_id: str, portfolio_id: int, child_id: int) -> 'Follower':
        """Return an empty instance with the key of a child, to update it by."""
        raise NotImplementedError

    @classmethod
    def follows(cls, key: LedgerKey) -> Condition:
        """Return the condition that a child follows this ledger, which may change."""
        raise NotImplementedError

    @classmethod
    def shows(cls, ledger: Ledger) -> Condition:
        """Return the condition that what was found out about a ledger concerns a child."""
        return cls.follows(ledger.key)

    @classmethod
    def news_of(cls, ledger: Ledger) -> list[Action]:
        """Return what a child is updated by after a refresh of its ledger, nothing if there is no news."""
        if ledger.valid is False:
            return [cls.valid.set(False)]
        if not ledger.ready:
            return []
        agreement = [] if ledger.agreement is None else [cls.agreement.set(ledger.agreement)]
        return [cls.txns_last_updated.set(ledger.updated_at), cls.valid.set(True), *agreement, *cls._of_hd_wallets(ledger)]

    @classmethod
    def _of_hd_wallets(cls, ledger: Ledger) -> list[Action]:
        """Return what notes on a child which kinds of script its HD wallet uses, and which HD wallets have all of its addresses.

        An earlier release stored any number of those on the ledger.
        """
        within = [member.hd_wallet for member in ledger.memberships[:MOST_MEMBERSHIPS]]
        script_types = None if ledger.derived is None else list(ledger.derived.script_types)
        return [
            cls.within.set(within) if within else cls.within.remove(),
            cls.script_types.remove() if script_types is None else cls.script_types.set(script_types),
        ]

    @property
    def child_id(self) -> int:
        """The id that is unique among the children of this kind in a portfolio."""
        raise NotImplementedError

    @property
    def follows_since(self) -> int:
        """Since when it follows its ledger, which others may have followed before."""
        raise NotImplementedError

    @property
    def own_agreement(self) -> CrossCheck | None:
        """The last cross-check since it follows its ledger: one of before would tell that others followed that."""
        agreement: CrossCheck | None = self.agreement
        return agreement if agreement is not None and agreement.checked_at >= self.follows_since else None

    @property
    def ledger_key(self) -> LedgerKey:
        """The ledger that holds its balances and transactions."""
        raise NotImplementedError

    @property
    def ledger(self) -> str:
        """The partition key of that ledger."""
        return self.ledger_key.text
