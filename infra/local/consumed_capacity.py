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
    """Return the handler of an operation whose items are counted together."""

    def handle(self: DynamoHandler) -> ActionResult:
        result = thoroughly(self)
        answer: Any = result.result
        _correct(answer, units([sum(map(measure, answer.get('Items', [answer.get('Item') or {}])))], self.body))
        return result

    return handle


def _batch_get_item(self: DynamoHandler) -> ActionResult:
    result = _batch_get_item_thoroughly(self)
    answer: Any = result.result
    for capacity in answer['ConsumedCapacity']:
        name = capacity['TableName']
        request, items = self.body['RequestItems'][name], answer['Responses'][name]
        missing = len(request['Keys']) - len(items)
        capacity['CapacityUnits'] = units([*map(measure, items), *[0] * missing], request)
    return result


def _correct(answer: Json, capacity_units: float) -> None:
    whole = answer.get('ConsumedCapacity', {})
    for capacity in (whole, whole.get('Table'), *whole.get('LocalSecondaryIndexes', {}).values()):
        if capacity:
            capacity['CapacityUnits'] = capacity_units


_batch_get_item_thoroughly = DynamoHandler.batch_get_item

REPLACEMENTS = Replacements(
    *((DynamoHandler, name, _together(getattr(DynamoHandler, name))) for name in ('get_item', 'query', 'scan')),
    (DynamoHandler, 'batch_get_item', _batch_get_item),
)
