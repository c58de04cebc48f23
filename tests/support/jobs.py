"""Jobs as Lambda runs them: by events, and behind real queues."""

import json
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import boto3

from chalicelib.config import settings
from chalicelib.jobs import purge, refresh, sweep
from tests.support.ledgers import pk_of

Json = dict[str, Any]

CONTEXT: Any = None  # the jobs look at nothing in it
SCHEDULED: Json = {'source': 'aws.events', 'detail-type': 'Scheduled Event', 'detail': {}, 'resources': []} | dict.fromkeys(
    ('version', 'account', 'time', 'region', 'id'), ''
)


def record(body: Json, receives: int = 1) -> Json:
    """Return an SQS record as Lambda gets it, of a message that is in no queue."""
    return {
        'messageId': uuid.uuid4().hex,
        'receiptHandle': uuid.uuid4().hex,
        'body': json.dumps(body),
        'attributes': {'ApproximateReceiveCount': str(receives)},
        'messageAttributes': {},
        'eventSource': 'aws:sqs',
        'eventSourceARN': 'arn:aws:sqs:us-east-1:123456789012:queue',
        'awsRegion': 'us-east-1',
    }


def refresh_job(*records: Json) -> list[str]:
    """Run the refresh job on records; return the ids of the messages that failed."""
    return _failed(refresh.refresh_ledgers({'Records': list(records)}, CONTEXT))


def run_refresh(*addresses: str) -> bool:
    """Run the refresh job on ledgers as one event; say whether all of them went well."""
    return not refresh_job(*(record({'ledger': pk_of(address)}) for address in addresses))


def run_purge(user_id: str, portfolio_id: int) -> bool:
    """Run the purge job on a portfolio; say whether it went well."""
    body = {'user_id': user_id, 'portfolio_id': portfolio_id}
    return not _failed(purge.purge_portfolios({'Records': [record(body)]}, CONTEXT))


def run_sweep() -> int:
    """Run the sweep; return how much it sent."""
    sent: int = sweep.sweep_due(SCHEDULED, CONTEXT)['sent']
    return sent


def _failed(answer: Json) -> list[str]:
    return [failure['itemIdentifier'] for failure in answer['batchItemFailures']]


class Queue:
    """One queue as the Lambda event source sees it: what fails stays, what goes well is deleted."""

    def __init__(self, url: str, handler: Callable[[Json, Any], Json]) -> None:
        self._url = url
        self._handler = handler
        self._sqs = boto3.client('sqs')

    def receive(self) -> list[Json]:
        """Return up to ten messages as records."""
        answer = self._sqs.receive_message(
            QueueUrl=self._url, MaxNumberOfMessages=10, AttributeNames=['ApproximateReceiveCount'], WaitTimeSeconds=0
        )
        return [
            record({}) | {'messageId': found['MessageId'], 'receiptHandle': found['ReceiptHandle'], 'body': found['Body']}
            | {'attributes': {'ApproximateReceiveCount': found['Attributes']['ApproximateReceiveCount']}}
            for found in answer.get('Messages', [])
        ]  # fmt: skip

    def bodies(self) -> list[Json]:
        """Take all messages out and return their bodies."""
        found: list[Json] = []
        while records := self.receive():
            found += [json.loads(one['body']) for one in records]
            self._delete(records)
        return found

    def deliver(self) -> int:
        """Hand up to ten messages to the job; return how many there were."""
        records = self.receive()
        if not records:
            return 0
        failed = _failed(self._handler({'Records': records}, CONTEXT))
        self._delete([one for one in records if one['messageId'] not in failed])
        for one in records:
            if one['messageId'] in failed:  # time passes
                self._sqs.change_message_visibility(QueueUrl=self._url, ReceiptHandle=one['receiptHandle'], VisibilityTimeout=0)
        return len(records)

    def drain(self, rounds: int = 50) -> None:
        """Deliver until the queue is empty."""
        for _ in range(rounds):
            if not self.deliver():
                return
        raise AssertionError('the queue does not get empty')

    def _delete(self, records: Sequence[Json]) -> None:
        for one in records:
            self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=one['receiptHandle'])


def refresh_queue(queues: dict[str, str]) -> Queue:
    return Queue(queues[settings().refresh_queue], refresh.refresh_ledgers)


def accounts_queue(queues: dict[str, str]) -> Queue:
    return Queue(queues[settings().accounts_queue], refresh.refresh_accounts)


def purge_queue(queues: dict[str, str]) -> Queue:
    return Queue(queues[settings().purge_queue], purge.purge_portfolios)


def dead_letters(queues: dict[str, str]) -> Queue:
    return Queue(queues[settings().refresh_queue + '-dlq'], refresh.refresh_ledgers)
