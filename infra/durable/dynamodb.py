"""DynamoDB for one table whose items are in a store: moto carries out each request on the items that it is about.

Moto holds a table in memory, sorts all of it for every query and copies all of it for every transaction. So before a request its table
gets the items that the request can touch, and nothing else; after it, what changed is written to the store; then the response is sent.
Queries and scans for whole items need no moto: what is stored is what is sent.
"""

import base64
import io
import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import RESULT_SIZE_LIMIT
from moto.dynamodb.models.utilities import dynamo_json_dump
from moto.dynamodb.parsing.key_condition_expression import parse_expression

from infra.durable import capacity
from infra.durable.definition import Definition
from infra.durable.store import Condition, Key, Store

Json = dict[str, Any]
Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

_PREFIX = 'DynamoDB_20120810.'
_HOUR = 3_600
_MARKS = 15  # of `"name": {"S": "value"}, `
_ONE_OF = re.compile(r'(#\w+) IN \((:\w+(?:, :\w+)*)\)')
_WRITES = ('PutItem', 'UpdateItem', 'DeleteItem', 'BatchWriteItem', 'TransactWriteItems')
# What a query or scan for whole items of the table may name.
_PLAIN = frozenset({
    *('TableName', 'KeyConditionExpression', 'FilterExpression', 'ExpressionAttributeNames', 'ExpressionAttributeValues'),
    *('ScanIndexForward', 'Limit', 'ExclusiveStartKey', 'ConsistentRead', 'ReturnConsumedCapacity', 'Segment', 'TotalSegments'),
})  # fmt: skip


class DurableTable:
    """A WSGI application around moto's: requests to DynamoDB about the table go through the store, all others straight to moto.

    Takes one request at a time.
    """

    def __init__(self, moto: Wsgi, store: Store, definition: Definition, name: str, account: str, region: str) -> None:
        self._moto = moto
        self._store = store
        self._definition = definition
        self._name = name
        self._backend = dynamodb_backends[account][region]
        self._expired_at = 0

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        target = environ.get('HTTP_X_AMZ_TARGET', '')
        if not target.startswith(_PREFIX) or self._name not in self._backend.tables:
            return self._moto(environ, start_response)
        with self._store.turn:
            return self._answer(target.removeprefix(_PREFIX), environ, start_response)

    def _answer(self, operation: str, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        self._delete_expired()
        body = environ['wsgi.input'].read(int(environ.get('CONTENT_LENGTH') or 0))
        request = json.loads(body)
        if operation in ('Query', 'Scan') and request.keys() <= _PLAIN and (is_wanted := _filter(request)) is not None:
            return self._answer_with_stored(operation, request, is_wanted, start_response)
        loaded = self._load(operation, request)
        started: list[Any] = []
        answer = b''.join(self._moto(environ | {'wsgi.input': io.BytesIO(body)}, lambda *args: started.extend(args)))
        if operation in _WRITES and str(started[0]).startswith('200'):
            self._write(loaded)
        start_response(*started)
        return [answer]

    def _answer_with_stored(
        self, operation: str, request: Json, is_wanted: Callable[[str], bool], start_response: Callable[..., Any]
    ) -> list[bytes]:
        """Answer a query or scan for whole items with what is stored: moto takes a second to make its own of ten thousand balances."""
        page: list[str] = []
        size, last, has_more = 0, ('', ''), False
        for key, text in self._queried(request) if operation == 'Query' else self._scanned(request):
            size_of_item = _estimate_bytes(text)
            has_more = len(page) == request.get('Limit') or (bool(page) and size + size_of_item > RESULT_SIZE_LIMIT)
            if has_more:
                break
            page.append(text)
            size, last = size + size_of_item, key
        wanted = list(filter(is_wanted, page))
        summary: Json = {'Count': len(wanted), 'ScannedCount': len(page)}
        if has_more:
            summary['LastEvaluatedKey'] = {name: {'S': value} for name, value in zip(self._definition.key, last, strict=True)}
        if request.get('ReturnConsumedCapacity', 'NONE') != 'NONE':
            summary['ConsumedCapacity'] = {'TableName': self._name, 'CapacityUnits': capacity.units([size], request)}
        body = f'{json.dumps(summary)[:-1]}, "Items": [{", ".join(wanted)}]}}'.encode()
        start_response('200 OK', [('Content-Type', 'application/x-amz-json-1.0'), ('Content-Length', str(len(body)))])
        return [body]

    def _delete_expired(self) -> None:
        """Delete what has expired, once an hour; DynamoDB takes up to a few days."""
        now = int(time.time())
        if now - self._expired_at >= _HOUR:
            self._store.delete_expired(now)
            self._expired_at = now

    def _load(self, operation: str, request: Json) -> dict[Key, str]:
        """Put the items that a request can touch into moto's table, and nothing else; return them as they are in the store."""
        table = self._backend.tables[self._name]
        table.items.clear()
        loaded: dict[Key, str] = {}
        for row in self._rows(operation, request):
            loaded[row.key] = row.text
            table.items[row.item.hash_key][row.item.range_key] = row.item
        return loaded

    def _rows(self, operation: str, request: Json) -> Iterator['_Row']:
        if operation == 'Query':
            return _page(map(_row, self._queried(request)), request)
        if operation == 'Scan':
            return _page(map(_row, self._scanned(request)), request)
        return map(_row, self._store.get(_keys(operation, request, self._name, self._definition)).items())

    def _queried(self, request: Json) -> Iterator[tuple[Key, str]]:
        index = request.get('IndexName')
        partitions, sorts, _ = parse_expression(
            key_condition_expression=request['KeyConditionExpression'],
            expression_attribute_names=request.get('ExpressionAttributeNames', {}),
            expression_attribute_values=request.get('ExpressionAttributeValues', {}),
            schema=self._backend.get_schema(table_name=self._name, index_name=index),
        )
        condition = Condition(sorts[-1][1], [_plain(value) for value in sorts[-1][2]]) if sorts else None
        forward = request.get('ScanIndexForward', True)
        return self._store.query(index, _plain(partitions[0][1]), condition, _start(request), forward=forward)

    def _scanned(self, request: Json) -> Iterator[tuple[Key, str]]:
        segments = (request.get('Segment'), request.get('TotalSegments'))
        return (stored for stored in self._store.scan(_start(request)) if _item(stored[0]).is_within_segment(segments))

    def _write(self, loaded: Mapping[Key, str]) -> None:
        now = {
            (partition.value, sort.value): dynamo_json_dump(item.to_json()['Attributes'])
            for partition, items in self._backend.tables[self._name].items.items()
            for sort, item in items.items()
        }
        puts = {key: text for key, text in now.items() if loaded.get(key) != text}
        deletes = loaded.keys() - now.keys()
        if puts or deletes:
            self._store.write(puts, deletes)


class _Row(NamedTuple):
    """An item as it is in the store, and as moto has it."""

    key: Key
    text: str
    item: Item


def _row(stored: tuple[Key, str]) -> _Row:
    key, text = stored
    item = _item(key)
    for name, value in json.loads(text).items():
        dict.__setitem__(item.attrs, name, DynamoType(_decoded(value)))  # moto's own adds up the size of the whole item each time
    return _Row(key, text, item)


def _item(key: Key) -> Item:
    return Item(DynamoType({'S': key[0]}), DynamoType({'S': key[1]}), {})


def _decoded(value: Json) -> Json:
    """Return an attribute value with bytes for base64, as moto holds it; a map's attribute may well be named B."""
    [(kind, content)] = value.items()
    if kind == 'B':
        content = base64.b64decode(content)
    elif kind == 'BS':
        content = [base64.b64decode(one) for one in content]
    elif kind == 'L':
        content = [_decoded(one) for one in content]
    elif kind == 'M':
        content = {name: _decoded(one) for name, one in content.items()}
    return {kind: content}


def _filter(request: Json) -> Callable[[str], bool] | None:
    """Return which of the items a query wants: all, or those of some kinds, as PynamoDB asks for. None for any other filter."""
    expression = request.get('FilterExpression')
    if expression is None:
        return lambda _: True
    match = _ONE_OF.fullmatch(expression)
    if match is None:
        return None
    name = request['ExpressionAttributeNames'][match[1]]
    values = [request['ExpressionAttributeValues'][value] for value in match[2].split(', ')]
    return lambda text: json.loads(text).get(name) in values


def _estimate_bytes(text: str) -> int:
    """Return about how long an item is for DynamoDB, which counts none of the marks that JSON puts around a name and a value.

    These are counted by what no name or value can have in it, as a quotation mark has a backslash before it there; one that is nothing but
    `: {` is taken for one.
    """
    return len(text) - text.count('": {"') * _MARKS + text.count('{"M": {"') * _MARKS // 2


def _page(rows: Iterable[_Row], request: Json) -> Iterator[_Row]:
    """Yield as many rows as moto can put into one response and the one after them, by which it sees that there are more."""
    limit, size = request.get('Limit'), 0
    for number, row in enumerate(rows, 1):
        yield row
        size += row.item.size()
        if number == limit + 1 if limit else size > RESULT_SIZE_LIMIT:
            return


def _keys(operation: str, request: Json, table: str, definition: Definition) -> list[Key]:
    """Return the keys of the items that a request is about."""
    key = definition.key
    return [(one[key.partition]['S'], one[key.sort]['S']) for one in _named(operation, request, table)]


def _named(operation: str, request: Json, table: str) -> Iterator[Json]:
    """Yield what a request names items by: their keys, or the whole items to be put."""
    if operation == 'BatchGetItem':
        yield from request['RequestItems'].get(table, {}).get('Keys', [])
    elif operation == 'BatchWriteItem':
        for one in request['RequestItems'].get(table, []):
            yield one['PutRequest']['Item'] if 'PutRequest' in one else one['DeleteRequest']['Key']
    elif operation in ('TransactWriteItems', 'TransactGetItems'):
        for [(_, one)] in (action.items() for action in request['TransactItems']):
            if one['TableName'] == table:
                yield one['Item'] if 'Item' in one else one['Key']
    elif 'Key' in request or 'Item' in request:
        yield request['Item'] if 'Item' in request else request['Key']


def _start(request: Json) -> dict[str, str] | None:
    start = request.get('ExclusiveStartKey')
    return {name: _plain(value) for name, value in start.items()} if start else None


def _plain(value: Any) -> str:
    """Return the text of an attribute value, a string or a number."""
    typed = value.to_json() if isinstance(value, DynamoType) else value
    [text] = typed.values()
    return str(text)
