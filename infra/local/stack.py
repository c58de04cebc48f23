"""The AWS side of a local run, on a moto server: what `infra/template.yaml` describes, and the environment that leads there."""

import contextlib
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from chalice.config import Config

from infra import template
from infra.jwks import jwks

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

ROOT = Path(__file__).parents[2]
STAGE = 'local'
NAME = f'cryptfolio-{STAGE}'

REGION = 'us-east-1'
_CREATED = ('AWS::DynamoDB::Table', 'AWS::SQS::Queue')
_NO_PROXY = '127.0.0.1,localhost'
_UNITS_PER_REQUEST = '10'  # fewer than on AWS: one process serves everybody, and others wait while it reads


def config() -> Config:
    """Return chalice's configuration of the stage `local`."""
    return Config(chalice_stage=STAGE, config_from_disk=json.loads((ROOT / '.chalice' / 'config.json').read_text()))


def enter(endpoint: str, issuer: str, access_key: str = 'local') -> dict[str, str]:
    """Lead this process and its children to the AWS at `endpoint`, and return the environment variables that do so.

    `access_key` matters where the AWS checks it, see `moto_server.AccessKeyCheck`.

    The keys are made, should they not be there, as the application's settings carry the public ones. Nothing of this
    machine's own AWS settings stays, and its proxies, if any, leave local addresses alone.
    """
    aws = {
        'AWS_ENDPOINT_URL': endpoint,
        'AWS_DEFAULT_REGION': REGION,
        'AWS_ACCESS_KEY_ID': access_key,
        'AWS_SECRET_ACCESS_KEY': 'local',
        'AWS_CONFIG_FILE': os.devnull,
        'AWS_SHARED_CREDENTIALS_FILE': os.devnull,
        'AWS_EC2_METADATA_DISABLED': 'true',
    }
    for name in [name for name in os.environ if name.startswith('AWS_')]:
        del os.environ[name]
    for name in ('NO_PROXY', 'no_proxy'):
        os.environ[name] = ','.join(filter(None, (os.environ.get(name), _NO_PROXY)))
    os.environ.update(aws)
    boto3.setup_default_session()  # the one so far may remember other credentials
    settings = _settings(issuer)
    os.environ.update(settings)
    return aws | settings


def _settings(issuer: str) -> dict[str, str]:
    settings: dict[str, str] = dict(config().environment_variables)
    del settings['CHALICE_HOOK']  # this is it; processes that start in this environment need none
    kms = boto3.client('kms')
    _create_keys(kms)
    public_key = kms.get_public_key(KeyId=settings['SIGNING_KEY_ID'])['PublicKey']
    return settings | {
        'SIGNUP': os.environ.get('SIGNUP') or settings['SIGNUP'],
        'UNITS_PER_REQUEST': os.environ.get('UNITS_PER_REQUEST') or _UNITS_PER_REQUEST,
        'ISSUER': issuer,
        'JWKS': json.dumps(jwks([public_key]), separators=(',', ':')),
        'AWS_CHALICE_CLI_MODE': 'true',
    }


def create() -> None:
    """Create the table and the queues, should they not be there."""
    client = boto3.client('cloudformation')
    with contextlib.suppress(client.exceptions.AlreadyExistsException):
        client.create_stack(
            StackName=NAME,
            TemplateBody=json.dumps(_reduced(template.load())),
            Parameters=[{'ParameterKey': 'Stage', 'ParameterValue': STAGE}],
        )


def _reduced(whole: dict[str, Any]) -> dict[str, Any]:
    """Return the part of the template that moto creates from CloudFormation as AWS would.

    Not the keys, whose kind it ignores: `_create_keys` makes those. Alarms and the like have nobody to tell here.
    """
    resources = {name: one for name, one in whole['Resources'].items() if one['Type'] in _CREATED}
    for resource in resources.values():
        resource['Properties'].pop('SSESpecification', None)  # names a key that is not created
    return {'Parameters': whole['Parameters'], 'Resources': resources}


def _create_keys(kms: 'KMSClient') -> None:
    """Make each key of the template that has an alias, which is how the application calls it."""
    resources = template.load()['Resources']
    for alias in (one['Properties'] for one in resources.values() if one['Type'] == 'AWS::KMS::Alias'):
        name = re.sub(r'\$\{Stage\}', STAGE, alias['AliasName']['Fn::Sub'])
        properties = resources[alias['TargetKeyId']['Ref']]['Properties']
        try:
            kms.describe_key(KeyId=name)
        except kms.exceptions.NotFoundException:
            key = kms.create_key(
                KeySpec=properties.get('KeySpec', 'SYMMETRIC_DEFAULT'), KeyUsage=properties.get('KeyUsage', 'ENCRYPT_DECRYPT')
            )
            kms.create_alias(AliasName=name, TargetKeyId=key['KeyMetadata']['KeyId'])
