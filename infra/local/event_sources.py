"""Does what AWS does between the parts: hands the messages of queues and the ticks of schedules to their Lambda entry points.

Knows no handler by name: the Chalice application says which there are. Visibility time-outs and dead letters are the queue's.
"""

import importlib
import logging
import re
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any

import boto3
from chalice.app import Chalice, ScheduledEventConfig, ScheduleExpression, SQSEventConfig
from chalice.local import LambdaContext

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

log = logging.getLogger(__name__)

FAST = 12  # times as often as on AWS: a schedule of a minute comes every five seconds
_AT_ONCE = 10  # messages of a queue, each a batch of its own, so that none waits for the end of another
_POLL_SECONDS = 0.3
_QUIET_POLLS = 20  # after as many in vain, less often: five queues that nobody uses took a tenth of a processor
_QUIET_POLL_SECONDS = 1
_PAUSE_AFTER_ERROR = 1
_CRON_SECONDS = 3_600
_START_SECONDS = 60  # in which people wait for their first values, and nothing hourly is in the way
_UNIT_SECONDS = {'minute': 60, 'hour': 3_600, 'day': 86_400}
_MAX_RUN_MS = 900_000

EntryPoint = Callable[[dict[str, Any], Any], Any]


def run(app: Chalice, speed: int = FAST) -> None:
    """Work off all queues and schedules of `app`, schedules `speed` times as often as on AWS; never returns."""
    threads = [Thread(target=_repeat, args=(step,), daemon=True) for step in _steps(app, speed)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _steps(app: Chalice, speed: int) -> Iterator[Callable[[], None]]:
    for source in app.event_sources:
        if isinstance(source, SQSEventConfig) and source.queue:
            queue = QueuePump(boto3.client('sqs'), source.queue, entry_point(source.handler_string))
            yield from [queue.pump] * _AT_ONCE
        elif isinstance(source, ScheduledEventConfig):
            yield Schedule(source, speed).tick


def _repeat(step: Callable[[], None]) -> None:
    """Take a step for ever; a failure ends nothing but the step."""
    while True:
        try:
            step()
        except Exception:
            log.exception('the pump goes on after an error')
            time.sleep(_PAUSE_AFTER_ERROR)


def entry_point(handler_string: str) -> EntryPoint:
    """Return what AWS Lambda would call for a handler string, `module.function`."""
    module, _, function = handler_string.rpartition('.')
    found: EntryPoint = getattr(importlib.import_module(module), function)
    return found


class QueuePump:
    """One queue and its handler, as a Lambda event source mapping with ReportBatchItemFailures joins them."""

    def __init__(self, sqs: 'SQSClient', name: str, handler: EntryPoint) -> None:
        self._sqs = sqs
        self._name = name
        self._handler = handler
        self._url = sqs.get_queue_url(QueueName=name)['QueueUrl']
        self._arn = sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=['QueueArn'])['Attributes']['QueueArn']
        self._receiving = Lock()
        self._polls_in_vain = 0

    def pump(self) -> None:
        """Wait a moment for messages, hand them over, delete those that were handled. Raises what the handler raises."""
        with self._receiving:
            messages = self._receive()
            self._polls_in_vain = 0 if messages else self._polls_in_vain + 1
            if not messages:
                time.sleep(_POLL_SECONDS if self._polls_in_vain < _QUIET_POLLS else _QUIET_POLL_SECONDS)
        if messages:
            event = {'Records': [self._record(message) for message in messages]}
            self._delete(messages, failures(event, self._handler(event, _context(self._name))))

    def _receive(self) -> list['MessageTypeDef']:
        """Return the messages there are; a long poll would keep a server busy that answers one request at a time."""
        answer = self._sqs.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=1,
            WaitTimeSeconds=0,
            MessageSystemAttributeNames=['All'],
        )
        return answer.get('Messages', [])

    def _record(self, message: 'MessageTypeDef') -> dict[str, Any]:
        """https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html"""
        return {
            'messageId': message['MessageId'],
            'receiptHandle': message['ReceiptHandle'],
            'body': message['Body'],
            'attributes': {name: str(value) for name, value in message.get('Attributes', {}).items()},
            'messageAttributes': {},
            'md5OfBody': message['MD5OfBody'],
            'eventSource': 'aws:sqs',
            'eventSourceARN': self._arn,
            'awsRegion': self._arn.split(':')[3],
        }

    def _delete(self, messages: list['MessageTypeDef'], failed: set[str]) -> None:
        for message in messages:
            if message['MessageId'] not in failed:
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message['ReceiptHandle'])


def failures(event: dict[str, Any], answer: Any) -> set[str]:
    """Return the ids of the messages that a handler's answer says it failed at.

    All of them when it names one that it was not given.
    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
    """
    given = {record['messageId'] for record in event['Records']}
    reported = (answer or {}).get('batchItemFailures') or []
    failed = {failure.get('itemIdentifier') for failure in reported}
    return failed if failed <= given else given


class Schedule:
    """One schedule and its handler."""

    def __init__(self, source: ScheduledEventConfig, speed: int = FAST) -> None:
        self._name = source.name
        self._handler = entry_point(source.handler_string)
        self._seconds = seconds(source.schedule_expression) / speed
        self._wait_seconds = _START_SECONDS if seconds(source.schedule_expression) >= _CRON_SECONDS else 0

    def tick(self) -> None:
        """Call the handler, the first time after a while if it is an hourly one, then wait for the next time. Raises what it raises."""
        time.sleep(self._wait_seconds)
        self._wait_seconds = 0
        try:
            self._handler(self._event(), _context(self._name))
        finally:
            time.sleep(self._seconds)

    def _event(self) -> dict[str, Any]:
        """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-run-lambda-schedule.html"""
        return {
            'version': '0',
            'id': str(uuid.uuid4()),
            'detail-type': 'Scheduled Event',
            'source': 'aws.events',
            'account': '123456789012',
            'time': datetime.now(UTC).strftime('%Y-%m-%dT%H:%M:%SZ'),
            'region': 'us-east-1',
            'resources': [f'arn:aws:events:us-east-1:123456789012:rule/{self._name}'],
            'detail': {},
        }


def seconds(expression: str | ScheduleExpression) -> int:
    """Return the seconds between two ticks of a schedule expression; a cron one counts as hourly."""
    text = expression if isinstance(expression, str) else expression.to_string()
    rate = re.fullmatch(r'rate\((\d+) (minute|hour|day)s?\)', text)
    return int(rate[1]) * _UNIT_SECONDS[rate[2]] if rate else _CRON_SECONDS


def _context(name: str) -> LambdaContext:
    return LambdaContext(function_name=name, memory_size=512, max_runtime_ms=_MAX_RUN_MS)
