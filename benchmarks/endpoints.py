"""What warm requests cost beside plain botocore: `python -m benchmarks.endpoints` prints a Markdown table.

Each request is handled by the application as Lambda hands it over. What DynamoDB answers was recorded from moto once and is replayed
without a network, so that the time is the application's and its libraries' alone. The floor is a plain botocore client that sends the
same requests to DynamoDB and is given the same answers. Processor time is counted, the median of many runs that take turns.
"""

import hashlib
import json
import os
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from botocore import xform_name
from moto import mock_aws
from moto.core.models import botocore_stubber

from benchmarks import units
from benchmarks.walks import ENVIRONMENT, World, create_keys, fake_upstreams

SIZES = (1, 20, 200)
RUNS = 15
_ADDRESS = '1JfbZRwdDHKZmuiZgYArJZhcuuzuw2HuMu'


class Recorder:
    """Answers a client's requests to DynamoDB: as moto does while it records, as it did before from then on."""

    def __init__(self, *clients: Any) -> None:
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.units = 0.0
        self._is_recording = False
        self._answers: dict[tuple[str, bytes], Any] = {}
        for client in clients:
            client.meta.events.register_first('before-send.dynamodb', self._answer)
            client.meta.events.register_first('provide-client-params.dynamodb', self._note)

    def record(self, run: Callable[[], Any]) -> Any:
        """Return what something returns; its requests are in `requests` then, and in `units` the read units that AWS counts for them."""
        self.requests, self.units = [], 0
        self._is_recording = True
        try:
            return run()
        finally:
            self._is_recording = False

    def _note(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        if self._is_recording:
            self.requests.append((model.name, params))

    def _answer(self, request: Any, **_: Any) -> Any:
        key = (str(request.headers['X-Amz-Target']), hashlib.sha256(request.body).digest())
        if self._is_recording:
            self._answers[key] = botocore_stubber('before-send.dynamodb.X', request)
            self.units += units.of_read(
                key[0].rpartition('.')[2].strip("'"), json.loads(request.body), json.loads(self._answers[key].content)
            )
        return self._answers[key]


class Cost(NamedTuple):
    """Milliseconds of processor that a request takes, those of plain botocore for the same of DynamoDB, and how much it asks for."""

    name: str
    ours: float
    floor: float
    requests: int
    units: float

    def row(self) -> str:
        """Return a row of the table."""
        ratio = f'{self.ours / self.floor:.2f}' if self.requests else ''
        times = f'{self.ours:.2f} | {self.floor:.2f} | {self.ours - self.floor:.2f} | {ratio}'
        return f'| {self.name} | {self.requests} | {self.units:.1f} | {times} |'


def main() -> None:
    """Print the table, and what an address more adds to the balances of a portfolio."""
    with mock_aws(), fake_upstreams() as url:
        os.environ |= ENVIRONMENT | {'UPSTREAM_URL': url, 'RATE_LIMIT': '0'}
        create_keys()
        from chalicelib.jobs import rates

        world = World()
        token = world.token()
        world.job(rates.fetch_rates, {'currencies': []})
        requests = _requests({size: _portfolio(world, token, size) for size in SIZES})
        pairs = record([(name, event(world.user.user_id, *request)) for name, request in requests.items()])
    costs = [measure(pair) for pair in pairs]  # moto would answer beside the recorder, and its time be counted
    print('| request | DynamoDB requests | read units | ms | floor | beyond | times the floor |')
    print('| --- | --- | --- | --- | --- | --- | --- |')
    for cost in costs:
        print(cost.row())
    few, many = (next(cost for cost in costs if cost.name == f'balances of {size} addresses') for size in (SIZES[1], SIZES[-1]))
    each, at_floor = ((most - least) / (SIZES[-1] - SIZES[1]) for least, most in ((few.ours, many.ours), (few.floor, many.floor)))
    print(f'\nBalances: {each:.3f} ms for each address more, {at_floor:.3f} ms at the floor.')


def _requests(portfolios: dict[int, int]) -> dict[str, tuple[str, dict[str, str]]]:
    """Return the requests to measure by name: route and path parameters."""
    route = '/api/portfolios/{portfolio_id}'
    middle = {'portfolio_id': str(portfolios[SIZES[1]])}
    return {
        'portfolio': (route, middle),
        'an address': (f'{route}/addresses/{{address_id}}', middle | {'address_id': '1'}),
        'transactions of an address': (f'{route}/addresses/{{address_id}}/transactions', middle | {'address_id': '1'}),
        **{f'balances of {size} addresses': (f'{route}/balances', {'portfolio_id': str(portfolios[size])}) for size in SIZES},
        f'converted balances of {SIZES[1]} addresses': (f'{route}/converted', middle),
        'history of balances': (f'{route}/balances/history', middle),
        f'list of {SIZES[-1]} addresses': (f'{route}/addresses', {'portfolio_id': str(portfolios[SIZES[-1]])}),
    }


def _portfolio(world: World, token: str, size: int) -> int:
    """Return a new portfolio of so many addresses, all observed, with its history computed."""
    from chalicelib.jobs import histories, refresh

    created = world.request('POST', '/api/portfolios', {'title': 'Benchmark', 'currencies': ['btc', 'usd']}, token=token)['result']['id']
    world.request('POST', f'/api/portfolios/{created}/addresses', {'address': _ADDRESS, 'currency': 'btc'}, token=token)
    world.job(refresh.refresh_ledgers, {'ledger': f'LEDGER#btc#{_ADDRESS}'})
    _copy_address(world.user.user_id, created, size)
    message = {'user_id': world.user.user_id, 'portfolio_id': created, 'seen_at': int(time.time())}
    world.job(histories.refresh_histories, message)
    return int(created)


def _copy_address(user_id: str, portfolio_id: int, size: int) -> None:
    """Give a portfolio so many copies of its one address, with ledgers of their own."""
    import boto3

    header = f'PORTFOLIO#{portfolio_id:06}'
    table = boto3.resource('dynamodb').Table('walks')
    child = table.get_item(Key={'pk': f'USER#{user_id}', 'sk': f'{header}#ADDRESS#000001'})['Item']
    ledger = table.get_item(Key={'pk': f'LEDGER#btc#{_ADDRESS}', 'sk': 'STATE'})['Item']
    with table.batch_writer() as batch:
        for number in range(2, size + 1):
            address = f'{_ADDRESS[:-4]}{number:04}'
            batch.put_item(child | {'sk': f'{header}#ADDRESS#{number:06}', 'address_id': number, 'address': address})
            batch.put_item(ledger | {'pk': f'LEDGER#btc#{address}'})


class Pair(NamedTuple):
    """A request to the application, and the calls of a plain client that ask DynamoDB for the same."""

    name: str
    handle: Callable[[], Any]
    calls: Sequence[Callable[[], Any]]
    units: float


def record(events: Sequence[tuple[str, dict[str, Any]]]) -> list[Pair]:
    """Send each request, by its name and the event by which API Gateway hands it over, and return how to send it again without DynamoDB."""
    import botocore.session

    from app import app
    from chalicelib import clock
    from chalicelib.models import Item

    now, monotonic = clock.now(), clock.monotonic()
    clock.now, clock.monotonic = lambda: now, lambda: monotonic  # nothing gets stale while it is measured: there are no queues any more
    plain = botocore.session.get_session().create_client('dynamodb')
    recorder = Recorder(Item.connection().client, plain)
    pairs = []
    for name, one in events:
        handle = partial(app, one, None)
        recorder.record(handle)  # what is once in a process, such as the rates that are kept in memory
        answer = recorder.record(handle)
        if answer['statusCode'] != 200:
            raise SystemExit(f'{name}: {json.dumps(answer)}')
        calls = [partial(getattr(plain, xform_name(operation)), **params) for operation, params in recorder.requests]
        pairs.append(Pair(name, handle, calls, recorder.units))
    return pairs


def measure(pair: Pair, runs: int = RUNS) -> Cost:
    """Return what a request costs, and what the least is."""
    times = [(_milliseconds(pair.handle), _milliseconds(*pair.calls)) for _ in range(runs)]
    ours, floor = (statistics.median(column) for column in zip(*times, strict=True))
    return Cost(pair.name, ours, floor, len(pair.calls), pair.units)


def event(user_id: str, route: str, parameters: dict[str, str]) -> dict[str, Any]:
    """Return the event by which API Gateway hands over a GET request."""
    path = route.format(**parameters)
    return {
        'resource': route,
        'path': path,
        'httpMethod': 'GET',
        'headers': {'accept': 'application/json'},
        'multiValueQueryStringParameters': None,
        'pathParameters': parameters,
        'stageVariables': None,
        'body': None,
        'isBase64Encoded': False,
        'requestContext': {
            'resourcePath': route,
            'path': path,
            'httpMethod': 'GET',
            'requestId': 'benchmark',
            'identity': {'sourceIp': '192.0.2.1'},
            'authorizer': {'principalId': user_id, 'client_id': 'walks', 'scope': 'read'},
        },
    }


def _milliseconds(*runs: Callable[[], Any]) -> float:
    start = time.process_time()
    for run in runs:
        run()
    return (time.process_time() - start) * 1000


if __name__ == '__main__':
    main()
