"""The capacity units that AWS counts for requests to DynamoDB, by the items that they read and write; moto counts otherwise."""

import math
from typing import Any

_READ, _WRITTEN = 4_096, 1_024
_TYPES = ('S', 'N', 'B', 'BOOL', 'NULL', 'L', 'M', 'SS', 'NS', 'BS')

Json = dict[str, Any]


def size(value: Any) -> int:
    """Return about how many bytes AWS counts for an item in DynamoDB's JSON, or for a part of it."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(len(name) * (name not in _TYPES) + size(part) for name, part in value.items())
    return sum(map(size, value)) if isinstance(value, list) else 1


def of_write(item: Json) -> int:
    """Return the units of writing an item."""
    return math.ceil(size(item) / _WRITTEN)


def of_query(items_size: int, *, consistent: bool) -> float:
    """Return the units of a query that read so many bytes."""
    return max(1, math.ceil(items_size / _READ)) * (1 if consistent else 0.5)


def of_batch(keys: int, items: list[Json], *, consistent: bool) -> float:
    """Return the units of getting items by so many keys; one that is not there takes as much as a small one."""
    return (keys - len(items) + sum(math.ceil(size(item) / _READ) for item in items)) * (1 if consistent else 0.5)


def of_read(operation: str, request: Json, answer: Json) -> float:
    """Return the units of a request by what was answered, none of one that reads nothing."""
    if operation == 'BatchGetItem':
        wanted = request['RequestItems'].items()
        found = answer['Responses']
        return sum(of_batch(len(one['Keys']), found.get(table, []), consistent=one.get('ConsistentRead', False)) for table, one in wanted)
    consistent = request.get('ConsistentRead', False)
    if operation == 'Query':
        return of_query(sum(map(size, answer['Items'])), consistent=consistent)
    return of_batch(1, [answer['Item']] if 'Item' in answer else [], consistent=consistent) if operation == 'GetItem' else 0
