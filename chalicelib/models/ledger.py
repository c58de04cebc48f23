"""Ledgers: the state of a blockchain address, HD wallet or exchange account, shared by everything that watches it."""

from collections.abc import Iterable, Sequence
from typing import Any

from pynamodb.attributes import BinaryAttribute, BooleanAttribute, ListAttribute, MapAttribute, UnicodeAttribute
from pynamodb.expressions.update import Action

from chalicelib.domain import changelog, ledger_keys
from chalicelib.domain.changelog import Changelog
from chalicelib.domain.ledger_keys import AddressKey, HdWalletKey, LedgerKey
from chalicelib.domain.ledgers import Holding, Tally
from chalicelib.models.attributes import ChangelogAttribute, DecimalAttribute, IntegerAttribute, texts
from chalicelib.models.cross_check import CrossCheck
from chalicelib.models.due_index import LEDGERS
from chalicelib.models.lease import Leased
from chalicelib.models.writes import Operation, Write

STATE = 'STATE'


class HeldCurrency(MapAttribute[str, Any]):
    """One currency of a ledger's balance; see domain.ledgers.Holding."""

    currency = UnicodeAttribute()
    balance = DecimalAttribute()
    sent = DecimalAttribute(null=True)
    received = DecimalAttribute(null=True)
    transactions = IntegerAttribute(null=True)
    unconfirmed = DecimalAttribute(null=True)


class FinalTally(MapAttribute[str, Any]):
    """Number and sum of one currency's final entries; see Cursor."""

    currency = UnicodeAttribute()
    number = IntegerAttribute()
    sum = DecimalAttribute()


class Cursor(MapAttribute[str, Any]):
    """How far a ledger's transactions have been read.

    Entries up to `final_height` are final and only counted, in `final`. Those above it can still be undone by a
    reorganisation of the chain: their sort keys are in `revertible`, and every refresh reads them again. While a full
    download is under way, `run` names it, and `explorer` and `resume` say where it resumes; afterwards `run` still marks
    the entries that the last full download saw. `failed_reconciliations` counts the full downloads in a row that did not
    reconcile, and `checked_at` is when the last of them ended.
    """

    final_height = IntegerAttribute(null=True, attr_name='settled_height')
    final: ListAttribute[FinalTally] = ListAttribute(of=FinalTally, default=list, attr_name='settled')
    revertible = texts(default=list, attr_name='unsettled')
    run = UnicodeAttribute(null=True)
    explorer = UnicodeAttribute(null=True)
    resume = UnicodeAttribute(null=True)
    failed_reconciliations = IntegerAttribute(default=0, attr_name='doubts')
    checked_at = IntegerAttribute(null=True)

    def make_final(self, height: int, tallies: dict[str, Tally]) -> None:
        """Make everything up to `height` final, as counted in `tallies`."""
        self.final_height = height
        self.final = [FinalTally(currency=code, number=row.number, sum=row.sum) for code, row in sorted(tallies.items())]

    def tallies(self) -> dict[str, Tally]:
        """Return number and sum of the final entries by currency."""
        return {row.currency: Tally(row.number, row.sum) for row in self.final}


class Derived(MapAttribute[str, Any]):
    """How far an HD wallet has been read.

    `receiving` and `change` are how many derived addresses of either branch it may be watching. `begun_at` is when the
    cycle under way began, in which each of them is refreshed once; `merged` is the fingerprint of the derived ledgers
    whose transactions the last cycle merged.
    """

    receiving = IntegerAttribute(default=0)
    change = IntegerAttribute(default=0)
    begun_at = IntegerAttribute(null=True)
    merged = UnicodeAttribute(null=True)

    @property
    def reach(self) -> tuple[int, int]:
        return self.receiving, self.change


class Ledger(Leased, discriminator='ledger'):
    """pk=the text of a domain.ledger_keys.LedgerKey  sk=STATE   in the `due` index while it is watched

    find, find_many: get, batch gets   lease: conditional update   everything else: conditional update under the lease
    `updated_at` is when the balances were last observed, None before the first time. `incomplete` says in one snake_case
    word what the balances or transactions lack, None if nothing.
    `changes` keeps histories current: the earliest instant whose balance changed, logged with each observation.
    `change_pending_since` is that instant for a change that is being written and not observed yet. `newest_at` is the time
    of the newest transaction ever seen, `looked_at` when a user last looked at the ledger.
    Only HD wallets have `secret`, the ciphertext of their extended key, and `derived`.
    """

    LEASE_SECONDS = 45
    MIN_SECONDS_LEFT = 30  # more than one upstream request can take, from waiting for its turn to the last byte

    holdings: ListAttribute[HeldCurrency] = ListAttribute(of=HeldCurrency, default=list)
    cursor = Cursor(null=True)
    source = UnicodeAttribute(null=True)
    counts_p2pk = BooleanAttribute(null=True)
    incomplete = UnicodeAttribute(null=True)
    changes = ChangelogAttribute(default=Changelog())
    change_pending_since = IntegerAttribute(null=True, attr_name='touched')
    newest_at = IntegerAttribute(null=True)
    agreement = CrossCheck(null=True)
    secret = BinaryAttribute(null=True, legacy_encoding=False)
    derived = Derived(null=True)
    valid = BooleanAttribute(null=True)
    failures = IntegerAttribute(null=True)
    last_error = UnicodeAttribute(null=True)
    created_at = IntegerAttribute(null=True)
    updated_at = IntegerAttribute(null=True)
    looked_at = IntegerAttribute(null=True, attr_name='seen_at')
    attempted_at = IntegerAttribute(null=True)

    @classmethod
    def at(cls, pk: str) -> 'Ledger':
        """Return an empty instance with the key of a ledger's state, to update or delete it by."""
        return cls(pk, STATE)

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
    def wallet_key(self) -> HdWalletKey:
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
    def is_whole(self) -> bool:
        """Whether its balances and transactions lack nothing that is known of."""
        return self.incomplete is None

    @property
    def is_changing(self) -> bool:
        """Whether its transactions are being written, so that they may not add up to this state."""
        return self.change_pending_since is not None

    @classmethod
    def find(cls, pk: str) -> 'Ledger | None':
        """Return the state of a ledger, None if it has none."""
        try:
            return cls.get(pk, STATE, consistent_read=True)
        except cls.DoesNotExist:
            return None

    @classmethod
    def find_many(cls, pks: Iterable[str]) -> dict[str, 'Ledger']:
        """Return the states of ledgers by partition key, 100 to a request, requests in parallel."""
        return {ledger.pk: ledger for ledger in cls.get_many((pk, STATE) for pk in pks)}

    @classmethod
    def make_due(cls, pk: str, now: int, *, secret: bytes | None = None) -> Write:
        """Return the write that creates a ledger if need be, makes it due now and counts as a look at it.

        `secret` is the ciphertext of an HD wallet's extended key, given when a watch is added.
        """
        return Write(
            Operation.UPDATE,
            cls.at(pk),
            actions=[
                cls.kind.set(cls),
                cls.created_at.set(cls.created_at | now),
                cls.looked_at.set(now),
                *LEDGERS.enter(pk, now),
                *([] if secret is None else [cls.secret.set(secret)]),
            ],
        )

    @classmethod
    def create_derived(cls, pk: str, now: int) -> Write:
        """Return the write that creates the ledger of a derived address, due later in case its wallet does not refresh it at once."""
        return Write(
            Operation.UPDATE,
            cls.at(pk),
            actions=[
                cls.kind.set(cls),
                cls.created_at.set(cls.created_at | now),
                *LEDGERS.enter(pk, now + cls.LEASE_SECONDS),
            ],
        )

    @classmethod
    def lease(cls, pk: str, *, owner: str, now: int, looked_at: int | None) -> 'Ledger | None':
        """Return the ledger with its lease; None when another worker holds it or there is no such ledger.

        ledger = Ledger.lease(pk, owner=uuid4().hex, now=now, looked_at=None)
        ledger.observe(..., now=later)  # conditional on the lease, and renews it
        ledger.release_until(due_at=later + 300)
        """
        ledger = cls.at(pk)
        looked = [] if looked_at is None else [cls.looked_at.set(looked_at)]
        return ledger if ledger.acquire(owner, now, cls.attempted_at.set(now), *looked) else None

    def save_cursor(self, cursor: Cursor, now: int) -> None:
        """Store how far the transactions have been read. Raises LeaseLost."""
        self.renew(now, Ledger.cursor.set(cursor))

    def save_derived(self, derived: Derived, now: int) -> None:
        """Store how far a wallet has been read. Raises LeaseLost."""
        self.renew(now, Ledger.derived.set(derived))

    def end_cycle(self, derived: Derived, observed_at: int, now: int) -> None:
        """Store that a wallet has been read, its derived ledgers at `observed_at` or later. Raises LeaseLost."""
        derived.begun_at = None
        self.renew(now, Ledger.derived.set(derived), Ledger.updated_at.set(observed_at))

    def begin_change(self, since: int, newest: int, now: int) -> None:
        """Record that transactions from `since` (epoch seconds) to `newest` are about to be written. Raises LeaseLost."""
        earliest = since if self.change_pending_since is None else min(self.change_pending_since, since)
        self.renew(now, Ledger.change_pending_since.set(earliest), Ledger.newest_at.set(max(newest, self.newest_at or 0)))

    def begin_download(self, cursor: Cursor, incomplete: str, now: int) -> None:
        """Store the cursor of a new full download; earlier balances count as incomplete until it ends. Raises LeaseLost."""
        marked = [Ledger.incomplete.set(incomplete)] if self.ready else []
        self.renew(now, Ledger.cursor.set(cursor), *marked)

    def observe(
        self,
        *,
        holdings: Sequence[Holding],
        source: str,
        counts_p2pk: bool,
        incomplete: str | None,
        cursor: Cursor,
        now: int,
    ) -> None:
        """Store the balances that an upstream reports, and how far its transactions have been read. Raises LeaseLost."""
        since = self._changed_since(holdings, incomplete, now)
        change = [] if since is None else [Ledger.changes.set(self.changes.noted(since)), Ledger.change_pending_since.remove()]
        self.renew(
            now,
            *change,
            Ledger.holdings.set([HeldCurrency(**holding._asdict()) for holding in holdings]),
            Ledger.source.set(source),
            Ledger.counts_p2pk.set(counts_p2pk),
            Ledger.incomplete.set(incomplete) if incomplete else Ledger.incomplete.remove(),
            Ledger.cursor.set(cursor),
            Ledger.updated_at.set(now),
            Ledger.valid.remove(),
            Ledger.failures.remove(),
            Ledger.last_error.remove(),
        )

    def _changed_since(self, holdings: Sequence[Holding], incomplete: str | None, now: int) -> int | None:
        """Return the earliest instant whose balance an observation changes, None if it changes none."""
        if not self.ready or incomplete != self.incomplete:
            return changelog.ALWAYS
        pending_since: int | None = self.change_pending_since
        if pending_since is not None:
            return pending_since
        held = {row.currency: row.balance for row in self.holdings if row.balance}
        return None if held == {row.currency: row.balance for row in holdings if row.balance} else now

    def record_cross_check(self, outcome: CrossCheck, now: int) -> None:
        """Store the outcome of a cross-check. Raises LeaseLost."""
        self.renew(now, Ledger.agreement.set(outcome))

    def reject(self, now: int) -> None:
        """Record that every explorer says this address cannot exist. Raises LeaseLost."""
        self.renew(now, Ledger.valid.set(False))

    def forget(self, now: int) -> None:
        """Go back to the state before the first observation. Raises LeaseLost."""
        forgotten = (
            Ledger.change_pending_since,
            Ledger.newest_at,
            Ledger.cursor,
            Ledger.source,
            Ledger.counts_p2pk,
            Ledger.incomplete,
            Ledger.agreement,
            Ledger.derived,
            Ledger.valid,
            Ledger.updated_at,
        )
        noted = Ledger.changes.set(self.changes.noted(changelog.ALWAYS))
        self.renew(now, noted, Ledger.holdings.set([]), *(attribute.remove() for attribute in forgotten))

    def fail(self, reason: str, due_at: int) -> None:
        """Record that the ledger could not be read, release the lease and be due again at `due_at`. Raises LeaseLost."""
        self.release(Ledger.due_at.set(due_at), Ledger.failures.set((self.failures or 0) + 1), Ledger.last_error.set(reason))

    def release_until(self, due_at: int) -> None:
        """Release the lease and be due again at `due_at`. Raises LeaseLost."""
        self.release(Ledger.due_at.set(due_at))

    def discard(self) -> bool:
        """Delete the state unless it was made due meanwhile; return whether it is gone."""
        return self.delete_if(self.holds_lease & (Ledger.due_at == self.due_at))

    def _extend(self, now: int) -> list[Action]:
        """Make the ledger due at the end of the lease, so that it is dispatched again should its holder die."""
        return [*super()._extend(now), Ledger.due_at.set(now + self.LEASE_SECONDS)]
