"""Offsets of portfolios: balances that people put in themselves."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from pynamodb.attributes import UnicodeAttribute

from chalicelib import errors
from chalicelib.models.attributes import IntegerAttribute, RowsAttribute
from chalicelib.models.item import Item
from chalicelib.models.portfolio import Portfolio, child_sk
from chalicelib.models.portfolio_tree import read_child, read_children
from chalicelib.models.user import User
from chalicelib.models.writes import ExpectedVersions, Operation, Write, has_version, transact, version_mismatch

_ATTEMPTS = 4


class _Outrun(Exception):
    """Somebody else changed the offset first."""


class Since(NamedTuple):
    """From which instant on an offset counts (epoch seconds), None for all time."""

    at: int | None


class OffsetBalance(NamedTuple):
    """One currency of an offset; `updated_at` is when the amount last became another."""

    currency: str
    balance: Decimal
    created_at: int
    updated_at: int


class Offset(Item, discriminator='offset'):
    """pk=USER#<user id>  sk=PORTFOLIO#<000001>#OFFSET#<000012>

    find: batch get with the portfolio's header   page: one query from the header on
    draft: one update of the header, for the id   insert, remove: transaction with the header
    change: find, a transaction with the header on condition of `version`, get
    Before `since` (epoch seconds) it does not count; None for an offset that counts at all times.
    """

    user_id = UnicodeAttribute()
    portfolio_id = IntegerAttribute()
    offset_id = IntegerAttribute()
    title = UnicodeAttribute()
    balances = RowsAttribute(OffsetBalance)
    since = IntegerAttribute(null=True)
    version = IntegerAttribute(default=1)
    created_at = IntegerAttribute()
    updated_at = IntegerAttribute()

    @classmethod
    def draft(
        cls, user_id: str, portfolio_id: int, *, title: str, balances: Mapping[str, Decimal], now: int, since: int | None = None
    ) -> 'Offset':
        """Return a new offset with these amounts by currency, under the portfolio's next id, for `insert`.

        Raises NotFound when there is no such portfolio, Invalid when it has as many offsets as it may.
        """
        offset_id = Portfolio.allocate_offset_id(user_id, portfolio_id)
        offset = cls(
            User.pk_of(user_id),
            child_sk('OFFSET', portfolio_id, offset_id),
            user_id=user_id,
            portfolio_id=portfolio_id,
            offset_id=offset_id,
            title=title,
            since=since,
            created_at=now,
            updated_at=now,
        )
        offset.balances = offset._replaced(balances, now)
        return offset

    def insert(self, also: Sequence[Write] = ()) -> None:
        """Put a drafted offset into its portfolio, with `also` in the same transaction.

        Raises NotFound when the portfolio is gone, Invalid when it has as many offsets as it may.
        """
        transact(
            *also,
            Write(Operation.PUT, self, condition=Offset.pk.does_not_exist()),
            Portfolio.offset_quota().increment(Portfolio.at(self.user_id, self.portfolio_id), *Portfolio.changed()),
        )

    @classmethod
    def find(cls, user_id: str, portfolio_id: int, offset_id: int) -> 'Offset':
        """Return the offset. Raises NotFound, also when its portfolio is gone."""
        return read_child(cls, user_id, portfolio_id, child_sk('OFFSET', portfolio_id, offset_id))

    @classmethod
    def page(cls, user_id: str, portfolio_id: int, *, after: int, limit: int) -> list['Offset']:
        """Return up to `limit` offsets with ids above `after`, by id. Raises NotFound."""
        return read_children(cls, 'OFFSET', user_id, portfolio_id, after=after, limit=limit)

    @classmethod
    def change(
        cls,
        user_id: str,
        portfolio_id: int,
        offset_id: int,
        *,
        title: str | None,
        balances: Mapping[str, Decimal] | None,
        now: int,
        since: Since | None = None,
        expected: ExpectedVersions = None,
    ) -> 'Offset':
        """Store a new title, other balances in the place of all those it had, another `since`, or all; return what the offset then is.

        What is the same as before is no change. Raises NotFound, PreconditionFailed, and Conflict when others changed it first four
        times in a row.
        """
        for _ in range(_ATTEMPTS):
            offset = cls.find(user_id, portfolio_id, offset_id)
            if expected is not None and offset.version not in expected:
                raise errors.PreconditionFailed
            if offset._has(title, balances, since) or offset._store(title, balances, since, now):
                return offset
        raise errors.Conflict

    def remove(self, expected: ExpectedVersions = None) -> None:
        """Take the offset out of its portfolio. Raises NotFound, PreconditionFailed."""
        counted = Portfolio.offset_quota().decrement(Portfolio.at(self.user_id, self.portfolio_id), *Portfolio.changed())
        transact(Write(Operation.DELETE, self, has_version(Offset.version, expected), on_failure=version_mismatch(expected)), counted)

    def _has(self, title: str | None, balances: Mapping[str, Decimal] | None, since: Since | None) -> bool:
        balances_now = {row.currency: row.balance for row in self.balances}
        return title in (None, self.title) and balances in (None, balances_now) and since in (None, Since(self.since))

    def _store(self, title: str | None, balances: Mapping[str, Decimal] | None, since: Since | None, now: int) -> bool:
        """Write the change and make this what the offset then is; say whether nobody else changed it since it was read."""
        unchanged = Offset.version == self.version
        self.title = self.title if title is None else title
        self.balances = self.balances if balances is None else self._replaced(balances, now)
        self.since = self.since if since is None else since.at
        self.updated_at = now
        self.version += 1
        try:
            transact(Write(Operation.PUT, self, unchanged, on_failure=_Outrun), Portfolio.note_contents(self.user_id, self.portfolio_id))
        except _Outrun:
            return False
        return True

    def _replaced(self, balances: Mapping[str, Decimal], now: int) -> list[OffsetBalance]:
        """Return these balances by currency code, with the instants of those that are there already."""
        before = {row.currency: row for row in self.balances}
        rows = [OffsetBalance(code, balances[code], now, now) for code in sorted(balances)]
        return [_with_instants_of(before.get(row.currency), row) for row in rows]


def _with_instants_of(before: OffsetBalance | None, row: OffsetBalance) -> OffsetBalance:
    """Return a row with the instants of the one that it replaces, as far as the amount is the same."""
    if before is None:
        return row
    return row._replace(created_at=before.created_at, updated_at=before.updated_at if row.balance == before.balance else row.updated_at)
