"""Requests that have read much go on two at a time, of whoever has fewest."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest

from infra.local.large_work import LargeWork, before_reads
from tests.support.processes import PATIENCE_SECONDS, wait_until


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(10) as pool:
        yield pool


def go_on_in_turn(work: LargeWork, pool: ThreadPoolExecutor, first: str, requests: list[str]) -> list[str]:
    """Have requests wait that each end as soon as they go on, until `first` ends; return them as they went on.

    Each is named by its caller and a digit.
    """
    order: list[str] = []

    def go_on(request: str) -> None:
        work.wait(request, request[:-1])
        order.append(request)
        work.end(request)

    waiting = []
    for number, request in enumerate(requests, 1):
        waiting.append(pool.submit(go_on, request))
        wait_until(lambda number=number: len(work._waiting) == number)  # type: ignore[misc]
    work.end('somebody who does not go on')
    assert order == []
    work.end(first)
    for one in waiting:
        one.result(PATIENCE_SECONDS)
    return order


def test_so_many_go_on_at_a_time_and_those_as_often_as_they_like(pool: ThreadPoolExecutor) -> None:
    work = LargeWork(2)
    for request in ('ann1', 'bob1', 'ann1', 'bob1'):
        work.wait(request, request[:-1])

    assert go_on_in_turn(work, pool, 'ann1', ['eve1']) == ['eve1']


def test_the_next_is_of_whose_last_is_longest_ago(pool: ThreadPoolExecutor) -> None:
    """However many of somebody else's wait."""
    work = LargeWork(1)
    work.wait('ann1', 'ann')

    order = go_on_in_turn(work, pool, 'ann1', ['mallory1', 'mallory2', 'mallory3', 'ann2', 'eve1'])

    assert order == ['mallory1', 'eve1', 'ann2', 'mallory2', 'mallory3']


def test_the_next_is_of_who_has_fewest(pool: ThreadPoolExecutor) -> None:
    work = LargeWork(2)
    for request in ('mallory1', 'eve1'):
        work.wait(request, request[:-1])

    assert go_on_in_turn(work, pool, 'eve1', ['mallory2', 'eve2']) == ['eve2', 'mallory2']


def test_the_threads_of_a_request_go_on_together(pool: ThreadPoolExecutor) -> None:
    """They read for one answer, and the request is over when all of them are."""
    work = LargeWork(1)
    work.wait('ann1', 'ann')
    threads = [pool.submit(work.wait, 'bob1', 'bob') for _ in range(4)]
    wait_until(lambda: len(work._changing._waiters) == 4)  # type: ignore[attr-defined]
    assert not any(thread.done() for thread in threads)

    work.end('ann1')
    for thread in threads:
        thread.result(PATIENCE_SECONDS)
    work.end('bob1')
    work.wait('eve1', 'eve')


def test_reads_of_many_items_wait_and_nothing_else_does() -> None:
    client = boto3.client('dynamodb')
    waited: list[str] = []
    before_reads(client.meta.events, lambda: waited.append('waited'))
    client.meta.events.register('before-call.dynamodb', lambda model, **_: waited.append(model.name))
    client.create_table(
        TableName='large-work',
        KeySchema=[{'AttributeName': 'pk', 'KeyType': 'HASH'}],
        AttributeDefinitions=[{'AttributeName': 'pk', 'AttributeType': 'S'}],
        BillingMode='PAY_PER_REQUEST',
    )
    waited.clear()

    key = {'pk': {'S': 'a'}}
    client.put_item(TableName='large-work', Item=key)
    client.get_item(TableName='large-work', Key=key)
    client.query(TableName='large-work', KeyConditionExpression='pk = :pk', ExpressionAttributeValues={':pk': key['pk']})
    client.batch_get_item(RequestItems={'large-work': {'Keys': [key]}})

    assert sorted(waited) == sorted(['PutItem', 'GetItem', 'waited', 'Query', 'waited', 'BatchGetItem'])
