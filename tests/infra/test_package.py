"""What the Lambda functions carry, packaged as for a deployment."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from infra import functions, lambda_extras
from infra.deploy import botocore_data, slimming
from tests.support.slow_uplink import MOST_ZIPPED

ROOT = Path(__file__).parents[2]
MOST_UNZIPPED = 250 * 1024 * 1024

pytestmark = [pytest.mark.package, pytest.mark.xdist_group('package')]


@pytest.fixture(scope='module')
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp('package')
    command = [Path(sys.executable).with_name('chalice'), 'package', '--stage', 'dev', out]
    # For this computer's Python and processor, as it is run below; what differs in a deployment is in test_runtime.py.
    done = subprocess.run(command, cwd=ROOT, env=os.environ | {'PACKAGE_FOR': 'host'}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return out


@pytest.fixture(scope='module')
def template(package: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((package / 'sam.json').read_text())
    return found


def test_the_package_fits_into_a_lambda(package: Path):
    archive = package / 'deployment.zip'

    assert archive.stat().st_size < MOST_ZIPPED
    with zipfile.ZipFile(archive) as opened:
        assert sum(entry.file_size for entry in opened.infolist()) < MOST_UNZIPPED


def test_the_package_holds_the_application_and_nothing_of_the_workshop(package: Path):
    with zipfile.ZipFile(package / 'deployment.zip') as archive:
        names = archive.namelist()

    assert {'app.py', 'chalicelib/auth.py', 'chalicelib/data/currencies.json', 'chalicelib/data/de.mo'} <= set(names)
    for other in ('infra/', 'tests/', 'moto/', 'pytest/'):
        assert not [name for name in names if name.startswith(other)], other


def test_the_package_has_bytecode(package: Path):
    with zipfile.ZipFile(package / 'deployment.zip') as archive:
        names = set(archive.namelist())

    for module in ('app.py', 'chalicelib/auth.py', 'pynamodb/models.py', 'botocore/client.py', 'ccxt/kraken.py'):
        assert cache_from_source(module) in names


def test_the_package_has_of_ccxt_what_the_exchanges_need_and_nothing_else(package: Path):
    with zipfile.ZipFile(package / 'deployment.zip') as archive:
        names = [name for name in archive.namelist() if '__pycache__' not in name]

    modules = {name for name in names if name.count('/') == 1 and name.startswith('ccxt/')}
    assert modules == {'ccxt/__init__.py', *(f'ccxt/{one}.py' for one in slimming.EXCHANGES)}
    assert {name.split('/')[1] for name in names if name.startswith('ccxt/') and name.count('/') > 1} <= {
        'base',
        'abstract',
        'static_dependencies',
    }


def test_every_package_in_the_package_is_imported_by_something(package: Path, tmp_path: Path):
    with zipfile.ZipFile(package / 'deployment.zip') as archive:
        archive.extractall(tmp_path)
    top = {path.name.split('.')[0] for path in tmp_path.iterdir() if not path.name.endswith(('.dist-info', '.libs', '.data'))}
    imported = {
        name for path in tmp_path.rglob('*.py') for name in re.findall(r'^\s*(?:from|import) (\w+)', path.read_text(errors='replace'), re.M)
    }

    assert {name for name in top - imported if not name.startswith('_')} <= {
        'app',
        'bin',
        'chalicelib',
        'requirements',
        '81d243bd2c585b0f4821__mypyc',
    }


def test_the_package_runs_with_nothing_else_installed(package: Path, tmp_path: Path):
    with zipfile.ZipFile(package / 'deployment.zip') as archive:
        archive.extractall(tmp_path)
    script = 'import app, chalicelib.auth, chalicelib.oauth.server, chalicelib.services.ledgers.refresh; ' + ''.join(
        f'import ccxt.{one}; ccxt.{one}.{one}(); ' for one in slimming.EXCHANGES
    )

    # -S: without the packages of this environment; and not as chalice's command line runs it
    environment = os.environ | {'PYTHONPATH': str(tmp_path), 'AWS_CHALICE_CLI_MODE': ''}
    done = subprocess.run([sys.executable, '-S', '-c', script], cwd=tmp_path, env=environment, capture_output=True)

    assert done.returncode == 0, done.stderr.decode()


COUNTING = """
import importlib.machinery, sys
compiled = []
loader = importlib.machinery.SourceFileLoader
compile_source = loader.source_to_code
loader.source_to_code = lambda self, data, path, **options: compiled.append(path) or compile_source(self, data, path, **options)
before = set(sys.modules)
import app, chalicelib.auth, chalicelib.oauth.server, chalicelib.jobs.refresh, chalicelib.services.ledgers.refresh
import boto3, ccxt.kraken
ours = [path for path in compiled if path.startswith(sys.argv[1])]
assert len(set(sys.modules) - before) > 300
print(len(ours), ours[:3])
"""


def python_that_others_may_run() -> str | None:
    """Return this Python where somebody else may go: the environment, and what it was made from, may be in a folder of root's."""
    version = f'python{sys.version_info.major}.{sys.version_info.minor}'
    for folder in (Path(sys.base_prefix, 'bin'), Path('/usr/local/bin'), Path('/usr/bin')):
        if (folder / version).exists() and all(parent.stat().st_mode & 0o001 for parent in (folder / version).resolve().parents):
            return str(folder / version)
    return None


@pytest.fixture
def unpacked(package: Path) -> Iterator[Path]:
    """The package as Lambda has it: unpacked by its owner, with the modes in the archive, for anybody to read."""
    folder = Path(tempfile.mkdtemp())
    with zipfile.ZipFile(package / 'deployment.zip') as archive:
        for entry in archive.infolist():
            path = Path(archive.extract(entry, folder))
            path.chmod(entry.external_attr >> 16 & 0o777)
    for path in (folder, *(one for one in folder.rglob('*') if one.is_dir())):
        path.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_another_user_imports_the_package_without_compiling_a_module(unpacked: Path):
    """Root becomes somebody else, if there is a Python that others may run; anybody else is already not who may write it."""
    assert not [path for path in unpacked.rglob('*') if path.is_file() and not path.stat().st_mode & 0o004]
    environment = os.environ | {'PYTHONPATH': str(unpacked), 'AWS_CHALICE_CLI_MODE': ''}
    python = python_that_others_may_run()
    somebody = {'user': 65534, 'group': 65534, 'extra_groups': []} if os.getuid() == 0 and python else {}

    done = subprocess.run(
        [python or sys.executable, '-S', '-B', '-c', COUNTING, unpacked],
        cwd='/',
        env=environment,
        capture_output=True,
        text=True,
        **somebody,
    )

    assert (done.returncode, done.stdout) == (0, '0 []\n'), done.stderr


def test_the_package_describes_the_services_that_functions_call_and_no_other(package: Path):
    with zipfile.ZipFile(package / 'deployment.zip') as archive:
        data = [entry for entry in archive.infolist() if entry.filename.startswith('botocore/data/')]
    services = {entry.filename.split('/')[2] for entry in data if entry.filename.count('/') > 2}
    called = {name for path in (ROOT / 'chalicelib').rglob('*.py') for name in re.findall(r"boto3\.client\('(\w+)'", path.read_text())}

    assert services == set(slimming.SERVICES) == called | {'dynamodb', 'sts'}
    models = map(botocore.session.get_session().get_service_model, services)
    assert {model.endpoint_prefix for model in models} == set(botocore_data.ENDPOINT_PREFIXES)
    assert sum(entry.file_size for entry in data) < 1_000_000  # what clients do not read is left out; a quarter is SSM's


# What clients of these services know: where to send what, and how to write and read it.
CLIENTS = """
import botocore, botocore.session, hashlib, json, sys
made = {'from': botocore.__file__}
for service in sys.argv[1].split():
    for region in ('us-east-1', 'eu-central-1', 'cn-north-1', 'us-gov-west-1'):
        client = botocore.session.get_session().create_client(service, region, aws_access_key_id='a', aws_secret_access_key='b')
        shapes = client.meta.service_model
        lines = []
        for name in shapes.operation_names:
            operation = shapes.operation_model(name)
            errors = [shape.name for shape in operation.error_shapes]
            lines.append([name, operation.http, repr(operation.input_shape), repr(operation.output_shape), errors])
        for name in shapes.shape_names:
            shape = shapes.shape_for(name)
            lines.append([name, shape.type_name, shape.serialization, shape.metadata, repr(getattr(shape, 'members', None))])
        known = hashlib.sha256(json.dumps(lines, default=str).encode()).hexdigest()
        made[f'{service} {region}'] = [client.meta.endpoint_url, client.meta.config.signature_version, len(lines), known]
print(json.dumps(made))
"""


def test_clients_know_of_their_services_what_botocore_as_installed_tells_them(unpacked: Path):
    def clients(folder: Path | None) -> dict[str, Any]:
        environment = os.environ | ({'PYTHONPATH': str(folder)} if folder else {})
        done = subprocess.run(
            [sys.executable, '-B', '-c', CLIENTS, ' '.join(slimming.SERVICES)], cwd='/', env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    shortened, installed = clients(unpacked), clients(None)

    assert shortened.pop('from').startswith(str(unpacked))
    assert not installed.pop('from').startswith(str(unpacked))
    assert shortened == installed
    assert len(installed) == 4 * len(slimming.SERVICES)


def test_there_is_a_function_for_the_api_the_authorizer_and_each_job(template: dict[str, Any]):
    functions = [row for row in template['Resources'].values() if row['Type'] == 'AWS::Serverless::Function']

    assert {row['Properties']['Handler'] for row in functions} == {
        'app.app',
        'chalicelib.auth.bearer',
        'chalicelib.jobs.refresh.refresh_ledgers',
        'chalicelib.jobs.refresh.refresh_accounts',
        'chalicelib.jobs.purge.purge_portfolios',
        'chalicelib.jobs.sweep.sweep_due',
        'chalicelib.jobs.rates.fetch_rates',
        'chalicelib.jobs.rates.update_rates',
        'chalicelib.jobs.histories.refresh_histories',
        'chalicelib.jobs.histories.snapshot_portfolios',
    }


def test_cloudformation_would_take_the_template(package: Path):
    done = subprocess.run([Path(sys.executable).with_name('cfn-lint'), package / 'sam.json'], capture_output=True, text=True)

    assert (done.returncode, done.stdout) == (0, '')


def test_the_template_holds_everything(template: dict[str, Any]):
    kinds = {row['Type'] for row in template['Resources'].values()}

    assert {
        'AWS::DynamoDB::Table', 'AWS::KMS::Key', 'AWS::SQS::Queue', 'AWS::Serverless::Api', 'AWS::Logs::LogGroup', 'AWS::CloudWatch::Alarm',
        'AWS::ApiGateway::Account', 'AWS::ApiGateway::BasePathMapping',
    } <= kinds  # fmt: skip
    assert template['Parameters']['Stage']['AllowedValues'] == ['dev']


def properties_of(template: dict[str, Any], function: str) -> dict[str, Any]:
    called = {'Fn::Sub': functions.deployed_name('${Stage}', function)}
    [found] = [row['Properties'] for row in template['Resources'].values() if row['Properties'].get('FunctionName') == called]
    return found


@pytest.mark.parametrize('function', functions.names())
def test_each_function_is_called_what_its_log_and_alarms_expect(template: dict[str, Any], function: str):
    assert properties_of(template, function)['Runtime'] == f'python{sys.version_info.major}.{sys.version_info.minor}'


@pytest.mark.parametrize('function', functions.names())
def test_each_function_has_a_policy_of_its_own_that_names_resources_by_reference(template: dict[str, Any], function: str):
    [role, _] = properties_of(template, function)['Role']['Fn::GetAtt']

    [policy] = template['Resources'][role]['Properties']['Policies']
    assert policy['PolicyDocument'] == functions.referring(functions.policy(function))
    assert '"Resource": "' not in json.dumps(policy)


@pytest.mark.parametrize('function', functions.names())
def test_settings_are_references(template: dict[str, Any], function: str):
    variables = properties_of(template, function)['Environment']['Variables']

    assert variables['TABLE_NAME'] == {'Fn::Sub': '${Table}'}
    assert variables['JWKS'] == {'Fn::Sub': '${Jwks}'}
    assert variables['ISSUER']['Fn::If'][:2] == ['HasIssuer', {'Ref': 'Issuer'}]
    assert set(functions.settings()) <= set(variables)


@pytest.mark.parametrize(
    ('function', 'queue', 'batch'),
    [
        ('refresh_ledgers', 'RefreshQueue', 10),
        ('refresh_accounts', 'AccountsQueue', 5),
        ('purge_portfolios', 'PurgeQueue', 10),
        ('fetch_rates', 'RatesQueue', 1),
        ('refresh_histories', 'HistoryQueue', 10),
    ],
)
def test_queues_take_back_single_messages_and_have_so_many_workers(template: dict[str, Any], function: str, queue: str, batch: int):
    [event] = properties_of(template, function)['Events'].values()

    size = lambda_extras.config()['lambda_functions'][function]
    assert event['Properties'] == {
        'Queue': {'Fn::GetAtt': [queue, 'Arn']},
        'BatchSize': batch,
        'MaximumBatchingWindowInSeconds': 0,
        'FunctionResponseTypes': ['ReportBatchItemFailures'],
        'ScalingConfig': {'MaximumConcurrency': size['maximum_concurrency']},
    }
    reserved = properties_of(template, function)['ReservedConcurrentExecutions']
    assert reserved['Fn::If'][:2] == ['ReservesConcurrency', size['reserved_concurrency']]


@pytest.mark.parametrize('function', ['sweep_due', 'update_rates', 'snapshot_portfolios'])
def test_a_missed_run_of_a_schedule_is_not_repeated(template: dict[str, Any], function: str):
    assert properties_of(template, function)['EventInvokeConfig'] == lambda_extras.MISSED_SCHEDULES


def test_the_api_is_limited_and_logged(template: dict[str, Any]):
    properties = template['Resources']['RestAPI']['Properties']

    [limits] = properties['MethodSettings']
    assert (limits['ThrottlingRateLimit'], limits['ThrottlingBurstLimit']) == ({'Ref': 'RequestsPerSecond'}, {'Ref': 'RequestBurst'})
    assert properties['AccessLogSetting']['Format'] == lambda_extras.ACCESS_LOG
    assert properties['StageName'] == 'dev'
    assert properties['MinimumCompressionSize'] == 1024


def test_api_gateway_gives_the_authorizer_the_whole_request(template: dict[str, Any]):
    definition = template['Resources']['RestAPI']['Properties']['DefinitionBody']['securityDefinitions']['bearer']
    authorizer = definition['x-amazon-apigateway-authorizer']

    assert (definition['name'], definition['in']) == ('Unused', 'header')
    assert (authorizer['type'], authorizer['authorizerResultTtlInSeconds']) == ('request', 0)
    assert 'identitySource' not in authorizer
    assert 'authorizerUri' in authorizer


def test_api_gateways_own_answers_have_the_envelope(template: dict[str, Any]):
    made = template['Resources']['RestAPI']['Properties']['DefinitionBody']['x-amazon-apigateway-gateway-responses']

    assert made['UNAUTHORIZED']['statusCode'] == '401'
    headers = made['UNAUTHORIZED']['responseParameters']
    assert headers['gatewayresponse.header.WWW-Authenticate'] == '\'Bearer error="invalid_token"\''
    assert (made['ACCESS_DENIED']['statusCode'], made['MISSING_AUTHENTICATION_TOKEN']['statusCode']) == ('403', '404')
    assert made['AUTHORIZER_FAILURE']['statusCode'] == '503'
    assert made['AUTHORIZER_FAILURE']['responseParameters']['gatewayresponse.header.Retry-After'] == "'1'"
    for answer in made.values():
        text, values = answer['responseTemplates']['application/json']['Fn::Sub']
        assert values['PublicAddress'] == template['Resources']['APIHandler']['Properties']['Environment']['Variables']['ISSUER']
        body = json.loads(text)
        assert set(body) == {'success', 'message', 'code', 'request_id', 'doc_url'}
        assert body['doc_url'].startswith('${PublicAddress}/reference#error-')
        assert body['success'] is False
