"""The REST API of a stage, as far as it is not Chalice's: made before the functions, limited and logged, put under a domain."""

import contextlib
import json
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from infra import lambda_extras
from infra.deploy.target import CannotDeploy, Target

_LOG_ROLE = 'cryptfolio-apigateway-logs'
_ATTEMPTS, _SECONDS = 12, 5  # a new role is known everywhere within a minute

Json = dict[str, Any]


class Api(NamedTuple):
    """`url` is API Gateway's own address, below the name of the stage."""

    id: str
    url: str


def ensure(target: Target) -> Api:
    """Return the API, made empty if it is not there: its address is the issuer of tokens, so it must be known first."""
    found = find(target)
    if found is None:
        endpoint = {'types': [target.config()['api_gateway_endpoint_type']]}
        found = _api(target, target.client('apigateway').create_rest_api(name=target.name, endpointConfiguration=endpoint)['id'])
    return found


def find(target: Target) -> Api | None:
    """Return the API. Raises CannotDeploy when there are several, and so no telling which."""
    pages = target.client('apigateway').get_paginator('get_rest_apis').paginate()
    ids = [one['id'] for page in pages for one in page['items'] if one['name'] == target.name]
    if len(ids) > 1:
        raise CannotDeploy(f'there are {len(ids)} APIs called {target.name}: {", ".join(ids)}. Delete those that are not in use')
    return _api(target, ids[0]) if ids else None


def _api(target: Target, api_id: str) -> Api:
    suffix = 'amazonaws.com.cn' if target.partition == 'aws-cn' else 'amazonaws.com'
    return Api(api_id, f'https://{api_id}.execute-api.{target.region}.{suffix}/{target.stage}')


def limit_and_log(target: Target, api: Api, outputs: Mapping[str, str]) -> None:
    """Set how many requests are let through, and that each is logged."""
    _allow_logs(target)
    wanted = {
        '/*/*/throttling/rateLimit': outputs['RequestsPerSecond'],
        '/*/*/throttling/burstLimit': outputs['RequestBurst'],
        '/accessLogSettings/destinationArn': outputs['AccessLogsArn'].removesuffix(':*'),
        '/accessLogSettings/format': lambda_extras.ACCESS_LOG,
    }
    operations = [{'op': 'replace', 'path': path, 'value': value} for path, value in wanted.items()]
    target.client('apigateway').update_stage(restApiId=api.id, stageName=target.stage, patchOperations=operations)


def _allow_logs(target: Target) -> None:
    """Let API Gateway write logs, which is set once for an account and region, and may serve other APIs too."""
    client = target.client('apigateway')
    if client.get_account().get('cloudwatchRoleArn'):
        return
    operation = {'op': 'replace', 'path': '/cloudwatchRoleArn', 'value': _log_role(target)}
    for attempt in range(_ATTEMPTS):
        try:
            client.update_account(patchOperations=[operation])
            return
        except ClientError:
            if attempt == _ATTEMPTS - 1:
                raise
            time.sleep(_SECONDS)


def _log_role(target: Target) -> str:
    iam = target.client('iam')
    trust = {'Effect': 'Allow', 'Principal': {'Service': 'apigateway.amazonaws.com'}, 'Action': 'sts:AssumeRole'}
    with contextlib.suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_role(RoleName=_LOG_ROLE, AssumeRolePolicyDocument=json.dumps({'Version': '2012-10-17', 'Statement': [trust]}))
    iam.attach_role_policy(RoleName=_LOG_ROLE, PolicyArn=f'arn:{target.partition}:iam::aws:policy/{lambda_extras.LOG_POLICY}')
    arn: str = iam.get_role(RoleName=_LOG_ROLE)['Role']['Arn']
    return arn


def map_domain(target: Target, api: Api, domain: str) -> None:
    """Make the domain's paths those of the API, without the name of the stage."""
    client = target.client('apigateway')
    wanted = {'restApiId': api.id, 'stage': target.stage}
    mappings = client.get_base_path_mappings(domainName=domain).get('items', [])
    held = next((one for one in mappings if one['basePath'] == '(none)'), None)
    if held is None:
        client.create_base_path_mapping(domainName=domain, **wanted)
    elif operations := [{'op': 'replace', 'path': f'/{name}', 'value': value} for name, value in wanted.items() if held[name] != value]:
        client.update_base_path_mapping(domainName=domain, basePath='(none)', patchOperations=operations)


def unmap_domain(target: Target, domain: str) -> None:
    """Take the API from under its domain: API Gateway deletes none that is."""
    client = target.client('apigateway')
    with contextlib.suppress(client.exceptions.NotFoundException):
        client.delete_base_path_mapping(domainName=domain, basePath='(none)')
