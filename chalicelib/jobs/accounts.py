"""SQS accounts queue: bring the ledgers of accounts at exchanges up to date. The only function that may decrypt their credentials."""

from typing import Any

from chalice.app import Blueprint, SQSEvent

from chalicelib import clock, messages, queue
from chalicelib.config import settings
from chalicelib.messages import RefreshLedger
from chalicelib.services import job_runs

bp = Blueprint(__name__)

SLICE_SECONDS = 60


@bp.on_sqs_message(queue=settings().accounts_queue, batch_size=5)
def refresh_accounts(event: SQSEvent) -> dict[str, Any]:
    """Messages: RefreshLedger of accounts."""
    deadline = clock.monotonic() + SLICE_SECONDS
    with job_runs.noted('refresh_accounts'):
        return queue.process_batch('refresh_accounts', settings().accounts_queue, event, lambda body: _refresh(body, deadline))


def _refresh(body: queue.Body, deadline: float) -> None:
    from chalicelib.services.ledgers import refresh  # brings requests, see jobs.refresh

    message = messages.from_body(body, RefreshLedger)
    refresh.refresh(message.ledger, looked_at=message.seen_at, deadline=deadline)
