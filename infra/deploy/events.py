"""How queues and schedules call the functions, as far as Chalice cannot say it."""

import time
from typing import Any

from infra import functions, lambda_extras
from infra.deploy import aliases
from infra.deploy.target import Target

_SECONDS = 2
_LEAST_WORKERS = 2  # AWS's limit


def ensure(target: Target) -> None:
    """Let queues take back single messages and run so many workers at most; let a missed run of a schedule be.

    Let functions that work in slices go on for as many as it takes.
    """
    client, most = target.client('lambda'), _most_workers(target)
    for name in functions.names():
        called = functions.deployed_name(target.stage, name)
        alias = aliases.arn(f'arn:{target.partition}:lambda:{target.region}:{target.account}:function:{called}')
        for mapping in client.list_event_source_mappings(FunctionName=alias)['EventSourceMappings']:
            _ensure_mapping(client, mapping['UUID'], most[name])
        if target.client('events').list_rules(NamePrefix=f'{target.name}-{name}-event')['Rules']:
            client.put_function_event_invoke_config(FunctionName=called, Qualifier=aliases.NAME, **lambda_extras.MISSED_SCHEDULES)
        if name in lambda_extras.SLICED:
            client.put_function_recursion_config(FunctionName=called, **lambda_extras.MAY_RECUR)


def _most_workers(target: Target) -> dict[str, int]:
    """Return how many workers each queue may have: together at most half of what the account may run, so that the API can answer."""
    sizes = target.config()['lambda_functions'].items()
    wanted: dict[str, int] = {name: size['maximum_concurrency'] for name, size in sizes if 'maximum_concurrency' in size}
    share = target.client('lambda').get_account_settings()['AccountLimit']['ConcurrentExecutions'] // 2
    total = sum(wanted.values())
    return wanted if total <= share else {name: max(_LEAST_WORKERS, most * share // total) for name, most in wanted.items()}


def _ensure_mapping(client: Any, uuid: str, most: int) -> None:
    wanted = {'ScalingConfig': {'MaximumConcurrency': most}, **lambda_extras.PARTIAL_BATCHES}
    while (held := client.get_event_source_mapping(UUID=uuid))['State'] not in ('Enabled', 'Disabled'):
        time.sleep(_SECONDS)  # just made, or changed: it cannot be changed yet
    if any(held.get(name) != value for name, value in wanted.items()):
        client.update_event_source_mapping(UUID=uuid, **wanted)
