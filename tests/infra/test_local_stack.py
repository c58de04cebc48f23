"""What the local stack makes of infra/template.yaml, and `python -m infra.local setup`."""

import json
import os
import subprocess
import sys
from pathlib import Path

import boto3
import pytest

from infra.local import stack
from tests.support.processes import free_port, running

BIN = Path(sys.executable).parent


@pytest.fixture
def _entered(restored_environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
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
@pytest.mark.parametrize('setting', ['REFRESH_QUEUE', 'ACCOUNTS_QUEUE', 'PURGE_QUEUE', 'RATES_QUEUE', 'HISTORY_QUEUE'])
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


@pytest.mark.usefixtures('restored_environment')
def test_nothing_of_the_machines_own_aws_settings_stays() -> None:
    own = {'AWS_PROFILE': 'mine', 'AWS_SESSION_TOKEN': 'mine', 'AWS_ENDPOINT_URL_SQS': 'mine', 'AWS_SECRET_ACCESS_KEY': 'mine'}
    os.environ.update(own)

    stack.enter('https://kms.us-east-1.amazonaws.com', 'http://127.0.0.1:8000')

    assert 'mine' not in os.environ.values()


@pytest.mark.usefixtures('restored_environment')
def test_proxies_leave_local_addresses_alone() -> None:
    os.environ['NO_PROXY'] = 'example.com'

    stack.enter('https://kms.us-east-1.amazonaws.com', 'http://127.0.0.1:8000')

    assert os.environ['NO_PROXY'] == 'example.com,127.0.0.1,localhost'


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


@pytest.mark.e2e
def test_the_environment_that_setup_prints_leads_to_what_it_made(tmp_path: Path) -> None:
    port = free_port()
    environment = {'PATH': os.environ['PATH'], 'AWS_ENDPOINT_URL': f'http://127.0.0.1:{port}'}
    script = "from chalicelib.models import User; print(User.with_email('demo@example.com').name)"
    with running([BIN / 'moto_server', '-H', '127.0.0.1', '-p', port], environment, tmp_path / 'moto', port):
        environment |= variables(run_setup(environment))
        done = subprocess.run([sys.executable, '-c', script], cwd=stack.ROOT, env=environment, capture_output=True, text=True, check=True)

    assert done.stdout == 'Demo\n'


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
