"""Each minute: hand what is due to the queues."""

from chalice.app import Blueprint, CloudWatchEvent, Rate

from chalicelib.services import sweep

bp = Blueprint(__name__)


@bp.schedule(Rate(1, unit=Rate.MINUTES))
def sweep_due(event: CloudWatchEvent) -> dict[str, int]:
    """Answers with the number of messages sent."""
    return {'sent': sweep.sweep()}
