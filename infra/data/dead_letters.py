"""Dead-letter queues: look into them, send what is in them back, throw it away. Looking loses nothing."""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import boto3

from chalicelib.models import Ledger
from infra.data.table import Problem

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

_HIDDEN_SECONDS = 300  # while it is looked at; should this process die, a message is there again after that
_BATCH = 10
_POLL_SECONDS = 1


class Letter(NamedTuple):
    """A dead message; `age` is in seconds since it was first sent, `error` why its ledger could not be refreshed, if it says so."""

    id: str
    body: str
    receives: int
    age: int
    error: str | None


class DeadLetters:
    """The dead-letter queue of a queue."""

    def __init__(self, queue: str) -> None:
        """Raises Problem when there is no such queue, or it has no dead-letter queue."""
        self._sqs: SQSClient = boto3.client('sqs')
        try:
            self._source = self._sqs.get_queue_url(QueueName=queue)['QueueUrl']
        except self._sqs.exceptions.QueueDoesNotExist:
            raise Problem(f'there is no queue {queue}') from None
        response = self._sqs.get_queue_attributes(QueueUrl=self._source, AttributeNames=['RedrivePolicy'])
        if 'RedrivePolicy' not in response.get('Attributes', {}):
            raise Problem(f'{queue} has no dead-letter queue')
        self.name = str(json.loads(response['Attributes']['RedrivePolicy'])['deadLetterTargetArn']).rsplit(':', 1)[1]
        self._url = self._sqs.get_queue_url(QueueName=self.name)['QueueUrl']

    def __len__(self) -> int:
        """About how many messages there are."""
        response = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=['ApproximateNumberOfMessages'])
        return int(response['Attributes']['ApproximateNumberOfMessages'])

    def inspect(self, most: int) -> list[Letter]:
        """Return up to `most` messages; they are in the queue again afterwards."""
        taken: list[MessageTypeDef] = []
        try:
            for messages in self._receive():
                taken += messages
                if len(taken) >= most:
                    break
            return [_letter(message) for message in taken[:most]]
        finally:
            self._release(taken)

    def redrive(self, ids: Sequence[str], moved: Callable[[int], None]) -> None:
        """Send messages back to the queue they came from, those with these ids or all.

        Each is sent before it is deleted, so one may be there twice when this is interrupted, and none is lost.
        Raises Problem when there is no message with one of the ids.
        """
        missing = set(ids)
        left: list[MessageTypeDef] = []
        try:
            for messages in self._receive():
                chosen = [message for message in messages if not ids or message['MessageId'] in missing]
                left += [message for message in messages if message not in chosen]
                moved(self._move(chosen))
                missing -= {message['MessageId'] for message in chosen}
                if ids and not missing:
                    return
        finally:
            self._release(left)
        if missing:
            raise Problem(f'{self.name} has no message {", ".join(sorted(missing))}')

    def purge(self) -> None:
        """Delete all messages."""
        self._sqs.purge_queue(QueueUrl=self._url)

    def _receive(self) -> Iterator[list['MessageTypeDef']]:
        while True:
            messages = self._sqs.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=_BATCH,
                VisibilityTimeout=_HIDDEN_SECONDS,
                WaitTimeSeconds=_POLL_SECONDS,
                MessageSystemAttributeNames=['All'],
                MessageAttributeNames=['All'],
            ).get('Messages')
            if not messages:
                return
            yield messages

    def _move(self, messages: Sequence['MessageTypeDef']) -> int:
        if not messages:
            return 0
        entries: list[Any] = [
            {'Id': str(n), 'MessageBody': message['Body'], 'MessageAttributes': message.get('MessageAttributes', {})}
            for n, message in enumerate(messages)
        ]
        failed = self._sqs.send_message_batch(QueueUrl=self._source, Entries=entries).get('Failed', [])
        refused = {one['Id'] for one in failed}
        sent = [message for n, message in enumerate(messages) if str(n) not in refused]
        if sent:
            self._sqs.delete_message_batch(QueueUrl=self._url, Entries=list(_entries(sent)))
        if refused:
            raise Problem(f'{len(refused)} messages were not taken and stay in {self.name}: {failed[0].get("Message", "")}')
        return len(sent)

    def _release(self, messages: Sequence['MessageTypeDef']) -> None:
        """Let others see messages again."""
        for start in range(0, len(messages), _BATCH):
            entries = [entry | {'VisibilityTimeout': 0} for entry in _entries(messages[start : start + _BATCH])]
            self._sqs.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)


def _entries(messages: Iterable['MessageTypeDef']) -> Iterator[Any]:
    return ({'Id': str(n), 'ReceiptHandle': message['ReceiptHandle']} for n, message in enumerate(messages))


def _letter(message: 'MessageTypeDef') -> Letter:
    attributes: dict[Any, str] = dict(message.get('Attributes', {}))
    age = int(time.time()) - int(attributes.get('SentTimestamp', '0')) // 1000
    return Letter(message['MessageId'], message['Body'], int(attributes['ApproximateReceiveCount']), age, _error(message['Body']))


def _error(body: str) -> str | None:
    try:
        pk = json.loads(body)['ledger']
    except (ValueError, LookupError, TypeError):
        return None
    ledger = Ledger.find(pk)
    return 'this ledger is gone' if ledger is None else ledger.last_error
