"""The table as it is, and requests to it that fail, come late, or are the last that a process sends."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.awsrequest import AWSResponse
from botocore.exceptions import BotoCoreError, ReadTimeoutError

from chalicelib.config import settings
from chalicelib.models import Item

SINGLE_WRITES = ('PutItem', 'UpdateItem', 'DeleteItem')
MUTATIONS = (*SINGLE_WRITES, 'BatchWriteItem', 'TransactWriteItems')

Json = dict[str, Any]


def table() -> list[Json]:
    """Return every item of the table, raw."""
    pages = boto3.client('dynamodb').get_paginator('scan').paginate(TableName=settings().table_name)
    found: list[Json] = [item for page in pages for item in page['Items']]
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


@contextmanager
def before_write(number: int, act: Callable[[], Any], partition: str = '') -> Iterator[list[str]]:
    """Do something else right before write request number `number` of those that name a partition; yields these, without those of `act`."""
    events = Item.connection().client.meta.events
    writes: list[str] = []
    acting: list[bool] = []

    def before(model: Any, params: Any, **_: Any) -> None:
        if model.name in MUTATIONS and not acting and partition.encode() in params['body']:
            writes.append(model.name)
            if len(writes) == number:
                acting.append(True)
                act()
                acting.clear()

    events.register('before-call.dynamodb', before)
    try:
        yield writes
    finally:
        events.unregister('before-call.dynamodb', before)


class RawBody:
    """The body of an HTTP response as botocore reads it."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self) -> Iterator[bytes]:
        yield self._body


@contextmanager
def answers_lost(operations: Sequence[str] = SINGLE_WRITES) -> Iterator[list[str]]:
    """Lose each first answer of DynamoDB to a request that it carried out, so that botocore sends that again; yields the operations."""
    events = Item.connection().client.meta.events
    lost: list[str] = []

    def needs_retry(response: tuple[Any, Json] | None, operation: Any, attempts: int, **_: Any) -> int | None:
        if operation.name not in operations or attempts > 1 or response is None or response[0].status_code != 200:
            return None
        lost.append(operation.name)
        return 0

    events.register('needs-retry.dynamodb', needs_retry)
    try:
        yield lost
    finally:
        events.unregister('needs-retry.dynamodb', needs_retry)


@contextmanager
def cancelled_when_repeated() -> Iterator[list[str]]:
    """Lose each first answer to a transaction, and cancel it for a conflict when botocore sends it again; yields its tokens.

    After that it is recognised, as DynamoDB does and moto does not.
    """
    events = Item.connection().client.meta.events
    carried_out: dict[str, Json] = {}
    cancelled: list[str] = []

    def before_send(request: Any, **_: Any) -> Any:
        sent = json.loads(request.body)
        token = sent['ClientRequestToken']
        if token not in carried_out:
            return None
        assert sent == carried_out[token], 'DynamoDB refuses a token that comes with other writes'
        request.headers['X-Amz-Target'] = 'DynamoDB_20120810.ListTables'  # moto still carries out what it is sent
        if token in cancelled:
            return AWSResponse(request.url, 200, {'x-amzn-requestid': 'test'}, RawBody(b'{}'))
        cancelled.append(token)
        reasons = [{'Code': 'TransactionConflict'}, *({'Code': 'None'} for _ in sent['TransactItems'][1:])]
        body = {'__type': 'com.amazonaws.dynamodb.v20120810#TransactionCanceledException', 'message': 'x', 'CancellationReasons': reasons}
        return AWSResponse(request.url, 400, {'x-amzn-requestid': 'test'}, RawBody(json.dumps(body).encode()))

    def needs_retry(response: tuple[Any, Json] | None, request_dict: Json, **_: Any) -> int | None:
        sent = json.loads(request_dict['body'])
        if response is None or response[0].status_code != 200 or sent['ClientRequestToken'] in carried_out:
            return None
        carried_out[sent['ClientRequestToken']] = sent
        return 0

    events.register_first('before-send.dynamodb.TransactWriteItems', before_send)
    events.register('needs-retry.dynamodb.TransactWriteItems', needs_retry)
    try:
        yield cancelled
    finally:
        events.unregister('before-send.dynamodb.TransactWriteItems', before_send)
        events.unregister('needs-retry.dynamodb.TransactWriteItems', needs_retry)


@contextmanager
def no_answers(operations: Sequence[str] = (), failure: type[BotoCoreError] = ReadTimeoutError) -> Iterator[None]:
    """Let requests to DynamoDB end without an answer: they time out, or fail as `failure` says."""
    events = Item.connection().client.meta.events

    def before_send(request: Any, event_name: str, **_: Any) -> None:
        if not operations or event_name.rsplit('.', 1)[1] in operations:
            raise failure(endpoint_url=request.url, error=OSError())

    events.register_first('before-send.dynamodb', before_send)
    try:
        yield
    finally:
        events.unregister('before-send.dynamodb', before_send)


@contextmanager
def refusing(
    code: str,
    times: int | None = None,
    operations: Sequence[str] = (),
    unless: Callable[[], bool] = lambda: False,
    status: int = 400,
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
        return AWSResponse(request.url, status, {'x-amzn-requestid': 'test'}, RawBody(body))

    events.register_first('before-send.dynamodb', before_send)
    try:
        yield refused
    finally:
        events.unregister('before-send.dynamodb', before_send)
