"""An empty table and empty queues for each test.

In moto, which is in this process, they are made once and then emptied, which takes no request; the emulator makes them anew.
"""

import json
import os
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto.backends import get_backend
from moto.core import DEFAULT_ACCOUNT_ID

from chalicelib.config import settings
from chalicelib.models import Item

_IS_EMULATED = 'EMULATOR_URL' in os.environ


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
        _backend('dynamodb').tables[Item.Meta.table_name].items.clear()


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
    if _IS_EMULATED:
        sqs = boto3.client('sqs')
        for url in _queues_made.values():
            sqs.delete_queue(QueueUrl=url)
        _queues_made.clear()
    else:
        for queue in _backend('sqs').queues.values():  # PurgeQueue would do so once a minute
            for messages in (queue._messages, queue._pending_messages, queue.deleted_messages):
                messages.clear()


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
