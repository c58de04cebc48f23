"""Accounts at exchanges in portfolios, and their credentials."""

from pynamodb.attributes import BinaryAttribute, UnicodeAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.domain.ledger_keys import AccountKey, LedgerKey
from chalicelib.models.attributes import IntegerAttribute
from chalicelib.models.follower import Follower
from chalicelib.models.item import Item
from chalicelib.models.ledger import Ledger
from chalicelib.models.portfolio import Portfolio, child_sk
from chalicelib.models.portfolio_tree import read_child, read_children, read_with_children
from chalicelib.models.user import User

_CREDENTIALS = 'CREDENTIALS'


class Account(Follower, discriminator='account'):
    """pk=USER#<user id>  sk=PORTFOLIO#<000001>#ACCOUNT#<000012>

    find: batch get with the portfolio's header   page: one query from the header on
    `wallet` is the exchange. `problem` is why it cannot be read while it is not `valid`, `problem_detail` what that is about.
    `credentials_id` tells which credentials it has: what was found with earlier ones is not noted. `key_digest` is the digest of their API
    key, if they have one.
    """

    follower_kind = 'account'

    account_id = IntegerAttribute()
    wallet = UnicodeAttribute()
    credentials_id = UnicodeAttribute()
    key_digest = UnicodeAttribute(null=True)
    problem = UnicodeAttribute(null=True)
    problem_detail = UnicodeAttribute(null=True)
    last_updated = IntegerAttribute(null=True)
    version = IntegerAttribute(default=1)
    created_at = IntegerAttribute()
    updated_at = IntegerAttribute()

    @classmethod
    def at(cls, user_id: str, portfolio_id: int, child_id: int) -> 'Account':
        """Return an empty instance with the key of an account, to update it by."""
        return cls(User.pk_of(user_id), child_sk('ACCOUNT', portfolio_id, child_id))

    @classmethod
    def find(cls, user_id: str, portfolio_id: int, account_id: int) -> 'Account':
        """Return the account. Raises NotFound, also when its portfolio is gone."""
        return read_child(cls, user_id, portfolio_id, child_sk('ACCOUNT', portfolio_id, account_id))

    @classmethod
    def page(cls, user_id: str, portfolio_id: int, *, after: int, limit: int) -> list['Account']:
        """Return up to `limit` accounts with ids above `after`, by id. Raises NotFound."""
        return read_children(cls, 'ACCOUNT', user_id, portfolio_id, after=after, limit=limit)

    @classmethod
    def of_portfolio(cls, user_id: str, portfolio_id: int, *, limit: int) -> 'tuple[Portfolio, list[Account]]':
        """Return a portfolio's header and its accounts, as they were at one moment. Raises NotFound."""
        return read_with_children(cls, 'ACCOUNT', user_id, portfolio_id, limit=limit)

    @property
    def child_id(self) -> int:
        return self.account_id

    @property
    def follows_since(self) -> int:
        return self.created_at

    @property
    def ledger_key(self) -> AccountKey:
        """The ledger that holds its balances and transactions, and nobody else's."""
        return AccountKey(self.user_id, self.portfolio_id, self.account_id)

    @classmethod
    def follows(cls, key: LedgerKey) -> Condition:
        """Return the condition that an account follows this ledger: it always follows the same one."""
        there: Condition = cls.pk.exists()
        return there

    @classmethod
    def shows(cls, ledger: Ledger) -> Condition:
        """Return the condition that the account still has the credentials that its ledger was read with."""
        same: Condition = cls.credentials_id == ledger.credentials_id
        return same

    @classmethod
    def news_of(cls, ledger: Ledger) -> list[Action]:
        """Return what the account is updated by after a refresh of its ledger."""
        actions = super().news_of(ledger)
        if ledger.valid is False:
            detail = cls.problem_detail.set(ledger.problem_detail) if ledger.problem_detail else cls.problem_detail.remove()
            return [*actions, cls.problem.set(ledger.problem), detail]
        if ledger.ready:
            return [*actions, cls.last_updated.set(ledger.updated_at), cls.problem.remove(), cls.problem_detail.remove()]
        return actions


class Credentials(Item, discriminator='credentials'):
    """pk=the account's ledger  sk=CREDENTIALS

    find: get   The ciphertext of an account's credentials at an exchange, `wallet`. Only the refresh of the account reads it. It is an item
    of its own so that nothing that reads accounts or ledgers ever carries it, and exports leave it out.
    """

    wallet = UnicodeAttribute()
    secret = BinaryAttribute(legacy_encoding=False)

    @classmethod
    def at(cls, ledger: str) -> 'Credentials':
        """Return an empty instance with the key of an account's credentials."""
        return cls(ledger, _CREDENTIALS)

    @classmethod
    def find(cls, ledger: str) -> 'Credentials | None':
        """Return the credentials of an account, None when there are none."""
        try:
            return cls.get(ledger, _CREDENTIALS, consistent_read=True)
        except cls.DoesNotExist:
            return None
