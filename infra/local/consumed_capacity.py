"""The capacity that reads take, by the size of what they read: moto tells the same of each request, and requests of users count by it.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
"""

from collections.abc import Callable, Iterable
from typing import Any

from moto.core.responses import ActionResult
from moto.dynamodb.responses import DynamoHandler

from infra.local.replacements import Replacements

_UNIT_BYTES = 4_096
_NAMES_IN_MAP = 1  # a byte beside each member of a list or map, and three of the list or map itself
_NESTED = 3

Json = dict[str, Any]
Handler = Callable[[DynamoHandler], ActionResult]


def measure(item: Json) -> int:
    """Return how many bytes an item, or a map in it, is long."""
    return sum(len(name.encode()) + _measure_value(value) for name, value in item.items())


def _measure_value(value: Json) -> int:
    [(kind, content)] = value.items()
    match kind:
        case 'S':
            return len(content) if content.isascii() else len(content.encode())
        case 'N':  # two digits to a byte, and one for the rest
            return len(content) // 2 + 1
        case 'B':
            return len(content)
        case 'M':
            return _NESTED + len(content) * _NAMES_IN_MAP + measure(content)
        case 'L':
            return _NESTED + sum(_NAMES_IN_MAP + _measure_value(one) for one in content)
        case 'SS' | 'NS' | 'BS':
            return sum(_measure_value({kind[0]: one}) for one in content)
        case _:
            return 1


def units(sizes: Iterable[int], request: Json) -> float:
    """Return the units of reads of so many bytes each, of which one that finds nothing takes as many as a small one."""
    each = sum(max(1, -(-size // _UNIT_BYTES)) for size in sizes)
    return each if request.get('ConsistentRead') else each / 2


def _together(thoroughly: Handler) -> Handler:
    """Return the handler of an operation for which what it finds is counted together."""

    def handle(self: DynamoHandler) -> ActionResult:
        answer = thoroughly(self)
        found: Any = answer.result
        _correct(found, units([sum(map(measure, found.get('Items', [found.get('Item') or {}])))], self.body))
        return answer

    return handle


def _batch_get_item(self: DynamoHandler) -> ActionResult:
    answer = _batch_get_item_thoroughly(self)
    found: Any = answer.result
    for capacity in found['ConsumedCapacity']:
        name = capacity['TableName']
        request, items = self.body['RequestItems'][name], found['Responses'][name]
        missing = len(request['Keys']) - len(items)
        capacity['CapacityUnits'] = units([*map(measure, items), *[0] * missing], request)
    return answer


def _correct(answer: Json, taken: float) -> None:
    capacity = answer.get('ConsumedCapacity', {})
    for told in (capacity, capacity.get('Table'), *capacity.get('LocalSecondaryIndexes', {}).values()):
        if told:
            told['CapacityUnits'] = taken


_batch_get_item_thoroughly = DynamoHandler.batch_get_item

REPLACEMENTS = Replacements(
    *((DynamoHandler, name, _together(getattr(DynamoHandler, name))) for name in ('get_item', 'query', 'scan')),
    (DynamoHandler, 'batch_get_item', _batch_get_item),
)
