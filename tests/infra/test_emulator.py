"""What the emulated AWS is told otherwise than AWS, that it ends with everything it started, and how far Chalice gets in it."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests

from infra.emulator import adapt_template, server
from infra.template import load
from tests.support.processes import PATIENCE_SECONDS, ROOT, wait_until

BIN = Path(sys.executable).parent
FUNCTION = {'Type': 'AWS::Serverless::Function', 'Properties': {'CodeUri': './deployment.zip', 'Environment': {'Variables': {'A': '1'}}}}
ALARM = {'Type': 'AWS::CloudWatch::Alarm', 'Properties': {'MetricName': 'Errors'}}
METRIC_MATH = {'Type': 'AWS::CloudWatch::Alarm', 'Properties': {'Metrics': []}}


def adapted(**resources: Any) -> Any:
    return adapt_template.adapted({'Resources': resources}, 's3://packages/deployment.zip', {'B': '2'})['Resources']


def adapted_statement(**statement: Any) -> Any:
    role = {'Type': 'AWS::IAM::Role', 'Properties': {'Policies': [{'PolicyDocument': {'Statement': [statement]}}]}}
    return adapted(Role=role)['Role']['Properties']['Policies'][0]['PolicyDocument']['Statement'][0]


def test_a_function_gets_code_that_the_emulator_reaches_and_more_settings() -> None:
    properties = adapted(Api=FUNCTION)['Api']['Properties']

    assert properties['CodeUri'] == 's3://packages/deployment.zip'
    assert properties['Environment']['Variables'] == {'A': '1', 'B': '2'}


def test_the_packaged_template_stays_as_it_is() -> None:
    adapted(Api=FUNCTION)

    assert FUNCTION['Properties']['CodeUri'] == './deployment.zip'


def test_the_apis_own_answers_become_resources() -> None:
    answer = {
        'statusCode': '404',
        'responseParameters': {'gatewayresponse.header.A': "'b'"},
        'responseTemplates': {'application/json': '{}'},
    }
    definition = {'paths': {}, 'x-amazon-apigateway-gateway-responses': {'MISSING_AUTHENTICATION_TOKEN': answer}}

    made = adapted(RestAPI={'Type': 'AWS::Serverless::Api', 'Properties': {'DefinitionBody': definition}})

    assert made['RestAPI']['Properties']['DefinitionBody'] == {'paths': {}}
    assert made['RestAPIMissingAuthenticationToken'] == {
        'Type': 'AWS::ApiGateway::GatewayResponse',
        'Properties': {
            'RestApiId': {'Ref': 'RestAPI'},
            'ResponseType': 'MISSING_AUTHENTICATION_TOKEN',
            'StatusCode': '404',
            'ResponseParameters': answer['responseParameters'],
            'ResponseTemplates': answer['responseTemplates'],
        },
    }


def test_alarms_that_calculate_are_left_out_and_others_are_not() -> None:
    assert set(adapted(Failures=ALARM, Share=METRIC_MATH)) == {'Failures'}


def test_a_permission_stays_as_narrow_as_it_is() -> None:
    statement = {'Effect': 'Allow', 'Action': ['sqs:GetQueueUrl'], 'Resource': 'arn:queue', 'Condition': {'StringEquals': {'aws:a': 'b'}}}

    assert adapted_statement(**statement) == statement


def test_conditions_on_what_the_emulator_does_not_know_are_left_out_alone() -> None:
    condition = {'StringEquals': {'kms:SigningAlgorithm': 'ECDSA_SHA_256', 'aws:a': 'b'}, 'StringLike': {'dynamodb:LeadingKeys': 'A#*'}}

    assert adapted_statement(Action='kms:Sign', Resource='arn:key', Condition=condition)['Condition'] == {'StringEquals': {'aws:a': 'b'}}


def test_who_may_send_a_message_may_send_a_batch() -> None:
    assert adapted_statement(Action='sqs:SendMessage', Resource='arn:queue')['Action'] == ['sqs:SendMessage', 'sqs:SendMessageBatch']


@pytest.mark.parametrize('action', ['ses:SendEmail', 'ssm:GetParametersByPath'])
def test_what_it_checks_without_a_resource_is_allowed_for_all(action: str) -> None:
    assert adapted_statement(Action=action, Resource='arn:identity')['Resource'] == '*'


def test_without_a_command_it_says_what_it_is_for() -> None:
    done = subprocess.run([sys.executable, '-m', 'infra.emulator'], cwd=ROOT, capture_output=True, text=True)

    assert (done.returncode, done.stderr.count('python -m infra.emulator COMMAND')) == (2, 1)


RUN = """
import sys, time
from pathlib import Path
from infra.emulator import server
with server.running(Path(sys.argv[1])) as url:
    print(url, flush=True)
    time.sleep(600)
"""


@pytest.mark.deployed
@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGKILL])
def test_the_emulator_ends_with_whoever_started_it_and_leaves_nothing(number: int, tmp_path: Path) -> None:
    held = tmp_path / 'held'
    held.mkdir()
    environment = os.environ | {'TMPDIR': str(held)}
    with subprocess.Popen(
        [sys.executable, '-c', RUN, tmp_path / 'log'], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        url = process.stdout.readline().strip()
        assert answers(url)
        assert list(held.iterdir())

        process.send_signal(number)

        wait_until(lambda: not answers(url) and not list(held.iterdir()))


def answers(url: str) -> bool:
    try:
        return requests.get(f'{url}/_ministack/health', timeout=PATIENCE_SECONDS).ok
    except requests.RequestException:
        return False


@pytest.fixture
def workshop(tmp_path: Path) -> Path:
    """A copy of the project, as a deployment writes down what it did, without the alarms that the emulator does not make.

    Dependencies that are packaged already are used again.
    """
    for name in ('app.py', 'requirements.txt'):
        shutil.copy(ROOT / name, tmp_path)
    for name in ('.chalice', 'chalicelib', 'infra'):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns('deployed', 'deployments', '__pycache__'))
    kept = ROOT / '.chalice' / 'deployments'
    kept.mkdir(exist_ok=True)
    (tmp_path / '.chalice' / 'deployments').symlink_to(kept)
    (tmp_path / 'infra' / 'template.yaml').write_text(json.dumps(adapt_template.adapted(load(), '', {})))
    return tmp_path


@pytest.mark.deployed
def test_a_deployment_as_on_aws_gets_as_far_as_the_apis_definition(workshop: Path, tmp_path: Path) -> None:
    """PutRestApi is the one call that the emulator lacks. Once it is there, this test shall say so."""
    account = {'AWS_ACCESS_KEY_ID': '000000000000', 'AWS_SECRET_ACCESS_KEY': 'testing'}
    commands = [sys.executable, '-m', 'infra.deploy', 'stack', 'dev'], [BIN / 'chalice', 'deploy', '--stage', 'dev']
    with server.running(tmp_path / 'log') as url:
        environment = os.environ | account | {'AWS_ENDPOINT_URL': url, 'PACKAGE_FOR': 'host'}
        [_, done] = [subprocess.run(one, cwd=workshop, env=environment, capture_output=True, text=True) for one in commands]
        aws = boto3.Session(*account.values())
        functions = aws.client('lambda', endpoint_url=url).list_functions()['Functions']
        mappings = aws.client('lambda', endpoint_url=url).list_event_source_mappings()['EventSourceMappings']
        rules = aws.client('events', endpoint_url=url).list_rules()['Rules']
        [api] = aws.client('apigateway', endpoint_url=url).get_rest_apis()['items']

    assert 'calling the PutRestApi operation' in done.stdout + done.stderr
    names = {function['FunctionName'].removeprefix('cryptfolio-dev') for function in functions}
    assert names == {
        *('', '-bearer', '-refresh_ledgers', '-refresh_accounts', '-purge_portfolios', '-sweep_due'),
        *('-fetch_rates', '-update_rates', '-refresh_histories', '-snapshot_portfolios'),
    }
    assert {function['Environment']['Variables']['TABLE_NAME'] for function in functions} == {'cryptfolio-dev'}
    queues = {mapping['EventSourceArn'].rpartition(':')[2] for mapping in mappings}
    assert queues == {f'cryptfolio-dev-{name}' for name in ('refresh', 'accounts', 'purge', 'rates', 'history')}
    assert {rule['ScheduleExpression'] for rule in rules} == {'rate(1 minute)', 'rate(5 minutes)', 'cron(0 * * * ? *)'}
    assert api['name'] == 'cryptfolio-dev'
