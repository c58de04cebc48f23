"""SQS refresh queue: bring ledgers up to date."""

from typing import Any

from chalice.app import Blueprint, SQSEvent

from chalicelib import clock, queue
from chalicelib.config import settings

bp = Blueprint(__name__)

SLICE_SECONDS = 60


@bp.on_sqs_message(queue=settings().refresh_queue, batch_size=10)
def refresh_ledgers(event: SQSEvent) -> dict[str, Any]:
    """Messages: {"ledger": its partition key, "seen_at": when somebody looked at it, if that is why}."""
    from chalicelib.services.ledgers import refresh  # brings requests (70 ms), and app.py imports this module for every API call

    deadline = clock.monotonic() + SLICE_SECONDS
    return queue.work(
        'refresh_ledgers',
        settings().refresh_queue,
        event,
        lambda message: refresh.refresh(message['ledger'], seen_at=message.get('seen_at'), deadline=deadline),
    )
