"""A DynamoDB for one table that takes little time itself, so that a benchmark measures what asks it: DurableTable without moto's part.

Batches, and queries that filter by the kind of item at most, are answered straight from the store: in the order of keys, by pages of a
megabyte, with the units that AWS would count. Whatever has a condition is carried out by moto, as before.
"""

import json
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

from benchmarks import units
from infra.durable.definition import Definition
from infra.durable.dynamodb import DurableTable, Json, Wsgi
from infra.durable.store import Key, Store

_PAGE = 1_000_000  # bytes of a response
_KINDS = re.compile(r'(#\w+) IN \((:\w+(?:, :\w+)*)\)')


class ThinTable(DurableTable):
    """`requests` counts by operation what it was asked, `units` the capacity that AWS would count for what it answered itself."""

    def __init__(self, moto: Wsgi, store: Store, definition: Definition, name: str, account: str, region: str) -> None:
        super().__init__(moto, store, definition, name, account, region)
        self.requests: Counter[str] = Counter()
        self.units: Counter[str] = Counter()
        self._table = name

    def _answer(self, operation: str, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        self.requests[operation] += 1
        body = environ['wsgi.input'].read(int(environ.get('CONTENT_LENGTH') or 0))
        answer = self._straight(operation, json.loads(body))
        if answer is None:
            return super()._answer(operation, environ | {'wsgi.input': _Read(body)}, start_response)
        start_response('200 OK', [('Content-Type', 'application/x-amz-json-1.0'), ('Content-Length', str(len(answer)))])
        return [answer]

    def _straight(self, operation: str, request: Json) -> bytes | None:
        """Return the answer, None if it takes moto to give it."""
        if operation == 'BatchGetItem':
            return self._get(request['RequestItems'][self._table])
        if operation == 'BatchWriteItem':
            return self._put(request['RequestItems'][self._table])
        if operation == 'Query' and not {'ProjectionExpression', 'IndexName', 'Select'} & request.keys():
            filtered = request.get('FilterExpression')
            if filtered is None or _KINDS.fullmatch(filtered):
                return self._query(request)
        return None

    def _get(self, wanted: Json) -> bytes:
        items = list(self._store.get((key['pk']['S'], key['sk']['S']) for key in wanted['Keys']).values())
        read = units.of_batch(len(wanted['Keys']), list(map(json.loads, items)), consistent=wanted.get('ConsistentRead', False))
        self.units['read'] += read
        return self._body(f'"Responses":{{"{self._table}":[{",".join(items)}]}},"UnprocessedKeys":{{}}', [self._consumed(read)])

    def _put(self, requests: list[Json]) -> bytes:
        puts: dict[Key, str] = {}
        deletes: list[Key] = []
        written = 0
        for one in requests:
            if 'PutRequest' in one:
                item = one['PutRequest']['Item']
                puts[item['pk']['S'], item['sk']['S']] = json.dumps(item, separators=(',', ':'))
                written += units.of_write(item)
            else:
                key = one['DeleteRequest']['Key']
                deletes.append((key['pk']['S'], key['sk']['S']))
                written += 1
        self._store.write(puts, deletes)
        self.units['write'] += written
        return self._body('"UnprocessedItems":{}', [self._consumed(written)])

    def _query(self, request: Json) -> bytes:
        size, scanned, last = 0, 0, None
        items: list[str] = []
        is_wanted = _kind_filter(request)
        for key, text in self._queried(request):
            if size >= _PAGE or scanned == request.get('Limit'):
                break
            item = json.loads(text)
            size, scanned, last = size + units.size(item), scanned + 1, key
            if is_wanted(item):
                items.append(text)
        else:
            last = None
        read = units.of_query(size, consistent=request.get('ConsistentRead', False))
        self.units['read'] += read
        more = '' if last is None else f',"LastEvaluatedKey":{json.dumps({"pk": {"S": last[0]}, "sk": {"S": last[1]}})}'
        content = f'"Items":[{",".join(items)}],"Count":{len(items)},"ScannedCount":{scanned}{more}'
        return self._body(content, self._consumed(read))

    def _consumed(self, consumed: float) -> Json:
        return {'TableName': self._table, 'CapacityUnits': consumed}

    @staticmethod
    def _body(content: str, consumed: Any) -> bytes:
        return f'{{{content},"ConsumedCapacity":{json.dumps(consumed)}}}'.encode()


class _Read:
    """A body that was read already."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def read(self, _: int = -1) -> bytes:
        return self._body


def _kind_filter(request: Json) -> Callable[[Json], bool]:
    """Return what tells whether a stored item passes the filter of a query."""
    filtered = _KINDS.fullmatch(request.get('FilterExpression', ''))
    if filtered is None:
        return lambda _: True
    name = request['ExpressionAttributeNames'][filtered[1]]
    values = [request['ExpressionAttributeValues'][one]['S'] for one in filtered[2].split(', ')]
    return lambda item: item.get(name, {}).get('S') in values
