"""SQS purge queue: remove what deleted portfolios left behind."""

from typing import Any

from chalice.app import Blueprint, SQSEvent

from chalicelib import queue
from chalicelib.config import settings
from chalicelib.services.portfolios import portfolios

bp = Blueprint(__name__)


@bp.on_sqs_message(queue=settings().purge_queue, batch_size=10)
def purge_portfolios(event: SQSEvent) -> dict[str, Any]:
    """Messages: {"user_id", "portfolio_id"}."""
    return queue.work(
        'purge_portfolios',
        settings().purge_queue,
        event,
        lambda message: portfolios.purge(message['user_id'], message['portfolio_id']),
    )
