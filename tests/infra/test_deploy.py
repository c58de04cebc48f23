"""`make deploy` and `make destroy` against moto: our steps and Chalice's own, all but the packaging of the code.

Each test has an AWS account of its own. What moto does not know is answered or translated by tests/support/deployments.py.
"""

import io
import json
import re
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import count
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import NoCredentialsError
from moto.backends import get_backend

from infra import functions, template
from infra.deploy import __main__ as command
from infra.deploy import api, configuration, destroy, options, releases, smoke, stack, steps, target, upstream_keys
from infra.deploy.target import CannotDeploy
from infra.lambda_extras import config
from tests.support import quick_deployments
from tests.support.deployments import NAME, OK, STAGE, Aws, bring_up, project

pytestmark = pytest.mark.usefixtures('restored_environment_of_module')

ROOT = Path(__file__).parents[2]
LIMITS = {'RequestsPerSecond': '7', 'RequestBurst': '9'}

Json = dict[str, Any]


@pytest.fixture
def aws(tmp_path: Path) -> Aws:
    return Aws(project(tmp_path / 'here'))


@pytest.fixture(scope='module')
def shared(restored_environment_of_module: None, tmp_path_factory: pytest.TempPathFactory) -> Aws:
    """A deployment that tests only look at."""
    aws = Aws(project(tmp_path_factory.mktemp('shared') / 'here'))
    aws.deploy(**LIMITS)
    return aws


def environment(aws: Aws, function: str = 'api_handler') -> dict[str, str]:
    called = functions.deployed_name(STAGE, function)
    found: dict[str, str] = aws.client('lambda').get_function_configuration(FunctionName=called)['Environment']['Variables']
    return found


def role_policy(aws: Aws, function: str) -> Json:
    role = f'{NAME}-{function}'
    found: Json = aws.client('iam').get_role_policy(RoleName=role, PolicyName=role)['PolicyDocument']
    return found


def deployed_state(aws: Aws) -> Json:
    """Everything that a deployment makes, with what is random in it replaced."""
    client, gateway = aws.client('lambda'), aws.client('apigateway')
    made = {one['FunctionName']: one for one in client.list_functions()['Functions']}
    apis = [one['id'] for one in gateway.get_rest_apis()['items']]
    stages = [gateway.get_stage(restApiId=one, stageName=STAGE) for one in apis]
    mappings = client.list_event_source_mappings()['EventSourceMappings']
    state = {
        'functions': {
            name: (one['Timeout'], one['MemorySize'], one['Handler'], one['Role'], one['Environment']['Variables'] | {'JWKS': ''})
            for name, one in made.items()
        },
        'concurrency': {name: client.get_function_concurrency(FunctionName=name).get('ReservedConcurrentExecutions') for name in made},
        'may_invoke': {name: permissions(client, name) for name in made},
        'policies': {name: role_policy(aws, name) for name in functions.names()},
        'mappings': sorted((one['FunctionArn'], one['FunctionResponseTypes'], one['ScalingConfig']) for one in mappings),
        'rules': [(one['Name'], one['ScheduleExpression']) for one in aws.client('events').list_rules()['Rules']],
        'paths': [sorted(one['path'] for one in gateway.get_resources(restApiId=api, limit=500)['items']) for api in apis],
        'stages': [(one['methodSettings']['*/*'], one['accessLogSettings']) for one in stages],
    }
    text = json.dumps(state, sort_keys=True, default=str)
    for api_id in apis:
        text = text.replace(api_id, 'API')
    for key in aws.client('kms').list_keys()['Keys']:
        text = text.replace(key['KeyId'], 'KEY')
    parsed: Json = json.loads(text.replace(aws.account, 'ACCOUNT'))
    return parsed


def permissions(client: Any, function: str) -> list[str]:
    try:
        policy = json.loads(client.get_policy(FunctionName=function)['Policy'])
    except client.exceptions.ResourceNotFoundException:
        return []
    return sorted(json.dumps(one.get('Condition'), sort_keys=True) for one in policy['Statement'])


def test_a_deployment_is_the_same_with_what_is_quicker_in_moto(shared: Aws, aws: Aws):
    with quick_deployments.REPLACEMENTS.undone():
        aws.deploy(**LIMITS)
        expected = deployed_state(aws)

    assert deployed_state(shared) == expected


def test_a_deployment_makes_every_function_with_its_size_and_settings(shared: Aws):
    made = {one['FunctionName']: one for one in shared.client('lambda').list_functions()['Functions']}
    assert set(made) == {functions.deployed_name(STAGE, name) for name in functions.names()}
    for name, size in config()['lambda_functions'].items():
        one = made[functions.deployed_name(STAGE, name)]
        assert (one['MemorySize'], one['Timeout']) == (size['lambda_memory_size'], size['lambda_timeout'])
        told = one['Environment']['Variables']
        assert (told['TABLE_NAME'], told['REFRESH_QUEUE'], told['PURGE_QUEUE']) == (NAME, f'{NAME}-refresh', f'{NAME}-purge')
        assert (told['ISSUER'], told['METRICS_NAMESPACE']) == (shared.deployed.issuer, 'CryptFolio/test')


def test_the_first_deployment_knows_the_address_of_its_api(shared: Aws):
    [made] = shared.client('apigateway').get_rest_apis()['items']
    assert made['name'] == NAME
    assert shared.deployed.issuer == shared.deployed.url == f'https://{made["id"]}.execute-api.us-east-1.amazonaws.com/test'
    assert shared.changes.count('CreateDeployment') == 1


def test_the_api_goes_live_with_its_own_answers_and_its_authorizer_at_once(shared: Aws):
    [document] = shared.documents
    assert document['info']['title'] == NAME
    bearer = document['securityDefinitions']['bearer']
    assert (bearer['name'], bearer['in']) == ('Unused', 'header')
    assert bearer['x-amazon-apigateway-authorizer'] == {
        'type': 'request',
        'authorizerResultTtlInSeconds': 0,
        'authorizerUri': 'arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/'
        f'arn:aws:lambda:us-east-1:{shared.account}:function:{NAME}-bearer:live/invocations',
    }
    unauthorized = document['x-amazon-apigateway-gateway-responses']['UNAUTHORIZED']
    assert unauthorized['statusCode'] == '401'
    assert unauthorized['responseParameters']['gatewayresponse.header.WWW-Authenticate'] == '\'Bearer error="invalid_token"\''
    body = json.loads(unauthorized['responseTemplates']['application/json'])
    assert (body['code'], body['doc_url']) == ('invalid_token', f'{shared.deployed.issuer}/reference#error-invalid_token')


def test_the_published_key_is_the_one_that_signs(aws: Aws):
    key = aws.signing_key()

    aws.deploy(SigningKeys=key)

    told = environment(aws)
    assert told['SIGNING_KEY_ID'] == key
    assert len(json.loads(told['JWKS'])['keys']) == 1
    assert configuration.signing_keys(aws.target, stack.outputs(aws.target)) == ([key], told['JWKS'])


def test_keys_change_over_without_one_that_is_not_published(aws: Aws):
    old, new = aws.signing_key(), aws.signing_key()
    aws.deploy(SigningKeys=old)
    first = json.loads(environment(aws)['JWKS'])['keys']

    aws.deploy(SigningKeys=f'{old}, {new}')
    both = json.loads(environment(aws)['JWKS'])['keys']
    aws.deploy(SigningKeys=f'{new},{old}')

    assert both[0] == first[0]
    assert json.loads(environment(aws)['JWKS'])['keys'] == [both[1], both[0]]
    assert environment(aws)['SIGNING_KEY_ID'] == new
    [signing] = [one for one in role_policy(aws, 'api_handler')['Statement'] if one['Action'] == 'kms:Sign']
    assert signing['Resource'] == [new, old]


@pytest.mark.parametrize('kind', [None, 'SYMMETRIC_DEFAULT', 'RSA_2048'])
def test_a_key_that_cannot_sign_stops_before_anything_else_changes(aws: Aws, kind: str | None):
    usage = 'ENCRYPT_DECRYPT' if kind == 'SYMMETRIC_DEFAULT' else 'SIGN_VERIFY'
    made = (
        aws.client('kms').create_key(KeySpec=kind, KeyUsage=usage)['KeyMetadata']['Arn'] if kind else '00000000-0000-0000-0000-000000000000'
    )

    with pytest.raises(CannotDeploy, match='a signing key cannot be used'):
        aws.deploy(SigningKeys=made)

    assert 'CreateFunction' not in aws.changes


def test_policies_name_this_account_region_and_stack(shared: Aws):
    for name in functions.names():
        for statement in role_policy(shared, name)['Statement']:
            resources = statement['Resource'] if isinstance(statement['Resource'], list) else [statement['Resource']]
            for resource in resources:
                assert resource.split(':')[3:5] == ['us-east-1', shared.account]
                assert '*' not in resource
    [log] = [one for one in role_policy(shared, 'api_handler')['Statement'] if one['Sid'] == 'WriteItsLog']
    assert log['Resource'].endswith(f':log-group:/aws/lambda/{NAME}')


def test_queues_take_back_single_messages_and_have_so_many_workers(shared: Aws):
    for name in ('refresh_ledgers', 'refresh_accounts', 'purge_portfolios', 'fetch_rates', 'refresh_histories'):
        arn = f'arn:aws:lambda:us-east-1:{shared.account}:function:{NAME}-{name}:live'
        [one] = shared.client('lambda').list_event_source_mappings(FunctionName=arn)['EventSourceMappings']
        assert one['FunctionResponseTypes'] == ['ReportBatchItemFailures']
        assert one['ScalingConfig'] == {'MaximumConcurrency': config()['lambda_functions'][name]['maximum_concurrency']}


def test_lambda_stops_no_download_that_takes_many_slices(shared: Aws):
    """Those that a message of their own calls again; each other function that loops is a mistake, and is to be stopped."""
    assert shared.may_recur == dict.fromkeys(('refresh_ledgers', 'refresh_accounts', 'refresh_histories', 'fetch_rates'), 'Allow')


def test_a_missed_sweep_is_not_repeated(shared: Aws):
    found = shared.client('lambda').get_function_event_invoke_config(FunctionName=f'{NAME}-sweep_due')
    assert (found['MaximumRetryAttempts'], found['MaximumEventAgeInSeconds']) == (0, 60)


def test_requests_are_limited_and_logged_without_query_or_headers(shared: Aws):
    [made] = shared.client('apigateway').get_rest_apis()['items']
    found = shared.client('apigateway').get_stage(restApiId=made['id'], stageName=STAGE)
    limits = found['methodSettings']['*/*']
    assert (limits['throttlingRateLimit'], limits['throttlingBurstLimit']) == (7, 9)
    assert found['accessLogSettings']['destinationArn'] == shared.deployed.outputs['AccessLogsArn'].removesuffix(':*')
    format_ = found['accessLogSettings']['format']
    assert '$context.requestId' in format_
    assert not any(word in format_.lower() for word in ('authorization', 'querystring', 'header', 'api_key'))


def test_api_gateway_is_allowed_to_log_only_where_nobody_has_done_it(aws: Aws):
    gateway = aws.client('apigateway')
    theirs = f'arn:aws:iam::{aws.account}:role/theirs'
    aws.deploy()
    ours = gateway.get_account()['cloudwatchRoleArn']

    gateway.update_account(patchOperations=[{'op': 'replace', 'path': '/cloudwatchRoleArn', 'value': theirs}])
    aws.deploy()

    assert ours == f'arn:aws:iam::{aws.account}:role/cryptfolio-apigateway-logs'
    assert gateway.get_account()['cloudwatchRoleArn'] == theirs


def test_concurrency_is_reserved_where_the_account_has_enough_of_it(shared: Aws):
    found = shared.client('lambda').get_function_concurrency(FunctionName=f'{NAME}-sweep_due')
    assert found['ReservedConcurrentExecutions'] == 1


def test_an_account_with_little_concurrency_is_deployed_to_without_reserving(aws: Aws, capsys: pytest.CaptureFixture[str]):
    aws.answers['GetAccountSettings'] = {'AccountLimit': {'ConcurrentExecutions': 10, 'UnreservedConcurrentExecutions': 10}}

    aws.deploy()

    assert 'PutFunctionConcurrency' not in aws.changes
    assert 'functions at once' not in capsys.readouterr().out  # the checks before said it


@pytest.mark.parametrize(('limit', 'most'), [(10, {2}), (40, {2, 3, 5, 6}), (1_000, {2, 5, 10})])
def test_queues_leave_half_of_what_the_account_may_run_to_the_api(aws: Aws, limit: int, most: set[int]):
    aws.answers['GetAccountSettings'] = {'AccountLimit': {'ConcurrentExecutions': limit, 'UnreservedConcurrentExecutions': limit}}

    aws.deploy()

    mappings = aws.client('lambda').list_event_source_mappings()['EventSourceMappings']
    workers = [mapping['ScalingConfig']['MaximumConcurrency'] for mapping in mappings]
    assert {*workers} <= most
    assert max(workers) == max(most)
    assert sum(workers) <= max(limit // 2, 2 * len(workers))


def test_what_is_reserved_stays_reserved_however_little_is_left(aws: Aws):
    most = 100 + sum(size.get('reserved_concurrency', 0) for size in config()['lambda_functions'].values())
    aws.answers['GetAccountSettings'] = {'AccountLimit': {'ConcurrentExecutions': most, 'UnreservedConcurrentExecutions': most}}
    aws.deploy()
    aws.answers['GetAccountSettings'] = {'AccountLimit': {'ConcurrentExecutions': most, 'UnreservedConcurrentExecutions': 100}}

    aws.deploy()

    found = aws.client('lambda').get_function_concurrency(FunctionName=f'{NAME}-sweep_due')
    assert found['ReservedConcurrentExecutions'] == 1


def test_settings_of_the_stage_in_chalices_configuration_are_kept_but_for_the_stacks(tmp_path: Path):
    aws = Aws(project(tmp_path / 'here', UPSTREAM_MEMPOOL_URL='https://mempool.example', TABLE_NAME='wrong'))

    aws.deploy()

    told = environment(aws)
    assert (told['UPSTREAM_MEMPOOL_URL'], told['TABLE_NAME']) == ('https://mempool.example', NAME)


def test_settings_larger_than_lambda_takes_are_refused_by_name(tmp_path: Path):
    aws = Aws(project(tmp_path / 'here', TRUSTED_ISSUERS='x' * 4_000))

    with pytest.raises(CannotDeploy, match='shorten TRUSTED_ISSUERS'):
        aws.deploy()


def test_what_was_given_once_is_remembered(aws: Aws):
    aws.deploy(AlarmEmail='me@example.com', RequestsPerSecond='7')

    again = aws.deploy(RequestsPerSecond='8')

    assert (again.outputs['AlarmEmail'], again.outputs['RequestsPerSecond']) == ('me@example.com', '8')


def test_mail_is_sent_as_the_sender_and_nobody_else(aws: Aws):
    aws.deploy(MailFrom='CryptFolio <hello@example.com>')

    assert environment(aws)['MAIL_FROM'] == 'CryptFolio <hello@example.com>'
    [mail] = [one for one in role_policy(aws, 'api_handler')['Statement'] if one['Action'] == 'ses:SendEmail']
    ours = f'arn:aws:ses:us-east-1:{aws.account}:identity'
    assert mail['Resource'] == [f'{ours}/hello@example.com', f'{ours}/example.com']


def test_without_a_sender_nothing_may_send_mail(shared: Aws):
    assert 'MAIL_FROM' not in environment(shared)
    assert not [one for one in role_policy(shared, 'api_handler')['Statement'] if one['Action'] == 'ses:SendEmail']
    assert 'nobody can sign up without mail' in steps.summarize(shared.target, shared.deployed)


def test_api_keys_of_upstreams_are_parameters_that_the_vaults_key_encrypts_and_in_no_environment(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    stack.ensure(aws.target, {'SigningKeys': aws.signing_key()})
    monkeypatch.setattr('sys.stdin', io.StringIO('  sesame\n'))
    value = upstream_keys.read_value('UPSTREAM_ETHERSCAN_KEY')
    upstream_keys.store(aws.target, 'UPSTREAM_ETHERSCAN_KEY', 'an earlier one')
    upstream_keys.store(aws.target, 'UPSTREAM_ETHERSCAN_KEY', value)
    upstream_keys.store(aws.target, 'UPSTREAM_BLOCKSCOUT_ETC_KEY', 'x')

    path = functions.filled_settings(configuration.values(aws.target, stack.outputs(aws.target), '').settings)['UPSTREAM_KEYS_PATH']
    found = aws.client('ssm').get_parameter(Name=f'{path}/etherscan', WithDecryption=True)['Parameter']
    assert (path, found['Type'], found['Value']) == ('/cryptfolio/test/upstream-keys', 'SecureString', 'sesame')
    [described] = aws.client('ssm').describe_parameters(Filters=[{'Key': 'Name', 'Values': [f'{path}/etherscan']}])['Parameters']
    assert described['KeyId'] == stack.outputs(aws.target)['VaultKeyArn']
    assert [one.setting for one in upstream_keys.stored(aws.target)] == ['UPSTREAM_BLOCKSCOUT_ETC_KEY', 'UPSTREAM_ETHERSCAN_KEY']
    upstream_keys.remove(aws.target, 'UPSTREAM_BLOCKSCOUT_ETC_KEY')
    with pytest.raises(CannotDeploy, match=r'UPSTREAM_BLOCKSCOUT_ETC_KEY is not among .*: UPSTREAM_ETHERSCAN_KEY$'):
        upstream_keys.remove(aws.target, 'UPSTREAM_BLOCKSCOUT_ETC_KEY')
    upstream_keys.remove_all(aws.target)
    assert upstream_keys.stored(aws.target) == []
    for name, typed, refusal in (
        ('UPSTREAM_ETHERSCN_KEY', 'x', 'is not an API key of an upstream: choose one of .*UPSTREAM_ETHERSCAN_KEY'),
        ('UPSTREAM_ETHERSCAN_KEY', '\n', 'nothing was stored'),
        ('UPSTREAM_ETHERSCAN_KEY', 'two words', 'nothing was stored'),
    ):
        monkeypatch.setattr('sys.stdin', io.StringIO(typed))
        with pytest.raises(CannotDeploy, match=refusal):
            upstream_keys.read_value(name)
    assert 'sesame' not in ''.join(capsys.readouterr())


def test_an_api_key_that_all_functions_would_have_stops_the_deployment(aws: Aws, tmp_path: Path):
    with pytest.raises(CannotDeploy, match='make secret NAME=UPSTREAM_ETHERSCAN_KEY'):
        aws.deploy(aws.elsewhere(project(tmp_path / 'there', UPSTREAM_ETHERSCAN_KEY='sesame')))

    assert 'CreateFunction' not in aws.changes


def test_everything_calls_the_alias_of_a_function(shared: Aws):
    [document] = shared.documents
    uris = re.findall(r'functions/([^"]+)/invocations', json.dumps(document))
    assert len(uris) > 100
    assert {uri.rpartition(':')[2] for uri in uris} == {'live'}
    mappings = shared.client('lambda').list_event_source_mappings()['EventSourceMappings']
    rules = [one['Name'] for one in shared.client('events').list_rules()['Rules']]
    targets = [one['Arn'] for rule in rules for one in shared.client('events').list_targets_by_rule(Rule=rule)['Targets']]
    assert (len(mappings), len(targets)) == (5, 3)
    assert {arn.rpartition(':')[2] for arn in (*targets, *(one['FunctionArn'] for one in mappings))} == {'live'}


def settings_that_run(aws: Aws) -> set[str | None]:
    called = [functions.deployed_name(STAGE, name) for name in functions.names()]
    run = [aws.client('lambda').get_function_configuration(FunctionName=one, Qualifier='live') for one in called]
    return {one['Environment']['Variables'].get('RATE_LIMIT') for one in run}


def api_that_runs(aws: Aws) -> str:
    [made] = aws.client('apigateway').get_rest_apis()['items']
    deployment: str = aws.client('apigateway').get_stage(restApiId=made['id'], stageName=STAGE)['deploymentId']
    return deployment


def test_going_back_is_a_switch_of_all_functions_and_the_api_that_an_interruption_does_not_leave_half_done(aws: Aws, tmp_path: Path):
    aws.deploy()
    first = api_that_runs(aws)
    aws.deploy(aws.elsewhere(project(tmp_path / 'bad', RATE_LIMIT='1')))
    bad = api_that_runs(aws)
    assert settings_that_run(aws) == {'1'}
    aws.changes.clear()
    switched = count()

    def fail(operation: str) -> None:
        if operation == 'UpdateAlias' and next(switched) == 4:
            raise KeyboardInterrupt

    aws.fail = fail
    with pytest.raises(KeyboardInterrupt):
        releases.roll_back(aws.target)
    assert settings_that_run(aws) == {None, '1'}
    release = releases.roll_back(aws.target)

    assert settings_that_run(aws) == {None}
    assert api_that_runs(aws) == first != bad
    assert release.version == (ROOT / 'chalicelib' / 'config.py').read_text().partition("VERSION = '")[2].partition("'")[0]
    assert set(aws.changes) == {'PutParameter', 'UpdateAlias', 'UpdateStage'}
    with pytest.raises(CannotDeploy, match='no release before this one is kept'):
        releases.roll_back(aws.target)

    aws.deploy(aws.elsewhere(project(tmp_path / 'good', RATE_LIMIT='2')))
    assert settings_that_run(aws) == {'2'}
    releases.roll_back(aws.target)
    assert settings_that_run(aws) == {None}  # not the bad one


def test_a_few_releases_are_kept_with_their_versions(aws: Aws):
    aws.deploy()
    made = api.find(aws.target)
    assert made
    for limit in map(str, range(2, 7)):  # moto would give the number of a deleted version again
        for name in functions.names():
            aws.client('lambda').update_function_configuration(
                FunctionName=functions.deployed_name(STAGE, name), Environment={'Variables': {'RATE_LIMIT': limit}}
            )
        releases.publish(aws.target, made)

    versions = aws.client('lambda').list_versions_by_function(FunctionName=f'{NAME}-bearer')['Versions']
    assert [one['Version'] for one in versions] == ['$LATEST', '2', '3', '4', '5', '6']
    for limit in ('5', '4', '3', '2'):
        releases.roll_back(aws.target)
        assert settings_that_run(aws) == {limit}


def test_under_a_domain_paths_are_those_of_the_documentation(aws: Aws):
    given = {'Domain': 'api.example.com', 'CertificateArn': f'arn:aws:acm:us-east-1:{aws.account}:certificate/x'}
    gateway = aws.client('apigateway')
    # Moto does not know the stack's, nor how to list none.
    gateway.create_domain_name(domainName='api.example.com', regionalCertificateArn=given['CertificateArn'])
    aws.session.register(
        'before-call.apigateway.GetBasePathMappings',
        lambda **_: None if 'CreateBasePathMapping' in aws.changes else (OK, {'items': []}),
    )
    aws.target = aws.elsewhere(aws.project)  # with clients that know of this

    deployed = aws.deploy(**given)
    aws.deploy()

    assert deployed.issuer == environment(aws)['ISSUER'] == 'https://api.example.com'
    [mapping] = gateway.get_base_path_mappings(domainName='api.example.com')['items']
    assert (mapping['basePath'], mapping['stage']) == ('(none)', STAGE)
    assert f'https://{mapping["restApiId"]}.' in deployed.url


def test_an_address_of_ones_own_is_the_issuer(aws: Aws):
    aws.deploy(Issuer='https://d111111abcdef8.cloudfront.net/')

    assert environment(aws)['ISSUER'] == 'https://d111111abcdef8.cloudfront.net'


def test_a_second_deployment_changes_nothing(aws: Aws):
    aws.deploy()
    first = deployed_state(aws)

    aws.deploy()

    assert deployed_state(aws) == first


def test_another_computer_goes_on_with_what_is_deployed(aws: Aws, tmp_path: Path):
    aws.deploy()
    first = deployed_state(aws)

    aws.deploy(aws.elsewhere(project(tmp_path / 'there')))

    assert deployed_state(aws) == first


def test_a_deployment_that_loses_the_answer_to_each_kind_of_change_is_completed_by_the_next(aws: Aws, shared: Aws):
    lost: set[str] = set()

    class Lost(Exception):
        pass

    def fail(operation: str) -> None:
        if operation not in lost:
            lost.add(operation)
            raise Lost

    key = aws.signing_key()
    aws.fail = fail
    for attempt in count():
        assert attempt < 50
        try:
            bring_up(aws.target, {'SigningKeys': key, **LIMITS})
            break
        except Lost:
            pass

    assert lost >= set(shared.changes) - {'CreateKey'}
    assert deployed_state(aws) == deployed_state(shared)


def test_several_apis_of_the_name_are_told_instead_of_guessed(aws: Aws):
    for _ in range(2):
        aws.client('apigateway').create_rest_api(name=NAME)

    with pytest.raises(CannotDeploy, match='there are 2 APIs called cryptfolio-test'):
        api.find(aws.target)


def test_a_function_that_the_application_no_longer_has_is_removed(aws: Aws, tmp_path: Path):
    aws.deploy()
    old = aws.client('lambda').get_function(FunctionName=f'{NAME}-sweep_due')
    code = io.BytesIO()
    zipfile.ZipFile(code, 'w').close()
    for name, tags in ((f'{NAME}-old', old['Tags']), (f'{NAME}-theirs', {})):
        aws.client('lambda').create_function(
            FunctionName=name,
            Role=old['Configuration']['Role'],
            Code={'ZipFile': code.getvalue()},
            Handler='x',
            Runtime='python3.11',
            Tags=tags,
        )

    aws.deploy(aws.elsewhere(project(tmp_path / 'there')))

    left = {one['FunctionName'] for one in aws.client('lambda').list_functions()['Functions']}
    assert f'{NAME}-old' not in left
    assert f'{NAME}-theirs' in left


def test_destroying_leaves_the_table_the_keys_and_nothing_else(aws: Aws):
    aws.deploy()
    aws.client('dynamodb').put_item(TableName=NAME, Item={'pk': {'S': 'USER#1'}, 'sk': {'S': 'USER'}})

    destroy.destroy(aws.target, with_data=False)

    assert aws.client('lambda').list_functions()['Functions'] == []
    assert aws.client('apigateway').get_rest_apis()['items'] == []
    assert aws.client('lambda').list_event_source_mappings()['EventSourceMappings'] == []
    assert aws.client('events').list_rules()['Rules'] == []
    assert 'QueueUrls' not in aws.client('sqs').list_queues()
    assert [one['RoleName'] for one in aws.client('iam').list_roles()['Roles']] == ['cryptfolio-apigateway-logs']
    assert aws.client('dynamodb').scan(TableName=NAME)['Count'] == 1
    left = {one['LogicalResourceId'] for one in aws.client('cloudformation').list_stack_resources(StackName=NAME)['StackResourceSummaries']}
    assert left == set(template.data()['Resources'])
    assert list((aws.project / '.chalice').glob('policy-*')) == []


def test_what_was_destroyed_comes_back_with_its_data_and_what_it_was_told(aws: Aws):
    aws.deploy(AlarmEmail='me@example.com')
    aws.client('dynamodb').put_item(TableName=NAME, Item={'pk': {'S': 'USER#1'}, 'sk': {'S': 'USER'}})
    destroy.destroy(aws.target, with_data=False)
    forget_removed(aws)

    deployed = aws.deploy()

    assert aws.client('dynamodb').scan(TableName=NAME)['Count'] == 1
    assert deployed.outputs['AlarmEmail'] == 'me@example.com'


def forget_removed(aws: Aws) -> None:
    """Moto takes what was once in a stack, and was removed, for being there still."""
    [made] = get_backend('cloudformation')[aws.account]['us-east-1'].stacks.values()
    for name in template.load()['Resources'].keys() - template.data()['Resources'].keys():
        made.resource_map._parsed_resources.pop(name, None)


def test_destroying_with_the_data_leaves_nothing(aws: Aws):
    aws.deploy()

    destroy.destroy(aws.target, with_data=True)

    assert aws.client('dynamodb').list_tables()['TableNames'] == []
    assert stack.parameters(aws.target) == {}
    assert [one for one in aws.client('kms').list_aliases()['Aliases'] if NAME in one['AliasName']] == []


def test_the_tables_protection_is_taken_off_only_to_delete_it(aws: Aws):
    aws.deploy()
    protected = aws.client('dynamodb').describe_table(TableName=NAME)['Table']['DeletionProtectionEnabled']

    destroy.destroy(aws.target, with_data=False)

    assert protected is True
    assert aws.client('dynamodb').describe_table(TableName=NAME)['Table']['DeletionProtectionEnabled'] is True


def test_destroying_twice_does_no_harm(aws: Aws):
    aws.deploy()
    destroy.destroy(aws.target, with_data=True)
    key = {'AttributeName': 'pk', 'KeyType': 'HASH'}
    made = {'AttributeDefinitions': [{'AttributeName': 'pk', 'AttributeType': 'S'}], 'KeySchema': [key], 'BillingMode': 'PAY_PER_REQUEST'}
    aws.client('dynamodb').create_table(TableName='of-somebody-else', **made)

    destroy.destroy(aws.target, with_data=True)

    assert aws.client('dynamodb').list_tables()['TableNames'] == ['of-somebody-else']
    assert stack.parameters(aws.target) == {}


def test_a_destruction_that_loses_the_answer_to_each_kind_of_change_is_completed_by_the_next(aws: Aws):
    aws.deploy()
    lost: set[str] = set()

    class Lost(Exception):
        pass

    def fail(operation: str) -> None:
        if operation not in lost:
            lost.add(operation)
            raise Lost

    aws.fail = fail
    for attempt in count():
        assert attempt < 50
        try:
            destroy.destroy(aws.target, with_data=True)
            break
        except Lost:
            pass

    assert aws.client('lambda').list_functions()['Functions'] == []
    assert aws.client('apigateway').get_rest_apis()['items'] == []
    assert aws.client('dynamodb').list_tables()['TableNames'] == []


@pytest.mark.parametrize('status', ['UPDATE_ROLLBACK_FAILED', 'IMPORT_ROLLBACK_FAILED'])
def test_a_stack_that_is_stuck_is_said_with_what_to_do(aws: Aws, status: str):
    aws.answers['DescribeStacks'] = {'Stacks': [{'StackName': NAME, 'StackStatus': status, 'Parameters': []}]}

    with pytest.raises(CannotDeploy, match='continue-update-rollback --stack-name cryptfolio-test'):
        aws.deploy(SigningKeys='')

    assert aws.changes == []


def test_a_refusal_of_cloudformation_is_told(aws: Aws):
    with pytest.raises(CannotDeploy, match='the stack has no parameter Colour'):
        aws.deploy(Colour='red')


def test_apis_of_other_stages_are_other_apis(aws: Aws):
    aws.client('apigateway').create_rest_api(name=f'{NAME}-2')

    assert api.find(aws.target) is None


@pytest.mark.parametrize('stage', ['local', 'Dev', 'a' * 21, '', '-x'])
def test_a_name_that_no_stage_can_have_is_refused(stage: str):
    with pytest.raises(CannotDeploy, match='cannot be deployed'):
        target.find(stage)


def test_without_a_region_it_says_how_to_choose_one(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv('AWS_DEFAULT_REGION')

    with pytest.raises(CannotDeploy, match='AWS_DEFAULT_REGION'):
        target.find(STAGE)


def test_without_credentials_it_says_how_to_get_some():
    session = botocore.session.Session()

    def refuse(**_: Any) -> None:
        raise NoCredentialsError

    session.register('before-call.sts.GetCallerIdentity', refuse)

    with pytest.raises(CannotDeploy, match='aws configure'):
        target.find(STAGE, session)


@pytest.mark.parametrize('typed', ['yes\n', ''], ids=['something else', 'nobody there'])
def test_nothing_is_destroyed_unless_the_stages_name_is_typed(
    typed: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr('sys.stdin', io.StringIO(typed))

    status = command.main(['destroy', STAGE, '--table', 'delete'])

    told = capsys.readouterr()
    assert (status, told.err.strip()) == (1, 'Nothing was done')
    assert 'deletes ALL DATA of cryptfolio-test in account 123456789012, us-east-1' in told.out


def test_where_nothing_of_a_stage_is_there_is_nothing_to_destroy(capsys: pytest.CaptureFixture[str]):
    """It was said to be done, and that the data was kept, also in the wrong region."""
    status = command.main(['destroy', 'nowhere'])

    told = capsys.readouterr()
    assert (status, told.out) == (1, '')
    assert told.err.strip() == 'There is nothing of cryptfolio-nowhere in account 123456789012, us-east-1. Nothing was done'


def test_what_is_left_of_a_stage_is_there_to_be_destroyed(aws: Aws):
    aws.deploy()
    assert destroy.is_there(aws.target)
    destroy.destroy(aws.target, with_data=False)
    assert destroy.is_there(aws.target)
    destroy.destroy(aws.target, with_data=True)
    assert not destroy.is_there(aws.target)


def test_keys_of_a_stage_that_is_not_there_are_not_printed(capsys: pytest.CaptureFixture[str]):
    status = command.main(['jwks', STAGE])

    assert (status, capsys.readouterr().err.strip()) == (
        1,
        'there is no stack cryptfolio-test in us-east-1: `make stack STAGE=test` creates it',
    )


@pytest.mark.parametrize('given', ['COLOUR=red', 'DOMAIN', 'Domain=x', 'STAGE=prod'])
def test_what_is_no_parameter_is_refused_with_those_there_are(given: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        command.main(['stack', STAGE, given])

    assert 'ALARM_EMAIL' in capsys.readouterr().err


def test_commands_that_are_said_run_in_the_environment_that_make_made():
    """Whoever types them need not have activated it, and has another python, or none of that name."""
    sources = {path: path.read_text() for path in (ROOT / 'infra').rglob('*.py')} | {
        path: path.read_text() for path in (ROOT / 'docs' / 'operations').glob('*.md')
    }
    elsewhere = {
        str(path.relative_to(ROOT)): line.strip()
        for path, text in sources.items()
        for line in text.splitlines()
        if re.search(r'(?<![\w/.])python -m infra\.(?:data|deploy|operate) [a-z]', line) and not line.startswith('"""')
    }
    assert elsewhere == {}


def test_make_hands_over_every_parameter_of_the_stack():
    makefile = (ROOT / 'Makefile').read_text()

    [given] = re.findall(r'^PARAMETERS := (.*)$', makefile, re.M)
    assert set(given.split()) == set(options.names())


@pytest.fixture
def answers() -> Iterator[tuple[str, Json]]:
    """A server on this computer, and what it answers by path: status, headers, body."""
    told: Json = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = told.get(self.path, (404, {}, b''))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body if isinstance(body, bytes) else json.dumps(body).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(('127.0.0.1', 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    told |= {
        '/test/api/status': (200, {}, {'success': True}),
        '/test/api/user': (401, {'WWW-Authenticate': 'Bearer error="invalid_token"'}, {'code': 'invalid_token'}),
        '/test/api/no-such-path': (404, {}, {'code': 'not_found'}),
    }
    yield f'http://127.0.0.1:{server.server_port}/test', told
    server.shutdown()
    server.server_close()


def test_an_api_that_answers_as_it_should_passes(answers: tuple[str, Json]):
    smoke.check(answers[0], patience=0)


@pytest.mark.parametrize(
    ('path', 'answer'),
    [
        ('/api/status', (200, {}, b'<html>')),
        ('/api/status', (200, {}, [])),
        ('/api/status', (503, {}, {'success': False})),
        ('/api/user', (401, {}, {'code': 'invalid_token'})),
        ('/api/user', (401, {'WWW-Authenticate': 'Bearer'}, {'message': 'Unauthorized'})),
        ('/api/no-such-path', (403, {}, {'message': 'Missing Authentication Token'})),
    ],
)
def test_an_api_that_answers_wrongly_is_told_by_path(answers: tuple[str, Json], path: str, answer: Any):
    url, told = answers
    told[f'/test{path}'] = answer

    with pytest.raises(CannotDeploy, match=path):
        smoke.check(url, patience=0)


def test_an_api_that_is_not_there_yet_is_waited_for(answers: tuple[str, Json], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(smoke, '_SECONDS', 0.05)
    url, told = answers
    right = told.pop('/test/api/status')
    threading.Timer(0.2, lambda: told.update({'/test/api/status': right})).start()

    smoke.check(url, patience=60)
