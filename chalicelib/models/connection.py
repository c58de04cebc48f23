"""The DynamoDB client: built once, with our retries, errors and metrics."""

from typing import Any

from botocore.exceptions import ClientError
from pynamodb.exceptions import PynamoDBException

from chalicelib import aws, errors, telemetry
from chalicelib.models.item import Item
from chalicelib.models.response_parser import ItemParserFactory
from chalicelib.models.retries import ATTEMPTS, backoff_seconds

_CONFLICT = 'TransactionConflictException'
DATABASE_ERRORS = (PynamoDBException, ClientError, errors.Busy, errors.Conflict)  # of a request to the table, beside LeaseLost


def connect() -> None:
    """Build the DynamoDB client, once, on the base class: on a child each kind would build its own (about 50 ms)."""
    connection = Item.connection()
    connection.session.register_component('response_parser_factory', ItemParserFactory())
    events = connection.client.meta.events
    telemetry.count_dynamodb(events)
    events.register('needs-retry.dynamodb', _retry_conflict)  # type: ignore[arg-type]  # what it returns is the delay
    events.register('after-call.dynamodb', _raise_conflict)
    aws.raise_busy(events, 'dynamodb')


def _retry_conflict(response: tuple[Any, dict[str, Any]] | None, attempts: int, **_: Any) -> float | None:
    """Try again, after a moment, a single write that met a transaction on the same item; botocore itself would not."""
    code = response[1].get('Error', {}).get('Code') if response else None
    return backoff_seconds(attempts) if code == _CONFLICT and attempts < ATTEMPTS else None


def _raise_conflict(parsed: dict[str, Any], **_: Any) -> None:
    """Turn a single write that met transactions more often than it was retried into an error callers can see."""
    if parsed.get('Error', {}).get('Code') == _CONFLICT:
        raise errors.Conflict
