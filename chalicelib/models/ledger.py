"""Ledgers: the state of a blockchain address, HD wallet or exchange account, shared by everything that watches it."""

from collections.abc import Iterable, Sequence

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.domain import changelog, ledgers
from chalicelib.domain.ledger_keys import HdWalletKey
from chalicelib.domain.ledgers import Gap, Holding, Unreadable
from chalicelib.domain.marks import Mark, Verdict
from chalicelib.domain.work_groups import work_group
from chalicelib.models.cross_check import CrossCheck
from chalicelib.models.cursor import Cursor, storable
from chalicelib.models.derived import Derived
from chalicelib.models.due_index import LEDGERS
from chalicelib.models.ledger_state import LedgerState, Trouble
from chalicelib.models.writes import Operation, Write

STATE = 'STATE'


class Ledger(LedgerState, discriminator='ledger'):
    """pk=the text of a domain.ledger_keys.LedgerKey  sk=STATE   in the `due` index while it is watched

    find, find_many: get, batch gets   lease: conditional update   everything else: conditional update under the lease
    What it stores and what that says is in LedgerState.
    """

    LEASE_SECONDS = 45
    MIN_SECONDS_LEFT = 30  # more than one upstream request can take, from waiting for its turn to the last byte

    acting_group = ''  # whose work it is to read it under this lease, see domain.work_groups

    @classmethod
    def at(cls, pk: str) -> 'Ledger':
        """Return an empty instance with the key of a ledger's state, to update or delete it by."""
        return cls(pk, STATE)

    @classmethod
    def find(cls, pk: str) -> 'Ledger | None':
        """Return the state of a ledger, None if it has none."""
        try:
            return cls.get(pk, STATE, consistent_read=True)
        except cls.DoesNotExist:
            return None

    @classmethod
    def find_many(cls, pks: Iterable[str], *, consistent: bool = True) -> dict[str, 'Ledger']:
        """Return the states of ledgers by partition key, 100 to a request, requests in parallel; see Item.get_many."""
        return {ledger.pk: ledger for ledger in cls.get_many(((pk, STATE) for pk in pks), consistent=consistent)}

    @classmethod
    def make_due(cls, pk: str, now: int, *, user_id: str | None = None, secret: bytes | None = None) -> Write:
        """Return the write that creates a ledger if need be, makes it due now and counts as a look at it, by the user if there is one.

        `secret` is the ciphertext of an HD wallet's extended key or descriptor, given when a watch is added.
        """
        return Write(
            Operation.UPDATE,
            cls.at(pk),
            actions=[
                cls.kind.set(cls),
                cls.created_at.set(cls.created_at | now),
                cls.looked_at.set(now),
                *LEDGERS.enter(pk, now),
                *([] if user_id is None else [cls.work_group.set(work_group(user_id))]),
                *([] if secret is None else [cls.secret.set(secret)]),
            ],
        )

    def note_moved(self, now: int, *, is_due: bool) -> None:
        """Note that its address moved in a block that was just read or undone, and make the ledger due with that if it `is_due`.

        Needs no lease: whoever holds it may have read what came before.
        """
        Ledger.at(self.pk).update_if(Ledger.pk.exists(), Ledger.moved_at.set(now), *([Ledger.due_at.set(now)] if is_due else []))

    @classmethod
    def note_address_moved(cls, hd_wallet: HdWalletKey, now: int, busy_seconds: int) -> None:
        """Note that an address of an HD wallet moved, and make that due, unless one did, and it was read, in so many seconds before."""
        ledger, moved, before = Ledger.at(hd_wallet.text), Ledger.moved_at.set(now), now - busy_seconds
        is_calm = Ledger.moved_at.does_not_exist() | (Ledger.moved_at < before) | (Ledger.read_at < before)
        if not ledger.update_if(Ledger.pk.exists() & is_calm, moved, Ledger.due_at.set(now)):
            ledger.update_blindly(moved)

    @classmethod
    def make_due_anew(cls, pk: str, now: int, credentials_id: str, user_id: str) -> Write:
        """Return the write that has an account read from the start, with other credentials: whoever reads it now loses the lease."""
        due = cls.make_due(pk, now, user_id=user_id)
        forgotten = (cls.lease_owner, cls.lease_until, cls.cursor, cls.valid, cls.problem, cls.problem_detail)
        return due._replace(actions=[*due.actions, cls.credentials_id.set(credentials_id), *(one.remove() for one in forgotten)])

    @classmethod
    def lease(cls, pk: str, *, owner: str, now: int, looked_at: int | None, group: str = '') -> 'Ledger | None':
        """Return the ledger with its lease, read for a `group`; None when another worker holds it or there is no such ledger.

        ledger = Ledger.lease(pk, owner=uuid4().hex, now=now, looked_at=None)
        ledger.observe(..., now=later)  # conditional on the lease, and renews it
        ledger.release_until(due_at=later + 300)
        """
        ledger = cls.at(pk)
        looked = [] if looked_at is None else [cls.looked_at.set(looked_at), *([cls.work_group.set(group)] if group else [])]
        if not ledger.acquire(owner, now, cls.attempted_at.set(now), *looked):
            return None
        ledger.acting_group = group or ledger.work_group or ''
        return ledger

    def save_cursor(self, cursor: Cursor, now: int) -> None:
        """Store how far the transactions have been read. Raises LeaseLost."""
        self.renew(now, Ledger.cursor.set(cursor))

    def save_derived(self, derived: Derived, now: int) -> None:
        """Store how far an HD wallet has been read. Raises LeaseLost."""
        self.renew(now, Ledger.derived.set(derived))

    def end_cycle(self, derived: Derived, observed_at: int, now: int) -> None:
        """Store that an HD wallet has been read, its derived ledgers at `observed_at` or later. Raises LeaseLost."""
        begun_at, derived.begun_at = derived.begun_at or now, None
        self.renew(now, Ledger.derived.set(derived), Ledger.updated_at.set(observed_at), Ledger.read_at.set(begun_at))

    def begin_change(self, since: int, newest: int, now: int) -> None:
        """Record that transactions from `since` (epoch seconds) to `newest` are about to be written. Raises LeaseLost."""
        earliest = since if self.change_pending_since is None else min(self.change_pending_since, since)
        self.renew(now, Ledger.change_pending_since.set(earliest), Ledger.newest_at.set(max(newest, self.newest_at or 0)))

    def begin_download(self, cursor: Cursor, incomplete: str, now: int) -> None:
        """Store the cursor of a new full download; earlier balances count as incomplete until it ends. Raises LeaseLost."""
        marked = [Ledger.incomplete.set(incomplete)] if self.ready else []
        if self._reconciled_at is not None:
            marked.append(Ledger.reconciled_at.set(self._reconciled_at))
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
        gaps: Sequence[Gap] = (),
        unreadable_balances: Sequence[Unreadable] = (),
        reconciled_at: int | None = None,
        read_at: int | None = None,
        derived: Derived | None = None,
    ) -> None:
        """Store the balances that an upstream reports, and how far its transactions have been read. Raises LeaseLost.

        `reconciled_at` is when the transactions were compared with the balances, None if they were not: `gaps` are those that the
        comparison found, or those that were known before. `read_at` is when reading all that is new began, if it all was. `derived` is
        stored with the balances of an HD wallet, as it says of which derived ledgers they are.
        """
        since = self.changed_since(holdings, incomplete, gaps, now)
        change = [] if since is None else [Ledger.changes.set(self.changes.noted(since)), Ledger.change_pending_since.remove()]
        self.renew(
            now,
            *change,
            *([] if derived is None else [Ledger.derived.set(derived)]),
            Ledger.holdings.set(list(holdings)),
            Ledger.source.set(source),
            Ledger.counts_p2pk.set(counts_p2pk),
            Ledger.incomplete.set(incomplete) if incomplete else Ledger.incomplete.remove(),
            Ledger.gaps.set(list(gaps)),
            Ledger.unreadable_balances.set([storable(row) for row in unreadable_balances[: ledgers.MOST_UNREADABLE]]),
            *([] if reconciled_at is None else [Ledger.reconciled_at.set(reconciled_at)]),
            *([] if read_at is None else [Ledger.read_at.set(read_at)]),
            Ledger.cursor.set(cursor),
            Ledger.updated_at.set(now),
            Ledger.valid.remove(),
            Ledger.failures.remove(),
            Ledger.last_error.remove(),
        )

    def confirm(self, quiet_at: int, due_at: int, verdict: Verdict, *, looked_at: int | None, group: str) -> bool:
        """Record that nothing moved until `quiet_at`, as a verdict says, and be due again at `due_at`; `group` is that of who looked.

        Needs no lease: it changes no balance, and nothing at all, returning False, if anything was written since this was loaded.
        """
        looked = [] if looked_at is None else [Ledger.looked_at.set(looked_at), *([Ledger.work_group.set(group)] if group else [])]
        changes: list[Action] = [Ledger.updated_at.set(quiet_at), Ledger.due_at.set(due_at), *looked]
        changes += [] if verdict.mark is None else [Ledger.mark.set(verdict.mark)]
        if not verdict.knows_unconfirmed and any(holding.unconfirmed is not None for holding in self.holdings):
            changes.append(Ledger.holdings.set([holding._replace(unconfirmed=None) for holding in self.holdings]))
        return self.update_if(self._is_as_loaded, *changes)

    def keep_mark(self, mark: Mark) -> None:
        """Store a mark, unless anything was written since this was loaded."""
        self.update_if(self._is_as_loaded, Ledger.mark.set(mark))

    @property
    def _is_as_loaded(self) -> Condition:
        """The condition that nobody took the lease, wrote under it or made the ledger due since it was loaded without one."""
        unwritten: Condition = (Ledger.write_id == self.write_id) & (Ledger.due_at == self.due_at) & Ledger.lease_owner.does_not_exist()
        return unwritten

    def doubt_tokens(self, now: int) -> None:
        """Record that no node tells the balances of tokens, before balances are stored that may lack some. Raises LeaseLost."""
        if not self.tokens_unconfirmed:
            self.renew(now, Ledger.tokens_unconfirmed.set(True))

    def confirm_tokens(self, now: int, *, all_asked: bool) -> None:
        """Record, once balances are stored, that a node told those of tokens, of all of them or of those at issue. Raises LeaseLost."""
        changes: list[Action] = [Ledger.tokens_asked_at.set(now)] if all_asked else []
        changes += [Ledger.tokens_unconfirmed.remove()] if self.tokens_unconfirmed else []
        if changes:
            self.renew(now, *changes)

    def record_cross_check(self, outcome: CrossCheck, now: int) -> None:
        """Store the outcome of a cross-check. Raises LeaseLost."""
        self.renew(now, Ledger.agreement.set(outcome))

    def reject(self, now: int, problem: str | None = None, detail: str | None = None) -> None:
        """Record that every explorer says this address cannot exist, or the `problem` with an account's credentials. Raises LeaseLost."""
        named = [] if problem is None else [Ledger.problem.set(problem)]
        described = [] if detail is None else [Ledger.problem_detail.set(detail)]
        self.renew(now, Ledger.valid.set(False), *named, *described)

    def identify(self, exchange_account: str, now: int) -> None:
        """Note at which account of an exchange it is. Raises LeaseLost."""
        self.renew(now, Ledger.exchange_account.set(exchange_account))

    def forget(self, now: int) -> None:
        """Go back to the state before the first observation. Raises LeaseLost."""
        forgotten = (
            Ledger.change_pending_since,
            Ledger.newest_at,
            Ledger.cursor,
            Ledger.source,
            Ledger.counts_p2pk,
            Ledger.incomplete,
            Ledger.reconciled_at,
            Ledger.read_at,
            Ledger.mark,
            Ledger.needs_key,
            Ledger.agreement,
            Ledger.derived,
            Ledger.valid,
            Ledger.tokens_asked_at,
            Ledger.tokens_unconfirmed,
            Ledger.updated_at,
        )
        noted = Ledger.changes.set(self.changes.noted(changelog.ALWAYS))
        emptied = (attribute.set([]) for attribute in (Ledger.holdings, Ledger.gaps, Ledger.unreadable_balances))
        self.renew(now, noted, *emptied, *(attribute.remove() for attribute in forgotten))

    def note_trouble(self, trouble: Trouble, now: int) -> None:
        """Store the trouble that an explorer has with this ledger, in the place of an earlier one. Raises LeaseLost."""
        self._set_troubles([*(one for one in self.troubles if one.explorer != trouble.explorer), trouble], now)

    def forget_trouble(self, explorer: str, now: int) -> None:
        """Note that an explorer can read this ledger. Costs a request only if it could not before. Raises LeaseLost."""
        others = [one for one in self.troubles if one.explorer != explorer]
        if len(others) < len(self.troubles):
            self._set_troubles(others, now)

    def _set_troubles(self, troubles: Sequence[Trouble], now: int) -> None:
        self.renew(now, Ledger.troubles.set(list(troubles)))

    def note_key(self, needed: bool, now: int) -> None:
        """Note whether what is missing takes an API key. Costs a request only if that is news. Raises LeaseLost."""
        if needed != bool(self.needs_key):
            self.renew(now, Ledger.needs_key.set(needed))

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
