"""Read a ledger for a user: its state or Not ready, and a refresh enqueued if it is stale."""

from collections.abc import Iterable, Sequence

from chalicelib import clock, messages, models
from chalicelib.domain import ledgers
from chalicelib.domain.work_groups import work_group
from chalicelib.errors import NotReady
from chalicelib.models import Ledger, TransactionsPage
from chalicelib.services.ledgers import policy, settled


def read(pk: str, user_id: str) -> Ledger:
    """Return the state of a ledger that a user looks at. Raises NotReady while no balance was ever known."""
    return _ready(Ledger.find(pk), user_id)


def read_transaction_page(pk: str, user_id: str, *, before: str | None, limit: int) -> TransactionsPage:
    """Return up to `limit` transactions older than the position `before`, newest first.

    Raises NotReady while no balance was ever known.
    """
    page = models.read_transactions(pk, before=before, limit=limit)
    if before is None:
        _ready(page.ledger, user_id)
    return page


def not_ready(unknown: Sequence[Ledger]) -> NotReady:
    """Return the error for ledgers that no balance is known of, with the time when the first of them may be."""
    now = clock.now()
    wait = min((policy.wait_for_first_value(ledger, now) for ledger in unknown), default=policy.SHORTEST_WAIT)
    needs_key = bool(unknown) and all(ledger.needs_key for ledger in unknown)
    return NotReady(now + wait, wait, ledgers.NEEDS_KEY if needs_key else None)


def not_ready_since(begun: int) -> NotReady:
    """Return the error for what could be computed since an instant; if that is long ago, it begins now, as nobody asked before."""
    now = clock.now()
    wait = policy.wait_since(begun if now - begun < policy.LONGEST_WAIT else now, now)
    return NotReady(now + wait, wait)


def refresh_stale(states: Iterable[Ledger], user_id: str) -> None:
    """Enqueue refreshes of the stale ones among ledgers that a user looks at, at most 50.

    A failure to do so is only logged: they are refreshed when they are due, or enqueued by the next reader.
    """
    now = clock.now()
    stale = [ledger for ledger in states if policy.is_stale(ledger, now)][: policy.MOST_STALE_REFRESHES]
    messages.send_or_leave_to_sweep(*settled.refreshes(stale, now, work_group(user_id)))


def _ready(ledger: Ledger | None, user_id: str) -> Ledger:
    if ledger is None:
        raise not_ready([])
    refresh_stale([ledger], user_id)
    if not ledger.ready:
        raise not_ready([ledger])
    return ledger
