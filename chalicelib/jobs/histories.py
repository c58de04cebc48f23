"""Each hour, and whenever something changed: bring the histories of portfolios up to date."""

from functools import partial
from typing import Any

from chalice.app import Blueprint, CloudWatchEvent, Cron, SQSEvent

from chalicelib import clock, messages, queue, telemetry
from chalicelib.config import settings
from chalicelib.messages import DispatchDueHistories, RefreshHistory
from chalicelib.services import due, job_runs
from chalicelib.services.histories import refresh, turns

bp = Blueprint(__name__)

_AT_ONCE = turns.AT_ONCE + 1  # one of whom may wait for a turn for long
SLICE_SECONDS = 60  # from the receive of a message until its history is begun; after that it is sent again, and waits in the queue


@bp.on_sqs_message(queue=settings().history_queue, batch_size=10)
def refresh_histories(event: SQSEvent) -> dict[str, Any]:
    """Messages: RefreshHistory, DispatchDueHistories."""
    deadline = clock.monotonic() + SLICE_SECONDS
    with job_runs.noted('refresh_histories'):
        handle = partial(_handle, deadline=deadline)
        return queue.process_batch('refresh_histories', settings().history_queue, event, handle, at_once=_AT_ONCE)


def _handle(body: queue.Body, deadline: float) -> None:
    match messages.from_body(body, RefreshHistory, DispatchDueHistories):
        case RefreshHistory() as message:
            refresh.refresh(message.user_id, message.portfolio_id, looked_at=message.looked_at, waits=message.waits, deadline=deadline)
        case DispatchDueHistories(shard):
            due.dispatch_due_histories(shard, deadline)


@bp.schedule(Cron(0, '*', '*', '*', '?', '*'))
def snapshot_portfolios(event: CloudWatchEvent) -> dict[str, int]:
    """At each full hour. Returns the number of messages sent."""
    with telemetry.scheduled('snapshot_portfolios', event) as current, job_runs.noted('snapshot_portfolios'):
        current.note(sent=None)
        sent = due.send_history_shards()
        current.note(sent=sent)
        current.count('MessagesSent', sent)
    return {'sent': sent}
