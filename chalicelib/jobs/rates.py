"""Rates of exchange: every five minutes, and when the rates queue asks for some."""

from typing import Any

from chalice.app import Blueprint, CloudWatchEvent, Rate, SQSEvent

from chalicelib import clock, messages, queue, telemetry
from chalicelib.config import settings
from chalicelib.messages import BackfillRates, FetchRates
from chalicelib.services import job_runs

bp = Blueprint(__name__)

SLICE_SECONDS = 15  # see jobs.refresh


@bp.schedule(Rate(5, unit=Rate.MINUTES))
def update_rates(event: CloudWatchEvent) -> None:
    """Fetch the rates of all tracked currencies."""
    from chalicelib.services.rates.fetch import fetch_rates  # brings requests, see jobs.refresh

    with telemetry.scheduled('update_rates', event), job_runs.noted('update_rates'):
        fetch_rates(clock.now())


@bp.on_sqs_message(queue=settings().rates_queue, batch_size=1)
def fetch_rates(event: SQSEvent) -> dict[str, Any]:
    """Messages: FetchRates, BackfillRates.

    One at a time, as the sources of daily closes have low rate limits.
    """
    deadline = clock.monotonic() + SLICE_SECONDS
    with job_runs.noted('fetch_rates'):
        return queue.process_batch('fetch_rates', settings().rates_queue, event, lambda body: _handle(body, deadline))


def _handle(body: queue.Body, deadline: float) -> None:
    from chalicelib.services.rates import backfill, fetch

    match messages.from_body(body, FetchRates, BackfillRates):
        case FetchRates(codes, tries):
            fetch.fetch_rates(clock.now(), codes or None, tries)
        case BackfillRates(code):
            backfill.backfill_daily_closes(code, deadline)
