"""What whoever deploys a stage must be allowed: infra/deployer.json, and whether these credentials are."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from infra import functions
from infra.deploy.target import Target

_FILE = Path(__file__).parents[1] / 'deployer.json'

Json = dict[str, Any]


def policy(target: Target) -> Json:
    """Return the IAM policy for deployers of a stage."""
    values = {
        'AWS::Partition': target.partition,
        'AWS::Region': target.region,
        'AWS::AccountId': target.account,
        'Stage': target.stage,
    }
    filled: Json = functions.filled(json.loads(_FILE.read_text()), values)
    return filled


def missing(target: Target) -> Iterator[str]:
    """Yield the actions that the credentials in use may not do, as IAM simulates them; none for the account's root user.

    IAM refuses to simulate for a federated user.
    """
    source = _principal(target)
    if source is None:
        return
    for statement in policy(target)['Statement']:
        resources = statement['Resource'] if isinstance(statement['Resource'], list) else [statement['Resource']]
        pages = (
            target.client('iam')
            .get_paginator('simulate_principal_policy')
            .paginate(
                PolicySourceArn=source,
                ActionNames=statement['Action'],
                # A name in place of each pattern: IAM simulates one resource. One is enough, as the others are of the same service.
                ResourceArns=[resources[0] if resources[0] == '*' else resources[0].replace('*', 'x')],
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
