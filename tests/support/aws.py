"""An empty table and empty queues for each test.

In moto, which is in this process, they are made once and then emptied, which takes no request. The emulator makes the table anew, and its
queues are purged, where one request of its own says that there is something in them.
"""

import json
import os
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import boto3
import pytest
import requests
from moto.backends import get_backend
from moto.core import DEFAULT_ACCOUNT_ID

from chalicelib.config import settings
from chalicelib.http_io import rate_limiter
from chalicelib.models import Item
from chalicelib.services import job_runs
from chalicelib.services.rates import current

T = TypeVar('T')
Partitions = dict[Any, dict[Any, Any]]

_IS_EMULATED = 'EMULATOR_URL' in os.environ
_BATCH_SIZE = 25


def _backend(service: Any) -> Any:
    """Return what moto holds of a service."""
    return get_backend(service)[DEFAULT_ACCOUNT_ID]['us-east-1']


@pytest.fixture
def table() -> Iterator[None]:
    """An empty table."""
    if _IS_EMULATED or Item.Meta.table_name not in _backend('dynamodb').tables:
        Item.create_table(billing_mode='PAY_PER_REQUEST')
    yield
    if _IS_EMULATED:
        Item.delete_table()
    else:
        _items().clear()


def _items() -> Partitions:
    """Return moto's items of the table by the values of their keys. Those of one key are replaced, not changed."""
    items: Partitions = _backend('dynamodb').tables[Item.Meta.table_name].items
    return items


def _read_stored() -> Partitions:
    """Return what is in the table: moto's own items, or those that the emulator answers."""
    if not _IS_EMULATED:
        return {key: partition.copy() for key, partition in _items().items()}
    stored: Partitions = {}
    for page in boto3.client('dynamodb').get_paginator('scan').paginate(TableName=Item.Meta.table_name, ConsistentRead=True):
        for item in page['Items']:
            stored.setdefault(item['pk']['S'], {})[item['sk']['S']] = item
    return stored


def _is_changed(before: Any, item: Any) -> bool:
    """Items of moto are equal if their keys are, so it is asked whether they are the same; those of the emulator are read anew."""
    return bool(item != before) if _IS_EMULATED else item is not before


def _store(stored: Partitions) -> None:
    """Put back what was read."""
    if not _IS_EMULATED:
        for key, partition in stored.items():
            _items()[key].update(partition)
        return
    puts: list[Any] = [{'PutRequest': {'Item': item}} for partition in stored.values() for item in partition.values()]
    dynamodb = boto3.client('dynamodb')
    for start in range(0, len(puts), _BATCH_SIZE):
        answer = dynamodb.batch_write_item(RequestItems={Item.Meta.table_name: puts[start : start + _BATCH_SIZE]})
        assert not answer['UnprocessedItems']


class Beginnings:
    """What many tests begin with: the first of them makes it by requests, the others find in the table what was stored by these."""

    def __init__(self) -> None:
        self._made: dict[str, tuple[Any, Partitions]] = {}

    def begin(self, name: str, make: Callable[[], T]) -> T:
        """Return what `make` returned. It may depend on other beginnings alone; messages that it sends are in no queue."""
        if name in self._made:
            made, stored = self._made[name]
            _store(stored)
            result: T = made
            return result
        before = _read_stored()
        result = make()
        forget()
        _empty_queues()
        changed = {
            key: {sort: item for sort, item in partition.items() if _is_changed(before.get(key, {}).get(sort), item)}
            for key, partition in _read_stored().items()
        }
        self._made[name] = result, changed
        return result


@pytest.fixture(scope='session')
def beginnings() -> Beginnings:
    return Beginnings()


def forget() -> None:
    """Forget the rates, the runs of jobs and the number of requests that this process remembers."""
    current.forget()
    job_runs._noted.clear()
    rate_limiter.limiter.cache_clear()


@pytest.fixture(scope='session')
def _queues_made() -> dict[str, str]:
    """The queues of this session by name, their URLs; none before the first test that needs them."""
    return {}


@pytest.fixture
def queues(_queues_made: dict[str, str]) -> Iterator[dict[str, str]]:
    """The queues, empty, each with its dead-letter queue after five receives; by name, their URLs."""
    if not _queues_made:
        _queues_made.update(_create_queues())
    yield _queues_made.copy()
    _empty_queues()


def _empty_queues() -> None:
    if _IS_EMULATED:
        sqs = boto3.client('sqs')
        for url in _list_filled_queues():
            sqs.purge_queue(QueueUrl=url)
        return
    for queue in _backend('sqs').queues.values():  # PurgeQueue would do so once a minute
        for messages in (queue._messages, queue._pending_messages, queue.deleted_messages):
            messages.clear()


def _list_filled_queues() -> list[str]:
    """Ask the emulator which of this process's queues have messages, received ones too; return their URLs."""
    account = os.environ['AWS_ACCESS_KEY_ID']
    answer = requests.get(f'{os.environ["EMULATOR_URL"]}/_ministack/sqs/messages', {'account': account}, timeout=60)
    regions: dict[str, dict[str, list[Any]]] = answer.json()['messages'].get(account, {})
    return [url for queues in regions.values() for url, messages in queues.items() if messages]


def _create_queues() -> dict[str, str]:
    sqs = boto3.client('sqs')
    urls = {}
    names = ('refresh_queue', 'accounts_queue', 'purge_queue', 'rates_queue', 'history_queue')
    for name in (getattr(settings(), one) for one in names):
        dead = sqs.create_queue(QueueName=f'{name}-dlq')['QueueUrl']
        arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=['QueueArn'])['Attributes']['QueueArn']
        redrive = json.dumps({'deadLetterTargetArn': arn, 'maxReceiveCount': 5})
        urls[f'{name}-dlq'] = dead
        urls[name] = sqs.create_queue(QueueName=name, Attributes={'RedrivePolicy': redrive})['QueueUrl']
    return urls
