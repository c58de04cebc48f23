"""SQS refresh queue: bring ledgers up to date."""

import time
from typing import Any

from chalice.app import Blueprint, SQSEvent

from chalicelib import queue
from chalicelib.config import settings
from chalicelib.services import refresh

bp = Blueprint(__name__)

SLICE_SECONDS = 60


@bp.on_sqs_message(queue=settings().refresh_queue, batch_size=10)
def refresh_ledgers(event: SQSEvent) -> dict[str, Any]:
    """Messages: {"ledger": its partition key, "seen_at": when somebody looked at it, if that is why}."""
    deadline = time.monotonic() + SLICE_SECONDS
    return queue.work(
        settings().refresh_queue,
        event,
        lambda message: refresh.refresh(message['ledger'], seen_at=message.get('seen_at'), deadline=deadline),
    )
