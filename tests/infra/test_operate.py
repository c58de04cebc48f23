"""What `make status` says of a stage by AWS, and what `make logs` finds in its logs."""

import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from infra import functions, template
from infra.operate import __main__ as command
from infra.operate import aws_status, error_log

STAGE = 'seen'
NAME = 'cryptfolio-seen'
REQUEST = 'c6af9ac6-7b61-11e6-9a41-93e8deadbeef'
ROLE = {
    'Version': '2012-10-17',
    'Statement': [{'Effect': 'Allow', 'Principal': {'Service': 'lambda.amazonaws.com'}, 'Action': 'sts:AssumeRole'}],
}
STACK = {'Resources': {'Topic': {'Type': 'AWS::SNS::Topic', 'Properties': {'TopicName': NAME}}}}


def advice() -> dict[str, list[str]]:
    """Return what is to be done, by part."""
    parts: dict[str, list[str]] = {}
    for finding in aws_status.find(STAGE):
        if finding.advice is not None:
            parts.setdefault(finding.part, []).append(f'{finding.text} -> {finding.advice}')
    return parts


@pytest.fixture
def deployed() -> Iterator[None]:
    """A stage with all of its parts."""
    boto3.client('cloudformation').create_stack(StackName=NAME, TemplateBody=json.dumps(STACK))
    role = boto3.client('iam').create_role(RoleName=NAME, AssumeRolePolicyDocument=json.dumps(ROLE))['Role']['Arn']
    names = [functions.deployed_name(STAGE, name) for name in functions.names()]
    for name in names:
        boto3.client('lambda').create_function(
            FunctionName=name, Role=role, Runtime='python3.13', Handler='app.app', Code={'ZipFile': b'none'}
        )
    queues = template.queue_names(template.load()['Resources'], STAGE).values()
    sqs = boto3.client('sqs')
    for name in sorted(queues, key=lambda name: not name.endswith('-dlq')):
        policy = {'deadLetterTargetArn': f'arn:aws:sqs:us-east-1:123456789012:{name}-dlq', 'maxReceiveCount': 5}
        sqs.create_queue(QueueName=name, Attributes={} if name.endswith('-dlq') else {'RedrivePolicy': json.dumps(policy)})
    boto3.client('cloudwatch').put_metric_alarm(
        AlarmName=f'{NAME} requests fail', AlarmDescription='Many fail.', MetricName='m', Namespace='n', Period=60,
        EvaluationPeriods=1, Threshold=1, ComparisonOperator='GreaterThanThreshold', Statistic='Sum',
    )  # fmt: skip
    yield
    boto3.client('cloudwatch').delete_alarms(AlarmNames=[f'{NAME} requests fail'])
    for name in queues:
        sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=name)['QueueUrl'])
    for function in boto3.client('lambda').list_functions()['Functions']:
        if function['FunctionName'] in names:
            boto3.client('lambda').delete_function(FunctionName=function['FunctionName'])
    boto3.client('iam').delete_role(RoleName=NAME)
    boto3.client('cloudformation').delete_stack(StackName=NAME)


def test_a_stage_that_is_not_there_is_told_with_the_commands_that_make_it():
    findings = advice()

    assert findings['stack'] == ['there is none called cryptfolio-seen in us-east-1 -> make stack STAGE=seen']
    [missing] = findings['functions']
    assert missing.startswith('10 of 10 are missing')
    assert missing.endswith('-> make deploy STAGE=seen')
    assert {part for part in findings if part.startswith('queue ')} == {
        f'queue {name}' for name in ('refresh', 'accounts', 'purge', 'rates', 'history')
    }
    assert findings['queue purge'] == ['is missing -> make stack STAGE=seen']
    assert findings['alarms'] == ['0 are set -> make stack STAGE=seen']


def test_no_advice_leads_to_another_stage_than_the_one_that_was_looked_at():
    """Without its name make takes the stage dev."""
    commands = [
        command for texts in advice().values() for text in texts for command in re.findall(r'make (?:stack|deploy|logs)[^,;:]*', text)
    ]

    assert len(commands) > 5
    assert [command for command in commands if 'STAGE=seen' not in command] == []


@pytest.mark.usefixtures('deployed')
def test_what_is_wrong_with_a_stage_is_told_with_what_to_do():
    assert advice() == {}

    sqs, cloudwatch = boto3.client('sqs'), boto3.client('cloudwatch')
    boto3.client('lambda').delete_function(FunctionName=f'{NAME}-sweep_due')
    sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName=f'{NAME}-rates-dlq')['QueueUrl'], MessageBody='{}')
    age = {'MetricName': 'ApproximateAgeOfOldestMessage', 'Dimensions': [{'Name': 'QueueName', 'Value': f'{NAME}-refresh'}]}
    point = age | {'Value': 1_500, 'Timestamp': datetime.now(UTC) - timedelta(minutes=2)}
    cloudwatch.put_metric_data(Namespace='AWS/SQS', MetricData=[point])
    cloudwatch.set_alarm_state(AlarmName=f'{NAME} requests fail', StateValue='ALARM', StateReason='so many')

    findings = advice()
    assert findings.keys() == {'functions', 'queue rates', 'queue refresh', 'alarm'}
    assert findings['functions'] == ['1 of 10 are missing: sweep_due -> make deploy STAGE=seen']
    assert findings['queue rates'][0].startswith('1 dead letters -> .venv/bin/python -m infra.data dlq inspect rates --stage seen')
    assert 'the oldest 25 min old -> too little concurrency' in findings['queue refresh'][0]
    assert findings['alarm'][0].startswith('requests fail, since ')
    assert 'Many fail.' in findings['alarm'][0]


def write(function: str | None, *messages: dict[str, Any] | str) -> None:
    logs = boto3.client('logs')
    group = f'/aws/lambda/{functions.deployed_name(STAGE, function)}' if function else f'/aws/apigateway/{NAME}'
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName='one')
    now = int(time.time() * 1_000)
    texts = [message if isinstance(message, str) else json.dumps(message, separators=(',', ':')) for message in messages]
    events = [{'timestamp': now - 1_000 * (len(texts) - place), 'message': text} for place, text in enumerate(texts)]
    logs.put_log_events(logGroupName=group, logStreamName='one', logEvents=events)


@pytest.fixture
def logged() -> Iterator[None]:
    line = {'request_id': REQUEST, 'logger': 'chalicelib.http_io.errors'}
    failure = line | {'level': 'ERROR', 'message': 'GET /api/portfolios', 'exception': 'Traceback:\nValueError: no'}
    write('api_handler', f'START RequestId: {REQUEST}', line | {'level': 'INFO', 'message': 'fine'}, failure)
    write('bearer', line | {'level': 'INFO', 'message': 'authorized'})
    write('sweep_due', f'2026-11-29T12:00:00.000Z {REQUEST[::-1].replace("f", "0")} something', '[ERROR] Runtime.ImportModuleError: no app')
    write(None, {'request_id': REQUEST, 'status': 500, 'ms': 7})
    yield
    logs = boto3.client('logs')
    for group in logs.describe_log_groups()['logGroups']:
        if NAME in group['logGroupName']:
            logs.delete_log_group(logGroupName=group['logGroupName'])


@pytest.mark.usefixtures('logged')
def test_errors_of_all_functions_are_shown_by_request_with_their_tracebacks(capsys: pytest.CaptureFixture[str]):
    assert command.main(['logs', '--stage', STAGE, '--since', '30m']) == 0

    shown = capsys.readouterr().out
    request, outside = shown[: shown.index(error_log.NO_REQUEST)], shown[shown.index(error_log.NO_REQUEST) :]
    assert request.startswith(f'{REQUEST}\n')
    assert 'api_handler: GET /api/portfolios\n' in request
    assert '    ValueError: no\n' in request
    assert 'sweep_due: [ERROR] Runtime.ImportModuleError: no app' in outside
    assert 'fine' not in shown
    assert 'something' not in shown


def test_a_stage_without_any_log_is_not_said_to_have_no_errors(capsys: pytest.CaptureFixture[str]):
    assert command.main(['logs', '--stage', 'nowhere']) == 2
    told = capsys.readouterr()
    assert told.out == ''
    assert told.err.strip() == 'there are no logs of cryptfolio-nowhere in us-east-1: `make deploy STAGE=nowhere` makes the stage'


@pytest.mark.usefixtures('logged')
def test_all_that_was_logged_about_a_request_is_shown_wherever(capsys: pytest.CaptureFixture[str]):
    assert command.main(['logs', '--stage', STAGE, '--request', REQUEST]) == 0

    shown = capsys.readouterr().out
    assert all(text in shown for text in ('api_handler: fine', 'bearer: authorized', 'ValueError: no', 'access log: '))
    assert 'sweep_due' not in shown

    assert command.main(['logs', '--stage', STAGE, '--request', 'other']) == 0
    assert capsys.readouterr().out == 'nothing was logged about it since then\n'


@pytest.mark.parametrize('since', ['1', 'h', '1w', '99999h'])
def test_a_time_that_is_none_is_refused(since: str):
    with pytest.raises(SystemExit):
        command.main(['logs', '--stage', STAGE, '--since', since])
