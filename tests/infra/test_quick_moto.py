"""What tests replace in moto to be quick has the outcome of what it replaces: the same requests get the same answers of both."""

import random
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto.backends import get_backend
from moto.core import DEFAULT_ACCOUNT_ID  # type: ignore[attr-defined]
from moto.dynamodb.models.table import Table

from chalicelib.models import Item
from infra.local import quick_dynamodb, quick_moto
from tests.support import direct_dynamodb

TABLE = 'cryptfolio-quick'
REQUESTS = 250
PARTITIONS, SORTS, SHARDS = ('USER#1', 'USER#2', 'LEDGER#é'), ('A', 'A#1', 'A#2', 'B'), ('1', '2')
VALUES: tuple[dict[str, Any], ...] = (
    *({'S': text} for text in ('', 'a', 'ab', 'é' * 3)),
    *({'N': text} for text in ('0', '-1', '12', '1.50')),
    *({'BOOL': True}, {'BOOL': False}, {'NULL': True}, {'B': b'\x00\xff'}, {'SS': ['a', 'b']}),
    {'L': [{'S': 'a'}, {'M': {'x': {'N': '1'}, 'y': {'L': []}}}]},
    {'M': {'x': {'S': 'é'}, 'n': {'N': '7'}}},
)
NAMES = {'#pk': 'pk', '#a': 'a', '#b': 'b', '#n': 'n', '#set': 'set', '#list': 'list'}
CONDITIONS = (
    'attribute_not_exists(#pk)',
    'attribute_exists(#pk)',
    '#a = :v',
    '#a <> :v AND attribute_exists(#b)',
    '(#n < :one OR attribute_not_exists(#n)) AND NOT #a = :v',
    '#a IN (:v, :one, :text)',
    'begins_with(#a, :text) OR contains(#set, :text)',
    '#n BETWEEN :one AND :ten',
    'attribute_type(#a, :type)',
)
UPDATES = (
    'SET #a = :v',
    'SET #a = :v, #b = if_not_exists(#b, :one) REMOVE #n',
    'SET #n = if_not_exists(#n, :one) + :ten',
    'ADD #n :one, #set :texts',
    'DELETE #set :texts SET #list = :list',
    'REMOVE #list SET #n = :ten',
    'SET #b = #a',
)
SORT_CONDITIONS = (
    '',
    ' AND sk = :low',
    ' AND begins_with ( sk, :low )',
    ' AND sk BETWEEN :low AND :high',
    ' AND sk > :low',
    ' AND sk <= :high',
)

Json = dict[str, Any]
Request = Callable[[Any], Json]


@contextmanager
def table(client: Any) -> Iterator[None]:
    """A table like ours, of another name. PynamoDB makes a client for each name, and would make ours anew, without what we added to it."""
    before = Item.Meta.table_name, Item._connection
    Item.Meta.table_name = TABLE
    try:
        Item.create_table(billing_mode='PAY_PER_REQUEST')
    finally:
        Item.Meta.table_name, Item._connection = before
    yield
    client.delete_table(TableName=TABLE)


class Draw:
    """Draws requests as the application makes them; the same from the same seed and answers."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def choose(self, *choices: Any) -> Any:
        return self._random.choice(choices)

    def key(self) -> Json:
        return {'pk': {'S': self.choose(*PARTITIONS)}, 'sk': {'S': self.choose(*SORTS)}}

    def item(self) -> Json:
        item = self.key() | {'kind': {'S': self.choose('user', 'ledger')}, 'n': {'N': str(self._random.randrange(12))}}
        if self.choose(True, False):
            item |= {'lsk': {'S': item['sk']['S'][::-1]}}
        if self.choose(True, False):
            item |= {'due_shard': {'N': self.choose(*SHARDS)}, 'due_at': {'N': str(self._random.randrange(50))}}
        return item | {name: self.choose(*VALUES) for name in self._random.sample(('a', 'b'), self._random.randrange(3))}

    def used(self, *expressions: str) -> Json:
        """Return the names and values that expressions use."""
        values = {
            ':v': self.choose(*VALUES), ':one': {'N': '1'}, ':ten': {'N': '10'}, ':text': {'S': self.choose('a', 'ab')},
            ':type': {'S': self.choose('S', 'N', 'M')},
            ':texts': {'SS': [self.choose('a', 'b', 'c')]}, ':list': {'L': [self.choose(*VALUES)]},
        }  # fmt: skip
        used = set(re.findall(r'[:#]\w+', ' '.join(expressions)))
        names = {name: meant for name, meant in NAMES.items() if name in used}
        values = {name: value for name, value in values.items() if name in used}
        return {key: some for key, some in (('ExpressionAttributeNames', names), ('ExpressionAttributeValues', values)) if some}

    def condition(self) -> Json:
        if self.choose(True, False, False):
            return {}
        expression = self.choose(*CONDITIONS)
        return {'ConditionExpression': expression} | self.used(expression)

    def write(self) -> tuple[str, Json]:
        kind, condition = self.choose('Put', 'Update', 'Update', 'Delete'), self.condition()
        if kind == 'Put':
            return kind, {'Item': self.item(), **condition}
        if kind == 'Delete':
            return kind, {'Key': self.key(), **condition}
        update, expression = self.choose(*UPDATES), condition.get('ConditionExpression', '')
        return kind, {'Key': self.key(), 'UpdateExpression': update, **condition} | self.used(update, expression)

    def request(self) -> Request:
        writes = [*[self.single_write] * 4, self.transaction, self.batch]
        return self.choose(*writes, self.read, self.query, self.query, self.index, self.scan)()

    def single_write(self) -> Request:
        kind, write = self.write()
        write |= {'ReturnValues': self.choose('ALL_NEW', 'ALL_OLD', 'NONE')} if kind == 'Update' else {}
        write |= {'ReturnValuesOnConditionCheckFailure': 'ALL_OLD'} if self.choose(True, False) else {}
        return lambda client: getattr(client, f'{kind.lower()}_item')(TableName=TABLE, **write)

    def transaction(self) -> Request:
        writes = [self.write() for _ in range(self._random.randrange(1, 4))]
        checks = [('ConditionCheck', {'Key': self.key(), 'ConditionExpression': 'attribute_exists(pk)'})] * self._random.randrange(2)
        items = [{kind: write | {'TableName': TABLE}} for kind, write in (*writes, *checks)]
        return lambda client: client.transact_write_items(TransactItems=items)

    def batch(self) -> Request:
        items = {str(item['pk']) + str(item['sk']): item for item in (self.item() for _ in range(3))}.values()
        deletes = ({'DeleteRequest': {'Key': {name: item[name] for name in ('pk', 'sk')}}} for item in items)
        requests = [self.choose({'PutRequest': {'Item': item}}, delete) for item, delete in zip(items, deletes, strict=True)]
        return lambda client: client.batch_write_item(RequestItems={TABLE: requests})

    def read(self) -> Request:
        keys = {str(key): key for key in (self.key() for _ in range(4))}
        projection = {'ProjectionExpression': '#a, #n, lsk', **self.used('#a #n')} if self.choose(True, False) else {}
        if self.choose(True, False):
            return lambda client: client.get_item(TableName=TABLE, Key=next(iter(keys.values())), ConsistentRead=True, **projection)
        return lambda client: client.batch_get_item(RequestItems={TABLE: {'Keys': list(keys.values()), **projection}})

    def query(self) -> Request:
        condition, index = self.choose(*SORT_CONDITIONS), self.choose(None, None, 'portfolios')
        if index:
            condition = condition.replace('sk', 'lsk')
        low, high = sorted(self._random.sample(SORTS, 2))
        values = {':pk': {'S': self.choose(*PARTITIONS)}, ':low': {'S': low}, ':high': {'S': high}, ':n': {'N': '6'}}
        some = {'FilterExpression': 'n < :n'} if self.choose(True, False, False) else {}
        arguments = {'KeyConditionExpression': f'pk = :pk{condition}', 'ScanIndexForward': self.choose(True, False), **some}
        arguments |= {'IndexName': index} if index else {}
        used = re.findall(r':\w+', f'{arguments["KeyConditionExpression"]} {some.get("FilterExpression", "")}')
        arguments['ExpressionAttributeValues'] = {name: values[name] for name in used}
        return lambda client: pages_of(client.query, arguments)

    def index(self) -> Request:
        at = self._random.randrange(50)
        arguments = {
            'IndexName': 'due',
            'KeyConditionExpression': 'due_shard = :shard AND due_at <= :at',
            'ExpressionAttributeValues': {':shard': {'N': self.choose(*SHARDS)}, ':at': {'N': str(at)}},
        }
        return lambda client: pages_of(client.query, arguments)

    def scan(self) -> Request:
        parts = {'Segment': self.choose(0, 1), 'TotalSegments': 2} if self.choose(True, False) else {}
        return lambda client: pages_of(client.scan, parts)


def pages_of(ask: Callable[..., Json], arguments: Json) -> Json:
    """Return all pages of a listing."""
    pages, after = [], {}
    while True:
        page = ask(TableName=TABLE, Limit=2, **arguments, **after)
        pages.append(answer_of(page))
        if 'LastEvaluatedKey' not in page:
            return {'pages': pages}
        after = {'ExclusiveStartKey': page['LastEvaluatedKey']}


def answer_of(response: Json) -> Json:
    return {name: value for name, value in response.items() if name != 'ResponseMetadata'}


def answers(seed: int) -> list[Json]:
    """Return what moto, as it is now, answers to the requests of a seed, and all that is in the table afterwards."""
    client, draw = boto3.client('dynamodb'), Draw(seed)
    with table(client):
        responses = []
        for _ in range(REQUESTS):
            request = draw.request()
            try:
                responses.append(answer_of(request(client)))
            except ClientError as error:
                responses.append(answer_of(error.response))
        return [*responses, answer_of(client.scan(TableName=TABLE))]


def test_moto_is_as_it_was_when_they_are_undone_however_often_they_were_installed() -> None:
    quick_moto.REPLACEMENTS.install()
    with quick_moto.REPLACEMENTS.undone():
        assert Table.query.__module__ == Table.__module__
    assert Table.query.__module__ == quick_dynamodb.__name__


@pytest.mark.parametrize('seed', [1, 2, 3])
def test_the_same_requests_get_the_same_answers(seed: int) -> None:
    with quick_moto.REPLACEMENTS.undone(), direct_dynamodb.REPLACEMENTS.undone():
        expected = answers(seed)

    assert answers(seed) == expected
    codes = {answer['Error']['Code'] for answer in expected if 'Error' in answer}
    assert codes == {'ConditionalCheckFailedException', 'TransactionCanceledException', 'ValidationException'}


def test_requests_of_another_account_meet_its_tables_and_not_ours() -> None:
    elsewhere = boto3.client('dynamodb')
    elsewhere.meta.events.register('request-created', lambda request, **_: request.headers.add_header('x-moto-account-id', '210000000000'))
    with table(boto3.client('dynamodb')), pytest.raises(ClientError, match='ResourceNotFoundException'):
        elsewhere.put_item(TableName=TABLE, Item={'pk': {'S': 'USER#1'}, 'sk': {'S': 'A'}})


def received(ages: Iterable[int]) -> list[str]:
    """Return what moto, as it is now, hands out of a queue that keeps messages, of these ages in seconds, for a day."""
    client = boto3.client('sqs')
    url = client.create_queue(QueueName='quick', Attributes={'MessageRetentionPeriod': '86400'})['QueueUrl']
    [queue] = [one for one in get_backend('sqs')[DEFAULT_ACCOUNT_ID]['us-east-1'].queues.values() if one.name == 'quick']
    bodies = []
    for age in ages:
        client.send_message(QueueUrl=url, MessageBody=f'{age} s old')
        queue._messages[-1].sent_timestamp -= age * 1_000
        bodies += [message['Body'] for message in client.receive_message(QueueUrl=url).get('Messages', [])]
    client.delete_queue(QueueUrl=url)
    return bodies


def test_messages_are_kept_as_long_as_they_were() -> None:
    ages = (0, 40_000, 90_000, 50_000)
    with quick_moto.REPLACEMENTS.undone():
        expected = received(ages)

    assert received(ages) == expected == ['0 s old', '40000 s old', '50000 s old']


class Untouchable:
    """A message that nobody looks at."""

    def __getattribute__(self, name: str) -> Any:
        raise AssertionError(f'looked at: {name}')


def test_a_message_is_sent_without_a_look_at_those_that_wait() -> None:
    client = boto3.client('sqs')
    url = client.create_queue(QueueName='crowded')['QueueUrl']
    [queue] = [one for one in get_backend('sqs')[DEFAULT_ACCOUNT_ID]['us-east-1'].queues.values() if one.name == 'crowded']
    waiting = queue._messages
    queue._messages = [Untouchable()]

    client.send_message_batch(QueueUrl=url, Entries=[{'Id': str(number), 'MessageBody': 'x'} for number in range(10)])

    waiting += queue._messages[1:]
    queue._messages = waiting
    assert client.get_queue_attributes(QueueUrl=url, AttributeNames=['All'])['Attributes']['ApproximateNumberOfMessages'] == '10'
    client.delete_queue(QueueUrl=url)
