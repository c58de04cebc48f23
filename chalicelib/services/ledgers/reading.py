"""Read a ledger for a user: its state or Not ready, and a refresh enqueued if it is stale."""

from collections.abc import Iterable

from chalicelib import clock, messages, models
from chalicelib.errors import NotReady
from chalicelib.messages import RefreshLedger
from chalicelib.models import Ledger, TransactionsPage
from chalicelib.services.ledgers import policy


def read(pk: str) -> Ledger:
    """Return the state of a ledger. Raises NotReady while no balance was ever known."""
    return _ready(Ledger.find(pk))


def read_transaction_page(pk: str, *, before: str | None, limit: int) -> TransactionsPage:
    """Return up to `limit` transactions older than the position `before`, newest first.

    Raises NotReady while no balance was ever known.
    """
    page = models.read_transactions(pk, before=before, limit=limit)
    if before is None:
        _ready(page.ledger)
    return page


def not_ready(ledgers: Iterable[Ledger]) -> NotReady:
    """Return the error for ledgers that no balance is known of, with the time when the first of them may be."""
    now = clock.now()
    wait = min((policy.wait_for_first_value(ledger, now) for ledger in ledgers), default=policy.SHORTEST_WAIT)
    return NotReady(now + wait, wait)


def not_ready_since(begun: int) -> NotReady:
    """Return the error for what could be computed since an instant; if that is long ago, it begins now, as nobody asked before."""
    now = clock.now()
    wait = policy.wait_since(begun if now - begun < policy.LONGEST_WAIT else now, now)
    return NotReady(now + wait, wait)


def refresh_stale(ledgers: Iterable[Ledger]) -> None:
    """Enqueue refreshes of the stale ones among `ledgers`, at most 50.

    A failure to do so is only logged: the ledgers are refreshed when they are due, or enqueued by the next reader.
    """
    now = clock.now()
    stale = [ledger.pk for ledger in ledgers if policy.is_stale(ledger, now)][: policy.MOST_STALE_REFRESHES]
    messages.send_or_leave_to_sweep(*(RefreshLedger(pk, seen_at=now) for pk in stale))


def _ready(ledger: Ledger | None) -> Ledger:
    if ledger is None:
        raise not_ready([])
    refresh_stale([ledger])
    if not ledger.ready:
        raise not_ready([ledger])
    return ledger
