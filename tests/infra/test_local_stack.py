"""What the local stack makes of infra/template.yaml, and `python -m infra.local setup` beside chalice's own server."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import pytest
import requests

from infra.local import stack
from tests.e2e.conftest import wait_until

BIN = Path(sys.executable).parent


@pytest.fixture
def environment() -> Iterator[None]:
    """The environment is afterwards as it was before."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def _entered(environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stack, where moto is, and this process led there."""
    stack.enter('https://kms.us-east-1.amazonaws.com', 'http://127.0.0.1:8000')
    del os.environ['AWS_ENDPOINT_URL']
    stack.create()


@pytest.mark.usefixtures('_entered')
def test_the_table_has_the_templates_keys_and_indexes() -> None:
    table = boto3.client('dynamodb').describe_table(TableName=os.environ['TABLE_NAME'])['Table']

    assert [key['AttributeName'] for key in table['KeySchema']] == ['pk', 'sk']
    assert [index['IndexName'] for index in table['LocalSecondaryIndexes']] == ['portfolios']
    assert [index['IndexName'] for index in table['GlobalSecondaryIndexes']] == ['due']


@pytest.mark.usefixtures('_entered')
@pytest.mark.parametrize('setting', ['REFRESH_QUEUE', 'PURGE_QUEUE', 'RATES_QUEUE', 'HISTORY_QUEUE'])
def test_a_queue_has_the_templates_dead_letter_queue(setting: str) -> None:
    sqs = boto3.client('sqs')
    url = sqs.get_queue_url(QueueName=os.environ[setting])['QueueUrl']

    redrive = json.loads(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=['RedrivePolicy'])['Attributes']['RedrivePolicy'])

    assert redrive['maxReceiveCount'] == 5
    assert redrive['deadLetterTargetArn'].endswith(f':{os.environ[setting]}-dlq')


@pytest.mark.usefixtures('_entered')
def test_the_keys_kinds_are_the_templates() -> None:
    key = boto3.client('kms').describe_key(KeyId=os.environ['SIGNING_KEY_ID'])['KeyMetadata']

    assert (key['KeySpec'], key['KeyUsage']) == ('ECC_NIST_P256', 'SIGN_VERIFY')
    vault = boto3.client('kms').describe_key(KeyId=os.environ['VAULT_KEY_ID'])['KeyMetadata']
    assert (vault['KeySpec'], vault['KeyUsage']) == ('SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT')


@pytest.mark.usefixtures('_entered')
def test_entering_again_keeps_the_key() -> None:
    first = os.environ['JWKS']

    stack.enter('https://kms.us-east-1.amazonaws.com', 'http://127.0.0.1:8000')

    assert os.environ['JWKS'] == first


@pytest.mark.usefixtures('environment')
def test_nothing_of_the_machines_own_aws_settings_stays() -> None:
    own = {'AWS_PROFILE': 'mine', 'AWS_SESSION_TOKEN': 'mine', 'AWS_ENDPOINT_URL_SQS': 'mine', 'AWS_SECRET_ACCESS_KEY': 'mine'}
    os.environ.update(own)

    stack.enter('https://kms.us-east-1.amazonaws.com', 'http://127.0.0.1:8000')

    assert 'mine' not in os.environ.values()


@pytest.mark.usefixtures('environment')
def test_proxies_leave_local_addresses_alone() -> None:
    os.environ['NO_PROXY'] = 'example.com'

    stack.enter('https://kms.us-east-1.amazonaws.com', 'http://127.0.0.1:8000')

    assert os.environ['NO_PROXY'] == 'example.com,127.0.0.1,localhost'


@pytest.mark.e2e
def test_chalices_own_server_works_beside_a_moto_server(tmp_path: Path) -> None:
    aws, own = free_port(), free_port()
    environment = {'PATH': os.environ['PATH'], 'AWS_ENDPOINT_URL': f'http://127.0.0.1:{aws}', 'PORT': str(own)}
    api = f'http://127.0.0.1:{own}'
    with running([BIN / 'moto_server', '-H', '127.0.0.1', '-p', str(aws)], environment, tmp_path / 'moto', aws):
        environment |= variables(run_setup(environment))
        command = [BIN / 'chalice', 'local', '--stage', 'local', '--no-autoreload', '--port', str(own)]
        with running(command, environment, tmp_path / 'chalice', own):
            token = requests.post(
                f'{api}/oauth/token',
                data={'grant_type': 'password', 'username': 'demo@example.com', 'password': 'demo-password', 'scope': 'info'},
                auth=('demo-app', 'demo-secret'),
                timeout=10,
            ).json()['access_token']
            headers = {'Authorization': f'Bearer {token}'}
            user = requests.get(f'{api}/api/user', headers=headers, timeout=10)
            forbidden = requests.get(f'{api}/api/portfolios', headers=headers, timeout=10)
            wrong = requests.get(f'{api}/api/user', headers={'Authorization': 'Bearer nonsense'}, timeout=10)
            missing = requests.get(f'{api}/api/user', timeout=10)

    assert (user.status_code, user.json()['result']['name']) == (200, 'Demo')
    assert (forbidden.status_code, forbidden.json()['code']) == (403, 'insufficient_scope')
    assert forbidden.headers['WWW-Authenticate'] == 'Bearer error="insufficient_scope"'
    for unauthorized in (wrong, missing):
        assert (unauthorized.status_code, unauthorized.json()['code']) == (401, 'invalid_token')
        assert unauthorized.headers['WWW-Authenticate'] == 'Bearer error="invalid_token"'


@pytest.mark.e2e
@pytest.mark.parametrize(
    ('endpoint', 'sentence'),
    [
        (None, 'AWS_ENDPOINT_URL is not set'),
        ('http://127.0.0.1:1', 'http://127.0.0.1:1 does not answer as a moto_server does'),
        ('nonsense', 'nonsense does not answer as a moto_server does'),
    ],
)
def test_setup_without_a_moto_server_says_so_in_one_sentence(endpoint: str | None, sentence: str) -> None:
    environment = {'PATH': os.environ['PATH']} | ({'AWS_ENDPOINT_URL': endpoint} if endpoint else {})

    ended = subprocess.run(
        [sys.executable, '-m', 'infra.local', 'setup'], cwd=stack.ROOT, env=environment, capture_output=True, text=True, check=False
    )

    assert (ended.returncode, ended.stdout) == (1, '')
    assert ended.stderr.startswith(sentence)
    assert ended.stderr.count('\n') == 1


def run_setup(environment: dict[str, str]) -> str:
    """Return what a shell has to evaluate. Runs twice, which must change nothing."""
    command = [sys.executable, '-m', 'infra.local', 'setup']
    first, second = (subprocess.run(command, cwd=stack.ROOT, env=environment, capture_output=True, text=True, check=True) for _ in range(2))
    assert first.stdout == second.stdout
    return second.stdout


def variables(exports: str) -> dict[str, str]:
    """Return the environment after a shell evaluated `exports`."""
    shell = subprocess.run(['sh', '-c', f'{exports}\nenv -0'], env={}, capture_output=True, text=True, check=True)
    return dict(line.split('=', 1) for line in shell.stdout.split('\0') if line)


@contextmanager
def running(command: list[object], environment: dict[str, str], log: Path, port: int) -> Iterator[None]:
    """Run a command from when it listens on `port` on."""
    with log.open('wb') as output:
        process = subprocess.Popen(list(map(str, command)), cwd=stack.ROOT, env=environment, stdout=output, stderr=output)
    try:
        wait_until(lambda: process.poll() is not None or not is_free(port), 30)
        assert process.poll() is None, log.read_text()
        yield
    finally:
        process.terminate()
        process.wait(10)


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(('127.0.0.1', port)) != 0


def free_port() -> int:
    with socket.create_server(('127.0.0.1', 0)) as probe:
        return probe.getsockname()[1]
