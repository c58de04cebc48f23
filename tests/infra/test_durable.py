"""The table on disk: that it answers as moto's own, that nothing acknowledged is lost, that nothing is half-written."""

import itertools
import json
import os
import random
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from threading import Event, Thread
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from moto.dynamodb.models import dynamodb_backends
from moto.kms.models import kms_backends

from chalicelib.models.lease import Leased
from infra.durable import definition, keys
from infra.durable.dynamodb import DurableTable
from infra.durable.folder import CannotOpen, Folder, Holder
from infra.durable.store import Condition, Damaged, Key, Store
from infra.local import emulated_aws, moto_server
from tests.support.durable_server import ACCOUNT, NAME, REGION, create_table, serve
from tests.support.processes import PATIENCE_SECONDS, ROOT

KILLS = int(os.environ.get('KILLS', '8'))  # 200 by hand: KILLS=200 pytest tests/infra/test_durable.py
WRITERS = 4
ON_DISK, IN_MEMORY = '410000000001', '410000000002'

Json = dict[str, Any]
Opened = Callable[[Path], Store]


def client_of(url: str) -> Any:
    config = Config(retries={'total_max_attempts': 1}, connect_timeout=5, read_timeout=30)
    return boto3.client('dynamodb', endpoint_url=url, region_name=REGION, config=config)


def item(pk: str, sk: str, **values: Any) -> Json:
    return {'pk': {'S': pk}, 'sk': {'S': sk}} | values


# Each is an operation and its parameters; all of them are what the application sends, or a shape of it.
PAGES = [
    ('query', {'KeyConditionExpression': 'pk = :p', 'ExpressionAttributeValues': {':p': {'S': 'A'}}, **options})
    for options in ({'Limit': 3}, {'Limit': 4, 'ScanIndexForward': False}, {})
]
RANGES = [
    ('query', {'KeyConditionExpression': f'pk = :p AND {condition}', 'ExpressionAttributeValues': {':p': {'S': 'A'}, **values}})
    for condition, values in (
        ('begins_with(sk, :a)', {':a': {'S': 'é%_'}}),
        ('sk BETWEEN :a AND :b', {':a': {'S': 'S#02'}, ':b': {'S': 'S#05'}}),
        ('sk > :a', {':a': {'S': 'S#08'}}),
        ('sk <= :a', {':a': {'S': 'S#01'}}),
        ('sk = :a', {':a': {'S': 'S#07'}}),
    )
]
FILTERS: list[tuple[str, Json]] = [
    (
        'query',
        {
            'KeyConditionExpression': 'pk = :p',
            'FilterExpression': filtered,
            'ExpressionAttributeNames': {'#kind': name},
            'ExpressionAttributeValues': {':p': {'S': partition}} | values,
            'ConsistentRead': True,
        }
        | more,
    )
    for partition in 'AD'
    for name, filtered, values in (
        ('kind', '#kind IN (:x)', {':x': {'S': 'x'}}),
        ('kind', '#kind IN (:x, :y)', {':x': {'S': 'y'}, ':y': {'S': 'z'}}),
        ('number', '#kind IN (:x, :y)', {':x': {'N': '3'}, ':y': {'S': '4'}}),
        ('kind', 'attribute_exists(#kind)', {}),
        ('kind', 'NOT #kind IN (:x)', {':x': {'S': 'x'}}),
    )
    for more in ({}, {'Limit': 2}, {'ScanIndexForward': False, 'Limit': 3})
]
INDEXES: list[tuple[str, Json]] = [
    (
        'query',
        {
            'IndexName': 'due',
            'KeyConditionExpression': 'due_shard = :s AND due_at <= :t',
            'ExpressionAttributeValues': {':s': {'N': '3'}, ':t': {'N': '1000'}},
            'Limit': 2,
        },
    ),
    (
        'query',
        {'IndexName': 'portfolios', 'KeyConditionExpression': 'pk = :p', 'ExpressionAttributeValues': {':p': {'S': 'A'}}, 'Limit': 2},
    ),
]
SCANS = [('scan', {'Limit': 5}), *(('scan', {'Segment': number, 'TotalSegments': 3, 'Limit': 3}) for number in range(3))]
WRITES: list[tuple[str, Json]] = [
    ('put_item', {'Item': item('A', f'S#{number:02}', number={'N': str(number)}, raw={'B': bytes([number, 255])})}) for number in range(10)
]
WRITES += [('put_item', {'Item': item('A', text)}) for text in ('é%_1', 'é%x', 'T')]
WRITES += [
    ('put_item', {'Item': item('D', f'{number}', due_shard={'N': '3'}, due_at={'N': str(due)}, kind={'S': 'x'})})
    for number, due in enumerate((999, 1000, 1001, 5, 5))
]
WRITES += [('put_item', {'Item': item('A', f'P#{number}', lsk={'S': f'L{9 - number}'})}) for number in range(3)]
WRITES += [
    ('put_item', {'Item': item('A', 'T', x={'S': 'new'}), 'ConditionExpression': 'attribute_not_exists(pk)'}),
    (
        'update_item',
        {
            'Key': item('A', 'S#01'),
            'UpdateExpression': 'SET nested = :m, number = number + :n REMOVE raw',
            'ExpressionAttributeValues': {':m': {'M': {'B': {'L': [{'N': '1'}, {'BOOL': True}, {'B': b'\xff'}]}}}, ':n': {'N': '5'}},
            'ReturnValues': 'ALL_NEW',
        },
    ),
    ('delete_item', {'Key': item('A', 'S#02'), 'ReturnValues': 'ALL_OLD'}),
    ('delete_item', {'Key': item('A', 'nothing')}),
]


def transaction(*actions: Json) -> tuple[str, Json]:
    return 'transact_write_items', {'TransactItems': [{verb: {'TableName': NAME} | one} for each in actions for verb, one in each.items()]}


TRANSACTIONS = [
    transaction({'Put': {'Item': item('B', '1')}}, {'Delete': {'Key': item('A', 'S#03')}}),
    transaction({'Put': {'Item': item('B', '2')}}, {'Delete': {'Key': item('A', 'S#04'), 'ConditionExpression': 'attribute_exists(nope)'}}),
    transaction(
        {'ConditionCheck': {'Key': item('B', '1'), 'ConditionExpression': 'attribute_exists(pk)'}}, {'Put': {'Item': item('B', '3')}}
    ),
    (
        'batch_write_item',
        {'RequestItems': {NAME: [{'PutRequest': {'Item': item('C', '1')}}, {'DeleteRequest': {'Key': item('B', '3')}}]}},
    ),
    ('batch_get_item', {'RequestItems': {NAME: {'Keys': [item('C', '1'), item('B', '1'), item('B', '2')]}}}),
    ('transact_get_items', {'TransactItems': [{'Get': {'TableName': NAME, 'Key': item('C', '1')}}]}),
    ('get_item', {'Key': item('A', 'S#01'), 'ConsistentRead': True}),
    ('get_item', {'Key': item('nobody', 'x')}),
]


def whole_answer(client: Any, operation: str, parameters: Json) -> Any:
    """Return the answer to a request, or the items of all pages: moto may say that there are more where there are none."""
    pages = answers(client, operation, parameters)
    if operation not in ('query', 'scan'):
        return pages
    assert all(len(page['Items']) <= parameters.get('Limit', 1_000) for page in pages)
    return [row for page in pages for row in page['Items']]


def answers(client: Any, operation: str, parameters: Json) -> list[Json]:
    """Return the answers to a request and to those for its further pages, or the error."""
    named = {} if operation.startswith(('transact', 'batch')) else {'TableName': NAME}
    pages: list[Json] = []
    start: Json = {}
    while True:
        try:
            answer = getattr(client, operation)(**named, **parameters, **start)
        except ClientError as error:
            answer = {'error': error.response['Error'], 'reasons': error.response.get('CancellationReasons')}
        answer.pop('ResponseMetadata', None)
        pages.append(answer)
        if 'LastEvaluatedKey' not in answer:
            return pages
        start = {'ExclusiveStartKey': answer['LastEvaluatedKey']}


class _Other:
    """Moto's table in another account, as the header says that a session would send."""

    def __init__(self, moto: Any, account: str) -> None:
        self._moto, self._account = moto, account

    def __call__(self, environ: Json, start_response: Any) -> Any:
        return self._moto(environ | {'HTTP_X_MOTO_ACCOUNT_ID': self._account}, start_response)


@pytest.fixture
def opened() -> Iterator[Opened]:
    """Open stores that are closed after the test: from Python 3.13 on one that is left open is warned of."""
    with ExitStack() as stack:

        def open_store(path: Path) -> Store:
            return stack.enter_context(closing(Store(path, definition.read())))

        yield open_store


def test_it_answers_as_moto_does_and_still_after_it_was_closed(opened: Opened, tmp_path: Path) -> None:
    for account in (ON_DISK, IN_MEMORY):
        create_table(account)
    start = moto_server.start
    memory = client_of(start('127.0.0.1', lambda moto: _Other(moto, IN_MEMORY)))

    def open_table() -> Any:
        table = definition.read()
        store = opened(tmp_path / 'items.sqlite3')
        return client_of(start('127.0.0.1', lambda moto: DurableTable(_Other(moto, ON_DISK), store, table, NAME, ON_DISK, REGION)))

    disk = open_table()
    for operation, parameters in WRITES + PAGES + RANGES + FILTERS + INDEXES + TRANSACTIONS + PAGES + SCANS:
        assert whole_answer(disk, operation, parameters) == whole_answer(memory, operation, parameters), (operation, parameters)

    disk = open_table()
    for operation, parameters in PAGES + RANGES + FILTERS + INDEXES + SCANS:
        assert whole_answer(disk, operation, parameters) == whole_answer(memory, operation, parameters), (operation, parameters)


@pytest.fixture
def durable_table() -> Iterator[None]:
    create_table()
    yield
    del dynamodb_backends[ACCOUNT][REGION].tables[NAME]


@pytest.mark.usefixtures('durable_table')
def test_a_query_takes_about_what_dynamodb_takes_for_it(tmp_path: Path) -> None:
    client = client_of(serve(tmp_path))
    rows = {'L': [{'M': {'currency': {'S': 'usd'}, 'balance': {'S': '1234.56'}}} for _ in range(200)]}
    for number in range(20):
        client.put_item(TableName=NAME, Item=item('A', f'{number:02}', rows=rows, title={'S': 'x' * 1_000}))
    asked = PAGES[2][1] | {'ReturnConsumedCapacity': 'TOTAL'}

    [page] = answers(client, 'query', asked)
    [consistent] = answers(client, 'query', asked | {'ConsistentRead': True})

    # 20 * (200 * (8 + 3 + 7 + 7 + 6) + 1,005 + …) bytes: some 145,000, of which a unit is 4,096, or 8,192 without consistency.
    assert 15 <= page['ConsumedCapacity']['CapacityUnits'] <= 22
    assert consistent['ConsumedCapacity']['CapacityUnits'] == 2 * page['ConsumedCapacity']['CapacityUnits']


@pytest.mark.usefixtures('durable_table')
@pytest.mark.parametrize('marks', ['": ', '": {"', '{"M": {"', '"M": "'])
def test_a_query_takes_no_less_for_what_looks_like_the_marks_of_json(tmp_path: Path, marks: str) -> None:
    client = client_of(serve(tmp_path))
    for number in range(12):
        client.put_item(TableName=NAME, Item=item('A', f'{number:02}', text={'S': marks * (300_000 // len(marks))}))

    pages = answers(client, 'query', PAGES[2][1] | {'ReturnConsumedCapacity': 'TOTAL'})

    # 300,000 bytes of each, of which a unit is 8,192.
    assert sum(page['ConsumedCapacity']['CapacityUnits'] for page in pages) >= 12 * 300_000 / 8_192
    assert max(len(page['Items']) for page in pages) <= 3


@pytest.mark.usefixtures('durable_table')
def test_a_page_ends_at_a_megabyte_as_moto_ends_it(tmp_path: Path) -> None:
    client = client_of(serve(tmp_path))
    for number in range(12):
        client.put_item(TableName=NAME, Item=item('A', f'{number:02}', text={'S': 'x' * 300_000}))

    pages = answers(client, 'query', PAGES[2][1])

    assert [row['sk']['S'] for page in pages for row in page['Items']] == [f'{number:02}' for number in range(12)]
    assert [len(page['Items']) for page in pages] == [3, 3, 3, 3]


@pytest.mark.parametrize('forward', [True, False])
@pytest.mark.parametrize(
    'condition', [Condition('BETWEEN', ['S#', 'S#~']), Condition('BEGINS_WITH', ['S#']), Condition('>=', ['S#']), Condition('<=', ['S#~'])]
)
def test_a_page_takes_what_it_reads_and_not_what_was_read_before(
    opened: Opened, tmp_path: Path, condition: Condition, forward: bool
) -> None:
    store = opened(tmp_path / 'items.sqlite3')
    keys = store_many(store)
    steps = count_steps(store)
    after = keys[-11] if forward else keys[10]
    rest = store.query(None, 'A', condition, {'pk': after[0], 'sk': after[1]}, forward=forward)

    assert [key for key, _ in itertools.islice(rest, 10)] == (keys[-10:] if forward else keys[9::-1])
    assert len(steps) < 20


@pytest.mark.parametrize('forward', [True, False])
@pytest.mark.parametrize('prefix', ['R#', 'S#1', 'T#'])
def test_a_page_of_a_prefix_takes_nothing_of_what_else_is_in_the_partition(
    opened: Opened, tmp_path: Path, prefix: str, forward: bool
) -> None:
    store = opened(tmp_path / 'items.sqlite3')
    store_many(store)
    steps = count_steps(store)

    assert list(store.query(None, 'A', Condition('BEGINS_WITH', [prefix]), None, forward=forward)) == []
    assert len(steps) < 5


def store_many(store: Store) -> list[Key]:
    keys = [('A', f'S#{number:05}') for number in range(3_000)]
    store.write(dict.fromkeys(keys, '{}'), [])
    return keys


def count_steps(store: Store) -> list[None]:
    """Return a list that grows by each hundred steps that SQLite takes from now on."""
    steps: list[None] = []
    store._connection.set_progress_handler(lambda: steps.append(None), 100)
    return steps


def test_a_history_that_comes_newest_first_takes_less_than_twice_the_room_of_one_that_comes_oldest_first(
    opened: Opened, tmp_path: Path
) -> None:
    keys = [
        ('LEDGER#doge#DR1efjBKTWyM49R9zE3Pp8RWz7CXQw8ZHd', f'ENTRY#2016-05-03T18:26:40+00:00#{number:064}#0') for number in range(2_000)
    ]
    pages = []
    for name, order in (('oldest', keys), ('newest', keys[::-1])):
        store = opened(tmp_path / name)
        store._connection.execute('PRAGMA synchronous = OFF')
        for first in range(0, len(order), 25):
            store.write(dict.fromkeys(order[first : first + 25], json.dumps('x' * 580)), [])
        pages.append(store._connection.execute('PRAGMA page_count').fetchone()[0])

    assert pages[1] < pages[0] * 2


def test_what_has_expired_goes(opened: Opened, tmp_path: Path) -> None:
    store = opened(tmp_path / 'items.sqlite3')
    texts = {
        ('A', str(number)): json.dumps(item('A', str(number), **expiry))
        for number, expiry in enumerate(({}, {'expires_at': {'N': '10'}}, {'expires_at': {'N': '11'}}))
    }
    store.write(texts, [])

    assert store.delete_expired(10) == 1
    assert [key for key, _ in store.scan(None)] == [('A', '0'), ('A', '2')]


def test_leases_of_workers_that_are_gone_are_released_and_nothing_else_changes(opened: Opened, tmp_path: Path) -> None:
    store = opened(tmp_path / 'items.sqlite3')
    lease = {Leased.lease_owner.attr_name: {'S': 'gone'}, Leased.lease_until.attr_name: {'N': '9999999999'}}
    others: dict[str, Json] = {
        'LEDGER#btc#1': {'due_shard': {'N': '3'}, 'due_at': {'N': '7'}, 'amount': {'S': '0.10000000000000000000000001'}},
        'HISTORY#1#000001': {'before': {'B': 'AP8='}, 'title': {'S': 'é "lease_until"'}},
    }
    store.write({(pk, 'S'): json.dumps(item(pk, 'S', **values, **lease)) for pk, values in others.items()}, [])
    free = {('A', '1'): json.dumps(item('A', '1', note={'S': ' "lease_until" '}, nested={'M': lease}))}
    store.write(free, [])

    emulated_aws.release_leases(store)

    assert {key: json.loads(text) for key, text in store.scan(None) if key not in free} == {
        (pk, 'S'): item(pk, 'S', **values) for pk, values in others.items()
    }
    assert store.get(free) == free
    assert [key for key, _ in store.query('due', '3', None, None, forward=True)] == [('LEDGER#btc#1', 'S')]


def test_each_commit_is_synced(opened: Opened, tmp_path: Path) -> None:
    store = opened(tmp_path / 'items.sqlite3')
    settings = {name: store._connection.execute(f'PRAGMA {name}').fetchone()[0] for name in ('journal_mode', 'synchronous')}

    assert settings == {'journal_mode': 'wal', 'synchronous': 2}


def test_a_damaged_file_is_told_instead_of_served(tmp_path: Path) -> None:
    path = tmp_path / 'items.sqlite3'
    store = Store(path, definition.read())
    store.write({('A', f'{number:04}'): json.dumps(item('A', f'{number:04}', text={'S': 'x' * 500})) for number in range(200)}, [])
    store.close()
    content = bytearray(path.read_bytes())
    content[4096:12288] = bytes(8192)
    path.write_bytes(content)

    with pytest.raises(Damaged):
        Store(path, definition.read())


class Writer(Thread):
    """Writes until the server is gone: single items, and pairs in transactions, with ever higher numbers.

    `acknowledged` is the number of each kind that must be stored at least, `number` the last that was sent.
    """

    def __init__(self, url: str, name: str, number: int, acknowledged: dict[str, int]) -> None:
        super().__init__(daemon=True)
        self._client = client_of(url)
        self._name = name
        self.number = number
        self.acknowledged = acknowledged
        self.wrote = Event()

    def run(self) -> None:
        try:
            while True:
                self.number += 1
                number = {'number': {'N': str(self.number)}}
                self._client.put_item(TableName=NAME, Item=item(self._name, 'single', **number))
                self.acknowledged['single'] = self.number
                halves = [{'Put': {'TableName': NAME, 'Item': item(f'{self._name}{half}', 'pair', **number)}} for half in 'ab']
                self._client.transact_write_items(TransactItems=halves)
                self.acknowledged['pair'] = self.number
                self.wrote.set()
        except (BotoCoreError, ClientError):
            pass


@pytest.fixture
def killable(tmp_path: Path) -> Iterator[Any]:
    process = subprocess.Popen(
        [sys.executable, '-m', 'tests.support.durable_server', tmp_path], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:  # which at its end closes what the process reads, and waits for it
        yield process


def test_a_kill_at_any_moment_loses_nothing_acknowledged_and_halves_nothing(opened: Opened, killable: Any, tmp_path: Path) -> None:
    """Each kill comes after a random time, every other one once all have written; the next server goes on with what is left."""
    chance = random.Random(KILLS)
    begins = {f'W{number}': (0, {'single': 0, 'pair': 0}) for number in range(WRITERS)}
    for kill in range(KILLS):
        killable.stdin.write('serve\n')
        killable.stdin.flush()
        pid, url = killable.stdout.readline().split()
        writers = {name: Writer(url, name, *begin) for name, begin in begins.items()}
        for writer in writers.values():
            writer.start()
        if kill % 2:
            assert all(writer.wrote.wait(PATIENCE_SECONDS) for writer in writers.values())
        time.sleep(chance.random() * 0.5)
        os.kill(int(pid), signal.SIGKILL)
        for writer in writers.values():
            writer.join()

        store = opened(tmp_path / 'items.sqlite3')
        for name, writer in writers.items():
            stored = store.get([(name, 'single'), (f'{name}a', 'pair'), (f'{name}b', 'pair')])
            single, a, b = (
                int(json.loads(stored[key])['number']['N']) if key in stored else 0
                for key in ((name, 'single'), (f'{name}a', 'pair'), (f'{name}b', 'pair'))
            )
            assert a == b
            assert writer.acknowledged['pair'] <= a <= writer.number
            assert writer.acknowledged['single'] <= single <= writer.number
            begins[name] = writer.number, {'single': single, 'pair': a}
        store.close()
    assert min(number for number, _ in begins.values()) >= KILLS // 2  # they did write


def test_memory_does_not_grow_with_requests(killable: Any) -> None:
    killable.stdin.write('serve\n')
    killable.stdin.flush()
    pid, url = killable.stdout.readline().split()
    client = client_of(url)
    items = [item('A', f'{number:04}', text={'S': 'x' * 4_000}) for number in range(50)]
    for batch in (items[:25], items[25:]):  # each write waits for the disk
        client.batch_write_item(RequestItems={NAME: [{'PutRequest': {'Item': each}} for each in batch]})
    question = {'KeyConditionExpression': 'pk = :pk', 'ExpressionAttributeValues': {':pk': {'S': 'A'}}}

    resident = []
    for _ in range(2):
        for _ in range(40):
            client.query(TableName=NAME, **question)
        resident.append(int(re.findall(r'^VmRSS:\s+(\d+) kB', Path(f'/proc/{pid}/status').read_text(), re.M)[0]))
    os.kill(int(pid), signal.SIGKILL)

    assert resident[1] - resident[0] < 4_000  # of the 8,000 that were read, and more in memory


def test_keys_are_as_before_after_a_restart_and_read_by_their_owner_alone(tmp_path: Path) -> None:
    path, first, second = tmp_path / 'keys.json', '420000000001', '420000000002'
    backend = kms_backends[first][REGION]
    for spec, usage in (('SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT'), ('ECC_NIST_P256', 'SIGN_VERIFY')):  # the second by a later version
        made = backend.create_key(policy=None, key_usage=usage, key_spec=spec, description='', tags=None)
        backend.create_alias(made.id, f'alias/{usage}')
        keys.save(path, first, REGION)
    closed, _ = backend.encrypt('alias/ENCRYPT_DECRYPT', b'secret', {'ledger': 'x'})

    saved = path.read_text()
    keys.load(path, second, REGION)
    keys.save(path, second, REGION)
    assert path.read_text() == saved

    opened, _ = kms_backends[second][REGION].decrypt(closed, {'ledger': 'x'})
    public = [kms_backends[one][REGION].get_public_key('alias/SIGN_VERIFY')[1] for one in (first, second)]
    assert (opened, public[0] == public[1]) == (b'secret', True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_folder_is_for_one_server_at_a_time_and_for_this_version_or_older_ones(tmp_path: Path) -> None:
    folder = Folder(tmp_path / 'data')
    with folder.opened(), pytest.raises(CannotOpen, match='in use by another server'), Folder(tmp_path / 'data').opened():
        pass
    assert stat.S_IMODE((tmp_path / 'data').stat().st_mode) == 0o700
    (tmp_path / 'data' / 'version.json').write_text('{"format": "2", "version": "9.0.0"}')

    with pytest.raises(CannotOpen, match='newer version'), folder.opened():
        pass


def test_commands_wait_for_each_other_and_for_a_server_that_starts(tmp_path: Path, umask: None) -> None:
    folder, inside = Folder(tmp_path / 'data'), []

    def use(_: int) -> int:
        with Folder(folder.path).opened(Holder.COMMAND):
            inside.append(1)
            time.sleep(0.02)
            users = len(inside)
            inside.pop()
            return users

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(use, range(8))) == [1] * 8
        for name in ('first', 'second'):
            assert folder.server_environment() is None
            with folder.opened():
                reached = pool.submit(folder.server_environment)
                time.sleep(0.1)
                assert not reached.done()  # nor does it get the environment of the server before
                folder.tell_environment({'SERVER': name})
                assert reached.result() == {'SERVER': name}


@pytest.fixture
def umask() -> Iterator[None]:
    """Afterwards as before, whichever thread restores it last."""
    before = os.umask(0o022)
    os.umask(before)
    yield
    os.umask(before)


def test_items_without_their_keys_are_refused_and_an_empty_table_is_not(tmp_path: Path) -> None:
    """The first start may have ended after it made the table and before it made the keys."""
    folder, table = Folder(tmp_path / 'data'), definition.read()
    with folder.opened(), closing(emulated_aws.open_store(folder, table)):
        pass
    with folder.opened(), closing(emulated_aws.open_store(folder, table)) as store:
        store.write({('A', '1'): json.dumps(item('A', '1'))}, [])

    with folder.opened(), pytest.raises(CannotOpen, match=re.escape(str(folder.keys))):
        emulated_aws.open_store(folder, table)


def test_nobody_else_may_read_what_is_made_in_a_folder_that_was_open_to_all(tmp_path: Path) -> None:
    folder, before = Folder(tmp_path / 'data'), os.umask(0o022)
    try:
        folder.path.mkdir(mode=0o755)
        with folder.opened():
            Store(folder.items, definition.read()).close()
        (tmp_path / 'after').touch()
    finally:
        os.umask(before)

    assert [oct(stat.S_IMODE(path.stat().st_mode)) for path in (folder.items, tmp_path / 'after')] == ['0o600', '0o644']


def test_items_that_cannot_be_opened_are_not_called_damaged(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.items.mkdir()

    with pytest.raises(CannotOpen, match='cannot be used'):
        emulated_aws.open_store(folder, definition.read())
