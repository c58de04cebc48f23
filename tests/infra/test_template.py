"""The stack against the code that uses it."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from chalicelib.models import Item
from infra import functions, gateway, template
from infra.lambda_extras import ACCESS_LOG, config

ROOT = Path(__file__).parents[2]
MOST_BYTES = 51_200  # AWS's limit for a template that is sent, not fetched

Json = dict[str, Any]

TEMPLATE = template.load()
RESOURCES = TEMPLATE['Resources']
TABLE = RESOURCES['Table']['Properties']
CONFIG = config()


def of_type(kind: str) -> dict[str, Json]:
    return {name: one['Properties'] for name, one in RESOURCES.items() if one['Type'] == kind}


ALARMS = of_type('AWS::CloudWatch::Alarm')
QUEUES = of_type('AWS::SQS::Queue')


def in_stage(value: Any) -> Any:
    """Return a text of the template as it is in the stage dev."""
    return value['Fn::Sub'].replace('${Stage}', 'dev') if isinstance(value, dict) else value


def watching(namespace: str, metric: str) -> dict[str, Json]:
    """Return the alarms on a metric, by the value of its one dimension."""
    found = [one for one in ALARMS.values() if (one.get('Namespace'), one.get('MetricName')) == (namespace, metric)]
    return {json.dumps(one['Dimensions'][0]['Value']): one for one in found}


def test_cloudformation_would_take_it():
    done = subprocess.run([Path(sys.executable).with_name('cfn-lint'), ROOT / 'infra' / 'template.yaml'], capture_output=True, text=True)

    assert (done.returncode, done.stdout) == (0, '')


def test_it_can_be_sent_to_cloudformation_as_it_is():
    assert len(json.dumps(TEMPLATE, separators=(',', ':'))) < MOST_BYTES


def test_short_tags_are_read_as_their_long_forms():
    assert TABLE['TableName'] == {'Fn::Sub': 'cryptfolio-${Stage}'}
    assert TABLE['SSESpecification']['KMSMasterKeyId'] == {'Fn::GetAtt': ['TableKey', 'Arn']}
    assert RESOURCES['TableKeyAlias']['Properties']['TargetKeyId'] == {'Ref': 'TableKey'}


def test_the_data_is_a_stack_of_its_own():
    data = template.data()

    assert set(data['Resources']) == {*('Table', 'TableKey', 'TableKeyAlias', 'SigningKey', 'SigningKeyAlias', 'VaultKey', 'VaultKeyAlias')}
    named = set(re.findall(r'"(?:Ref|Fn::GetAtt)": \[?"(\w+)', json.dumps(data['Resources'])))
    assert named <= {*data['Resources'], *data['Parameters']}


def test_the_models_have_the_tables_keys_and_indexes():
    schema = Item._get_schema()

    def by_name(indexes: list[dict[str, Any]], name: str, key_schema: str, projection: str) -> dict[str, Any]:
        return {row[name]: (sorted(row[key_schema], key=lambda key: key['KeyType']), row[projection]) for row in indexes}

    assert TABLE['KeySchema'] == schema['key_schema']
    for ours, stacks in (
        ('local_secondary_indexes', 'LocalSecondaryIndexes'),
        ('global_secondary_indexes', 'GlobalSecondaryIndexes'),
    ):
        assert by_name(schema[ours], 'index_name', 'key_schema', 'projection') == by_name(
            TABLE[stacks], 'IndexName', 'KeySchema', 'Projection'
        )


def test_the_tables_key_attributes_have_the_models_types():
    attributes = Item.get_attributes()

    for definition in TABLE['AttributeDefinitions']:
        assert attributes[definition['AttributeName']].attr_type == definition['AttributeType']


def test_the_table_is_kept_recoverable_encrypted_and_paid_by_request():
    assert RESOURCES['Table']['DeletionPolicy'] == 'RetainExceptOnCreate'
    assert RESOURCES['Table']['UpdateReplacePolicy'] == 'Retain'
    assert TABLE['DeletionProtectionEnabled'] is True
    assert TABLE['PointInTimeRecoverySpecification']['PointInTimeRecoveryEnabled'] is True
    assert TABLE['SSESpecification']['SSEType'] == 'KMS'
    assert TABLE['BillingMode'] == 'PAY_PER_REQUEST'
    assert TABLE['TimeToLiveSpecification'] == {'AttributeName': 'expires_at', 'Enabled': True}


@pytest.mark.parametrize('name', [name for name in QUEUES if not name.endswith('DeadLetterQueue')])
def test_every_queue_has_a_dead_letter_queue_and_outlasts_its_handler(name: str):
    handler = {
        'RefreshQueue': 'refresh_ledgers',
        'AccountsQueue': 'refresh_accounts',
        'PurgeQueue': 'purge_portfolios',
        'RatesQueue': 'fetch_rates',
        'HistoryQueue': 'refresh_histories',
    }[name]
    dead = name.replace('Queue', 'DeadLetterQueue')

    assert QUEUES[name]['RedrivePolicy'] == {'deadLetterTargetArn': {'Fn::GetAtt': [dead, 'Arn']}, 'maxReceiveCount': 5}
    assert QUEUES[name]['VisibilityTimeout'] > CONFIG['lambda_functions'][handler]['lambda_timeout']
    assert QUEUES[dead]['MessageRetentionPeriod'] == 14 * 86_400


@pytest.mark.parametrize('function', functions.names())
def test_every_function_has_a_size_a_log_that_expires_and_alarms(function: str):
    called = functions.deployed_name('dev', function)
    size = CONFIG['lambda_functions'][function]
    logs = {in_stage(one['LogGroupName']): one['RetentionInDays'] for one in of_type('AWS::Logs::LogGroup').values()}
    names = {in_stage(one['AlarmName']) for one in ALARMS.values()}

    assert {'lambda_memory_size', 'lambda_timeout', 'iam_policy_file'} <= set(size)
    assert logs[f'/aws/lambda/{called}'] == {'Ref': 'LogDays'}
    assert {f'cryptfolio-dev errors of {function}', f'cryptfolio-dev throttles of {function}'} <= names
    assert json.dumps({'Fn::Sub': functions.deployed_name('${Stage}', function)}) in watching('AWS/Lambda', 'Throttles')


@pytest.mark.parametrize('alarm', ['SnapshotPortfoliosErrors', 'SnapshotPortfoliosThrottles', 'HistoriesMissing'])
def test_alarms_of_what_runs_each_hour_look_at_hours(alarm: str):
    assert ALARMS[alarm]['Period'] == 3_600


def test_the_authorizers_alarm_is_not_about_refused_tokens():
    assert json.dumps({'Fn::Sub': 'cryptfolio-${Stage}-bearer'}) not in watching('AWS/Lambda', 'Errors')
    assert ALARMS['BearerErrors']['MetricName'] == 'AuthorizerFailures'


def test_a_failure_of_the_authorizer_counts_whatever_status_it_is_answered_with():
    [counted] = [one for one in of_type('AWS::Logs::MetricFilter').values() if 'AuthorizerFailures' in json.dumps(one)]
    kinds = set(re.findall(r'\$\.error = "(\w+)"', counted['FilterPattern']))

    assert '"error":"$context.error.responseType"' in ACCESS_LOG
    assert 'status' not in counted['FilterPattern']
    assert 'AUTHORIZER_FAILURE' in kinds & set(gateway.responses())


def test_a_function_that_a_queue_works_may_run_as_often_as_the_queue_asks():
    for size in CONFIG['lambda_functions'].values():
        assert size.get('maximum_concurrency', 0) <= size.get('reserved_concurrency', 0)


def test_what_is_reserved_leaves_a_new_account_its_functions():
    assert sum(size.get('reserved_concurrency', 0) for size in CONFIG['lambda_functions'].values()) <= 50


@pytest.mark.parametrize('name', list(QUEUES))
def test_every_queue_is_watched(name: str):
    metric = 'ApproximateNumberOfMessagesVisible' if name.endswith('DeadLetterQueue') else 'ApproximateAgeOfOldestMessage'

    assert json.dumps({'Fn::GetAtt': [name, 'QueueName']}) in watching('AWS/SQS', metric)


@pytest.mark.parametrize('name', list(ALARMS))
def test_every_alarm_tells_somebody_and_is_explained(name: str):
    alarm = ALARMS[name]
    short = alarm['AlarmName']['Fn::Sub'].removeprefix('cryptfolio-${Stage} ')
    explained = (ROOT / 'docs' / 'operations' / 'something-is-wrong.md').read_text()

    assert alarm['AlarmActions'] == alarm['OKActions'] == [{'Ref': 'Alarms'}]
    assert alarm['AlarmDescription'].endswith('See "Alarms" in docs/operations.md.')
    assert f'`{short}`' in explained or f'`{re.sub("of .*", "of", short)} …`' in explained


def test_metrics_made_of_logs_are_those_that_alarms_watch():
    [made, also] = [one['MetricTransformations'][0] for one in of_type('AWS::Logs::MetricFilter').values()]

    watched = json.dumps([ALARMS['RequestsFail'], ALARMS['BearerErrors']])
    for one in (made, also):
        assert one['MetricNamespace'] == {'Fn::Sub': 'CryptFolio/${Stage}'}
        assert f'"MetricName": "{one["MetricName"]}"' in watched


def test_the_dashboard_shows_every_function_and_queue():
    body = in_stage(RESOURCES['Dashboard']['Properties']['DashboardBody']).replace('${Table}', 'cryptfolio-dev')
    shown = json.loads(body.replace('${AWS::Region}', 'us-east-1'))

    text = json.dumps(shown)
    assert '${' not in text
    for name in functions.names():
        assert text.count(f'"{functions.deployed_name("dev", name)}"') >= 3
    for queue in QUEUES.values():
        assert f'"{in_stage(queue["QueueName"])}"' in text
    assert all(one['properties']['region'] == 'us-east-1' for one in shown['widgets'])


def test_the_stage_local_names_the_stacks_table_and_queues():
    names = CONFIG['stages']['local']['environment_variables']
    assert names['TABLE_NAME'] == 'cryptfolio-local'
    assert names['REFRESH_QUEUE'] == 'cryptfolio-local-refresh'
    assert names['PURGE_QUEUE'] == 'cryptfolio-local-purge'
    assert names['RATES_QUEUE'] == 'cryptfolio-local-rates'
    assert names['HISTORY_QUEUE'] == 'cryptfolio-local-history'


@pytest.mark.parametrize('alarm', ['TableThrottles', 'TableErrors'])
def test_alarms_of_metrics_that_come_only_with_failures_have_a_series_that_is_always_there(alarm: str):
    """CloudWatch keeps the state of an alarm of DynamoDB's metrics while these have no data points, whatever TreatMissingData says."""
    metrics = {one['Id']: one for one in ALARMS[alarm]['Metrics']}
    [watched] = [one['Expression'] for one in metrics.values() if one.get('ReturnData', True)]
    summed = re.fullmatch(r'SUM\(\[(.*)\]\)', watched)
    assert summed
    names = summed[1].split(', ')

    always = metrics['runs']['MetricStat']['Metric']
    assert (always['Namespace'], always['MetricName']) == ('AWS/Lambda', 'Invocations')
    assert in_stage(always['Dimensions'][0]['Value']) == 'cryptfolio-dev-sweep_due'
    assert metrics['none']['Expression'] == '0 * runs'
    assert set(names) == {*(one for one in metrics if 'MetricStat' in metrics[one] and one != 'runs'), 'none'}
