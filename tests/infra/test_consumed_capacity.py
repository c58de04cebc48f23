"""Reads of the DynamoDB of local stacks take as many units as those of DynamoDB, which is what requests of users count by."""

from typing import Any

import boto3
import pytest

from chalicelib.config import settings
from infra.local import consumed_capacity

KILOBYTE = 'x' * 1_000
ITEMS: dict[str, Any] = {
    'small': {'pk': {'S': 'a'}, 'sk': {'S': 'small'}},
    'text': {'pk': {'S': 'a'}, 'sk': {'S': 'text'}, 'text': {'S': KILOBYTE * 10}},
    'nested': {'pk': {'S': 'a'}, 'sk': {'S': 'nested'}, 'rows': {'L': [{'M': {'one': {'S': KILOBYTE}, 'é': {'S': 'é' * 500}}}] * 5}},
    'numbers': {'pk': {'S': 'a'}, 'sk': {'S': 'numbers'}, 'numbers': {'L': [{'N': '9' * 38}] * 400}},  # 20 bytes, and one for the element
    'sets': {'pk': {'S': 'a'}, 'sk': {'S': 'sets'}, 'names': {'SS': [f'{number:04}' for number in range(1_000)]}},
    'bytes': {'pk': {'S': 'a'}, 'sk': {'S': 'bytes'}, 'bytes': {'B': bytes(4_096)}, 'yes': {'BOOL': True}, 'none': {'NULL': True}},
}
# A unit is 4,096 bytes: names, and what they stand for.
UNITS = {'small': 1, 'text': 3, 'nested': 3, 'numbers': 3, 'sets': 1, 'bytes': 2}


@pytest.fixture(autouse=True)
def stored(table: Any) -> None:
    consumed_capacity.REPLACEMENTS.install()  # not for all tests, a twentieth of whose time it takes
    for item in ITEMS.values():
        boto3.client('dynamodb').put_item(TableName=settings().table_name, Item=item)


def ask(operation: str, **request: Any) -> float:
    asked = {'TableName': settings().table_name, 'ReturnConsumedCapacity': 'TOTAL'} | request
    answer: Any = getattr(boto3.client('dynamodb'), operation)(**asked)
    return float(answer['ConsumedCapacity']['CapacityUnits'])


@pytest.mark.parametrize('name', ITEMS)
def test_an_item_takes_what_its_size_does(name: str) -> None:
    key = {'pk': {'S': 'a'}, 'sk': {'S': name}}

    assert ask('get_item', Key=key, ConsistentRead=True) == UNITS[name]
    assert ask('get_item', Key=key) == UNITS[name] / 2


def test_what_is_not_there_takes_as_much_as_a_small_item() -> None:
    assert ask('get_item', Key={'pk': {'S': 'b'}, 'sk': {'S': 'b'}}) == 0.5
    assert ask('query', KeyConditionExpression='pk = :pk', ExpressionAttributeValues={':pk': {'S': 'b'}}, ConsistentRead=True) == 1


def test_a_query_takes_what_its_items_do_together() -> None:
    values = {':pk': {'S': 'a'}}

    # 10,000 + 5 * 2,010 + 400 * 21 + 4,000 + 4,096 bytes, and some of names: 36,5… of them.
    assert ask('query', KeyConditionExpression='pk = :pk', ExpressionAttributeValues=values, ConsistentRead=True) == 9
    assert ask('query', KeyConditionExpression='pk = :pk', ExpressionAttributeValues=values) == 4.5
    assert ask('scan', ConsistentRead=True) == 9


def test_each_item_of_a_batch_takes_its_own() -> None:
    keys = [{'pk': {'S': 'a'}, 'sk': {'S': name}} for name in (*ITEMS, 'missing')]
    requested = {settings().table_name: {'Keys': keys, 'ConsistentRead': True}}

    answer: Any = boto3.client('dynamodb').batch_get_item(RequestItems=requested, ReturnConsumedCapacity='TOTAL')

    [capacity] = answer['ConsumedCapacity']
    assert capacity['CapacityUnits'] == sum(UNITS.values()) + 1
