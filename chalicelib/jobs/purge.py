"""SQS purge queue: remove what deleted portfolios left behind."""

from typing import Any

from chalice.app import Blueprint, SQSEvent

from chalicelib import messages, queue
from chalicelib.config import settings
from chalicelib.messages import PurgePortfolio
from chalicelib.services import job_runs
from chalicelib.services.portfolios import portfolios

bp = Blueprint(__name__)


@bp.on_sqs_message(queue=settings().purge_queue, batch_size=10)
def purge_portfolios(event: SQSEvent) -> dict[str, Any]:
    """Messages: PurgePortfolio."""
    with job_runs.noted('purge_portfolios'):
        return queue.process_batch('purge_portfolios', settings().purge_queue, event, _purge)


def _purge(body: queue.Body) -> None:
    message = messages.from_body(body, PurgePortfolio)
    portfolios.purge(message.user_id, message.portfolio_id)
