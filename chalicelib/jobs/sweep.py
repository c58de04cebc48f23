"""Each minute: hand what is due to the queues, and have the blocks of chains followed."""

from chalice.app import Blueprint, CloudWatchEvent, Rate

from chalicelib import telemetry
from chalicelib.services import due, job_runs

bp = Blueprint(__name__)


@bp.schedule(Rate(1, unit=Rate.MINUTES))
def sweep_due(event: CloudWatchEvent) -> dict[str, int]:
    """Returns the number of messages sent."""
    with telemetry.scheduled('sweep_due', event) as current, job_runs.noted('sweep_due'):
        current.note(sent=None)
        sent = due.dispatch_due_ledgers() + due.send_for_blocks()
        current.note(sent=sent)
        current.count('MessagesSent', sent)
    return {'sent': sent}
