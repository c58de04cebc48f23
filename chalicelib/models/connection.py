"""The DynamoDB client: built once, with our retries, errors and metrics."""

import logging
from http import HTTPStatus
from typing import Any

from botocore.exceptions import ClientError, HTTPClientError
from botocore.parsers import ResponseParserError
from pynamodb.exceptions import PynamoDBException

from chalicelib import errors, telemetry
from chalicelib.models.item import Item
from chalicelib.models.response_parser import ItemParserFactory
from chalicelib.models.retries import ATTEMPTS, backoff_seconds

log = logging.getLogger(__name__)

_CONFLICT = 'TransactionConflictException'
_THROTTLED = (
    'ProvisionedThroughputExceededException',
    'RequestLimitExceeded',
    'ThrottlingException',
    'TransactionInProgressException',
)
DATABASE_ERRORS = (PynamoDBException, ClientError, errors.Busy, errors.Conflict)  # of a request to the table, beside LeaseLost


def connect() -> None:
    """Build the DynamoDB client, once, on the base class: on a child each kind would build its own (about 50 ms)."""
    connection = Item.connection()
    connection.session.register_component('response_parser_factory', ItemParserFactory())
    events = connection.client.meta.events
    telemetry.count_dynamodb(events)
    events.register('needs-retry.dynamodb', _retry_conflict)  # type: ignore[arg-type]  # what it returns is the delay
    events.register('after-call.dynamodb', _raise_ours)
    events.register('after-call-error.dynamodb', _raise_busy)


def _retry_conflict(response: tuple[Any, dict[str, Any]] | None, attempts: int, **_: Any) -> float | None:
    """Try again, after a moment, a single write that met a transaction on the same item; botocore itself would not."""
    code = response[1].get('Error', {}).get('Code') if response else None
    return backoff_seconds(attempts) if code == _CONFLICT and attempts < ATTEMPTS else None


def _raise_ours(parsed: dict[str, Any], **_: Any) -> None:
    """Turn a call that DynamoDB throttled, failed, or let meet transactions, more often than it was retried into an error of ours."""
    code = parsed.get('Error', {}).get('Code')
    if code in _THROTTLED:
        raise errors.Busy
    if code == _CONFLICT:
        raise errors.Conflict
    if parsed.get('ResponseMetadata', {}).get('HTTPStatusCode', HTTPStatus.OK) >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.warning('DynamoDB failed: %s', code)
        raise errors.Busy


def _raise_busy(exception: Exception, **_: Any) -> None:
    """Turn a call that got no answer, however often it was retried, into an error of ours."""
    if isinstance(exception, HTTPClientError | ResponseParserError):
        log.warning('DynamoDB did not answer: %s', exception)
        raise errors.Busy from exception
