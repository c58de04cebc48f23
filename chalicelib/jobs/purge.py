"""SQS purge queue: remove what deleted portfolios left behind, and users who left."""

from typing import Any

from chalice.app import Blueprint, SQSEvent

from chalicelib import clock, messages, queue
from chalicelib.config import settings
from chalicelib.messages import ForgetUser, PurgePortfolio
from chalicelib.services import job_runs
from chalicelib.services.portfolios import portfolios
from chalicelib.services.users import leaving

bp = Blueprint(__name__)


@bp.on_sqs_message(queue=settings().purge_queue, batch_size=10)
def purge_portfolios(event: SQSEvent) -> dict[str, Any]:
    """Messages: PurgePortfolio, ForgetUser."""
    with job_runs.noted('purge_portfolios'):
        return queue.process_batch('purge_portfolios', settings().purge_queue, event, _purge)


def _purge(body: queue.Body) -> None:
    message = messages.from_body(body, PurgePortfolio, ForgetUser)
    if isinstance(message, ForgetUser):
        leaving.forget_user(message.forget, clock.now())
    else:
        portfolios.purge(message.user_id, message.portfolio_id)
