"""The capacity that reads take, by the size of what they read: moto tells the same of each request, and requests of users count by it.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
"""

from collections.abc import Callable
from typing import Any

from moto.core.responses import ActionResult
from moto.dynamodb.responses import DynamoHandler

from infra.durable.capacity import measure, units
from infra.local.replacements import Replacements

Json = dict[str, Any]
Handler = Callable[[DynamoHandler], ActionResult]


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
