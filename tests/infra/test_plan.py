"""`make plan`, the checks before a deployment's first write, and kept data that a new stack takes over, against moto."""

import json
import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from botocore.parsers import ResponseParserError

from infra import template
from infra.deploy import destroy, kept_data, plan, preflight, rights, stack
from infra.deploy.preflight import CHECKS, Verdict
from infra.deploy.target import CannotDeploy
from tests.support.deployments import NAME, OK, STAGE, Aws, Refusal, project
from tests.support.iam import listed

pytestmark = pytest.mark.usefixtures('restored_environment_of_module')

ROOT = Path(__file__).parents[2]
OFFLINE = {name: check for name, check in CHECKS.items() if name != 'packages'}  # which takes a package index
ALLOWED = {'EvaluationResults': [{'EvalActionName': 'lambda:CreateFunction', 'EvalDecision': 'allowed'}]}
NEW_ACCOUNT = {'AccountLimit': {'ConcurrentExecutions': 10, 'UnreservedConcurrentExecutions': 10}}

Json = dict[str, Any]


@pytest.fixture
def aws(tmp_path: Path) -> Aws:
    made = Aws(project(tmp_path / 'here'))
    made.answers |= {
        'SimulatePrincipalPolicy': ALLOWED,
        'GetAccount': {'ProductionAccessEnabled': True},
        'GetCallerIdentity': identity(),
    }
    return made


def identity(off: int = 0) -> Json:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=off), usegmt=True)
    return {'Arn': 'arn:aws:iam::1:user/ann', 'Account': '1', 'ResponseMetadata': {'HTTPHeaders': {'date': date}}}


def verdicts(aws: Aws, **given: str) -> dict[str, tuple[Verdict, str]]:
    return {one.about: (one.verdict, one.text) for one in preflight.findings(aws.target, given, OFFLINE)}


def test_a_plan_says_where_what_and_for_how_much_and_changes_nothing(aws: Aws):
    lines = list(plan.describe(aws.target, {}, OFFLINE))

    text = '\n'.join(lines)
    assert lines[0] == f'{NAME} in account {aws.account}, us-east-1, as arn:aws:iam::1:user/ann'
    for line in ('create  1 AWS::DynamoDB::Table', 'create  10 AWS::SQS::Queue', 'create  the API', 'names: free'):
        assert line in text, text
    assert re.search(r'create  10 functions with their roles, queues and schedules: api_handler, bearer,', text)
    assert 'AWS::ApiGateway::DomainName' not in text
    assert 'create  1 AWS::SNS::Subscription' in '\n'.join(plan.describe(aws.target, {'AlarmEmail': 'me@example.com'}, {}))
    assert aws.changes == []
    readme = ' '.join((ROOT / 'README.md').read_text().split())
    idle, use = (line.strip() for line in lines[-2:])
    assert idle in readme
    assert f'1,000 users are about {float(use.partition(" ")[0]):.0f} more' in readme

    aws.deploy(LogDays='7')
    aws.changes.clear()
    text = '\n'.join(plan.describe(aws.target, {'LogDays': '14'}, OFFLINE))

    assert re.search(r'update  10 functions .*update  the API https://', text, re.S), text
    assert re.search(r'release \S+ of .* runs; 0 before it', text)
    assert aws.changes == ['CreateChangeSet', 'DeleteChangeSet']


def test_a_preview_is_empty_only_where_nothing_would_change(aws: Aws):
    aws.answers |= {'CreateChangeSet': {}, 'DeleteChangeSet': {}}
    for reason in ("The submitted information didn't contain changes. Submit different ...", 'No updates are to be performed.'):
        aws.answers['DescribeChangeSet'] = {'Status': 'FAILED', 'StatusReason': reason}
        assert stack.preview(aws.target, {}) == []
    page = {'Status': 'CREATE_COMPLETE', 'Changes': [resource_change('Add', 'First')], 'NextToken': 'next'}
    pages = iter([page, page, {'Status': 'CREATE_COMPLETE', 'Changes': [resource_change('Remove', 'Second')]}])
    names: set[str] = set()
    aws.session.register('before-parameter-build.cloudformation.CreateChangeSet', lambda params, **_: names.add(params['ChangeSetName']))
    where = aws.elsewhere(aws.project)

    aws.answers['DescribeChangeSet'] = lambda: next(pages)
    assert stack.preview(where, {}) == ['add     First (AWS::SQS::Queue)', 'remove  Second (AWS::SQS::Queue)']
    aws.changes.clear()
    aws.answers['DescribeChangeSet'] = {'Status': 'FAILED', 'StatusReason': 'Queues are not to be had here'}
    with pytest.raises(CannotDeploy, match=r'would refuse to update the stack cryptfolio-test: Queues are not to be had here$'):
        stack.preview(where, {})
    assert aws.changes == ['CreateChangeSet', 'DeleteChangeSet']
    assert len(names) == 2  # an interrupted one is in nobody's way


def resource_change(action: str, name: str) -> Json:
    return {'ResourceChange': {'Action': action, 'LogicalResourceId': name, 'ResourceType': 'AWS::SQS::Queue'}}


@pytest.mark.parametrize(
    ('given', 'text'),
    [
        ({'LogDays': '10'}, 'LOG_DAYS must be one of 1, 3, 5, 7, 14,'),
        ({'RequestBurst': 'many'}, "REQUEST_BURST must be a number of at least 1, not 'many'"),
        ({'AlarmEmail': 'me'}, "ALARM_EMAIL must be an email address, not 'me'"),
        ({'Issuer': 'crypto.example.com'}, 'ISSUER must be an address that begins with https://'),
        ({'Domain': 'https://a.example.com', 'CertificateArn': 'arn:aws:acm:us-east-1:1:certificate/1'}, 'DOMAIN must be a host name'),
        ({'Domain': 'a.example.com'}, 'DOMAIN needs CERTIFICATE_ARN too'),
        ({'Domain': 'a.example.com', 'CertificateArn': 'arn:aws:acm:eu-west-1:1:certificate/1'}, 'a certificate of ACM in us-east-1'),
    ],
)
def test_a_value_that_aws_would_refuse_is_refused_before_the_first_write(aws: Aws, given: dict[str, str], text: str):
    [(verdict, said)] = preflight.CHECKS['options'](aws.target, given)

    assert verdict is Verdict.REFUSED
    assert text in said


def test_values_that_are_right_or_emptied_are_not_refused(aws: Aws):
    given = {
        'LogDays': '14',
        'AlarmEmail': 'me@example.com',
        'Issuer': 'https://example.com/crypto',
        'RequestBurst': '9',
        'SigningKeys': '',
    }
    domain = {'Domain': 'a.example.com', 'CertificateArn': 'arn:aws:acm:us-east-1:1:certificate/1'}

    assert list(preflight.CHECKS['options'](aws.target, given | domain)) == [
        (Verdict.OK, 'ALARM_EMAIL, LOG_DAYS, DOMAIN, CERTIFICATE_ARN, ISSUER, SIGNING_KEYS, REQUEST_BURST')
    ]
    assert list(preflight.CHECKS['options'](aws.target, {})) == [(Verdict.OK, 'as they were')]


def test_what_would_hamper_a_deployment_is_said_with_what_to_do_and_what_would_stop_it_stops_it(aws: Aws):
    assert {one[0] for one in verdicts(aws, MailFrom='').values()} <= {Verdict.OK, Verdict.WARNING}
    aws.answers |= {
        'GetCallerIdentity': lambda: identity(off=-400),  # its date is that of the request, however slow this test is
        'GetAccountSettings': NEW_ACCOUNT,
        'SimulatePrincipalPolicy': {
            'EvaluationResults': [{'EvalActionName': f'lambda:Do{n}', 'EvalDecision': 'implicitDeny'} for n in range(8)]
        },
        'GetEmailIdentity': {'VerifiedForSendingStatus': True},
        'GetAccount': {'ProductionAccessEnabled': False},
    }
    aws.client('sqs').create_queue(QueueName=f'{NAME}-refresh')
    aws.client('logs').create_log_group(logGroupName=f'/aws/lambda/{NAME}-bearer')
    aws.client('logs').create_log_group(logGroupName=f'/aws/lambda/{NAME}2')

    outcomes = verdicts(aws, MailFrom='me@example.com')

    assert outcomes['clock'][0] is Verdict.REFUSED
    assert re.match(r"this computer's clock is \+(399|400|401) seconds from AWS's", outcomes['clock'][1])
    assert outcomes['rights'] == (
        Verdict.REFUSED,
        'these credentials may not lambda:Do0, lambda:Do1, lambda:Do2, lambda:Do3, lambda:Do4, lambda:Do5 and 2 more: '
        'attach cryptfolio-test-deploy-stack and cryptfolio-test-deploy-functions. An administrator makes the policies by the template of '
        '`.venv/bin/python -m infra.deploy access-template`: docs/operations/first-day.md',
    )
    assert outcomes['concurrency'][0] is Verdict.WARNING
    assert 'may run 10 functions at once' in outcomes['concurrency'][1]
    assert outcomes['mail'][0] is Verdict.WARNING
    assert 'sandbox' in outcomes['mail'][1]
    with pytest.raises(CannotDeploy) as refusal:
        preflight.require(aws.target, {}, OFFLINE)
    lines = str(refusal.value).splitlines()
    assert (len(lines), lines[-1]) == (6, 'Nothing was done')
    assert 'only roles with the boundary' in lines[2]
    assert f'`aws logs delete-log-group --log-group-name /aws/lambda/{NAME}-bearer`' in lines[3]
    assert '`aws sqs delete-queue --queue-url http' in lines[4]


@pytest.mark.parametrize('verified', ['hello@example.com', 'example.com', None])
def test_a_sender_may_be_an_address_or_a_domain_that_ses_has_verified(aws: Aws, verified: str | None):
    """As moto has no identity that is verified, its answers come from here."""
    aws.session.register(
        'before-call.sesv2.GetEmailIdentity',
        lambda params, **_: (OK, {'VerifiedForSendingStatus': unquote(params['url_path']).endswith(f'/{verified}')}),
    )

    [finding] = preflight.findings(aws.target, {'MailFrom': 'CryptFolio <hello@example.com>'}, {'mail': CHECKS['mail']})

    if verified:
        assert (finding.verdict, finding.text) == (Verdict.OK, 'hello@example.com may send')
    else:
        assert 'aws sesv2 create-email-identity --region us-east-1 --email-identity hello@example.com' in finding.text


def unreadable() -> Json:
    """The page that an emulation of AWS answers with where it lacks something."""
    raise ResponseParserError('Unable to parse response\n<!doctype html>')


def test_what_cannot_be_looked_at_is_not_checked_and_stops_nothing(aws: Aws, capsys: pytest.CaptureFixture[str]):
    denied = Refusal('AccessDenied', 'not for you')
    aws.answers |= {'SimulatePrincipalPolicy': denied, 'ListQueues': denied, 'GetAccountSettings': unreadable}

    outcomes = verdicts(aws)

    assert {outcomes[about][0] for about in ('rights', 'names', 'concurrency')} == {Verdict.NOT_CHECKED}
    assert outcomes['concurrency'][1] == 'Unable to parse response'
    preflight.require(aws.target, {}, OFFLINE)
    assert 'not checked: rights: An error occurred (AccessDenied)' in capsys.readouterr().out


def test_only_the_root_user_needs_no_simulation_of_rights(aws: Aws):
    aws.answers['SimulatePrincipalPolicy'] = Refusal('InvalidInput', 'Invalid Entity Arn')

    for who, verdict in (('root', Verdict.OK), ('federated-user/ann', Verdict.NOT_CHECKED), ('user/ann', Verdict.NOT_CHECKED)):
        aws.answers['GetCallerIdentity'] = identity() | {'Arn': f'arn:aws:iam::1:{who}'}
        [finding] = preflight.findings(aws.target, {}, {'rights': CHECKS['rights']})
        assert finding.verdict is verdict, who


def test_a_deployer_may_do_all_that_a_deployment_a_rollback_and_a_removal_ask_for(aws: Aws):
    """By the requests of these; what CloudFormation does with the deployer's rights is not among them."""
    names = {'sesv2': 'ses', 'monitoring': 'cloudwatch'}
    verbs = {'Get': 'GET', 'Create': 'POST', 'Put': 'PUT', 'Update': 'PATCH', 'Delete': 'DELETE'}
    asked: set[str] = set()

    def note(model: Any, **_: Any) -> None:
        service = model.service_model.endpoint_prefix if model.service_model.service_name != 'sesv2' else 'ses'
        verb = verbs[re.match('[A-Z][a-z]+', model.name)[0]] if service == 'apigateway' else model.name  # type: ignore[index]
        asked.add(f'{names.get(service, service)}:{verb}')

    aws.session.register('before-call', note)
    aws.target = aws.elsewhere(aws.project)

    aws.deploy(MailFrom='me@example.com')
    list(plan.describe(aws.target, {}, OFFLINE))
    destroy.destroy(aws.target, with_data=True)

    allowed = {action for one in rights.statements(aws.target) for action in listed(one['Action'])}
    assert len(asked) > 50
    assert {one for one in asked if not one.startswith('sts:')} - allowed == set()


def test_a_deployers_policies_are_of_one_stage(aws: Aws):
    for statement in rights.statements(aws.target):
        resources = listed(statement['Resource'])
        assert not [one for one in resources if '${' in one]
        if statement['Sid'] not in ('Keys', 'Api', 'WhatNamesNoStage', 'QueuesOfFunctions'):
            assert all(STAGE in one or one.endswith('cryptfolio-apigateway-logs') for one in resources), statement['Sid']


def test_a_table_and_keys_that_outlived_their_stack_are_imported_into_a_new_one(aws: Aws, capsys: pytest.CaptureFixture[str]):
    aws.deploy()
    kept = kept_data.find(aws.target)
    kinds = {one['LogicalResourceId']: one for one in kept_data.resources_to_import(kept)}
    assert set(kinds) == {'Table', *(f'{key}Key{alias}' for key in ('Table', 'Signing', 'Vault') for alias in ('', 'Alias'))}
    assert kinds['Table'] == {
        'ResourceType': 'AWS::DynamoDB::Table',
        'LogicalResourceId': 'Table',
        'ResourceIdentifier': {'TableName': NAME},
    }
    for key in ('Table', 'Signing', 'Vault'):
        alias = f'alias/{NAME}-{key.lower()}'
        assert kinds[f'{key}KeyAlias']['ResourceIdentifier'] == {'AliasName': alias}
        behind = aws.client('kms').describe_key(KeyId=alias)['KeyMetadata']['KeyId']
        assert kinds[f'{key}Key']['ResourceIdentifier'] == {'KeyId': behind}
    assert set(kept_data.reduced(kept)['Resources']) == set(kept)

    sent: list[Json] = []
    status = ''

    def enter(new: str) -> Json:
        nonlocal status
        status = new
        return {'StackEvents': []}

    def describe() -> Json | Refusal:
        outputs = [{'OutputKey': name, 'OutputValue': 'x'} for name in template.load()['Outputs']]
        made = {'StackName': NAME, 'StackStatus': status, 'Outputs': outputs, 'Parameters': []}
        return {'Stacks': [made]} if status else Refusal('ValidationError', f'Stack with id {NAME} does not exist')

    aws.session.register('before-parameter-build.cloudformation.CreateChangeSet', lambda params, **_: sent.append(dict(params)))
    aws.answers |= {
        'DescribeStacks': describe,
        'DescribeStackEvents': {'StackEvents': []},
        'CreateChangeSet': lambda: enter('REVIEW_IN_PROGRESS'),
        'DescribeChangeSet': {'Status': 'CREATE_COMPLETE'},
        'ExecuteChangeSet': lambda: enter('IMPORT_COMPLETE'),
        'UpdateStack': lambda: enter('UPDATE_COMPLETE'),
    }
    aws.changes.clear()
    stack.ensure(aws.elsewhere(aws.project), {'LogDays': '7'})

    [change] = sent
    assert (change['ChangeSetType'], change['ResourcesToImport']) == ('IMPORT', list(kinds.values()))
    assert set(json.loads(change['TemplateBody'])['Resources']) == set(kinds)
    assert {'ParameterKey': 'LogDays', 'ParameterValue': '7'} in change['Parameters']
    assert aws.changes == ['CreateChangeSet', 'UpdateStack', 'UpdateStack']
    assert 'taking over 7 resources that outlived their stack: TableKeyAlias' in capsys.readouterr().out


def test_kept_data_whose_key_is_lost_or_about_to_be_stops_with_what_to_do(aws: Aws):
    aws.deploy()
    kms = aws.client('kms')
    key = kms.describe_key(KeyId=f'alias/{NAME}-table')['KeyMetadata']
    aws.answers['DescribeTable'] = {
        'Table': {'TableName': NAME, 'TableStatus': 'ACTIVE', 'SSEDescription': {'KMSMasterKeyArn': key['Arn']}}
    }
    assert kept_data.find(aws.target)['Table'] == {'TableName': NAME}
    kms.delete_alias(AliasName=f'alias/{NAME}-table')
    with pytest.raises(CannotDeploy, match=f'`aws kms create-alias --alias-name alias/{NAME}-table --target-key-id {key["KeyId"]}`'):
        kept_data.find(aws.target)
    kms.schedule_key_deletion(KeyId=kms.describe_key(KeyId=f'alias/{NAME}-vault')['KeyMetadata']['KeyId'])
    with pytest.raises(CannotDeploy, match=rf'alias/{NAME}-vault is about to be deleted: `aws kms cancel-key-deletion'):
        kept_data.find(aws.target)
