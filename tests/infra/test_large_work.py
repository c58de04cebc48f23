"""Requests that have read much go on two at a time, first of who has read least; and one more of who has read little."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest

from infra.local import large_work
from infra.local.large_work import LargeWork, before_reads
from tests.support.processes import PATIENCE_SECONDS, wait_until


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(10) as pool:
        yield pool


def go_on_in_turn(work: LargeWork, pool: ThreadPoolExecutor, first: str, requests: dict[str, int]) -> list[str]:
    """Have requests, which read so much, wait that each end as soon as they go on, until `first` ends; return them as they went on.

    Each is named by its caller and a digit.
    """
    order: list[str] = []

    def go_on(request: str, has_read: int) -> None:
        work.wait(request, request[:-1], has_read)
        order.append(request)
        work.end(request)

    waiting = []
    for number, (request, has_read) in enumerate(requests.items(), 1):
        waiting.append(pool.submit(go_on, request, has_read))
        wait_until(lambda number=number: len(work._waiting) == number)  # type: ignore[misc]
    work.end('somebody who does not go on')
    assert order == []
    work.end(first)
    for one in waiting:
        one.result(PATIENCE_SECONDS)
    return order


def test_so_many_go_on_at_a_time_and_those_as_often_as_they_like(pool: ThreadPoolExecutor) -> None:
    work = LargeWork(2, little=0)
    for request, has_read in (('ann1', 10), ('bob1', 10), ('ann1', 20), ('bob1', 20)):
        work.wait(request, request[:-1], has_read)

    assert go_on_in_turn(work, pool, 'ann1', {'eve1': 10}) == ['eve1']


def test_the_next_is_of_who_has_read_least(pool: ThreadPoolExecutor) -> None:
    """However many of somebody else's wait."""
    work = LargeWork(1, little=0)
    work.wait('ann1', 'ann', 100)

    order = go_on_in_turn(work, pool, 'ann1', {'mallory1': 10, 'mallory2': 10, 'mallory3': 10, 'ann2': 10, 'eve1': 20, 'bob1': 19})

    assert order == ['bob1', 'eve1', 'mallory1', 'mallory2', 'mallory3', 'ann2']


def test_who_has_read_more_than_one_who_waits_lets_that_one_go_first(pool: ThreadPoolExecutor) -> None:
    work = LargeWork(1, little=0)
    work.wait('mallory1', 'mallory', 10)
    small = pool.submit(work.wait, 'ann1', 'ann', 12)
    wait_until(lambda: 'ann1' in work._waiting)
    work.wait('mallory1', 'mallory', 11)
    assert not small.done()

    large = pool.submit(work.wait, 'mallory1', 'mallory', 30)
    small.result(PATIENCE_SECONDS)
    work.wait('ann1', 'ann', 25)
    assert not large.done()
    work.end('ann1')
    large.result(PATIENCE_SECONDS)


def test_one_more_goes_on_of_somebody_who_has_read_little(pool: ThreadPoolExecutor) -> None:
    """It does not wait until those that have read much are worked out, which is long after their last read."""
    work = LargeWork(1, little=40)
    work.wait('ann1', 'ann', 100)
    large = pool.submit(work.wait, 'mallory1', 'mallory', 41)
    wait_until(lambda: 'mallory1' in work._waiting)
    work.wait('bob1', 'bob', 39)
    small = pool.submit(work.wait, 'eve1', 'eve', 10)
    wait_until(lambda: 'eve1' in work._waiting)

    work.end('bob1')
    small.result(PATIENCE_SECONDS)
    work.end('eve1')
    assert not large.done()
    work.end('ann1')
    large.result(PATIENCE_SECONDS)


def test_several_threads_of_a_request_go_on_together(pool: ThreadPoolExecutor) -> None:
    work = LargeWork(1, little=0)
    work.wait('ann1', 'ann', 10)
    threads = [pool.submit(work.wait, 'bob1', 'bob', 10 + number) for number in (2, 0, 1)]
    wait_until(lambda: work._read_for.get('bob1') == 12 and 'bob1' in work._waiting)
    assert not any(thread.done() for thread in threads)

    work.end('ann1')
    for thread in threads:
        thread.result(PATIENCE_SECONDS)
    work.end('bob1')
    work.wait('eve1', 'eve', 10)


def test_what_was_read_before_counts_ever_less(pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1_000.0]
    monkeypatch.setattr(large_work, 'monotonic', lambda: now[0])
    work = LargeWork(1, little=0)
    work.wait('ann1', 'ann', 300)
    work.end('ann1')
    now[0] += 20  # by then it counts as a sixteenth: 18.75
    work.wait('mallory1', 'mallory', 10)

    assert go_on_in_turn(work, pool, 'mallory1', {'bob1': 29, 'ann2': 10, 'eve1': 28}) == ['eve1', 'ann2', 'bob1']
    assert not work._read_for


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
