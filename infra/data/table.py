"""Raw access to the one table: items exactly as DynamoDB holds them. Knows keys and kinds, nothing of what is in an item."""

import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

THREADS = 8
_ATTEMPTS = 12
_MOST_WRITTEN = 25  # items in one BatchWriteItem
_MOST_READ = 100  # keys in one BatchGetItem
_PAGE = 1_000  # items in one answer; DynamoDB itself ends one at a megabyte
_LONGEST_PAUSE = 10

Raw = dict[str, Any]
Key = tuple[str, str]
T = TypeVar('T')


class Problem(Exception):
    """What stops a command; the message says what it is and what to do about it."""


class Rows(NamedTuple):
    """Items of one request, and the key to go on after, None when there are no more."""

    items: list[Raw]
    after: Raw | None


class Table:
    """One table by name, in the account and at the endpoint that the environment leads to."""

    def __init__(self, name: str) -> None:
        self.name = name
        retries: Any = {'mode': 'standard', 'total_max_attempts': 10}
        self.client: DynamoDBClient = boto3.client('dynamodb', config=Config(max_pool_connections=2 * THREADS, retries=retries))

    def scan(self, segment: int, segments: int, after: Raw | None, **options: Any) -> Rows:
        """Return a page of a segment of the table, at most a megabyte."""
        asked: dict[str, Any] = {'Segment': segment, 'TotalSegments': segments, 'Limit': _PAGE} | options | _start(after)
        answer = self.client.scan(TableName=self.name, ConsistentRead=True, **asked)
        return Rows(answer['Items'], answer.get('LastEvaluatedKey'))

    def query(self, pk: str, after: Raw | None) -> Rows:
        """Return a page of a partition, at most a megabyte."""
        asked: dict[str, Any] = {'KeyConditionExpression': 'pk = :pk', 'ExpressionAttributeValues': {':pk': {'S': pk}}, 'Limit': _PAGE}
        answer = self.client.query(TableName=self.name, ConsistentRead=True, **asked, **_start(after))
        return Rows(answer['Items'], answer.get('LastEvaluatedKey'))

    def partition(self, pk: str) -> Iterator[Raw]:
        """Yield all items of a partition."""
        rows = self.query(pk, None)
        yield from rows.items
        while rows.after:
            rows = self.query(pk, rows.after)
            yield from rows.items

    def get(self, keys: Iterable[Key]) -> dict[Key, Raw]:
        """Return those of the items that are there, by key."""
        found = self.parallel(self._get_batch, _batches([as_raw(key) for key in dict.fromkeys(keys)], _MOST_READ))
        return {key_of(item): item for batch in found for item in batch}

    def put(self, items: Iterable[Raw]) -> None:
        """Write items over whatever is there."""
        self._write([{'PutRequest': {'Item': item}} for item in items])

    def delete(self, keys: Iterable[Key]) -> None:
        """Delete items; those not there are passed over."""
        self._write([{'DeleteRequest': {'Key': as_raw(key)}} for key in keys])

    def put_if(self, item: Raw, condition: str, **values: Any) -> bool:
        """Write an item if `condition` holds, in which `values` are named with a colon; say whether it did."""
        return self._unless_refused(self.client.put_item, Item=item, ConditionExpression=condition, **_named(values))

    def update_if(self, key: Key, update: str, condition: str, **values: Any) -> bool:
        """Update an item if `condition` holds, see `put_if`."""
        conditions = {'UpdateExpression': update, 'ConditionExpression': condition}
        return self._unless_refused(self.client.update_item, Key=as_raw(key), **conditions, **_named(values))

    def parallel(self, do: Callable[[Any], T], these: Iterable[Any]) -> list[T]:
        """Do something with each of these, several at a time. Raises the first of what was raised."""
        with ThreadPoolExecutor(THREADS) as pool:
            return list(pool.map(do, these))

    def _unless_refused(self, write: Callable[..., Any], **options: Any) -> bool:
        attempt = 0
        while True:
            try:
                write(TableName=self.name, **options)
                return True
            except self.client.exceptions.ConditionalCheckFailedException:
                return False
            except self.client.exceptions.TransactionConflictException:  # a transaction on the same item is under way
                attempt = self._pause(attempt)

    def _get_batch(self, keys: list[Raw]) -> list[Raw]:
        found: list[Raw] = []
        attempt = 0
        while keys:
            answer = self.client.batch_get_item(RequestItems={self.name: {'Keys': keys, 'ConsistentRead': True}})
            found += answer['Responses'][self.name]
            left: Any = answer.get('UnprocessedKeys') or {}
            keys = left.get(self.name, {}).get('Keys', [])
            attempt = self._pause(attempt) if keys else 0
        return found

    def _write(self, requests: Sequence[Any]) -> None:
        self.parallel(self._write_batch, _batches(requests, _MOST_WRITTEN))

    def _write_batch(self, requests: list[Any]) -> None:
        attempt = 0
        while requests:
            answer = self.client.batch_write_item(RequestItems={self.name: requests})
            requests = list(answer.get('UnprocessedItems', {}).get(self.name, []))
            attempt = self._pause(attempt) if requests else 0

    def _pause(self, attempt: int) -> int:
        """Wait longer after each attempt; return the number of the next. Raises Problem after the last."""
        if attempt == _ATTEMPTS:
            raise Problem(f'{self.name} is throttled and takes no more; try again later')
        time.sleep(random.uniform(0, min(_LONGEST_PAUSE, 0.05 * 2**attempt)))
        return attempt + 1


def _batches(these: Sequence[T], size: int) -> list[list[T]]:
    return [list(these[start : start + size]) for start in range(0, len(these), size)]


def _start(after: Raw | None) -> dict[str, Any]:
    return {'ExclusiveStartKey': after} if after else {}


def _named(values: dict[str, Any]) -> dict[str, Any]:
    return {'ExpressionAttributeValues': {f':{name}': value for name, value in values.items()}} if values else {}


def as_raw(key: Key) -> Raw:
    return {'pk': {'S': key[0]}, 'sk': {'S': key[1]}}


def key_of(item: Raw) -> Key:
    return item['pk']['S'], item['sk']['S']


def kind_of(item: Raw) -> str:
    """Return the kind of an item, as its model's discriminator names it; empty when it has none."""
    kind: str = item.get('kind', {}).get('S', '')
    return kind
