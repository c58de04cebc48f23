"""How a stage does as AWS sees it: its stack, functions, queues and alarms. Only reads."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from botocore.exceptions import ClientError

from infra import functions, template
from infra.operate.finding import Finding, looked_at

_PAGE = 'docs/operations/something-is-wrong.md'
_OLDEST_SECONDS = 900  # as the alarms have it
_METRIC_MINUTES = 15


def find(stage: str) -> list[Finding]:
    """Return a finding for each part of a stage, those with something wrong with what to do about it."""
    return [
        *looked_at('stack', lambda: _stack(stage, boto3.client('cloudformation'))),
        *looked_at('functions', lambda: _functions(stage, boto3.client('lambda'))),
        *looked_at('queues', lambda: _queues(stage, boto3.client('sqs'), boto3.client('cloudwatch'))),
        *looked_at('alarms', lambda: _alarms(stage, boto3.client('cloudwatch'))),
    ]


def _stack(stage: str, cloudformation: Any) -> Iterator[Finding]:
    name = f'cryptfolio-{stage}'
    try:
        [stack] = cloudformation.describe_stacks(StackName=name)['Stacks']
    except ClientError as error:
        if 'does not exist' not in str(error):
            raise
        yield Finding('stack', f'there is none called {name} in {cloudformation.meta.region_name}', f'make stack STAGE={stage}')
        return
    status = stack['StackStatus']
    is_good = status.endswith('_COMPLETE') and 'ROLLBACK' not in status and 'DELETE' not in status
    yield Finding('stack', status, None if is_good else f'make stack STAGE={stage}, which says why where it fails')


def _functions(stage: str, client: Any) -> Iterator[Finding]:
    pages = client.get_paginator('list_functions').paginate()
    deployed = {function['FunctionName']: function for page in pages for function in page['Functions']}
    expected = {functions.deployed_name(stage, name): name for name in functions.names()}
    missing = [name for called, name in expected.items() if called not in deployed]
    if missing:
        yield Finding('functions', f'{len(missing)} of {len(expected)} are missing: {", ".join(missing)}', f'make deploy STAGE={stage}')
    for called, name in expected.items():
        function = deployed.get(called, {})
        if function.get('State', 'Active') not in ('Active', 'Inactive') or function.get('LastUpdateStatus') == 'Failed':
            reason = function.get('LastUpdateStatusReason') or function.get('StateReason') or function.get('State')
            yield Finding('functions', f'{name} cannot run: {reason}', f'make deploy STAGE={stage}')
    if not missing:
        times = sorted(deployed[called]['LastModified'] for called in expected)
        yield Finding('functions', f'{len(expected)}, last changed {times[-1][:19]}')


def _queues(stage: str, sqs: Any, cloudwatch: Any) -> Iterator[Finding]:
    """Messages that wait, the age of the oldest, and dead letters."""
    for called in template.queue_names(template.load()['Resources'], stage).values():
        if called.endswith('-dlq'):
            continue
        name = called.removeprefix(f'cryptfolio-{stage}-')
        age = _age(cloudwatch, called)
        yield from queue_findings(sqs, name, called, stage, age)


def queue_findings(sqs: Any, name: str, called: str, stage: str | None, age: int | None = None) -> Iterator[Finding]:
    """Yield how a queue and its dead-letter queue are, of a stage or of a home server. `age` is of the oldest message, in seconds."""
    try:
        attributes = _attributes(sqs, called)
    except sqs.exceptions.QueueDoesNotExist:
        yield Finding(f'queue {name}', 'is missing', f'make stack STAGE={stage}' if stage else 'start the server again: it makes them')
        return
    waiting, working, later = _depth(attributes)
    text = f'{waiting} waiting, {working} being worked on, {later} for later'
    is_old = age is not None and age > _OLDEST_SECONDS
    yield Finding(
        f'queue {name}',
        text if age is None else f'{text}, the oldest {age // 60} min old',
        f'too little concurrency, or every message fails: make logs STAGE={stage}, and {_PAGE}#alarms' if is_old else None,
    )
    dead_letter_queue = str(json.loads(attributes['RedrivePolicy'])['deadLetterTargetArn']).rpartition(':')[2]
    dead = sum(_depth(_attributes(sqs, dead_letter_queue)))
    if dead:
        advice = f'.venv/bin/python -m infra.data dlq inspect {name}' + (f' --stage {stage}' if stage else '')
        yield Finding(f'queue {name}', f'{dead} dead letters', f'{advice}, and {_PAGE}#dead-letters')


def _attributes(sqs: Any, called: str) -> dict[str, str]:
    url = sqs.get_queue_url(QueueName=called)['QueueUrl']
    attributes: dict[str, str] = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=['All'])['Attributes']
    return attributes


def _depth(attributes: dict[str, str]) -> tuple[int, int, int]:
    """Return how many messages of a queue wait, are being worked on, and are for later."""
    waiting, working, later = (int(attributes[f'ApproximateNumberOfMessages{which}']) for which in ('', 'NotVisible', 'Delayed'))
    return waiting, working, later


def _age(cloudwatch: Any, called: str) -> int | None:
    """Return the age of the oldest message of a queue in seconds as CloudWatch last had it, None if it has none of late."""
    now = datetime.now(UTC)
    points = cloudwatch.get_metric_statistics(
        Namespace='AWS/SQS',
        MetricName='ApproximateAgeOfOldestMessage',
        Dimensions=[{'Name': 'QueueName', 'Value': called}],
        StartTime=now - timedelta(minutes=_METRIC_MINUTES),
        EndTime=now,
        Period=60,
        Statistics=['Maximum'],
    )['Datapoints']
    return int(max(points, key=lambda point: point['Timestamp'])['Maximum']) if points else None


def _alarms(stage: str, cloudwatch: Any) -> Iterator[Finding]:
    pages = cloudwatch.get_paginator('describe_alarms').paginate(AlarmNamePrefix=f'cryptfolio-{stage} ')
    alarms = [alarm for page in pages for alarm in page['MetricAlarms']]
    for alarm in alarms:
        if alarm['StateValue'] == 'ALARM':
            since = alarm['StateUpdatedTimestamp'].strftime('%Y-%m-%d %H:%M UTC')
            short = alarm['AlarmName'].removeprefix(f'cryptfolio-{stage} ')
            yield Finding('alarm', f'{short}, since {since}: {alarm["AlarmDescription"]}', f'{_PAGE}#alarms, the row `{short}`')
    yield Finding('alarms', f'{len(alarms)} are set', None if alarms else f'make stack STAGE={stage}')
