"""Refresh one ledger under its lease, whatever its kind, and tell those who watch it what was observed.

Every step can be repeated: a worker that dies between any two leaves the ledger leased until the lease runs out and due
then, and the next worker does the rest.
"""

import contextlib
import logging
import uuid
from collections.abc import Callable, Sequence
from typing import NamedTuple

from chalicelib import clock, errors, messages
from chalicelib.domain import ledgers
from chalicelib.messages import RefreshLedger
from chalicelib.models import LeaseLost, Ledger, Snapshot, Transaction, Watch
from chalicelib.services.ledgers import counting, download, policy, watchers

log = logging.getLogger(__name__)


class Reader(NamedTuple):
    """How ledgers of one kind are brought up to date by the worker that holds their lease.

    `read(ledger, deadline)` returns False when `deadline` (clock.monotonic()) came before everything was read. It raises
    Upstream when nothing could be read, and LeaseLost. `unwatch(ledger)` stops watching the ledgers that this one is read
    from, before it is deleted. It raises LeaseLost. `asks_for_more(ledger, watches)` returns whether some of its watches want to know
    more than was read of it. It raises LeaseLost.
    """

    read: Callable[[Ledger, float], bool]
    unwatch: Callable[[Ledger], None]
    asks_for_more: Callable[[Ledger, Sequence[Watch]], bool]


def refresh(pk: str, reader: Reader, *, looked_at: int | None, deadline: float, group: str = '') -> None:
    """Bring a ledger up to date with the reader of its kind; see services.ledgers.refresh."""
    now = clock.now()
    ledger = Ledger.lease(pk, owner=uuid.uuid4().hex, now=now, looked_at=looked_at, group=group)
    if ledger is None:
        return
    try:
        _refresh_leased(ledger, reader, now, deadline)
    except LeaseLost:
        log.info('%s: another worker took over', pk)
    except errors.Upstream:
        raise  # noted already
    except Exception as error:
        # With the lease kept, the next receive of the message would find the ledger leased, and count as done.
        with contextlib.suppress(LeaseLost):
            ledger.fail(type(error).__name__, clock.now() + policy.CRASH_RETRY_SECONDS)
        raise


def _refresh_leased(ledger: Ledger, reader: Reader, now: int, deadline: float) -> None:
    watches = watchers.first(ledger.pk)
    if not watches:
        _delete(ledger, reader)
        return
    finished, summed_before, version = True, _as_summed(ledger), ledger.changes.version
    is_old = download.is_unfinished(ledger) or not policy.is_fresh(ledger, now)
    if reader.asks_for_more(ledger, watches) or is_old:
        finished = _read(ledger, reader, deadline)
    changed = _as_summed(ledger) != summed_before
    watchers.stamp(ledger, watches, changed=changed and (finished or _is_told_meanwhile(ledger, version)))
    if finished:
        ledger.release_until(policy.next_refresh(ledger, clock.now()))
    else:
        ledger.release_until(clock.now())
        messages.send(RefreshLedger(ledger.pk, group=ledger.acting_group))


def _is_told_meanwhile(ledger: Ledger, version: int) -> bool:
    """Whether a slice of a download that is not the last changes what portfolios show, which was of a `version` before.

    Of a first download the first one does, the second, fourth, eighth and so on: histories are computed from all that is stored, and
    after each slice that would be a multiple of it that grows with the number of slices. The last one always changes what it lacks.
    """
    return ledger.incomplete != ledgers.PENDING or ledger.changes.version.bit_length() > version.bit_length()


def _as_summed(ledger: Ledger) -> tuple[object, ...]:
    """Return what decides how portfolios count a ledger; of an HD wallet also of which addresses it is merged, if that is known.

    Not which HD wallets it names: those are anybody's, and what belongs to one of the same portfolio is announced with that.
    """
    progress = ledger.derived
    return ledger.changes, None if progress is None or progress.shown_cycle is None else (progress.used,)


def _read(ledger: Ledger, reader: Reader, deadline: float) -> bool:
    try:
        return reader.read(ledger, deadline)
    except errors.UpstreamBusy:
        ledger.release_until(clock.now() + policy.BUSY_UPSTREAM_SECONDS)
        raise
    except errors.Upstream as error:
        ledger.fail(error.reason, policy.next_attempt(ledger, clock.now()))
        raise


def _delete(ledger: Ledger, reader: Reader) -> None:
    """Delete a ledger that nothing watches, its state last.

    A watch that is added meanwhile finds the ledger emptied; it also made the ledger due again, which keeps the state.
    """
    reader.unwatch(ledger)
    ledger.forget(clock.now())
    # Only now: a watch added before this is seen here, and one added after it makes the ledger due, which `discard` sees.
    if not watchers.first(ledger.pk):
        Transaction.remove(ledger.pk, (transaction.sk for transaction in counting.stored_transactions(ledger, ledger.pk)))
        Snapshot.remove(ledger.pk)
        if ledger.discard():
            return
    ledger.release_until(clock.now())
    messages.send(RefreshLedger(ledger.pk, group=ledger.acting_group))
