"""Each hour, and whenever something changed: bring the histories of portfolios up to date."""

from typing import Any

from chalice.app import Blueprint, CloudWatchEvent, Cron, SQSEvent

from chalicelib import clock, queue, telemetry
from chalicelib.config import settings
from chalicelib.services.histories import refresh

bp = Blueprint(__name__)

SLICE_SECONDS = 60


@bp.on_sqs_message(queue=settings().history_queue, batch_size=10)
def refresh_histories(event: SQSEvent) -> dict[str, Any]:
    """Messages: {"user_id", "portfolio_id", "seen_at": when somebody looked, "waits": how many like it came before}, or {"shard"}."""
    deadline = clock.monotonic() + SLICE_SECONDS
    return queue.work('refresh_histories', settings().history_queue, event, lambda message: _refresh(message, deadline))


def _refresh(message: queue.Message, deadline: float) -> None:
    if 'shard' in message:
        refresh.sweep(message['shard'], deadline)
    else:
        refresh.refresh(**message)


@bp.schedule(Cron(0, '*', '*', '*', '?', '*'))
def snapshot_portfolios(event: CloudWatchEvent) -> dict[str, int]:
    """At each full hour. Answers with the number of messages sent."""
    with telemetry.scheduled('snapshot_portfolios', event) as current:
        current.note(sent=None)
        sent = refresh.send_shards()
        current.note(sent=sent)
        current.count('MessagesSent', sent)
    return {'sent': sent}
