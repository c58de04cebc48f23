"""The stack of a stage: made, changed and taken back to its data through CloudFormation, telling what happens meanwhile."""

import json
import re
import time
from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

from botocore.exceptions import ClientError, WaiterError

from infra import template
from infra.deploy import kept_data
from infra.deploy.target import CannotDeploy, Target

_SECONDS = 3
_UNCHANGED = 'No updates are to be performed'
_NO_CHANGES = ("The submitted information didn't contain changes", _UNCHANGED)  # of a change set
# What nobody can look for beforehand: names of queues that are gone, and of domains in other people's accounts.
_ADVICE = (
    ('QueueDeletedRecently|wait 60 seconds', 'SQS keeps the name of a deleted queue for a minute: run the same command again after it'),
    (
        'domain name you provided already exists',
        'An API of this account or of another one has that domain: delete it in API Gateway there, or deploy with another DOMAIN',
    ),
)
_EMPTY = ('REVIEW_IN_PROGRESS', 'ROLLBACK_COMPLETE', 'ROLLBACK_FAILED', 'CREATE_FAILED', 'DELETE_FAILED')

Json = dict[str, Any]


def ensure(target: Target, given: Mapping[str, str]) -> dict[str, str]:
    """Bring the stack to what template.yaml says, and return its outputs. Raises CannotDeploy.

    `given` are parameters; those not given stay as they are. The data comes first: a failure later then never touches it.
    """
    if _settled(target) is None:
        _create(target, given)
    _change(target, 'update', template.load(), given)
    return outputs(target)


def _create(target: Target, given: Mapping[str, str]) -> None:
    kept = kept_data.find(target)
    if not kept:
        _change(target, 'create', template.data(), given)
        return
    print(f'  taking over {len(kept)} resources that outlived their stack: {", ".join(kept)}')
    _import(target, kept, given)
    _change(target, 'update', template.data(), given)


def preview(target: Target, given: Mapping[str, str]) -> list[str]:
    """Return what an update would change, by a change set that is deleted again. Raises CannotDeploy."""
    client, wanted = target.client('cloudformation'), template.load()
    # A name of its own: an interrupted preview leaves its change set, and another one may be under way.
    change = {'StackName': target.name, 'ChangeSetName': f'plan-{uuid4()}'}
    client.create_change_set(
        **change,
        ChangeSetType='UPDATE',
        TemplateBody=json.dumps(wanted, separators=(',', ':')),
        Parameters=_changed_parameters(target, wanted, given),
    )
    try:
        if failure := _wait_for_change_set(client, change):
            if failure.startswith(_NO_CHANGES):
                return []
            raise CannotDeploy(f'CloudFormation would refuse to update the stack {target.name}: {failure}')
        pages = client.get_paginator('describe_change_set').paginate(**change)
        changes = [one['ResourceChange'] for page in pages for one in page.get('Changes', [])]
        return [f'{one["Action"].lower():<7} {one["LogicalResourceId"]} ({one["ResourceType"]})' for one in changes]
    finally:
        client.delete_change_set(**change)


def _wait_for_change_set(client: Any, change: Mapping[str, str]) -> str | None:
    """Wait until a change set can be executed. Return why it cannot, None if it can."""
    try:
        client.get_waiter('change_set_create_complete').wait(**change, WaiterConfig={'Delay': _SECONDS})
    except WaiterError as error:
        reason: str = error.last_response.get('StatusReason', str(error))
        return reason
    return None


def outputs(target: Target) -> dict[str, str]:
    """Return the outputs of the stack. Raises CannotDeploy when there is none, or an older one that lacks some."""
    found = _find(target)
    if found is None:
        raise CannotDeploy(f'there is no stack {target.name} in {target.region}: `make stack STAGE={target.stage}` creates it')
    values = {one['OutputKey']: one['OutputValue'] for one in found.get('Outputs', [])}
    if missing := sorted(name for name, one in template.load()['Outputs'].items() if 'Condition' not in one and name not in values):
        raise CannotDeploy(f'the stack {target.name} lacks {missing[0]}: `make stack STAGE={target.stage}` brings it up to date')
    return values


def exists(target: Target) -> bool:
    """Whether there is a stack, if only the remains of one that never held anything."""
    return _find(target) is not None


def holds_something(target: Target) -> bool:
    """Whether there is a stack that an update would change, and no creation replace."""
    stack = _find(target)
    return stack is not None and stack['StackStatus'] not in _EMPTY


def parameters(target: Target) -> dict[str, str]:
    """Return the parameters of the stack, none when there is no stack."""
    return {one['ParameterKey']: one['ParameterValue'] for one in (_find(target) or {}).get('Parameters', [])}


def take_back(target: Target) -> None:
    """Delete all but the data. Raises CannotDeploy."""
    if _settled(target) is not None:
        _change(target, 'update', template.data(), {})


def delete(target: Target) -> None:
    """Delete the stack; what has a DeletionPolicy stays, and belongs to no stack from then on. Raises CannotDeploy."""
    if _settled(target) is not None:
        _run(target, 'delete', lambda client: client.delete_stack(StackName=target.name))


def _settled(target: Target) -> str | None:
    """Wait for what somebody else, or an interrupted run, began; return the status. A stack that never held anything is deleted."""
    found = _find(target)
    while found and found['StackStatus'].endswith('_IN_PROGRESS') and found['StackStatus'] != 'REVIEW_IN_PROGRESS':
        time.sleep(_SECONDS)
        found = _find(target)
    if found and found['StackStatus'] in _EMPTY:
        _run(target, 'delete', lambda client: client.delete_stack(StackName=target.name))
        return None
    if found and found['StackStatus'].endswith('_FAILED'):
        raise CannotDeploy(
            f'the stack {target.name} is in {found["StackStatus"]}: look at its events in the CloudFormation console, '
            f'mend what they say, then `aws cloudformation continue-update-rollback --stack-name {target.name}`'
        )
    return found['StackStatus'] if found else None


def _change(target: Target, verb: str, wanted: Json, given: Mapping[str, str]) -> None:
    body = json.dumps(wanted, separators=(',', ':'))
    changed = _changed_parameters(target, wanted, given)

    def act(client: Any) -> None:
        getattr(client, f'{verb}_stack')(StackName=target.name, TemplateBody=body, Parameters=changed)

    _run(target, verb, act)


def _import(target: Target, kept: Mapping[str, Mapping[str, str]], given: Mapping[str, str]) -> None:
    wanted = kept_data.reduced(kept)
    change = {'StackName': target.name, 'ChangeSetName': 'import'}

    def act(client: Any) -> None:
        client.create_change_set(
            **change,
            ChangeSetType='IMPORT',
            TemplateBody=json.dumps(wanted, separators=(',', ':')),
            Parameters=_changed_parameters(target, wanted, given),
            ResourcesToImport=kept_data.resources_to_import(kept),
        )
        if failure := _wait_for_change_set(client, change):
            raise CannotDeploy(f'CloudFormation cannot take over the kept data: {failure}')
        client.execute_change_set(**change)

    _run(target, 'import', act)


def _changed_parameters(target: Target, wanted: Json, given: Mapping[str, str]) -> list[Json]:
    unknown = given.keys() - wanted['Parameters'].keys()
    if unknown:
        raise CannotDeploy(f'the stack has no parameter {", ".join(sorted(unknown))}')
    kept = {name: value for name, value in parameters(target).items() if name in wanted['Parameters']}
    values = kept | dict(given) | {'Stage': target.stage}
    return [{'ParameterKey': name, 'ParameterValue': value} for name, value in values.items()]


def _run(target: Target, verb: str, act: Callable[[Any], None]) -> None:
    """Begin a change, tell its events, wait for its end. Raises CannotDeploy with the reasons when it fails."""
    client = target.client('cloudformation')
    seen = {event['EventId'] for event in _events(target)}
    try:
        act(client)
    except ClientError as error:
        if _UNCHANGED in str(error):
            return
        raise CannotDeploy(f'CloudFormation refuses to {verb} the stack {target.name}: {error}') from None
    failures: list[str] = []
    while True:
        found = _find(target)
        for event in reversed(_events(target)):
            if event['EventId'] not in seen:
                seen.add(event['EventId'])
                failures += _tell(event)
        if found is None or not found['StackStatus'].endswith('_IN_PROGRESS'):
            break
        time.sleep(_SECONDS)
    if found is not None and found['StackStatus'] != f'{verb.upper()}_COMPLETE':
        reasons = '; '.join(failures) or found['StackStatus']
        raise CannotDeploy(f'CloudFormation could not {verb} the stack {target.name}: {reasons}{_advice(reasons)}')


def _advice(reasons: str) -> str:
    """Return what to do about failures for which CloudFormation does not say so."""
    return ''.join(f'. {advice}' for pattern, advice in _ADVICE if re.search(pattern, reasons))


def _tell(event: Json) -> list[str]:
    """Print an event; return the reason if it is a failure of its own."""
    reason = event.get('ResourceStatusReason', '')
    print(f'  {event["ResourceStatus"]:<28} {event["LogicalResourceId"]} {reason}'.rstrip(), flush=True)
    return [f'{event["LogicalResourceId"]}: {reason}'] if event['ResourceStatus'].endswith('_FAILED') else []


def _find(target: Target) -> Json | None:
    try:
        [found] = target.client('cloudformation').describe_stacks(StackName=target.name)['Stacks']
    except ClientError as error:
        if 'does not exist' in str(error):
            return None
        raise
    return None if found['StackStatus'] == 'DELETE_COMPLETE' else found


def _events(target: Target) -> list[Json]:
    """Return the newest events, the newest first."""
    try:
        events: list[Json] = target.client('cloudformation').describe_stack_events(StackName=target.name)['StackEvents']
    except ClientError as error:
        if 'does not exist' in str(error):
            return []
        raise
    return events
