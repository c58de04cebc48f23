"""What is stored of a ledger, and what that says of it: which balances are known, and what may be missing."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pynamodb.attributes import BinaryAttribute, BooleanAttribute, UnicodeAttribute, UnicodeSetAttribute

from chalicelib.domain import changelog, currencies, ledger_keys, ledgers
from chalicelib.domain.changelog import Changelog
from chalicelib.domain.ledger_keys import AccountKey, AddressKey, HdWalletKey, LedgerKey
from chalicelib.domain.ledgers import Gap, Holding, Lack, Unreadable
from chalicelib.models.attributes import ChangelogAttribute, IntegerAttribute, MarkAttribute, RowsAttribute
from chalicelib.models.cross_check import CrossCheck
from chalicelib.models.cursor import Cursor
from chalicelib.models.derived import MOST_MEMBERSHIPS, Derived, Membership
from chalicelib.models.lease import Leased


class Trouble(NamedTuple):
    """What an explorer could not do for one address, while it serves others.

    `until` is when its last consequence ends: until then the address is read in `small_steps`, which works, or else from other explorers
    first. `failures` counts those in a row.
    """

    explorer: str
    until: int
    failures: int = 0
    small_steps: bool = False


class LedgerState(Leased):
    """What is stored of a ledger, and what it says of completeness. It is read as a Ledger, which also writes it.

    `updated_at` is when the balances were last observed, None before the first time, `reconciled_at` when the transactions were last read
    with them and added up in every currency that has no gap. `read_at` is when the last reading of everything new began, of an HD wallet
    the last cycle: later observations may only have confirmed that nothing moved since, for which `mark` is kept. `incomplete` says in one
    snake_case word what the ledger as a whole lacks, None if nothing; `gaps` what single currencies lack, one at most for each, by code.
    `unreadable_balances` are balances that could not be read. `troubles` are those of single explorers with this ledger; `needs_key` says
    that what it lacks is to be had with an API key only.
    `changes` keeps histories current: the earliest instant whose balance changed, logged with each observation.
    `change_pending_since` is that instant for a change that is being written and not observed yet. `newest_at` is the time
    of the newest transaction ever seen, `looked_at` when a user last looked at the ledger.
    `work_group` is the group of the user who last looked at it or watched it, or else for whose HD wallet it was derived, see
    domain.work_groups.
    `moved_at` is when a block was last read, or found undone, in which its address moved, where the blocks of its chain are read. Of
    an HD wallet it is when one of its addresses did.
    `tokens_asked_at` is when a node told the balances of all tokens of its chain, `tokens_unconfirmed` that none tells them now.
    Only HD wallets have `secret`, the ciphertext of their extended key or descriptor, and `derived`. `member_of` are HD wallets that
    the ledger of an address is derived for, as texts of Memberships: the first MOST_MEMBERSHIPS. Only accounts have `credentials_id`,
    which tells with which credentials they are read, and `problem`, why these were refused, with what that is about;
    `exchange_account` is the digest of what the exchange calls the account whose entries are stored, if it says.
    """

    holdings = RowsAttribute(Holding)
    cursor = Cursor(null=True)
    source = UnicodeAttribute(null=True)
    counts_p2pk = BooleanAttribute(null=True)
    incomplete = UnicodeAttribute(null=True)
    gaps = RowsAttribute(Gap)
    unreadable_balances = RowsAttribute(Unreadable)
    reconciled_at = IntegerAttribute(null=True)
    read_at = IntegerAttribute(null=True)
    mark = MarkAttribute(null=True)
    tokens_asked_at = IntegerAttribute(null=True)
    tokens_unconfirmed = BooleanAttribute(null=True)
    troubles = RowsAttribute(Trouble)
    needs_key = BooleanAttribute(null=True)
    changes = ChangelogAttribute(default=Changelog())
    change_pending_since = IntegerAttribute(null=True, attr_name='touched')
    newest_at = IntegerAttribute(null=True)
    agreement = CrossCheck(null=True)
    secret = BinaryAttribute(null=True, legacy_encoding=False)
    derived = Derived(null=True)
    member_of = UnicodeSetAttribute(null=True)
    credentials_id = UnicodeAttribute(null=True)
    exchange_account = UnicodeAttribute(null=True)
    problem = UnicodeAttribute(null=True)
    problem_detail = UnicodeAttribute(null=True)
    valid = BooleanAttribute(null=True)
    failures = IntegerAttribute(null=True)
    last_error = UnicodeAttribute(null=True)
    created_at = IntegerAttribute(null=True)
    updated_at = IntegerAttribute(null=True)
    looked_at = IntegerAttribute(null=True, attr_name='seen_at')
    attempted_at = IntegerAttribute(null=True)
    moved_at = IntegerAttribute(null=True)
    work_group = UnicodeAttribute(null=True)

    @property
    def key(self) -> LedgerKey:
        return ledger_keys.parse(self.pk)

    @property
    def address_key(self) -> AddressKey:
        """The key of an address's ledger. Raises TypeError for a ledger of another kind, which has no chain or address."""
        key = self.key
        if not isinstance(key, AddressKey):
            raise TypeError(f'{self.pk} is not the ledger of an address')
        return key

    @property
    def account_key(self) -> AccountKey:
        """The key of an account's ledger. Raises TypeError for a ledger of another kind, which belongs to no user."""
        key = self.key
        if not isinstance(key, AccountKey):
            raise TypeError(f'{self.pk} is not the ledger of an account')
        return key

    @property
    def upstream_key(self) -> AddressKey | AccountKey:
        """The key of a ledger that an upstream tells, as it does not tell HD wallets. Raises TypeError for one of those."""
        key = self.key
        if isinstance(key, HdWalletKey):
            raise TypeError(f'{self.pk} is read from the ledgers of its addresses')
        return key

    @property
    def hd_wallet_key(self) -> HdWalletKey:
        """The key of an HD wallet's ledger. Raises TypeError for a ledger of another kind."""
        key = self.key
        if not isinstance(key, HdWalletKey):
            raise TypeError(f'{self.pk} is not the ledger of an HD wallet')
        return key

    @property
    def ready(self) -> bool:
        """Whether a balance was ever known."""
        return self.updated_at is not None

    @property
    def is_unused(self) -> bool:
        """Whether it is known to have no transactions: all that it holds counts none. An account that was emptied holds nothing."""
        return bool(self.holdings) and all(row.transactions == 0 for row in self.holdings)

    @property
    def known_transactions(self) -> int:
        """How many transactions it has, by its balances and by what was read to the end; of one being downloaded, which tells none, 0."""
        cursor: Cursor | None = self.cursor
        counted = 0 if cursor is None else sum(tally.number for tally in cursor.tallies().values()) + len(cursor.revertible)
        return max(counted, sum(row.transactions or 0 for row in self.holdings))

    @property
    def is_whole(self) -> bool:
        """Whether its balances and transactions lack nothing that is known of."""
        incomplete: str | None = self.incomplete
        return incomplete is None and not self.gaps and not self.tokens_unconfirmed

    @property
    def unreadable(self) -> list[Unreadable]:
        """The balances and the newest of the transactions that could not be read."""
        cursor: Cursor | None = self.cursor
        return [*self.unreadable_balances, *(cursor.unread.newest if cursor is not None else ())]

    @property
    def unreadable_count(self) -> int:
        """How many balances and transactions could not be read; those beyond the newest are only counted."""
        cursor: Cursor | None = self.cursor
        unknown = sum(gap.reason == ledgers.UNREADABLE_BALANCE for gap in self.gaps)
        return unknown + (sum(cursor.unread.numbers.values()) if cursor is not None else 0)

    @property
    def reason(self) -> str | None:
        """Why it is not whole, in one snake_case word: what it lacks as a whole, or the first of its gaps; None if it is."""
        return self._lacking or next((gap.reason for gap in self.gaps), ledgers.UNCONFIRMED if self.tokens_unconfirmed else None)

    @property
    def _lacking(self) -> str | None:
        """What it lacks as a whole, or what would mend that."""
        incomplete: str | None = self.incomplete
        return ledgers.NEEDS_KEY if incomplete == ledgers.UNLISTED and self.needs_key else incomplete

    @property
    def known_codes(self) -> list[str]:
        """The currencies that it holds, or may hold though no balance says so: what is not known of them, and transactions."""
        cursor: Cursor | None = self.cursor
        moved = [] if cursor is None else [code for code, tally in cursor.tallies().items() if tally.sum]
        return list(dict.fromkeys([*(held.currency for held in self.holdings), *(gap.currency for gap in self.gaps), *moved]))

    @property
    def balance_reason(self) -> str | None:
        """Why its balances may not be whole, in one snake_case word, None if they are."""
        return None if self._lists_balances_alone else self.reason

    @property
    def _lists_balances_alone(self) -> bool:
        """Whether only balances are listed, which are then whole, while nothing is known of the past."""
        incomplete: str | None = self.incomplete
        return incomplete == ledgers.UNLISTED and self.key.is_whole_without_past

    @property
    def lacks(self) -> list[Lack]:
        """Why what is known of its currencies is incomplete; of several that concern a currency the first says so.

        What the ledger lacks as a whole concerns its chain's coin and what it holds. Until its transactions were once read to the end
        it may hold any token of its chain.
        """
        lacks = [Lack(gap.reason, frozenset((gap.currency,))) for gap in self.gaps]
        if self.tokens_unconfirmed:
            lacks.append(Lack(ledgers.UNCONFIRMED, currencies.token_codes_on(self.address_key.currency)))
        reason = None if self._lists_balances_alone else self._lacking
        if reason is not None:
            is_unread = reason == ledgers.PENDING and self._reconciled_at is None
            lacks.append(Lack(reason, self.key.holdable if is_unread else self.concerned))
        return lacks

    @property
    def concerned(self) -> frozenset[str]:
        """The currency of its chain and those that it is known to hold."""
        coin = self.key.coin
        coins = () if coin is None else (coin,)
        return frozenset((*coins, *(row.currency for row in self.holdings), *(gap.currency for gap in self.gaps)))

    def last_reconciled(self, currency: str) -> int | None:
        """Return when the transactions of a currency last added up to its balance (epoch seconds), None if they never did."""
        for gap in self.gaps:
            if gap.currency == currency:
                return gap.since
        return self._reconciled_at

    @property
    def _reconciled_at(self) -> int | None:
        """When its transactions last added up; older releases did not store it."""
        reconciled_at: int | None = self.reconciled_at
        incomplete: str | None = self.incomplete
        return self.updated_at if reconciled_at is None and incomplete is None else reconciled_at

    @property
    def is_changing(self) -> bool:
        """Whether its transactions are being written, so that they may not add up to this state."""
        return self.change_pending_since is not None

    @property
    def names_no_more(self) -> bool:
        """Whether it names as many of the HD wallets that it is derived for as it may."""
        return len(self.member_of or ()) >= MOST_MEMBERSHIPS

    @property
    def memberships(self) -> list[Membership]:
        """The HD wallets that it names as having all of its addresses; there may be more."""
        texts: Iterable[str] = self.derived.within if self.derived is not None else self.member_of or ()
        return sorted(map(Membership.parse, texts))

    def trouble_with(self, explorer: str, now: int) -> Trouble | None:
        """Return the trouble that an explorer has with this ledger, None if there is none or it is over."""
        return next((one for one in self.troubles if one.explorer == explorer and one.until > now), None)

    def rests_from(self, explorer: str, now: int) -> bool:
        """Whether it is to be read from other explorers first, as this one failed for it."""
        trouble = self.trouble_with(explorer, now)
        return trouble is not None and not trouble.small_steps

    def changed_since(self, holdings: Sequence[Holding], incomplete: str | None, gaps: Sequence[Gap], now: int) -> int | None:
        """Return the earliest instant of which an observation changes what is known, None if it changes nothing."""
        if not self.ready or incomplete != self.incomplete:
            return changelog.ALWAYS
        held, holds = ({row.currency: row.balance for row in side if row.balance} for side in (self.holdings, holdings))
        changed = [changelog.ALWAYS if gap.since is None else gap.since for gap in {*self.gaps} ^ {*gaps}]
        changed += [] if self.change_pending_since is None else [self.change_pending_since]
        changed += [] if held == holds else [now]
        return min(changed, default=None)
