"""The packaged application in the emulator, as a CloudFormation stack. Knows AWS's interfaces, and no line of the application."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3

from infra.emulator.adapt_template import adapted
from infra.jwks import jwks

STAGE = 'dev'
NAME = f'cryptfolio-{STAGE}'
_BUCKET = 'packages'
_CAPABILITIES = ['CAPABILITY_IAM', 'CAPABILITY_NAMED_IAM', 'CAPABILITY_AUTO_EXPAND']
_WAIT = {'Delay': 1, 'MaxAttempts': 300}

Json = dict[str, Any]


class Failed(Exception):
    """What CloudFormation could not do."""


def deploy(endpoint: str, package: Path, parameters: Mapping[str, str], settings: Mapping[str, str]) -> str:
    """Bring up what `make package` put into `package`; return the API's URL. Raises Failed.

    `settings` are added to the functions' environment. The stack is made first, and changed once its key and the API's address
    are known, as both belong into its parameters.
    """
    template = adapted(json.loads((package / 'sam.json').read_text()), _upload(package / 'deployment.zip'), settings)
    outputs = _apply(endpoint, template, 'create', parameters)
    url = f'{endpoint}/restapis/{outputs["RestAPIId"]}/{STAGE}/_user_request_'
    key = boto3.client('kms').get_public_key(KeyId=outputs['SigningKeyArn'])['PublicKey']
    _apply(endpoint, template, 'update', {**parameters, 'Issuer': url, 'Jwks': json.dumps(jwks([key]))})
    # Its own answers came after the stage: adapt_template.py had to take them out of the API's definition.
    boto3.client('apigateway').create_deployment(restApiId=outputs['RestAPIId'], stageName=STAGE)
    return url


def settings(function: str) -> dict[str, str]:
    """Return the environment variables of a deployed function."""
    found = boto3.client('lambda').get_function_configuration(FunctionName=function)
    variables: dict[str, str] = found['Environment']['Variables']
    return variables


def _upload(archive: Path) -> str:
    s3 = boto3.client('s3')
    s3.create_bucket(Bucket=_BUCKET)
    s3.upload_file(str(archive), _BUCKET, archive.name)
    return f's3://{_BUCKET}/{archive.name}'


def _apply(endpoint: str, template: Json, verb: str, parameters: Mapping[str, str]) -> dict[str, str]:
    """Create or update the stack and return its outputs. Raises Failed."""
    boto3.client('s3').put_object(Bucket=_BUCKET, Key='template.json', Body=json.dumps(template).encode())
    client = boto3.client('cloudformation')
    change = getattr(client, f'{verb}_stack')
    change(
        StackName=NAME,
        TemplateURL=f'{endpoint}/{_BUCKET}/template.json',
        Parameters=[{'ParameterKey': name, 'ParameterValue': value} for name, value in parameters.items()],
        Capabilities=_CAPABILITIES,
    )
    try:
        client.get_waiter(f'stack_{verb}_complete').wait(StackName=NAME, WaiterConfig=_WAIT)
    except Exception as error:
        events = client.describe_stack_events(StackName=NAME)['StackEvents']
        reasons = [f'{one["LogicalResourceId"]}: {one["ResourceStatusReason"]}' for one in events if 'FAILED' in one['ResourceStatus']]
        raise Failed('; '.join(reasons)) from error
    [stack] = client.describe_stacks(StackName=NAME)['Stacks']
    return {output['OutputKey']: output['OutputValue'] for output in stack['Outputs']}


def logs() -> str:
    """Return what all functions of this account printed, function by function."""
    client = boto3.client('logs')
    pages = client.get_paginator('filter_log_events').paginate
    groups = [group['logGroupName'] for group in client.describe_log_groups()['logGroups']]
    return '\n'.join(f'{name} {event["message"]}' for name in groups for page in pages(logGroupName=name) for event in page['events'])
