"""What Chalice reads about a stage: .chalice/config.json, and beside it what depends on the account.

Settings come from the stack's outputs, policies are written to .chalice/policy-<stage>-<function>.json for Chalice to read.
Neither becomes part of the repository.
"""

import contextlib
import functools
import importlib
import json
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from botocore.exceptions import ClientError
from chalice.app import Chalice
from chalice.config import Config

from infra import functions, lambda_extras, template
from infra.deploy import mail, runtime, upstream_keys
from infra.deploy.target import CannotDeploy, Target
from infra.jwks import jwks

_MOST_BYTES = 4_096  # of a function's environment, AWS's limit
_LEAST_UNRESERVED = 100  # of an account's concurrency, AWS's limit

Json = dict[str, Any]


class StageConfig(Config):
    """Chalice's configuration, with the runtime of runtime.py in place of the Python that deploys."""

    @property
    def lambda_python_version(self) -> str:
        return runtime.current().name


class Concurrency(NamedTuple):
    """Of an account: how many functions may run at once, and how many of these would be left if the stage set aside all it asks for."""

    functions_at_once: int
    left: int


class Stage(NamedTuple):
    """What the functions of a stage are given: the values of what their settings and their policies refer to."""

    settings: dict[str, str]
    policies: dict[str, str | list[str]]


def values(target: Target, outputs: Mapping[str, str], issuer: str) -> Stage:
    """Return the values for a stage's settings and policies; KMS is asked for the public halves of the signing keys.

    Raises CannotDeploy.
    """
    values = {reference: outputs[key] for reference, key in output_keys().items() if key in outputs}
    if 'MailFrom' in outputs:
        values['MailIdentity'], values['MailDomain'] = mail.parse(outputs['MailFrom'])
    arns, published = signing_keys(target, outputs)
    pseudo = {'AWS::Partition': target.partition, 'AWS::Region': target.region, 'AWS::AccountId': target.account}
    both = values | pseudo | {'Stage': target.stage, 'Issuer': issuer, 'Jwks': published}
    return Stage(both | {'SigningKey.Arn': arns[0]}, both | {'SigningKey.Arn': arns})


def output_keys() -> dict[str, str]:
    """Return for each reference of the settings and policies the output of the stack that has its value."""
    documents = [functions.settings(), *map(functions.policy, functions.names())]
    known = template.load()['Outputs']
    return {name: name.replace('.', '') for one in documents for name in functions.references(one) if name.replace('.', '') in known}


def signing_keys(target: Target, outputs: Mapping[str, str]) -> tuple[list[str], str]:
    """Return the keys' ARNs, the one that signs first, and all their public halves as JSON (RFC 7517). Raises CannotDeploy."""
    kms = target.client('kms')
    names = [name.strip() for name in outputs.get('SigningKeys', outputs['SigningKeyArn']).split(',')]
    try:
        arns = [kms.describe_key(KeyId=name)['KeyMetadata']['Arn'] for name in names]
        published = jwks(kms.get_public_key(KeyId=arn)['PublicKey'] for arn in arns)
    except (ClientError, TypeError) as error:
        raise CannotDeploy(
            f'a signing key cannot be used: {error}. SIGNING_KEYS names keys of kind ECC_NIST_P256; empty is the one of the stack'
        ) from None
    return arns, json.dumps(published, separators=(',', ':'))


def config(target: Target, stage: Stage) -> Config:
    """Return Chalice's configuration of the stage, having written the policies. Raises CannotDeploy."""
    disk = _read(target.stage, target.project)
    own = disk['stages'][target.stage]
    own['environment_variables'] = own.get('environment_variables', {}) | functions.filled_settings(stage.settings)
    upstream_keys.refuse_in_environment({**disk.get('environment_variables', {}), **own['environment_variables']})
    _check_size(own['environment_variables'])
    own['lambda_functions'] = {name: {'iam_policy_file': _write_policy(target, name, stage)} for name in functions.names()}
    if not can_reserve(concurrency(target)):  # which the checks before the first write say
        for one in disk['lambda_functions'].values():
            one.pop('reserved_concurrency', None)
    return _for_chalice(target.stage, target.project, disk, own['environment_variables'])


def offline(stage: str, project: Path) -> Config:
    """Return Chalice's configuration of a stage without what only AWS knows: enough to package it or to delete it."""
    return _for_chalice(stage, project, _read(stage, project), functions.stand_ins(stage))


def _read(stage: str, project: Path) -> Json:
    """Return .chalice/config.json for a stage, which need not be in it, without the hook of Chalice's command."""
    disk = lambda_extras.config(project)
    disk.get('environment_variables', {}).pop('CHALICE_HOOK', None)
    disk['stages'].setdefault(stage, {})['api_gateway_stage'] = stage
    disk['lambda_architecture'] = runtime.current().architecture
    return disk


def _for_chalice(stage: str, project: Path, disk: Json, environment: Mapping[str, str]) -> Config:
    params = {'project_dir': str(project), 'chalice_app': functools.partial(_application, project, environment)}
    return StageConfig(chalice_stage=stage, user_provided_params=params, config_from_disk=disk)


def concurrency(target: Target) -> Concurrency:
    """Return how many functions the account may run at once."""
    sizes = target.config()['lambda_functions']
    limit = target.client('lambda').get_account_settings()['AccountLimit']
    wanted = sum(one.get('reserved_concurrency', 0) for one in sizes.values())
    free = limit['UnreservedConcurrentExecutions'] + _reserved(target, sizes) - wanted
    return Concurrency(limit['ConcurrentExecutions'], free)


def can_reserve(limit: Concurrency) -> bool:
    """Whether the account may run enough functions at once to set some aside; a new account often may not."""
    return limit.left >= _LEAST_UNRESERVED


def too_few(limit: Concurrency) -> str:
    """Return what to say where nothing can be set aside."""
    return (
        f'no concurrency is reserved: this account may run {limit.functions_at_once} functions at once, and AWS keeps '
        f'{_LEAST_UNRESERVED} for all, and a busy queue makes the API answer 5xx. Ask for more, which takes days, and deploy again:\n'
        '    aws service-quotas request-service-quota-increase --service-code lambda --quota-code L-B99A9384 --desired-value 1000'
    )


def _reserved(target: Target, names: Iterable[str]) -> int:
    """Return how much our functions have set aside already."""
    client, reserved = target.client('lambda'), 0
    for name in names:
        with contextlib.suppress(client.exceptions.ResourceNotFoundException):
            found = client.get_function_concurrency(FunctionName=functions.deployed_name(target.stage, name))
            reserved += found.get('ReservedConcurrentExecutions', 0)
    return reserved


def _check_size(environment: Mapping[str, str]) -> None:
    size = sum(len(f'{name}{value}'.encode()) for name, value in environment.items())
    if size > _MOST_BYTES:
        longest = max(environment, key=lambda name: len(environment[name]))
        raise CannotDeploy(f'the settings take {size} bytes, Lambda allows {_MOST_BYTES}: shorten {longest}')


def _write_policy(target: Target, function: str, stage: Stage) -> str:
    name = f'policy-{target.stage}-{function}.json'
    document = functions.filled_policy(function, stage.policies)
    (target.folder / name).write_text(json.dumps(document, indent=2) + '\n')
    return name


def _application(project: Path, environment: Mapping[str, str]) -> Chalice:
    """Import the application, which reads its settings when it is imported, as Chalice's command line does."""
    os.environ.pop('CHALICE_HOOK', None)
    os.environ.update(environment)
    sys.path.insert(0, str(project))
    found: Chalice = importlib.import_module('app').app
    return found
