"""What whoever deploys a stage must be allowed: the policies in infra/access, and whether these credentials are.

An administrator makes them by the template that `template` returns: two policies for deployers, and the boundary of the roles that
deployers make, which IAM has them put on each.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from infra import functions
from infra.deploy.target import Target

_FOLDER = Path(__file__).parents[1] / 'access'
_FOR_DEPLOYERS = ('deploy_stack', 'deploy_functions')  # two, as IAM takes 6,144 characters of each
_BOUNDARY = 'boundary'

Json = dict[str, Any]


def template() -> Json:
    """Return the CloudFormation template of the policies of one stage, its parameter."""
    return {
        'AWSTemplateFormatVersion': '2010-09-09',
        'Description': 'Policies for those who deploy a stage of CryptFolio, and the boundary of the roles that they make.',
        'Parameters': {'Stage': {'Type': 'String', 'AllowedPattern': '[a-z][a-z0-9-]{0,19}'}},
        'Resources': {
            name.replace('_', ' ').title().replace(' ', ''): {
                'Type': 'AWS::IAM::ManagedPolicy',
                'Properties': {
                    'ManagedPolicyName': {'Fn::Sub': f'cryptfolio-${{Stage}}-{name.replace("_", "-")}'},
                    'PolicyDocument': functions.referring(_read(name)),
                },
            }
            for name in (_BOUNDARY, *_FOR_DEPLOYERS)
        },
    }


def statements(target: Target) -> list[Json]:
    """Return the statements of the policies for deployers of a stage."""
    return [statement for name in _FOR_DEPLOYERS for statement in _filled(target, name)['Statement']]


def boundary(target: Target) -> Json:
    """Return the policy that bounds the roles of a stage's functions."""
    return _filled(target, _BOUNDARY)


def boundary_arn(target: Target) -> str:
    """Return what the boundary of a stage is called, whether or not there is one."""
    return f'arn:{target.partition}:iam::{target.account}:policy/{target.name}-boundary'


def find_boundary(target: Target) -> str | None:
    """Return the ARN of the boundary, None where no administrator made it."""
    iam = target.client('iam')
    try:
        arn: str = iam.get_policy(PolicyArn=boundary_arn(target))['Policy']['Arn']
    except iam.exceptions.NoSuchEntityException:
        return None
    return arn


def missing(target: Target) -> Iterator[str]:
    """Yield the actions that the credentials in use may not do, as IAM simulates them; none for the account's root user.

    IAM refuses to simulate for a federated user.
    """
    for statement in statements(target):
        yield from _denied(target, _listed(statement['Action']), _listed(statement['Resource'])[0], statement.get('Condition', {}))


def may_make_unbounded_roles(target: Target) -> bool:
    """Whether the credentials in use may make roles for functions without the boundary, as an administrator's."""
    return not list(_denied(target, ['iam:CreateRole'], f'arn:{target.partition}:iam::{target.account}:role/{target.name}-x', {}))


def _denied(target: Target, actions: list[str], resource: str, condition: Json) -> Iterator[str]:
    """Yield which actions IAM denies where a condition, as in a policy, is met."""
    source = _principal(target)
    if source is None:
        return
    context = [
        {'ContextKeyName': key, 'ContextKeyValues': [value.replace('*', 'x')], 'ContextKeyType': 'string'}
        for wanted in condition.values()
        for key, value in wanted.items()
    ]
    pages = (
        target.client('iam')
        .get_paginator('simulate_principal_policy')
        .paginate(
            PolicySourceArn=source,
            ActionNames=actions,
            # A name in place of each pattern: IAM simulates one resource. One is enough, as the others are of the same service.
            ResourceArns=[resource if resource == '*' else resource.replace('*', 'x')],
            ContextEntries=context,
        )
    )
    yield from (one['EvalActionName'] for page in pages for one in page['EvaluationResults'] if one['EvalDecision'] != 'allowed')


def _principal(target: Target) -> str | None:
    """Return the ARN of whose policies count, None for the root user: a session of a role is called otherwise than the role."""
    arn: str = target.client('sts').get_caller_identity()['Arn']
    kind, _, rest = arn.rpartition(':')[2].partition('/')
    if kind == 'assumed-role':
        role: str = target.client('iam').get_role(RoleName=rest.split('/')[0])['Role']['Arn']
        return role
    return None if kind == 'root' else arn


def _filled(target: Target, name: str) -> Json:
    values = {
        'AWS::Partition': target.partition,
        'AWS::Region': target.region,
        'AWS::AccountId': target.account,
        'Stage': target.stage,
    }
    filled: Json = functions.filled(_read(name), values)
    return filled


def _read(name: str) -> Json:
    read: Json = json.loads((_FOLDER / f'{name}.json').read_text())
    return read


def _listed(value: str | list[str]) -> list[str]:
    return value if isinstance(value, list) else [value]
