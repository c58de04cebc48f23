"""The DynamoDB client: built once, with our retries, errors and metrics."""

import random
from typing import Any

from pynamodb.exceptions import PynamoDBException

from chalicelib import errors, telemetry
from chalicelib.models.item import Item

_CONFLICT = 'TransactionConflictException'
_THROTTLED = (
    'ProvisionedThroughputExceededException',
    'RequestLimitExceeded',
    'ThrottlingException',
    'TransactionInProgressException',
)
ATTEMPTS = 6
DATABASE_ERRORS = (PynamoDBException, errors.Busy, errors.Conflict)  # what a request to the table may raise, beside LeaseLost


def connect() -> None:
    """Build the DynamoDB client, once, on the base class: on a child each kind would build its own (about 50 ms)."""
    events = Item.connection().client.meta.events
    telemetry.count_dynamodb(events)
    events.register('needs-retry.dynamodb', _retry_conflict)  # type: ignore[arg-type]  # what it returns is the delay
    events.register('after-call.dynamodb', _raise_ours)


def _retry_conflict(response: tuple[Any, dict[str, Any]] | None, attempts: int, **_: Any) -> float | None:
    """Try again, after a moment, a single write that met a transaction on the same item; botocore itself would not."""
    code = response[1].get('Error', {}).get('Code') if response else None
    return backoff_seconds(attempts) if code == _CONFLICT and attempts < ATTEMPTS else None


def backoff_seconds(attempt: int) -> float:
    """Return how long to wait before the next attempt; random, so that those who met do not meet again."""
    return random.uniform(0, 0.02 * 2**attempt)


def _raise_ours(parsed: dict[str, Any], **_: Any) -> None:
    """Turn a call that was throttled, or met transactions, more often than it was retried into an error callers can see."""
    code = parsed.get('Error', {}).get('Code')
    if code in _THROTTLED:
        raise errors.Busy
    if code == _CONFLICT:
        raise errors.Conflict
