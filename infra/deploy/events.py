"""How queues and schedules call the functions, as far as Chalice cannot say it."""

import time
from typing import Any

from infra import functions, lambda_extras
from infra.deploy.target import Target

_SECONDS = 2


def ensure(target: Target) -> None:
    """Let queues take back single messages and run so many workers at most; let a missed run of a schedule be."""
    client, sizes = target.client('lambda'), target.config()['lambda_functions']
    for name in functions.names():
        called = functions.deployed_name(target.stage, name)
        arn = f'arn:{target.partition}:lambda:{target.region}:{target.account}:function:{called}'
        for mapping in client.list_event_source_mappings(FunctionName=arn)['EventSourceMappings']:
            _ensure_mapping(client, mapping['UUID'], sizes[name]['maximum_concurrency'])
        if target.client('events').list_rules(NamePrefix=f'{target.name}-{name}-event')['Rules']:
            client.put_function_event_invoke_config(FunctionName=called, **lambda_extras.MISSED_SCHEDULES)


def _ensure_mapping(client: Any, uuid: str, most: int) -> None:
    wanted = {'ScalingConfig': {'MaximumConcurrency': most}, **lambda_extras.PARTIAL_BATCHES}
    while (held := client.get_event_source_mapping(UUID=uuid))['State'] not in ('Enabled', 'Disabled'):
        time.sleep(_SECONDS)  # just made, or changed: it cannot be changed yet
    if any(held.get(name) != value for name, value in wanted.items()):
        client.update_event_source_mapping(UUID=uuid, **wanted)
