"""Rates of exchange: every five minutes, and when the rates queue asks for some."""

from typing import Any

from chalice.app import Blueprint, CloudWatchEvent, Rate, SQSEvent

from chalicelib import clock, queue, telemetry
from chalicelib.config import settings

bp = Blueprint(__name__)

SLICE_SECONDS = 60


@bp.schedule(Rate(5, unit=Rate.MINUTES))
def update_rates(event: CloudWatchEvent) -> None:
    """Fetch all rates that are wanted."""
    from chalicelib.services.rates import current

    with telemetry.scheduled('update_rates', event):
        current.fetch(clock.now())


@bp.on_sqs_message(queue=settings().rates_queue, batch_size=1)
def fetch_rates(event: SQSEvent) -> dict[str, Any]:
    """Messages: {"currencies": [codes whose rates are wanted at once, all if empty]}, {"backfill": the code whose daily closes are wanted}.

    One at a time, for sources of daily closes let nobody ask often.
    """
    deadline = clock.monotonic() + SLICE_SECONDS
    return queue.work('fetch_rates', settings().rates_queue, event, lambda message: _work(message, deadline))


def _work(message: queue.Message, deadline: float) -> None:
    from chalicelib.services.rates import current

    if 'backfill' in message:
        current.backfill(message['backfill'], deadline)
    else:
        current.fetch(clock.now(), message['currencies'] or None)
