"""Read the ledger of an HD wallet: keep the ledgers of its derived addresses, refresh each, and merge them into one.

Derived ledgers are ledgers like any other, which the wallet watches. In one cycle each of them is refreshed once, in slices
if there are many; then their transactions are merged. Every step can be repeated. The extended key is decrypted into memory
only, and is neither stored nor logged in the clear.
"""

import hashlib
import itertools
import time
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from decimal import Decimal

from chalicelib import clock, errors, telemetry, vault
from chalicelib.domain import hd_wallets, ledger_keys, ledgers, money
from chalicelib.domain.addresses.derivation import HdWallet
from chalicelib.domain.hd_wallets import Flow
from chalicelib.domain.ledgers import Gap
from chalicelib.models import MOST_MEMBERSHIPS, Cursor, Derived, Ledger, Membership, Watch
from chalicelib.services.ledgers import address, checks, derived_ledgers, download, hd_wallet_merge, leased, policy
from chalicelib.services.ledgers.derived_addresses import Derivation, OutOfTime
from chalicelib.services.ledgers.derived_ledgers import DerivedLedgers
from chalicelib.services.ledgers.leased import Reader

_REFRESHED_AT_ONCE = 4
_LEASE_CHECK_SECONDS = 5
_PAUSE_SECONDS = 1
ACCOUNT_KEY_NEEDED = 'account_key_needed'
TOO_MANY_ADDRESSES = 'too_many_addresses'


def read(ledger: Ledger, deadline: float) -> bool:
    """Refresh the derived ledgers of a wallet and merge them; False if `deadline` (clock.monotonic()) came before that was done.

    Raises Upstream when derived ledgers cannot be read, and LeaseLost.
    """
    try:
        return _read(ledger, Derivation(ledger, _hd_wallet(ledger), deadline), deadline)
    except OutOfTime:
        return False


def _read(ledger: Ledger, derivation: Derivation, deadline: float) -> bool:
    begun_at = _begin_cycle(ledger)
    derived = derived_ledgers.grow(derivation)
    quiet = _confirm_quiet(ledger, derived, _outdated(derived, begun_at), deadline)
    while outdated := _outdated(derived, begun_at, quiet):
        failures = _refresh(ledger, outdated, deadline)
        is_late = clock.monotonic() > deadline
        derived = derived_ledgers.grow(derivation, derived, outdated)
        left = _outdated(derived, begun_at, quiet)
        if _is_enough(derived, left, is_late=is_late):  # the last round: other workers may have written the others meanwhile
            derived = derived_ledgers.grow(derivation, derived, derived.by_pk)
            left = _outdated(derived, begun_at, quiet)
        tried = frozenset(outdated)
        _refuse_standstill(ledger, [derived.by_pk[pk] for pk in left if pk in tried], failures, moved=outdated != left)
        if is_late:
            if _is_enough(derived, left, is_late=True):
                break
            return False
        if outdated == left:
            time.sleep(_PAUSE_SECONDS)
    return _merge(ledger, derivation.hd_wallet, derived, deadline)


def unwatch(ledger: Ledger) -> None:
    """Stop watching the derived ledgers of a wallet; those without another watch are deleted by their next refresh. Raises LeaseLost."""
    if ledger.derived is not None:
        derived_ledgers.release(ledger, _hd_wallet(ledger))


def asks_for_more(ledger: Ledger, first_watches: Sequence[Watch]) -> bool:
    """Note the widest gap limit of all who watch a wallet; return whether it was not read with that yet. Raises LeaseLost."""
    progress: Derived = ledger.derived or Derived()
    watches = first_watches if len(first_watches) < policy.MOST_STAMPED_AT_ONCE else Watch.every(ledger.pk)
    gap = max(watch.gap_limit or hd_wallets.GAP for watch in watches)
    if gap != (progress.gap or hd_wallets.GAP):
        progress.gap = gap
        ledger.save_derived(progress, clock.now())
    return gap > (progress.read_gap or hd_wallets.GAP)


def _hd_wallet(ledger: Ledger) -> HdWallet:
    secret: bytes | None = ledger.secret
    if secret is None:
        raise ValueError('an HD wallet without its key')
    return ledger.hd_wallet_key.chain.hd_wallet(vault.decrypt(secret, vault.ledger_context(ledger.pk)))


def _begin_cycle(ledger: Ledger) -> int:
    """Return when the cycle under way began; begin one if there is none."""
    progress = ledger.derived or Derived()
    now = clock.now()
    begun_at = policy.past(progress.begun_at, now)
    if begun_at:
        return begun_at
    progress.begun_at, progress.cycle = now, progress.cycle + 1
    ledger.save_derived(progress, now)
    return now


def _confirm_quiet(ledger: Ledger, derived: DerivedLedgers, pks: Iterable[str], deadline: float) -> frozenset[str]:
    """Confirm those derived ledgers that need not be read, which is known of them up to a few minutes ago; return their keys."""
    ledger.renew_if_short(clock.now())
    return checks.confirm_derived([derived.by_pk[pk] for pk in pks], ledger.looked_at, deadline)


def _outdated(derived: DerivedLedgers, begun_at: int, quiet: Collection[str] = ()) -> list[str]:
    """Return the keys of the derived ledgers that were not refreshed yet in this cycle, or not that day where none like them is used.

    Not those that are known to be `quiet`.
    """
    since, now = begun_at - policy.FRESH_SECONDS, clock.now()

    def is_outdated(pk: str, each: Ledger) -> bool:
        oldest = since - (policy.DAY if pk in derived.resting else 0)
        return policy.past(each.updated_at, now) < oldest or download.is_unfinished(each)

    return [pk for pk, each in derived.by_pk.items() if pk not in quiet and is_outdated(pk, each)]


def _is_enough(derived: DerivedLedgers, left: Iterable[str], *, is_late: bool) -> bool:
    """Whether derived ledgers can be merged: none is left to be read, or when it is late only those that other workers are reading."""
    return all(is_late and _is_leased_elsewhere(derived.by_pk[pk]) for pk in left)


def _is_leased_elsewhere(derived_ledger: Ledger) -> bool:
    """Whether another worker is refreshing a ledger whose stored state is good enough to merge."""
    return derived_ledger.ready and not download.is_unfinished(derived_ledger) and (derived_ledger.lease_until or 0) > clock.now()


def _refresh(ledger: Ledger, pks: Sequence[str], deadline: float) -> list[errors.Upstream]:
    """Refresh derived ledgers: the first few, and more until `deadline`. Keeps the wallet's lease; returns the failures."""
    failures: list[errors.Upstream] = []
    started = itertools.count()

    def refresh_one(pk: str) -> None:
        is_late = next(started) >= _REFRESHED_AT_ONCE and clock.monotonic() > deadline
        if is_late or len(failures) > _REFRESHED_AT_ONCE:
            return
        try:
            leased.refresh(pk, address.READER, looked_at=None, deadline=deadline, group=ledger.acting_group)
        except errors.Upstream as error:
            failures.append(error)

    with ThreadPoolExecutor(_REFRESHED_AT_ONCE) as pool:
        futures = [pool.submit(telemetry.in_current_task(refresh_one), pk) for pk in pks]
        while wait(futures, timeout=_LEASE_CHECK_SECONDS).not_done:
            ledger.renew_if_short(clock.now())
    for future in futures:
        future.result()
    return failures


def _refuse_standstill(ledger: Ledger, left: Iterable[Ledger], failures: Sequence[errors.Upstream], *, moved: bool) -> None:
    """Raise Upstream when no derived ledger could be read, or one never will be."""
    if failures and not moved:
        raise next((error for error in failures if isinstance(error, errors.UpstreamBusy)), failures[0])
    if any(each.valid is False for each in left):
        raise errors.Upstream(ledger.hd_wallet_key.currency, 'every explorer says that a derived address cannot exist')


def _merge(ledger: Ledger, hd_wallet: HdWallet, derived: DerivedLedgers, deadline: float) -> bool:
    """Merge the derived ledgers into the wallet's; False if `deadline` came first.

    Transactions are read only if those of any ledger changed since the last merge.

    The fingerprint is stored last: if this worker dies before, the next one merges again and writes what is left to write.
    """
    active = derived.active
    used = [each for each in active if each.cursor is not None and (each.cursor.final or each.cursor.revertible)]
    fingerprint = _fingerprint(used)
    if ledger.ready and ledger.derived.merged == fingerprint:
        [holding] = ledger.holdings
        flow = Flow.of(holding)
    else:
        merged = hd_wallet_merge.merge_stored(ledger, used, fingerprint, deadline)
        if merged is None:
            return False
        flow = merged
    holding = hd_wallets.merge_holdings(ledger.hd_wallet_key.currency, [derived_ledgers.coin_holding(each) for each in active], flow)
    unread = next((each.incomplete for each in active if each.incomplete is not None), None)
    incomplete = unread or _lack(hd_wallet, derived)
    observed_at = min(each.updated_at or 0 for each in active)
    difference = money.add(holding.balance, money.subtract(flow.sent, flow.received))
    gaps = _gaps(ledger, active, difference, compared=unread is None)
    if incomplete is not None or gaps:
        telemetry.count('LedgerIncomplete')
    progress = ledger.derived
    _note_what_is_shown(ledger, derived, derived.used.union(each.pk for each in used))
    ledger.observe(
        holdings=[holding],
        source=hd_wallets.source(each.source for each in active),
        counts_p2pk=all(each.counts_p2pk for each in active),
        incomplete=incomplete,
        cursor=_unread(active),
        now=clock.now(),
        gaps=gaps,
        reconciled_at=observed_at if all(each.reconciled_at is not None for each in active) else None,
        derived=progress,
    )
    progress.merged, progress.merging, progress.read_gap = fingerprint, [], progress.gap
    ledger.end_cycle(progress, observed_at, clock.now())
    return True


def _lack(hd_wallet: HdWallet, derived: DerivedLedgers) -> str | None:
    """Return why the addresses of a wallet may not be all there are, in one word; None if they are."""
    if derived.is_capped:
        return TOO_MANY_ADDRESSES
    return ACCOUNT_KEY_NEEDED if hd_wallet.needs_account_key and not derived.used else None


def _note_what_is_shown(ledger: Ledger, derived: DerivedLedgers, used: Iterable[str]) -> None:
    """Note in the progress of a wallet what is merged now, of which `used` ledgers, and which other wallets have all or some of these.

    Another wallet has all of them if it has all used ones and the first one of each branch; the rest hold nothing. No sum depends on that:
    wallets of one portfolio are compared by what is noted as used. So the others are not told of a new wallet, however many there are.
    """
    progress = ledger.derived
    progress.used = frozenset(map(ledger_keys.short_digest, used))
    progress.shown_cycle, progress.script_types = progress.cycle, list(derived.script_types)
    others: dict[str, dict[str, int]] = {}
    for pk in derived.used | derived.first:
        for member in derived.by_pk[pk].memberships:
            if member.hd_wallet != ledger.hd_wallet_key.name:
                others.setdefault(member.hd_wallet, {}).setdefault(pk, member.cycle)  # the lowest comes first
    having_all = {name for name, cycles in others.items() if len(cycles) == len(derived.used | derived.first)}
    within = [str(Membership(name, max(others[name].values()))) for name in sorted(having_all)]
    beside = sorted(name for name in others.keys() - having_all if not derived.used.isdisjoint(others[name]))
    progress.within, progress.beside = within[:MOST_MEMBERSHIPS], beside[:MOST_MEMBERSHIPS]


def _gaps(ledger: Ledger, derived: Iterable[Ledger], difference: Decimal, *, compared: bool) -> list[Gap]:
    """Return the gaps of a wallet: what any derived ledger lacks, the wallet lacks too, and since that did."""
    currency = ledger.hd_wallet_key.currency
    gaps_below = [gap for each in derived for gap in each.gaps if gap.currency == currency]
    if difference and compared:
        gaps_below.append(Gap(currency, ledgers.MISSING, ledger.last_reconciled(currency)))
    if not gaps_below:
        return []
    begun = [gap.since for gap in gaps_below if gap.since is not None]
    return [Gap(currency, gaps_below[0].reason, min(begun) if len(begun) == len(gaps_below) else None, difference)]


def _unread(derived: Iterable[Ledger]) -> Cursor:
    """Return a cursor that remembers what could not be read of any derived ledger."""
    cursor = Cursor()
    cursor.remember_unread(ledgers.merge_unread(each.cursor.unread for each in derived if each.cursor is not None))
    return cursor


def _fingerprint(derived: Iterable[Ledger]) -> str:
    """Return a digest that changes with the transactions of any of these ledgers."""
    digest = hashlib.sha256()
    for each in derived:
        cursor = each.cursor
        state = (each.pk, cursor.run, cursor.final_height, sorted(cursor.tallies().items()), cursor.revertible, each.changes)
        digest.update(f'{state}\n'.encode())
    return digest.hexdigest()


READER = Reader(read, unwatch, asks_for_more)
