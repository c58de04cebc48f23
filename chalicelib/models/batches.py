"""Batches of items: what DynamoDB leaves unprocessed is sent again after a pause.

PynamoDB sends it again at once, gives up writing after three attempts and never gives up reading.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from chalicelib import errors
from chalicelib.models.retries import BATCH_ATTEMPTS, attempts

MOST_READ = 100  # keys in one BatchGetItem
_MOST_WRITTEN = 25  # items in one BatchWriteItem

Raw = dict[str, Any]  # an item or key as DynamoDB has it


def read(client: Any, table: str, keys: Iterable[Raw], *, consistent: bool) -> Iterator[Raw]:
    """Yield the items that have these keys, 100 at most. Raises Busy when some stay unprocessed at every attempt."""
    wanted: Raw = {'Keys': list(keys), 'ConsistentRead': consistent}
    for _ in attempts(BATCH_ATTEMPTS):
        answer = client.batch_get_item(RequestItems={table: wanted}, ReturnConsumedCapacity='TOTAL')
        yield from answer['Responses'].get(table, [])
        wanted = (answer.get('UnprocessedKeys') or {}).get(table, {})
        if not wanted:
            return
    raise errors.Busy


def write(client: Any, table: str, requests: Iterable[Raw]) -> None:
    """Carry out PutRequests and DeleteRequests, no two of one key. Raises Busy when some stay unprocessed at every attempt."""
    left = iter(requests)
    while batch := list(islice(left, _MOST_WRITTEN)):
        _write_batch(client, table, batch)


def _write_batch(client: Any, table: str, batch: list[Raw]) -> None:
    for _ in attempts(BATCH_ATTEMPTS):
        answer = client.batch_write_item(RequestItems={table: batch}, ReturnConsumedCapacity='TOTAL')
        batch = (answer.get('UnprocessedItems') or {}).get(table, [])
        if not batch:
            return
    raise errors.Busy
