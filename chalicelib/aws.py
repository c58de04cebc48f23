"""Failures of AWS itself as an error of ours: what was throttled, failed or got no answer, more often than it was tried again, is Busy."""

import logging
from http import HTTPStatus
from typing import Any

from botocore.exceptions import ConnectionError as NoConnection
from botocore.exceptions import HTTPClientError
from botocore.parsers import ResponseParserError

from chalicelib.errors import Busy

log = logging.getLogger(__name__)

_THROTTLED = (
    'ProvisionedThroughputExceededException',
    'RequestLimitExceeded',
    'ThrottlingException',
    'TransactionInProgressException',
)


def raise_busy(events: Any, service: str) -> None:
    """Let calls of a botocore client, whose `events` these are, raise Busy when `service` (such as `kms`) fails."""
    events.register(f'after-call.{service}', _on_answer)
    events.register(f'after-call-error.{service}', _on_silence)


def _on_answer(parsed: dict[str, Any], **_: Any) -> None:
    code = parsed.get('Error', {}).get('Code')
    failed = parsed.get('ResponseMetadata', {}).get('HTTPStatusCode', HTTPStatus.OK) >= HTTPStatus.INTERNAL_SERVER_ERROR
    if failed:
        log.warning('AWS failed: %s', code)
    if failed or code in _THROTTLED:
        raise Busy


def _on_silence(exception: Exception, **_: Any) -> None:
    if isinstance(exception, NoConnection | HTTPClientError | ResponseParserError):
        log.warning('AWS did not answer: %s', exception)
        raise Busy from exception
