"""The environment first, as settings are read when chalicelib is imported; then the fixtures of tests/support."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto import mock_aws

os.environ |= {
    'AWS_DEFAULT_REGION': 'us-east-1',
    'AWS_ACCESS_KEY_ID': 'testing',
    'AWS_SECRET_ACCESS_KEY': 'testing',
    'AWS_CHALICE_CLI_MODE': 'true',
    'TABLE_NAME': 'cryptfolio-test',
    'REFRESH_QUEUE': 'cryptfolio-test-refresh',
    'ACCOUNTS_QUEUE': 'cryptfolio-test-accounts',
    'PURGE_QUEUE': 'cryptfolio-test-purge',
    'HISTORY_QUEUE': 'cryptfolio-test-history',
    'RATES_QUEUE': 'cryptfolio-test-rates',
    'ISSUER': 'https://cryptfolio.test',
    'AUDIENCE': 'cryptfolio',
    'SIGNING_KEY_ID': 'alias/cryptfolio-test-signing',
    'VAULT_KEY_ID': 'alias/cryptfolio-test-vault',
    'CROSS_CHECK_RATE': '0',
    'SIGNUP': 'open',
    'NETWORK_LIMIT': '0',  # all tests come from one network, in one minute
}
os.environ.pop('AWS_ENDPOINT_URL', None)
os.chdir(Path(__file__).parent.parent)

# Moto, in this process; or the emulator at EMULATOR_URL, where each process has an account of its own, empty at first.
EMULATOR_URL = os.environ.get('EMULATOR_URL')
if EMULATOR_URL:
    os.environ |= {'AWS_ENDPOINT_URL': EMULATOR_URL, 'AWS_ACCESS_KEY_ID': f'{os.getpid():012}'}
else:
    _aws = mock_aws()
    _aws.start()

import boto3  # noqa: E402
import hypothesis  # noqa: E402

from infra.jwks import jwks  # noqa: E402
from infra.local import authorizer, exact_kms, fair_queues, greedy_routes, quick_moto  # noqa: E402

_kms = boto3.client('kms')
_key_id = _kms.create_key(KeySpec='ECC_NIST_P256', KeyUsage='SIGN_VERIFY')['KeyMetadata']['KeyId']
_kms.create_alias(AliasName=os.environ['SIGNING_KEY_ID'], TargetKeyId=_key_id)
_vault_key_id = _kms.create_key()['KeyMetadata']['KeyId']
_kms.create_alias(AliasName=os.environ['VAULT_KEY_ID'], TargetKeyId=_vault_key_id)
os.environ['JWKS'] = json.dumps(jwks([_kms.get_public_key(KeyId=_key_id)['PublicKey']]))

# The API of chalice's test client authorizes requests as API Gateway does.
authorizer.install()
greedy_routes.install()

# How long an example takes says more of the machine's load than of the code.
hypothesis.settings.register_profile('steady', deadline=None)
hypothesis.settings.load_profile('steady')

pytest.register_assert_rewrite('tests.support')
PLUGINS = (
    *('api', 'aws', 'browser', 'chromium', 'clock', 'environment', 'explorers', 'following', 'hd_wallets', 'koios', 'kraken', 'logs'),
    *('portfolio_pages', 'queues', 'quick_aws', 'recordings', 'secrets', 'served', 'thief'),
)
pytest_plugins = [f'tests.support.{module}' for module in PLUGINS]

from chalicelib.config import settings  # noqa: E402
from tests.support import direct_dynamodb, quick_aws, serial_moto  # noqa: E402

if not EMULATOR_URL:
    direct_dynamodb.REPLACEMENTS.install()
    serial_moto.install()
    quick_aws.REPLACEMENTS.install()
    quick_moto.REPLACEMENTS.install()
    exact_kms.REPLACEMENTS.install()
    fair_queues.REPLACEMENTS.install()


@pytest.fixture(autouse=True)
def _settings_of_its_own() -> Iterator[None]:
    """What a test puts into the environment is not in the settings of the next one."""
    yield
    settings.cache_clear()
