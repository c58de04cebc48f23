"""Portfolio headers."""

from collections.abc import Sequence

from pynamodb.attributes import UnicodeAttribute
from pynamodb.expressions.update import Action

from chalicelib import errors
from chalicelib.config import settings
from chalicelib.models.attributes import IntegerAttribute, string_list
from chalicelib.models.due_index import LEDGERS
from chalicelib.models.item import Item, Outcome
from chalicelib.models.quota import Quota
from chalicelib.models.user import User
from chalicelib.models.writes import ExpectedVersions, Operation, Write, has_version, transact, version_mismatch
from chalicelib.texts import translatable

_PURGE = 'PURGE#'


class Portfolio(Item, discriminator='portfolio'):
    """pk=USER#<user id>  sk=PORTFOLIO#<000001>  lsk=<000001>

    draft: one update of the user, for the id   insert: transaction   find: get   page(user): query of the local index `portfolios`
    allocate_address_id, allocate_account_id, allocate_offset_id: one update   change: one update
    remove: transaction with the purge that cleans up behind it
    """

    user_id = UnicodeAttribute()
    portfolio_id = IntegerAttribute()
    title = UnicodeAttribute()
    currencies = string_list()
    addresses = IntegerAttribute(default=0)
    accounts = IntegerAttribute(default=0)
    offsets = IntegerAttribute(default=0)
    last_address_id = IntegerAttribute(default=0)
    last_account_id = IntegerAttribute(default=0)
    last_offset_id = IntegerAttribute(default=0)
    version = IntegerAttribute(default=1)
    account_keys = IntegerAttribute(default=0)  # counts how often its accounts got API keys, so that two at once do not get the same
    contents = IntegerAttribute(default=0)  # counts changes by users to what it contains or reports
    created_at = IntegerAttribute()
    updated_at = IntegerAttribute()
    observed_at = IntegerAttribute(null=True)  # when a ledger of it was last observed
    balances_last_updated = IntegerAttribute(null=True)
    histories_last_updated = IntegerAttribute(null=True)
    converted_balances_last_updated = IntegerAttribute(null=True)
    converted_histories_last_updated = IntegerAttribute(null=True)

    @classmethod
    def at(cls, user_id: str, portfolio_id: int) -> 'Portfolio':
        """Return an empty instance with the key of a portfolio, to update or delete it by."""
        return cls(User.pk_of(user_id), portfolio_sk(portfolio_id))

    @property
    def follows_ledgers(self) -> bool:
        """Whether any of its balances come from ledgers: one of offsets alone is always ready."""
        return bool(self.addresses or self.accounts)

    @property
    def was_observed(self) -> bool:
        """Whether a balance of anything that it follows, or followed, was ever known."""
        return self.observed_at is not None

    @classmethod
    def draft(cls, user_id: str, *, title: str, currencies: Sequence[str], now: int) -> 'Portfolio':
        """Return a new, empty portfolio under the user's next id, for `insert`.

        Raises NotFound for an unknown user, Invalid when they have as many portfolios as they may.
        """
        portfolio_id = User.allocate_portfolio_id(user_id)
        return cls(
            User.pk_of(user_id),
            portfolio_sk(portfolio_id),
            lsk=f'{portfolio_id:06}',
            user_id=user_id,
            portfolio_id=portfolio_id,
            title=title,
            currencies=list(currencies),
            created_at=now,
            updated_at=now,
        )

    def insert(self, also: Sequence[Write] = ()) -> None:
        """Store a drafted portfolio, with `also` in the same transaction.

        Raises NotFound when the user is gone, Invalid when they have as many portfolios as they may.
        """
        transact(
            *also,
            Write(Operation.PUT, self, Portfolio.pk.does_not_exist()),
            User.portfolio_quota().increment(User.at(self.user_id)),
        )

    @classmethod
    def find(cls, user_id: str, portfolio_id: int) -> 'Portfolio':
        """Return the header of a portfolio, whatever that contains. Raises NotFound."""
        try:
            return cls.get(User.pk_of(user_id), portfolio_sk(portfolio_id), consistent_read=True)
        except cls.DoesNotExist:
            raise errors.NotFound from None

    @classmethod
    def page(cls, user_id: str, *, after: int, limit: int) -> list['Portfolio']:
        """Return up to `limit` portfolios with ids above `after`, by id."""
        found = cls.portfolios.query(User.pk_of(user_id), cls.lsk > f'{after:06}', consistent_read=True, limit=limit, page_size=limit)
        return [portfolio for portfolio in found if isinstance(portfolio, Portfolio)]

    @classmethod
    def address_quota(cls) -> Quota:
        """Return how many addresses a portfolio may have."""
        sentence = translatable('a portfolio can have at most {most} addresses: delete one before you add another')
        return Quota('addresses', cls.addresses, settings().max_addresses, sentence)

    @classmethod
    def account_quota(cls) -> Quota:
        """Return how many accounts a portfolio may have."""
        sentence = translatable('a portfolio can have at most {most} accounts: delete one before you add another')
        return Quota('accounts', cls.accounts, settings().max_accounts, sentence)

    @classmethod
    def offset_quota(cls) -> Quota:
        """Return how many offsets a portfolio may have."""
        sentence = translatable('a portfolio can have at most {most} offsets: delete one before you add another')
        return Quota('offsets', cls.offsets, settings().max_offsets, sentence)

    @classmethod
    def allocate_address_id(cls, user_id: str, portfolio_id: int) -> int:
        """Return the next address id of this portfolio; no id is ever given twice. Raises NotFound, Invalid when there is no room."""
        header = cls.at(user_id, portfolio_id)
        cls.address_quota().allocate_id(header, cls.last_address_id)
        return header.last_address_id

    @classmethod
    def allocate_account_id(cls, user_id: str, portfolio_id: int) -> int:
        """Return the next account id of this portfolio; no id is ever given twice. Raises NotFound, Invalid when there is no room."""
        header = cls.at(user_id, portfolio_id)
        cls.account_quota().allocate_id(header, cls.last_account_id)
        return header.last_account_id

    @classmethod
    def allocate_offset_id(cls, user_id: str, portfolio_id: int) -> int:
        """Return the next offset id of this portfolio; no id is ever given twice. Raises NotFound, Invalid when there is no room."""
        header = cls.at(user_id, portfolio_id)
        cls.offset_quota().allocate_id(header, cls.last_offset_id)
        return header.last_offset_id

    @classmethod
    def changed(cls) -> tuple[Action, Action]:
        """Return what a header is updated by when a child comes or goes."""
        return cls.version.add(1), cls.contents.add(1)

    @classmethod
    def note_contents(cls, user_id: str, portfolio_id: int) -> Write:
        """Return the write that goes with another change of what a portfolio holds. Its condition fails with NotFound."""
        return Write(
            Operation.UPDATE, cls.at(user_id, portfolio_id), cls.version.exists(), actions=[cls.contents.add(1)], on_failure=errors.NotFound
        )

    def change(self, *, title: str | None, currencies: Sequence[str] | None, now: int, expected: ExpectedVersions = None) -> None:
        """Store a new title, new reporting currencies, or both. Raises NotFound, PreconditionFailed."""
        cls = type(self)
        actions: list[Action] = [cls.updated_at.set(now), cls.version.add(1)]
        if title is not None:
            actions.append(cls.title.set(title))
        if currencies is not None:
            actions += [cls.currencies.set(list(currencies)), cls.contents.add(1)]
        outcome = self.attempt_update(has_version(cls.version, expected), *actions)
        if outcome is not Outcome.WRITTEN:
            raise errors.NotFound if outcome is Outcome.MISSING else errors.PreconditionFailed

    def remove(self, now: int, expected: ExpectedVersions = None) -> None:
        """Remove the header and leave a purge, due now, for what hangs below it. Raises NotFound, PreconditionFailed."""
        transact(
            Write(Operation.DELETE, self, has_version(Portfolio.version, expected), on_failure=version_mismatch(expected)),
            Write(Operation.PUT, Purge.of(self.user_id, self.portfolio_id, now)),
            User.portfolio_quota().decrement(User.at(self.user_id)),
        )

    def remove_with_user(self, now: int) -> None:
        """Remove the header of a portfolio whose user is gone, and leave a purge as `remove` does; it is no error if it is gone."""
        purge = Write(Operation.PUT, Purge.of(self.user_id, self.portfolio_id, now))
        transact(Write(Operation.DELETE, self), purge)


class Purge(Item, discriminator='purge'):
    """pk=USER#<user id>  sk=PURGE#<000001>   What is left to remove of a deleted portfolio; in the `due` index until done.

    finish: conditional delete, else an update
    """

    deleted_at = IntegerAttribute(null=True)

    @classmethod
    def of(cls, user_id: str, portfolio_id: int, now: int) -> 'Purge':
        pk = User.pk_of(user_id)
        return cls(pk, f'{_PURGE}{portfolio_id:06}', due_shard=LEDGERS.shard_of(pk), due_at=now, deleted_at=now)

    @property
    def portfolio_key(self) -> tuple[str, int]:
        """The ids of the user and of the portfolio that was deleted."""
        return str(self.pk).removeprefix('USER#'), int(str(self.sk).removeprefix(_PURGE))

    @classmethod
    def finish(cls, user_id: str, portfolio_id: int, now: int, *, again_after: int) -> None:
        """Note that everything there was is removed: once more in `again_after` seconds if the portfolio was deleted less than that ago."""
        purge = cls.of(user_id, portfolio_id, now)
        if not purge.delete_if(cls.deleted_at.does_not_exist() | (cls.deleted_at <= now - again_after)):
            purge.update_if(cls.pk.exists(), cls.due_at.set(now + again_after))


def portfolio_sk(portfolio_id: int) -> str:
    """Return the sort key of a portfolio's header, the prefix of its children's."""
    return f'PORTFOLIO#{portfolio_id:06}'


def child_sk(kind: str, portfolio_id: int, child_id: int) -> str:
    """Return the sort key of a child; `kind` is ACCOUNT, ADDRESS or OFFSET."""
    return f'{portfolio_sk(portfolio_id)}#{kind}#{child_id:06}'
