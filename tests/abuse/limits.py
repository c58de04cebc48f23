"""What DynamoDB refuses and emulations may carry out.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html and Constraints.html
"""

import json
from collections.abc import Iterator
from typing import Any

MOST_KEY_BYTES = {'pk': 2_048, 'sk': 1_024}
MOST_ITEM_BYTES = 400_000
MOST_EXPRESSION_BYTES = 4_096
MOST_PARTS = {'BatchGetItem': 100, 'BatchWriteItem': 25, 'TransactWriteItems': 100}
EXPRESSIONS = ('ConditionExpression', 'UpdateExpression', 'KeyConditionExpression', 'FilterExpression', 'ProjectionExpression')

Json = dict[str, Any]


def why_invalid(operation: str, body: Json) -> str | None:
    """Return why DynamoDB would refuse a request, None if it would not."""
    return next((reason for reason in _reasons(operation, body)), None)


def _reasons(operation: str, body: Json) -> Iterator[str]:
    parts = list(PARTS.get(operation, _single)(body))
    if operation in MOST_PARTS and not 0 < len(parts) <= MOST_PARTS[operation]:
        yield f'{len(parts)} items in one request'
    keys = [_key_of(part) for part in parts]
    if len(set(keys)) < len(keys):
        yield 'one key twice'
    sizes = [(name, len(text.encode())) for key in keys for name, text in zip(MOST_KEY_BYTES, key, strict=True)]
    yield from (f'{name} of {size} bytes' for name, size in sizes if not 0 < size <= MOST_KEY_BYTES[name])
    yield from ('an item over 400 KB' for part in parts if len(json.dumps(part.get('Item', {}))) > 2 * MOST_ITEM_BYTES)
    expressions = [part.get(name, '') for part in (body, *parts) for name in EXPRESSIONS]
    yield from ('an expression over 4 KB' for text in expressions if len(text.encode()) > MOST_EXPRESSION_BYTES)


def _single(body: Json) -> Iterator[Json]:
    if 'Key' in body or 'Item' in body:
        yield body


def _of_transaction(body: Json) -> Iterator[Json]:
    return (write for part in body['TransactItems'] for write in part.values())


def _of_batch_write(body: Json) -> Iterator[Json]:
    return (write for requests in body['RequestItems'].values() for request in requests for write in request.values())


def _of_batch_get(body: Json) -> Iterator[Json]:
    return ({'Key': key} for wanted in body['RequestItems'].values() for key in wanted['Keys'])


PARTS = {'TransactWriteItems': _of_transaction, 'BatchWriteItem': _of_batch_write, 'BatchGetItem': _of_batch_get}


def _key_of(part: Json) -> tuple[str, str]:
    key = part.get('Key') or part['Item']
    return key['pk']['S'], key['sk']['S']
