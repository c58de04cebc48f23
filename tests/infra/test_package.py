"""What the Lambda functions carry, packaged as for a deployment."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from infra import gateway

ROOT = Path(__file__).parents[2]
MOST_ZIPPED = 50 * 1024 * 1024  # AWS's limit for a direct upload
MOST_UNZIPPED = 250 * 1024 * 1024

pytestmark = [pytest.mark.package, pytest.mark.xdist_group('package')]


@pytest.fixture(scope='module')
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp('package')
    merged = out / 'gateway.json'
    merged.write_text(json.dumps(gateway.merged_template()))
    chalice = str(Path(sys.executable).parent / 'chalice')
    command = [chalice, 'package', '--stage', 'dev', '--merge-template', str(merged), str(out)]
    done = subprocess.run(command, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert 'Could not install dependencies' not in done.stdout + done.stderr
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

    assert {'app.py', 'chalicelib/auth.py', 'chalicelib/data/currencies.json'} <= set(names)
    for other in ('infra/', 'tests/', 'moto/', 'pytest/'):
        assert not [name for name in names if name.startswith(other)], other


def test_the_package_runs_with_nothing_else_installed(package: Path, tmp_path: Path):
    with zipfile.ZipFile(package / 'deployment.zip') as archive:
        archive.extractall(tmp_path)
    script = 'import app, chalicelib.auth, chalicelib.oauth.server, chalicelib.services.refresh'

    # -S: without the packages of this environment; and not as chalice's command line runs it
    environment = os.environ | {'PYTHONPATH': str(tmp_path), 'AWS_CHALICE_CLI_MODE': ''}
    done = subprocess.run([sys.executable, '-S', '-c', script], cwd=tmp_path, env=environment, capture_output=True)

    assert done.returncode == 0, done.stderr.decode()


def test_there_is_a_function_for_the_api_the_authorizer_and_each_job(template: dict[str, Any]):
    functions = [row for row in template['Resources'].values() if row['Type'] == 'AWS::Serverless::Function']

    assert {row['Properties']['Handler'] for row in functions} == {
        'app.app',
        'chalicelib.auth.bearer',
        'chalicelib.jobs.refresh.refresh_ledgers',
        'chalicelib.jobs.purge.purge_portfolios',
        'chalicelib.jobs.sweep.sweep_due',
    }


def test_each_function_has_a_policy_of_its_own_without_a_wildcard_action_or_resource(template: dict[str, Any]):
    roles = [row['Properties'] for row in template['Resources'].values() if row['Type'] == 'AWS::IAM::Role']
    statements = [statement for role in roles for policy in role['Policies'] for statement in policy['PolicyDocument']['Statement']]

    assert len(roles) == 5
    for statement in statements:
        actions, resources = statement['Action'], statement['Resource']
        assert not [action for action in ([actions] if isinstance(actions, str) else actions) if '*' in action]
        assert '*' not in ([resources] if isinstance(resources, str) else resources)


def test_api_gateway_gives_the_authorizer_the_whole_request(template: dict[str, Any]):
    definition = template['Resources']['RestAPI']['Properties']['DefinitionBody']['securityDefinitions']['bearer']
    authorizer = definition['x-amazon-apigateway-authorizer']

    assert (authorizer['type'], authorizer['authorizerResultTtlInSeconds']) == ('request', 0)
    assert 'identitySource' not in authorizer
    assert 'authorizerUri' in authorizer


def test_api_gateways_own_answers_have_the_envelope(template: dict[str, Any]):
    made = {
        row['Properties']['ResponseType']: row['Properties']
        for row in template['Resources'].values()
        if row['Type'] == 'AWS::ApiGateway::GatewayResponse'
    }

    assert made['UNAUTHORIZED']['StatusCode'] == '401'
    headers = made['UNAUTHORIZED']['ResponseParameters']
    assert headers['gatewayresponse.header.WWW-Authenticate'] == '\'Bearer error="invalid_token"\''
    assert (made['ACCESS_DENIED']['StatusCode'], made['MISSING_AUTHENTICATION_TOKEN']['StatusCode']) == ('403', '404')
    for properties in made.values():
        body = json.loads(properties['ResponseTemplates']['application/json'])
        assert set(body) == {'success', 'message', 'code'}
        assert body['success'] is False
