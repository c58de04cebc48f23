"""What the policies in infra/access let people do who deploy a stage, and the functions they deploy."""

import json
from pathlib import Path
from typing import Any

import pytest

from infra import functions, template
from infra.deploy import preflight, rights
from infra.deploy.bounded_roles import BoundingClient
from infra.deploy.preflight import CHECKS, Verdict
from infra.deploy.target import CannotDeploy
from tests.support.deployments import NAME, STAGE, Aws, project
from tests.support.iam import allows, listed

pytestmark = pytest.mark.usefixtures('restored_environment_of_module')

MOST_CHARACTERS = 6_144  # of a managed policy, IAM's limit
BOUNDED_CHECKS = {'boundary': CHECKS['boundary']}

Json = dict[str, Any]


@pytest.fixture
def aws(tmp_path: Path) -> Aws:
    return Aws(project(tmp_path / 'here'))


def make_policies(aws: Aws) -> None:
    aws.client('cloudformation').create_stack(
        StackName='access',
        TemplateBody=json.dumps(rights.template()),
        Parameters=[{'ParameterKey': 'Stage', 'ParameterValue': STAGE}],
        Capabilities=['CAPABILITY_NAMED_IAM'],
    )


def boundaries(aws: Aws) -> set[str | None]:
    iam = aws.client('iam')
    made = [iam.get_role(RoleName=f'{NAME}-{name}')['Role'] for name in functions.names()]
    return {one.get('PermissionsBoundary', {}).get('PermissionsBoundaryArn') for one in made}


def test_an_administrator_makes_three_policies_of_one_stage_by_a_template(aws: Aws):
    make_policies(aws)

    iam = aws.client('iam')
    held: dict[str, Json] = {}
    for one in iam.list_policies(Scope='Local')['Policies']:
        version = iam.get_policy_version(PolicyArn=one['Arn'], VersionId=one['DefaultVersionId'])
        held[one['PolicyName']] = version['PolicyVersion']['Document']
    assert set(held) == {f'{NAME}-boundary', f'{NAME}-deploy-stack', f'{NAME}-deploy-functions'}
    assert held[f'{NAME}-boundary'] == rights.boundary(aws.target)
    both = held[f'{NAME}-deploy-stack']['Statement'] + held[f'{NAME}-deploy-functions']['Statement']
    assert both == rights.statements(aws.target)
    for document in held.values():
        longest = json.dumps(document, separators=(',', ':')).replace(STAGE, 's' * 20).replace('us-east-1', 'ap-southeast-1')
        assert len(longest) < MOST_CHARACTERS


@pytest.mark.parametrize(
    ('action', 'resource', 'context', 'expected'),
    [
        ('iam:CreateRole', 'role/{name}-bearer', {'iam:PermissionsBoundary': '{boundary}'}, True),
        ('iam:CreateRole', 'role/{name}-bearer', {}, False),
        ('iam:CreateRole', 'role/{name}-bearer', {'iam:PermissionsBoundary': 'arn:aws:iam::aws:policy/AdministratorAccess'}, False),
        ('iam:CreateRole', 'role/ours', {'iam:PermissionsBoundary': '{boundary}'}, False),
        ('iam:PutRolePolicy', 'role/{name}-bearer', {'iam:PermissionsBoundary': '{boundary}'}, True),
        ('iam:PutRolePolicy', 'role/{name}-bearer', {}, False),
        ('iam:PutRolePolicy', 'role/cryptfolio-apigateway-logs', {}, False),
        ('iam:AttachRolePolicy', 'role/{name}-bearer', {'iam:PermissionsBoundary': '{boundary}'}, False),
        ('iam:DeleteRolePermissionsBoundary', 'role/{name}-bearer', {}, False),
        ('iam:UpdateAssumeRolePolicy', 'role/{name}-bearer', {}, False),
        ('iam:CreatePolicyVersion', 'policy/{name}-boundary', {}, False),
        ('iam:SetDefaultPolicyVersion', 'policy/{name}-boundary', {}, False),
        ('iam:DeletePolicy', 'policy/{name}-boundary', {}, False),
        ('iam:PassRole', 'role/{name}-bearer', {'iam:PassedToService': 'lambda.amazonaws.com'}, True),
        ('iam:PassRole', 'role/{name}-bearer', {'iam:PassedToService': 'ec2.amazonaws.com'}, False),
        ('iam:PassRole', 'role/{name}-bearer', {'iam:PassedToService': 'cloudformation.amazonaws.com'}, False),
        ('iam:PassRole', 'role/cryptfolio-apigateway-logs', {'iam:PassedToService': 'apigateway.amazonaws.com'}, True),
        ('iam:PassRole', 'role/cryptfolio-apigateway-logs', {'iam:PassedToService': 'lambda.amazonaws.com'}, False),
        (
            'iam:AttachRolePolicy',
            'role/cryptfolio-apigateway-logs',
            {'iam:PolicyARN': 'arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs'},
            True,
        ),
        (
            'iam:AttachRolePolicy',
            'role/cryptfolio-apigateway-logs',
            {'iam:PolicyARN': 'arn:aws:iam::aws:policy/AdministratorAccess'},
            False,
        ),
    ],
)
def test_deployers_make_only_roles_within_the_boundary_and_give_them_to_functions_alone(
    aws: Aws, action: str, resource: str, context: dict[str, str], expected: bool
):
    def filled(text: str) -> str:
        return text.format(name=NAME, boundary=rights.boundary_arn(aws.target))

    arn = f'arn:aws:iam::{aws.account}:{filled(resource)}'
    wanted = {key: filled(value) for key, value in context.items()}
    assert allows(rights.statements(aws.target), action, arn, wanted) is expected


@pytest.mark.parametrize(('called', 'expected'), [(f'{NAME}-refresh_ledgers:live', True), ('payroll', False)])
def test_deployers_let_queues_call_functions_of_the_stage_alone(aws: Aws, called: str, expected: bool):
    context = {'lambda:FunctionArn': f'arn:aws:lambda:us-east-1:{aws.account}:function:{called}'}
    for verb in ('Create', 'Update', 'Delete'):
        assert allows(rights.statements(aws.target), f'lambda:{verb}EventSourceMapping', '*', context) is expected


def test_the_boundary_has_room_for_every_right_of_every_function_and_none_outside_of_the_stage(aws: Aws):
    boundary = rights.boundary(aws.target)['Statement']
    arns = _arns(aws)
    stage_keys = {'kms:ResourceAliases': [f'alias/{NAME}-vault']}
    for name in functions.names():
        values: Any = dict.fromkeys(functions.references(functions.policy(name)), 'x') | arns
        for statement in functions.filled_policy(name, values)['Statement']:
            for action in listed(statement['Action']):
                for resource in listed(statement['Resource']):
                    assert allows(boundary, action, resource, stage_keys), (name, action, resource)

    here = f'us-east-1:{aws.account}'
    for action, resource in (
        ('dynamodb:GetItem', f'arn:aws:dynamodb:{here}:table/cryptfolio-prod'),
        ('dynamodb:DeleteTable', f'arn:aws:dynamodb:{here}:table/{NAME}'),
        ('sqs:SendMessage', f'arn:aws:sqs:{here}:payroll'),
        ('ssm:GetParametersByPath', f'arn:aws:ssm:{here}:parameter/payroll'),
        ('iam:PutRolePolicy', f'arn:aws:iam::{aws.account}:role/{NAME}-bearer'),
        ('s3:GetObject', 'arn:aws:s3:::payroll/a'),
    ):
        assert not allows(boundary, action, resource, stage_keys), (action, resource)
    assert not allows(boundary, 'kms:Decrypt', arns['VaultKey.Arn'], {'kms:ResourceAliases': ['alias/payroll']})


def _arns(aws: Aws) -> dict[str, str]:
    """Return ARNs of what policies refer to, by their names in the template."""
    here, resources = f'us-east-1:{aws.account}', template.load()['Resources']
    arns = {'Table.Arn': f'arn:aws:dynamodb:{here}:table/{NAME}'}
    arns |= {'AWS::Partition': 'aws', 'AWS::Region': 'us-east-1', 'AWS::AccountId': aws.account, 'Stage': STAGE}
    for name, one in resources.items():
        if one['Type'] == 'AWS::SQS::Queue':
            arns[f'{name}.Arn'] = f'arn:aws:sqs:{here}:{one["Properties"]["QueueName"]["Fn::Sub"].replace("${Stage}", STAGE)}'
        elif one['Type'] == 'AWS::Logs::LogGroup':
            group = one['Properties']['LogGroupName']['Fn::Sub'].replace('${Stage}', STAGE)
            arns[f'{name}.Arn'] = f'arn:aws:logs:{here}:log-group:{group}:*'
        elif one['Type'] == 'AWS::KMS::Key':
            arns[f'{name}.Arn'] = f'arn:aws:kms:{here}:key/{name}'
    return arns


def test_where_there_is_a_boundary_the_roles_of_all_functions_get_it_and_those_made_before_too(aws: Aws):
    aws.deploy()
    assert boundaries(aws) == {None}
    make_policies(aws)

    aws.deploy()

    assert boundaries(aws) == {rights.boundary_arn(aws.target)}


def test_a_role_is_made_with_its_boundary_or_else_iam_would_not_let_a_deployer_make_it(aws: Aws):
    make_policies(aws)
    client = BoundingClient(aws.session)
    client.boundary = rights.boundary_arn(aws.target)
    created: list[Json] = []
    aws.session.register('before-parameter-build.iam.CreateRole', lambda params, **_: created.append(params))
    trust = {'Effect': 'Allow', 'Principal': {'Service': 'lambda.amazonaws.com'}, 'Action': 'sts:AssumeRole'}

    client.create_role(f'{NAME}-bearer', {'Version': '2012-10-17', 'Statement': [trust]}, rights.boundary(aws.target))

    assert [one['PermissionsBoundary'] for one in created] == [client.boundary]
    assert aws.client('iam').list_role_policies(RoleName=f'{NAME}-bearer')['PolicyNames'] == [f'{NAME}-bearer']


def test_a_boundary_that_is_missing_or_of_another_release_is_said_before_the_first_write(aws: Aws):
    def outcome(decision: str) -> tuple[Verdict, str]:
        aws.answers['SimulatePrincipalPolicy'] = {'EvaluationResults': [{'EvalActionName': 'iam:CreateRole', 'EvalDecision': decision}]}
        [finding] = preflight.findings(aws.target, {}, BOUNDED_CHECKS)
        return finding.verdict, finding.text

    aws.answers['GetCallerIdentity'] = {'Arn': f'arn:aws:iam::{aws.account}:user/ann', 'Account': aws.account}
    assert outcome('allowed')[0] is Verdict.OK
    verdict, text = outcome('implicitDeny')
    assert verdict is Verdict.REFUSED
    assert rights.boundary_arn(aws.target) in text
    assert '`.venv/bin/python -m infra.deploy access-template`' in text
    with pytest.raises(CannotDeploy, match='Nothing was done'):
        preflight.require(aws.target, {}, BOUNDED_CHECKS)

    make_policies(aws)
    assert outcome('implicitDeny')[0] is Verdict.OK
    document = rights.boundary(aws.target)
    document['Statement'].pop()
    made = aws.client('iam').create_policy_version(
        PolicyArn=rights.boundary_arn(aws.target), PolicyDocument=json.dumps(document), SetAsDefault=True
    )
    assert made['PolicyVersion']['IsDefaultVersion']
    assert outcome('implicitDeny')[0] is Verdict.WARNING
