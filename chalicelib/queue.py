"""SQS: the only module that sends messages, and the loop in which jobs process them. See messages for what they mean."""

import json
import logging
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from chalice.app import SQSEvent

from chalicelib import telemetry

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

log = logging.getLogger(__name__)

_BATCH = 10  # messages in one SendMessageBatch, and records in one event
_FIRST_DELAY = 5
_LONGEST_DELAY = 900

Body = dict[str, Any]  # of a message, as JSON
T = TypeVar('T')


def send(queue: str, messages: Iterable[tuple[Body, str]], *, delay: int = 0) -> None:
    """Send messages, each with its group or '', to arrive after `delay` seconds, ten to a request.

    SQS delivers to a group without a backlog first, see domain.work_groups. Raises RuntimeError when SQS took only some of them.
    """
    for batch in batches(messages):
        entries = [_entry(n, body, group, delay) for n, (body, group) in enumerate(batch)]
        answer = _sqs().send_message_batch(QueueUrl=_url(queue), Entries=entries)
        if answer.get('Failed'):
            raise RuntimeError(f'{queue}: {len(answer["Failed"])} of {len(entries)} messages were not taken')


def _entry(number: int, body: Body, group: str, delay: int) -> Any:
    entry = {'Id': str(number), 'MessageBody': json.dumps(body, separators=(',', ':')), 'DelaySeconds': delay}
    return entry | ({'MessageGroupId': group} if group else {})


def batches(items: Iterable[T]) -> Iterator[list[T]]:
    """Yield items in lists of as many as one request to SQS takes."""
    left = iter(items)
    while batch := list(islice(left, _BATCH)):
        yield batch


def process_batch(job: str, queue: str, event: SQSEvent, handle: Callable[[Body], None], *, at_once: int = _BATCH) -> dict[str, Any]:
    """Handle the messages of an event, `at_once` of them at a time, each as a task of `job`; return Lambda's partial batch response.

    A message whose handler raised is reported as failed, which keeps it in the queue, and stays hidden for a time that doubles
    with each receive (SQS itself would always wait the same time).

    >>> process_batch('purge_portfolios', 'purge', event, lambda body: purge(body['user_id'], body['portfolio_id']))
    {'batchItemFailures': [{'itemIdentifier': '059f36b4-87a3-44ab-83d2-661975830a7d'}]}
    """
    run_id = getattr(event.context, 'aws_request_id', None)
    records = [record.to_dict() for record in event]
    with ThreadPoolExecutor(at_once) as pool:
        handled = list(pool.map(lambda record: _handled(job, run_id, queue, record, handle), records))
    failed = [record for record, done in zip(records, handled, strict=True) if not done]
    return {'batchItemFailures': [{'itemIdentifier': record['messageId']} for record in failed]}


def _handled(job: str, run_id: str | None, queue: str, record: dict[str, Any], handle: Callable[[Body], None]) -> bool:
    with telemetry.task(job, run_id, message_id=record['messageId']) as current:
        current.note(job=job, receives=_receives(record), failed=False)
        current.count('Messages')
        try:
            handle(json.loads(record['body']))
        except Exception as error:
            current.note(failed=True)
            current.count('MessageFailures')
            log.warning('%s: message %s failed: %s', queue, record['messageId'], error, exc_info=True)
            _delay(queue, record)
            return False
        return True


def _receives(record: dict[str, Any]) -> int:
    return int(record.get('attributes', {}).get('ApproximateReceiveCount', '1'))


def _delay(queue: str, record: dict[str, Any]) -> None:
    seconds = min(_LONGEST_DELAY, _FIRST_DELAY * 2 ** (_receives(record) - 1))
    try:
        _sqs().change_message_visibility(QueueUrl=_url(queue), ReceiptHandle=record['receiptHandle'], VisibilityTimeout=seconds)
    except Exception:
        # The queue's own visibility timeout brings the message back all the same.
        log.warning("%s: message %s keeps the queue's delay", queue, record['messageId'], exc_info=True)


@lru_cache
def _url(queue: str) -> str:
    return _sqs().get_queue_url(QueueName=queue)['QueueUrl']


@lru_cache(1)
def _sqs() -> 'SQSClient':
    import boto3  # costs a cold start 100 ms that a read need not pay

    return boto3.client('sqs')
