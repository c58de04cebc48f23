"""SQS refresh and accounts queues: bring ledgers up to date."""

from typing import Any

from chalice.app import Blueprint, SQSEvent

from chalicelib import clock, messages, queue
from chalicelib.config import settings
from chalicelib.messages import CheckLedgers, FollowBlocks, RefreshLedger, StampWatchers
from chalicelib.services import job_runs

bp = Blueprint(__name__)

SLICE_SECONDS = 15  # after which messages of others have their turn: one user's may be all that is worked at
ACCOUNTS_SLICE_SECONDS = 60  # of which each slice asks for rights and balances anew


@bp.on_sqs_message(queue=settings().refresh_queue, batch_size=10)
def refresh_ledgers(event: SQSEvent) -> dict[str, Any]:
    """Messages: RefreshLedger, CheckLedgers, StampWatchers, FollowBlocks."""
    return _refresh_all('refresh_ledgers', settings().refresh_queue, event, SLICE_SECONDS)


@bp.on_sqs_message(queue=settings().accounts_queue, batch_size=5)
def refresh_accounts(event: SQSEvent) -> dict[str, Any]:
    """Messages: RefreshLedger of accounts at exchanges. The only function that may decrypt their credentials."""
    return _refresh_all('refresh_accounts', settings().accounts_queue, event, ACCOUNTS_SLICE_SECONDS)


def _refresh_all(job: str, queue_name: str, event: SQSEvent, seconds: float) -> dict[str, Any]:
    deadline = clock.monotonic() + seconds
    with job_runs.noted(job):
        return queue.process_batch(job, queue_name, event, lambda body: _refresh(body, deadline))


def _refresh(body: queue.Body, deadline: float) -> None:
    # They bring requests (70 ms), and app.py imports this module for every API call.
    from chalicelib.services.ledgers import blocks, checks, refresh, watchers

    match messages.from_body(body, StampWatchers, CheckLedgers, FollowBlocks, RefreshLedger):
        case StampWatchers() as message:
            watchers.stamp_more(message)
        case CheckLedgers() as message:
            checks.check(message, deadline)
        case FollowBlocks(currency):
            blocks.follow(currency, deadline)
        case RefreshLedger(ledger, looked_at, group, waits):
            refresh.refresh(ledger, looked_at=looked_at, group=group, deadline=deadline, waits=waits)
