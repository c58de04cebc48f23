"""What Chalice has deployed, found out from AWS and written as Chalice records it.

Chalice only writes its record, .chalice/deployed/<stage>.json, when all went well; without one it makes a second API, or forgets what to
delete. So a deployment can be continued after a failure, and from any computer.
"""

import json
from collections.abc import Iterator
from typing import Any

from infra import functions
from infra.deploy import aliases
from infra.deploy.api import Api
from infra.deploy.target import Target

Json = dict[str, Any]


def write(target: Target, api: Api | None) -> None:
    """Write the record of what is there."""
    folder = target.folder / 'deployed'
    folder.mkdir(exist_ok=True)
    record = {'resources': list(_resources(target, api)), 'schema_version': '2.0', 'backend': 'api'}
    (folder / f'{target.stage}.json').write_text(json.dumps(record, indent=2) + '\n')


def _resources(target: Target, api: Api | None) -> Iterator[Json]:
    """Yield in the order of their making, as they are deleted the other way round."""
    made = functions_of(target)
    for name in sorted({*made, *functions.names()}):
        yield from _role(target, name)
        if name in made:
            yield {'name': name, 'resource_type': 'lambda_function', 'lambda_arn': made[name]}
            yield from _queue_events(target, name, made[name])
        yield from _schedule(target, name)
    if api is not None:
        yield {'name': 'rest_api', 'resource_type': 'rest_api', 'rest_api_id': api.id, 'rest_api_url': api.url}


def functions_of(target: Target) -> dict[str, str]:
    """Return the ARNs of the stage's functions by Chalice's names, also of those that the application no longer has."""
    client = target.client('lambda')
    found: dict[str, str] = {}
    for page in client.get_paginator('list_functions').paginate():
        for one in page['Functions']:
            called, arn = one['FunctionName'], one['FunctionArn']
            if called.startswith(target.name) and _is_of_stage(target, client.list_tags(Resource=arn)['Tags']):
                found[called.removeprefix(target.name).removeprefix('-') or 'api_handler'] = arn
    return found


def _is_of_stage(target: Target, tags: dict[str, str]) -> bool:
    """A name does not tell: cryptfolio-a-b may be function b of stage a, or the API of stage a-b."""
    return f':stage={target.stage}:app=cryptfolio' in tags.get('aws-chalice', '')


def _role(target: Target, function: str) -> Iterator[Json]:
    client = target.client('iam')
    name = f'{target.name}-{function}'
    try:
        arn = client.get_role(RoleName=name)['Role']['Arn']
    except client.exceptions.NoSuchEntityException:
        return
    yield {'name': f'{function}_role', 'resource_type': 'iam_role', 'role_arn': arn, 'role_name': name}


def _queue_events(target: Target, function: str, arn: str) -> Iterator[Json]:
    for mapping in target.client('lambda').list_event_source_mappings(FunctionName=aliases.arn(arn))['EventSourceMappings']:
        queue = mapping['EventSourceArn']
        yield {
            'name': f'{function}-sqs-event-source',
            'resource_type': 'sqs_event',
            'queue_arn': queue,
            'event_uuid': mapping['UUID'],
            'queue': queue.rpartition(':')[2],
            'lambda_arn': arn,
        }


def _schedule(target: Target, function: str) -> Iterator[Json]:
    name = f'{target.name}-{function}-event'
    if target.client('events').list_rules(NamePrefix=name)['Rules']:
        yield {'name': f'{function}-event', 'resource_type': 'cloudwatch_event', 'rule_name': name}
