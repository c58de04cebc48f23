"""What the job tests drive and look at: Lambda events, real queues, time that passes, processes that die, and whole ledgers."""

import json
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import boto3
from botocore.awsrequest import AWSResponse

from chalicelib.config import settings
from chalicelib.jobs import purge, refresh, sweep
from chalicelib.models import Item, Ledger, Transaction, UpstreamState, Watch, sk_of
from tests.explorer import UPSTREAMS, Txn

SEGWIT = 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4'
TAPROOT = 'bc1pchf4trtvndch4rhelucswh4fkz8kyqdm35ncmjyr3hapk5et8drqwae3vg'
LEGACY = '1JfbZRwdDHKZmuiZgYArJZhcuuzuw2HuMu'
MUTATIONS = ('PutItem', 'UpdateItem', 'DeleteItem', 'BatchWriteItem', 'TransactWriteItems')
CONTEXT: Any = None  # the jobs look at nothing in it

Json = dict[str, Any]


def pk_of(address: str) -> str:
    """Return the ledger of a Bitcoin address."""
    return f'LEDGER#btc#{address}'


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
    event = {'version': '0', 'detail-type': 'Scheduled Event', 'source': 'aws.events', 'detail': {}, 'resources': []}
    account = {'account': '', 'time': '', 'region': '', 'id': ''}
    sent: int = sweep.sweep_due(event | account, CONTEXT)['sent']
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


def purge_queue(queues: dict[str, str]) -> Queue:
    return Queue(queues[settings().purge_queue], purge.purge_portfolios)


def dead_letters(queues: dict[str, str]) -> Queue:
    return Queue(queues[settings().refresh_queue + '-dlq'], refresh.refresh_ledgers)


def time_passes(*addresses: str, seconds: int = 3_000) -> None:
    """Make ledgers look as they would after `seconds` (less than a day): leases run out, values age, what was to come is due."""
    now = int(time.time())
    for address in addresses:
        ledger = Ledger.find(pk_of(address))
        assert ledger is not None
        actions = [
            getattr(Ledger, name).set(getattr(ledger, name) - seconds)
            for name in ('updated_at', 'attempted_at', 'lease_until', 'due_at')
            if getattr(ledger, name) is not None
        ]
        ledger.update([*actions, Ledger.created_at.set(now - seconds)])


def circuits_rest() -> None:
    """Let every circuit breaker's rest be over; their failures stay on record."""
    for key in UPSTREAMS:
        UpstreamState.at(key).update([UpstreamState.kind.set(UpstreamState), UpstreamState.open_until.set(0)])


def state(address: str) -> Ledger:
    """Return the state of a ledger that must be there."""
    ledger = Ledger.find(pk_of(address))
    assert ledger is not None
    return ledger


def rows(address: str) -> list[tuple[str, Decimal, Decimal | None, int, int]]:
    """Return the stored transactions, newest first: reference, delta, fee, time, height."""
    return [_row(transaction) for transaction in Transaction.every(pk_of(address))]


def _row(transaction: Transaction) -> tuple[str, Decimal, Decimal | None, int, int]:
    return (transaction.reference, transaction.delta, transaction.fee, transaction.txn_at, transaction.height)


def expected_rows(txns: Sequence[Txn]) -> list[tuple[str, Decimal, Decimal | None, int, int]]:
    """Return what should be stored of an explorer's confirmed transactions."""
    found = [
        (txn.txid, Decimal(txn.delta) / 10**8, Decimal(txn.fee) / 10**8 if txn.sent else Decimal(0), txn.time, txn.height)
        for txn in txns
        if txn.height is not None
    ]
    return sorted(found, key=lambda row: (row[3], row[0]), reverse=True)


def assert_whole(address: str, txns: Sequence[Txn], incomplete: str | None = None) -> None:
    """Assert that a ledger is exactly `txns`, that its cursor adds up, and that it rests."""
    ledger = state(address)
    stored = list(Transaction.every(ledger.pk))
    assert sorted(map(_row, stored)) == sorted(expected_rows(txns))
    confirmed = [txn for txn in txns if txn.height is not None]
    [held] = ledger.holdings
    assert (held.balance, held.transactions) == (Decimal(sum(txn.delta for txn in confirmed)) / 10**8, len(confirmed))
    assert ledger.incomplete == incomplete
    assert (ledger.lease_owner, ledger.lease_until) == (None, None)
    assert ledger.due_at > time.time(), f'due {time.time() - ledger.due_at} s ago'
    _assert_cursor_adds_up(ledger, stored)


def _assert_cursor_adds_up(ledger: Ledger, stored: Sequence[Transaction]) -> None:
    height = ledger.cursor.settled_height
    settled = [row for row in stored if row.height <= height]
    tally = ledger.cursor.tallies().get('btc')
    assert (tally.number, tally.sum) == (len(settled), sum(row.delta for row in settled)) if tally else not settled
    assert set(ledger.cursor.unsettled) == {sk_of(row.entry()) for row in stored if row.height > height}
    assert ledger.cursor.resume is None


def watchers(address: str) -> int:
    return len(Watch.every(pk_of(address)))


def table() -> list[Json]:
    """Return every item of the table, raw."""
    found: list[Json] = boto3.client('dynamodb').scan(TableName=settings().table_name)['Items']
    return sorted(found, key=lambda item: (item['pk']['S'], item['sk']['S']))


class Killed(BaseException):
    """The process died: no handler of ours sees it."""


@contextmanager
def killed_after(writes: int) -> Iterator[list[str]]:
    """Die right after the write request number `writes`; nothing more leaves this process. Yields the writes made."""
    events = Item.connection().client.meta.events
    made: list[str] = []

    def before(model: Any, **_: Any) -> None:
        if len(made) >= writes:
            raise Killed

    def after(model: Any, **_: Any) -> None:
        if model.name in MUTATIONS:
            made.append(model.name)
            if len(made) == writes:
                raise Killed

    events.register('before-call.dynamodb', before)
    events.register('after-call.dynamodb', after)
    try:
        yield made
    finally:
        events.unregister('before-call.dynamodb', before)
        events.unregister('after-call.dynamodb', after)


def survives(act: Callable[[], Any], writes: int) -> bool:
    """Run `act` and kill it after `writes` writes; say whether it came to its end before."""
    try:
        with killed_after(writes):
            act()
    except Killed:
        return False
    return True


@contextmanager
def meanwhile(operation: str, act: Callable[[], Any], *, number: int = 1) -> Iterator[None]:
    """Do something else right after the answer to the `number`th DynamoDB request of a kind."""
    events = Item.connection().client.meta.events
    seen: list[str] = []

    def after(model: Any, **_: Any) -> None:
        seen.append(model.name)
        if len(seen) == number:
            act()

    events.register(f'after-call.dynamodb.{operation}', after)
    try:
        yield
    finally:
        events.unregister(f'after-call.dynamodb.{operation}', after)
    assert len(seen) >= number, f'{operation} was called {len(seen)} times'


class _Raw:
    """The body of an HTTP response as botocore reads it."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self) -> Iterator[bytes]:
        yield self._body


@contextmanager
def refusing(
    code: str, times: int | None = None, operations: Sequence[str] = (), unless: Callable[[], bool] = lambda: False
) -> Iterator[list[str]]:
    """Let DynamoDB refuse requests with an error code, `times` of them or all; yields the refused operations."""
    events = Item.connection().client.meta.events
    refused: list[str] = []

    def before_send(request: Any, event_name: str, **_: Any) -> Any:
        operation = event_name.rsplit('.', 1)[1]
        if (operations and operation not in operations) or (times is not None and len(refused) >= times) or unless():
            return None
        refused.append(operation)
        request.headers['X-Amz-Target'] = 'DynamoDB_20120810.ListTables'  # moto still carries out what it is sent
        body = json.dumps({'__type': f'com.amazonaws.dynamodb.v20120810#{code}', 'message': 'refused'}).encode()
        return AWSResponse(request.url, 400, {'x-amzn-requestid': 'test'}, _Raw(body))

    events.register_first('before-send.dynamodb', before_send)
    try:
        yield refused
    finally:
        events.unregister('before-send.dynamodb', before_send)
