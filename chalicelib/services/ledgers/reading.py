"""Read a ledger for somebody who looks at it: what is held, or Not ready; what is old is sent for."""

from collections.abc import Iterable

from chalicelib import clock, messages, models
from chalicelib.errors import NotReady
from chalicelib.messages import RefreshLedger
from chalicelib.models import Ledger, TransactionsPage
from chalicelib.services.ledgers import policy


def read(pk: str) -> Ledger:
    """Return the state of a ledger. Raises NotReady while no balance was ever known."""
    ledger = Ledger.find(pk)
    return _ready(ledger)


def read_transactions(pk: str, *, before: str | None, limit: int) -> TransactionsPage:
    """Return up to `limit` transactions older than the position `before`, newest first.

    Raises NotReady while no balance was ever known.
    """
    page = models.read_transactions(pk, before=before, limit=limit)
    if before is None:
        _ready(page.ledger)
    return page


def not_ready(ledgers: Iterable[Ledger]) -> NotReady:
    """Return the answer while nothing is known, with the time at which the first of `ledgers` is tried again."""
    now = clock.now()
    due = min((ledger.due_at for ledger in ledgers if ledger.due_at), default=now)
    wait = min(max(due - now, policy.SHORTEST_WAIT), policy.LONGEST_WAIT)
    return NotReady(now + wait, wait)


def send_for_stale(ledgers: Iterable[Ledger]) -> None:
    """Send for those of `ledgers`, at most 50, that are stale and that nobody has tried to refresh lately.

    Reading goes on without it: what a lost message would have fetched is fetched when it is due, or by the next reader.
    """
    now = clock.now()
    stale = [ledger.pk for ledger in ledgers if policy.is_stale(ledger, now)][: policy.MOST_STALE_REFRESHES]
    messages.send_or_leave_to_sweep(*(RefreshLedger(pk, seen_at=now) for pk in stale))


def _ready(ledger: Ledger | None) -> Ledger:
    if ledger is None:
        raise not_ready([])
    send_for_stale([ledger])
    if not ledger.ready:
        raise not_ready([ledger])
    return ledger
