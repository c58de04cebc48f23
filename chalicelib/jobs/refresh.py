"""SQS refresh queue: bring ledgers up to date."""

from typing import Any

from chalice.app import Blueprint, SQSEvent

from chalicelib import clock, messages, queue
from chalicelib.config import settings
from chalicelib.messages import RefreshLedger
from chalicelib.services import job_runs

bp = Blueprint(__name__)

SLICE_SECONDS = 60


@bp.on_sqs_message(queue=settings().refresh_queue, batch_size=10)
def refresh_ledgers(event: SQSEvent) -> dict[str, Any]:
    """Messages: RefreshLedger."""
    deadline = clock.monotonic() + SLICE_SECONDS
    with job_runs.noted('refresh_ledgers'):
        return queue.process_batch('refresh_ledgers', settings().refresh_queue, event, lambda body: _refresh(body, deadline))


def _refresh(body: queue.Body, deadline: float) -> None:
    from chalicelib.services.ledgers import refresh  # brings requests (70 ms), and app.py imports this module for every API call

    message = messages.from_body(body, RefreshLedger)
    refresh.refresh(message.ledger, looked_at=message.seen_at, deadline=deadline)
