"""How far a request or a message walks through the code: `python -m benchmarks.walks` prints a Markdown table.

Each walk is done once unmeasured, so that imports and caches do not count, and then measured with `sys.setprofile` on a portfolio
and a ledger of its own, in one process beside moto and the fake upstreams. Only functions of `chalicelib` count, and only what is
particular to the walk: not what every request passes (telemetry, settings, clock, errors, authorizer, rate limit, the HTTP edge and
the page middleware), nor what turns items into requests to DynamoDB and back, which was in PynamoDB, uncounted, before it was ours. A
call crosses a file border when it comes from a function in another file, a room border when that file is in another folder, and goes up
when it enters a higher layer, or a higher wing of the services, than it comes from.
"""

import json
import os
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

from moto import mock_aws

ROOT = Path(__file__).parents[1]
PACKAGE = str(ROOT / 'chalicelib') + os.sep
SHARED = (
    'telemetry',
    'config',
    'clock',
    'errors',
    'auth',
    'http',
    'http_io',
    'local_gateway',
    'aws',
    'models/attributes',
    'models/batches',
    'models/connection',
    'models/response_parser',
    'models/retries',
    'web/pages',
    'api/rate_limit',
    'api/requests/rate_limit',
)
LAYERS = (
    'domain/',
    'models/',
    'providers/',
    *(f'services/{wing}/' for wing in ('ledgers', 'rates', 'portfolios', 'histories', 'users')),
    ('api/', 'oauth/', 'web/', 'jobs/'),
)
ADDRESSES = ('1JfbZRwdDHKZmuiZgYArJZhcuuzuw2HuMu', 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4')
ENVIRONMENT = {
    'AWS_DEFAULT_REGION': 'us-east-1',
    'AWS_ACCESS_KEY_ID': 'walks',
    'AWS_SECRET_ACCESS_KEY': 'walks',
    'AWS_CHALICE_CLI_MODE': 'true',
    'TABLE_NAME': 'walks',
    'REFRESH_QUEUE': 'walks-refresh',
    'ACCOUNTS_QUEUE': 'walks-accounts',
    'PURGE_QUEUE': 'walks-purge',
    'HISTORY_QUEUE': 'walks-history',
    'RATES_QUEUE': 'walks-rates',
    'ISSUER': 'https://walks.test',
    'AUDIENCE': 'walks',
    'SIGNING_KEY_ID': 'alias/walks-signing',
    'VAULT_KEY_ID': 'alias/walks-vault',
    'CROSS_CHECK_RATE': '0',
}


class Walk(NamedTuple):
    """Where a walk went: each call as the file it came from, empty for a caller outside the package, and the file it entered."""

    calls: list[tuple[str, str]]

    def row(self, name: str) -> str:
        """Return a row of the table."""
        own = [(caller, entered) for caller, entered in self.calls if not is_shared(entered)]
        borders = [(caller, entered) for caller, entered in own if caller and caller != entered and not is_shared(caller)]
        rooms = [(caller, entered) for caller, entered in borders if Path(caller).parent != Path(entered).parent]
        files = {entered for _, entered in own}
        up = [(caller, entered) for caller, entered in borders if layer_of(entered) > layer_of(caller)]
        return f'| {name} | {len(files)} | {len(own)} | {len(borders)} | {len(rooms)} | {len(up)} |'


def layer_of(file: str) -> int:
    """Return how high a file stands, 0 for those that import none of the others."""
    return next((height for height, prefix in reversed(list(enumerate(LAYERS))) if file.startswith(prefix)), 0)


def is_shared(file: str) -> bool:
    """Whether a file is passed by every request, or by every item."""
    return any(file == f'{part}.py' or file.startswith(f'{part}/') for part in SHARED)


@contextmanager
def recorded() -> Iterator[Walk]:
    """Record the calls made in this thread, and in those that start meanwhile."""
    walk = Walk([])

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event != 'call' or not frame.f_code.co_filename.startswith(PACKAGE):
            return
        caller = frame.f_back
        while caller is not None and not caller.f_code.co_filename.startswith(PACKAGE):
            caller = caller.f_back
        came_from = caller.f_code.co_filename.removeprefix(PACKAGE) if caller is not None else ''
        walk.calls.append((came_from, frame.f_code.co_filename.removeprefix(PACKAGE)))

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        yield walk
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]


class World:
    """The application beside moto: a user, an API client, the jobs."""

    def __init__(self) -> None:
        import boto3
        from chalice.test import Client

        from app import app
        from chalicelib import passwords
        from chalicelib.models import Client as OAuthClient
        from chalicelib.models import Item, User
        from infra.local import authorizer

        Item.create_table(billing_mode='PAY_PER_REQUEST')
        self._sqs = boto3.client('sqs')
        for name in ('refresh', 'purge', 'history', 'rates'):
            self._sqs.create_queue(QueueName=f'walks-{name}')
        now = int(time.time())
        self.user = User.create(
            name='Walker',
            email='walker@example.com',
            password_hash=passwords.hash_password('correct horse'),
            allow_remote_login=True,
            now=now,
        )
        OAuthClient.register(
            client_id='walks', secret='secret', owner_id=self.user.user_id, name='Walks', redirect_uris=['http://127.0.0.1/'], now=now
        )
        authorizer.install()
        self._client = Client(app, stage_name='local')

    def request(self, method: str, path: str, body: Any = None, *, form: bytes | None = None, token: str | None = None) -> Any:
        """Send a request; a form is one to the token endpoint."""
        if form is not None:
            sent, headers = form, {'Content-Type': 'application/x-www-form-urlencoded'}
        else:
            sent, headers = json.dumps(body).encode(), {'Content-Type': 'application/json', 'Authorization': f'Bearer {token}'}
        response = self._client.http.request(method, path, headers=headers, body=sent)
        assert response.status_code < 300, (path, response.body)
        return response.json_body

    def token(self) -> str:
        from chalicelib.oauth import signing

        return signing.access_token(user_id=self.user.user_id, client_id='walks', scopes=['read', 'write', 'delete'], family='x')

    def job(self, handler: Callable[[Any, Any], Any], body: dict[str, Any]) -> None:
        """Hand a message to a queue's function."""
        record = {
            'messageId': uuid.uuid4().hex,
            'receiptHandle': uuid.uuid4().hex,
            'body': json.dumps(body),
            'attributes': {'ApproximateReceiveCount': '1'},
            'messageAttributes': {},
            'eventSource': 'aws:sqs',
            'eventSourceARN': 'arn:aws:sqs:us-east-1:123456789012:queue',
            'awsRegion': 'us-east-1',
        }
        assert not handler({'Records': [record]}, None)['batchItemFailures']


def main() -> None:
    """Print the table."""
    with mock_aws(), fake_upstreams() as url:
        os.environ |= ENVIRONMENT | {'UPSTREAM_URL': url}
        create_keys()
        world = World()
        do_walks(world, ADDRESSES[0], {})
        measured: dict[str, Walk] = {}
        do_walks(world, ADDRESSES[1], measured)
    print('| walk | files | calls | over a file border | over a room border | up |\n| --- | --- | --- | --- | --- | --- |')
    for name, walk in measured.items():
        print(walk.row(name))


def do_walks(world: World, address: str, measured: dict[str, Walk]) -> None:
    """Do all walks on a new portfolio, and note in `measured` where they went."""
    from chalicelib.jobs import histories, rates, refresh

    @contextmanager
    def measure(name: str) -> Iterator[None]:
        with recorded() as walk:
            yield
        measured[name] = walk

    token = world.token()  # signed outside of the walks
    portfolio = world.request('POST', '/api/portfolios', {'title': 'Walks', 'currencies': ['btc', 'usd']}, token=token)['result']['id']
    path = f'/api/portfolios/{portfolio}'
    ledger = {'ledger': f'LEDGER#btc#{address}'}
    with measure('POST address'):
        world.request('POST', f'{path}/addresses', {'address': address, 'currency': 'btc'}, token=token)
    with measure('SQS refresh, first'):
        world.job(refresh.refresh_ledgers, ledger)
    age_observation(ledger['ledger'])
    with measure('SQS refresh, nothing new'):
        world.job(refresh.refresh_ledgers, ledger)
    world.job(rates.fetch_rates, {'currencies': []})
    with measure('history job'):
        world.job(histories.refresh_histories, {'user_id': world.user.user_id, 'portfolio_id': portfolio})
    for name, below in (('portfolio', ''), ('balances', '/balances'), ('converted', '/converted'), ('history', '/balances/history')):
        with measure(f'GET {name}'):
            world.request('GET', path + below, token=token)
    form = b'grant_type=password&username=walker@example.com&password=correct+horse&scope=read&client_id=walks&client_secret=secret'
    with measure('POST /oauth/token'):
        world.request('POST', '/oauth/token', form=form)


def age_observation(ledger: str) -> None:
    """Make the last observation of a ledger so old that it is refreshed again."""
    import boto3

    boto3.client('dynamodb').update_item(
        TableName='walks',
        Key={'pk': {'S': ledger}, 'sk': {'S': 'STATE'}},
        UpdateExpression='SET updated_at = :then',
        ExpressionAttributeValues={':then': {'N': str(int(time.time()) - 3_600)}},
    )


def create_keys() -> None:
    """Make the KMS keys, and set the one that verifies tokens."""
    import boto3

    from infra.jwks import jwks

    kms = boto3.client('kms')
    signing = kms.create_key(KeySpec='ECC_NIST_P256', KeyUsage='SIGN_VERIFY')['KeyMetadata']['KeyId']
    kms.create_alias(AliasName=ENVIRONMENT['SIGNING_KEY_ID'], TargetKeyId=signing)
    kms.create_alias(AliasName=ENVIRONMENT['VAULT_KEY_ID'], TargetKeyId=kms.create_key()['KeyMetadata']['KeyId'])
    os.environ['JWKS'] = json.dumps(jwks([kms.get_public_key(KeyId=signing)['PublicKey']]))


@contextmanager
def fake_upstreams() -> Iterator[str]:
    """Serve the fake upstreams; yield their URL."""
    from infra.fake_upstreams import sample

    server = sample.serve()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f'http://127.0.0.1:{server.server_port}'
    server.shutdown()


if __name__ == '__main__':
    main()
