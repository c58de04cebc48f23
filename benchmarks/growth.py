"""What requests cost as a portfolio grows: `python -m benchmarks.growth [SIZE ...]` prints a Markdown table.

As in benchmarks.endpoints, the processor time of the application and of plain botocore that asks DynamoDB for the same. `units` are the
read units that AWS would count, `MiB` the most that Python's objects take beyond what was there before the request.
"""

import argparse
import os
import time
import tracemalloc
from typing import Any, NamedTuple

from moto import mock_aws
from moto.dynamodb.models import dynamodb_backends

from benchmarks.endpoints import Pair, event, measure, record
from benchmarks.walks import ENVIRONMENT, World, create_keys, fake_upstreams
from infra.local import quick_moto

SIZES = (100, 1_000)  # 10,000 take moto more than ten minutes
_ADDRESS = '1JfbZRwdDHKZmuiZgYArJZhcuuzuw2HuMu'
_DAY = 86_400
_ACCOUNT, _TABLE = '123456789012', 'walks'
_RUNS = 1_000  # addresses whose balances are measured in all: few times for a large portfolio

Json = dict[str, Any]


class Request(NamedTuple):
    """A GET request: its route, and its query; of a page the browser's cookie goes with it."""

    route: str
    query: dict[str, str]
    is_page: bool = False


REQUESTS = {
    'balances': Request('/api/portfolios/{portfolio_id}/balances', {}),
    'converted balances': Request('/api/portfolios/{portfolio_id}/converted', {}),
    'list, 100 addresses': Request('/api/portfolios/{portfolio_id}/addresses', {'limit': '100'}),
    'list, 1,000 addresses': Request('/api/portfolios/{portfolio_id}/addresses', {'limit': '1000'}),
    'list of offsets': Request('/api/portfolios/{portfolio_id}/offsets', {}),
    'newest 100 transactions': Request('/api/portfolios/{portfolio_id}/transactions', {'limit': '100'}),
    'page of the portfolio': Request('/portfolios/{portfolio_id}', {}, is_page=True),
}


def main() -> None:
    """Print a table for each request."""
    parser = argparse.ArgumentParser(prog='python -m benchmarks.growth', description=__doc__)
    parser.add_argument('sizes', type=int, nargs='*', default=SIZES, metavar='SIZE')
    sizes = parser.parse_args().sizes or SIZES
    quick_moto.REPLACEMENTS.install()
    with mock_aws(), fake_upstreams() as url:
        os.environ |= ENVIRONMENT | {'UPSTREAM_URL': url, 'RATE_LIMIT': '0', 'NETWORK_LIMIT': '0', 'ISSUER': 'http://walks.test'}
        create_keys()
        from chalicelib.jobs import rates

        world = World()
        world.job(rates.fetch_rates, {'currencies': []})
        portfolios = {size: portfolio(world, size) for size in sizes}
        cookie = _log_in(world)
        pairs = record(
            [(f'{name} | {size:,}', _event(world, one, portfolios[size], cookie)) for name, one in REQUESTS.items() for size in sizes]
        )
    print('| request | addresses | DynamoDB requests | units | ms | floor | times the floor | MiB |')
    print('| --- | --- | --- | --- | --- | --- | --- | --- |')
    for pair in pairs:
        size = int(pair.name.rpartition(' ')[2].replace(',', ''))
        cost = measure(pair, max(2, min(9, _RUNS // size)))
        row = f'{cost.ours:.1f} | {cost.floor:.1f} | {cost.ours / cost.floor:.2f} | {_most_megabytes(pair):.1f}'
        print(f'| {pair.name} | {cost.requests} | {cost.units:.0f} | {row} |', flush=True)


def portfolio(world: World, size: int) -> int:
    """Return a new portfolio of so many addresses, all observed, with a transaction each, and its history computed."""
    from chalicelib.jobs import histories, refresh

    token = world.token()
    created = world.request('POST', '/api/portfolios', {'title': 'Benchmark', 'currencies': ['btc', 'usd']}, token=token)['result']['id']
    world.request('POST', f'/api/portfolios/{created}/addresses', {'address': _ADDRESS, 'currency': 'btc'}, token=token)
    world.job(refresh.refresh_ledgers, {'ledger': f'LEDGER#btc#{_ADDRESS}'})
    _copy_address(world.user.user_id, created, size)
    world.job(histories.refresh_histories, {'user_id': world.user.user_id, 'portfolio_id': created, 'seen_at': int(time.time())})
    return int(created)


def _copy_address(user_id: str, portfolio_id: int, size: int) -> None:
    """Give a portfolio so many copies of its one address, with ledgers of their own, straight into moto's table."""
    import boto3

    header, client = f'PORTFOLIO#{portfolio_id:06}', boto3.client('dynamodb')
    child = client.get_item(TableName=_TABLE, Key={'pk': {'S': f'USER#{user_id}'}, 'sk': {'S': f'{header}#ADDRESS#000001'}})['Item']
    ledger = client.get_item(TableName=_TABLE, Key={'pk': {'S': f'LEDGER#btc#{_ADDRESS}'}, 'sk': {'S': 'STATE'}})['Item']
    [entry] = client.query(
        TableName=_TABLE,
        KeyConditionExpression='pk = :pk AND begins_with(sk, :sk)',
        ExpressionAttributeValues={':pk': ledger['pk'], ':sk': {'S': 'ENTRY#'}},
        ScanIndexForward=False,
        Limit=1,
    )['Items']
    table = dynamodb_backends[_ACCOUNT]['us-east-1'].tables[_TABLE]
    newest = int(ledger['newest_at']['N'])
    for number in range(2, size + 1):
        pk, at = f'LEDGER#btc#{_ADDRESS[:-5]}{number:05}', newest - 60 * number
        sk = f'ENTRY#{time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(at))}#{number:064x}#0'
        key = {'sk': {'S': f'{header}#ADDRESS#{number:06}'}, 'address_id': {'N': str(number)}}
        table.put_item(child | key | {'address': {'S': pk.rpartition('#')[2]}})
        table.put_item(ledger | {'pk': {'S': pk}, 'newest_at': {'N': str(at)}})
        table.put_item(entry | {'pk': {'S': pk}, 'sk': {'S': sk}, 'txn_at': {'N': str(at)}, 'reference': {'S': f'{number:064x}'}})


def _log_in(world: World) -> str:
    from chalicelib.models import Session
    from chalicelib.web import sessions

    return f'{sessions.cookie_name()}={Session.start(world.user, int(time.time() * 1_000))}'


def _event(world: World, request: Request, portfolio_id: int, cookie: str) -> Json:
    parameters = {
        name: value for name, value in (('portfolio_id', str(portfolio_id)), ('address_id', '2')) if f'{{{name}}}' in request.route
    }
    made = event(world.user.user_id, request.route, parameters)
    made['multiValueQueryStringParameters'] = {name: [value] for name, value in request.query.items()} or None
    if request.is_page:
        made['headers'] = {'cookie': cookie, 'accept': 'text/html'}
        del made['requestContext']['authorizer']
    return made


def _most_megabytes(pair: Pair) -> float:
    tracemalloc.start()
    pair.handle()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most / 2**20


if __name__ == '__main__':
    main()
