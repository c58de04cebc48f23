"""Plain `chalice deploy`, `logs` and `delete` of a stage, as somebody who knows Chalice runs them, against a moto that records."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import pytest

from infra.deploy import stack, steps, target
from infra.deploy.target import Target
from infra.lambda_extras import MISSED_SCHEDULES
from tests.support.processes import PATIENCE_SECONDS, ROOT
from tests.support.recorded_aws import RecordedAws, recorded_aws

pytestmark = pytest.mark.e2e

STAGE = 'test'
BIN = Path(sys.executable).parent
# Ids of keys and mappings; those of APIs in paths, ARNs and addresses; what is in public keys; the time and the deployment of a release.
RANDOM = re.compile(
    r'[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|'
    r'(?<=restapis/)[a-z0-9]{10}|(?<=:ACCOUNT:)[a-z0-9]{10}(?=/)|(?<=https://)[a-z0-9]{10}(?=\.execute)|'
    r'(?<=\\")[\w-]{43}(?=\\")|'
    r'(?<=\\"at\\":\\")[^\\]+|(?<=\\"deployment\\":\\")[a-z0-9]+|(?<="/deploymentId", "value": ")[a-z0-9]+'
)

Json = dict[str, Any]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """This project, without dependencies: they take a package index and half a minute, and test_package.py looks at them."""
    for name in ('app.py', 'chalicelib', 'infra'):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / 'requirements.txt').touch()
    (tmp_path / '.chalice').mkdir()
    (tmp_path / '.chalice' / 'config.json').write_text((ROOT / '.chalice' / 'config.json').read_text())
    return tmp_path


def chalice(project: Path, aws: RecordedAws, *arguments: str) -> 'subprocess.CompletedProcess[str]':
    environment = {'PATH': os.environ['PATH'], **aws.environment}
    return subprocess.run(
        [BIN / 'chalice', *arguments], cwd=project, env=environment, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
    )


def target_of(aws: RecordedAws, project: Path) -> Target:
    os.environ.update(aws.environment)
    return target.find(STAGE, botocore.session.Session(), project)


def make_stack(where: Target) -> None:
    """With a key like the stack's, whose kind moto ignores."""
    key = where.client('kms').create_key(KeySpec='ECC_NIST_P256', KeyUsage='SIGN_VERIFY')['KeyMetadata']['Arn']
    stack.ensure(where, {'SigningKeys': key})


def comparable(aws: RecordedAws) -> list[str]:
    """Return what was sent, with what is random in it replaced by the order in which it appears."""
    text = '\n'.join(json.dumps(one, sort_keys=True) for one in aws.requests).replace(aws.account, 'ACCOUNT')
    names: dict[str, str] = {}
    return RANDOM.sub(lambda match: names.setdefault(match[0], f'random-{len(names)}'), text).splitlines()


@pytest.mark.usefixtures('restored_environment')
def test_plain_chalice_deploys_what_make_deploy_does_and_deletes_it(project: Path) -> None:
    with recorded_aws('310000000001') as ours, recorded_aws('310000000002') as chalices:
        refused = chalice(project, chalices, 'deploy', '--stage', STAGE)

        assert (refused.returncode, refused.stderr.strip()) == (
            1,
            'there is no stack cryptfolio-test in us-east-1: `make stack STAGE=test` creates it',
        )
        assert [one.operation for one in chalices.requests] == ['GetCallerIdentity', 'DescribeStacks']

        make_stack(target_of(ours, project))
        ours.requests.clear()
        steps.deploy(target_of(ours, project))
        make_stack(target_of(chalices, project))
        (project / '.chalice' / 'deployed' / f'{STAGE}.json').unlink()
        chalices.requests.clear()
        deployed = chalice(project, chalices, 'deploy', '--stage', STAGE)

        assert deployed.returncode == 0, deployed.stderr
        assert 'Rest API URL: https://' in deployed.stdout
        assert comparable(chalices) == comparable(ours)
        check_what_was_sent(chalices)

        log = chalice(project, chalices, 'logs', '--stage', STAGE, '--name', 'sweep_due')
        assert (log.returncode, log.stderr) == (0, '')
        assert chalices.named('FilterLogEvents')[-1]['logGroupName'] == '/aws/lambda/cryptfolio-test-sweep_due'

        deleted = chalice(project, chalices, 'delete', '--stage', STAGE)
        assert deleted.returncode == 0, deleted.stderr
        os.environ.update(chalices.environment)
        assert boto3.client('lambda').list_functions()['Functions'] == []
        assert boto3.client('apigateway').get_rest_apis()['items'] == []
        assert [one['StackName'] for one in boto3.client('cloudformation').describe_stacks()['Stacks']] == ['cryptfolio-test']
        assert [path.name for path in (project / '.chalice').glob('*.json')] == ['config.json']


def check_what_was_sent(aws: RecordedAws) -> None:
    [document] = [one.body for one in aws.requests if one.operation.startswith('PUT /restapis/')]
    assert document['securityDefinitions']['bearer']['x-amazon-apigateway-authorizer']['type'] == 'request'
    assert document['x-amazon-apigateway-gateway-responses']['UNAUTHORIZED']['statusCode'] == '401'
    made = [one.body for one in aws.requests if one.operation == 'POST /2015-03-31/functions']
    assert len(made) == 10
    for function in made:
        variables = function['Environment']['Variables']
        assert (variables['TABLE_NAME'], variables['REFRESH_QUEUE']) == ('cryptfolio-test', 'cryptfolio-test-refresh')
        assert 'CHALICE_HOOK' not in variables
    policies = [one['PolicyDocument'] for one in aws.named('PutRolePolicy')]
    assert len(policies) == 10
    assert not [text for text in policies if '${' in text or aws.account not in text]
    mappings = [one.body for one in aws.requests if one.operation.startswith('PUT /2015-03-31/event-source-mappings/')]
    assert [one['FunctionResponseTypes'] for one in mappings] == [['ReportBatchItemFailures']] * 5
    missed = [one.body for one in aws.requests if one.operation.endswith('/event-invoke-config?Qualifier=live')]
    assert missed == [MISSED_SCHEDULES] * 3


def test_make_deploy_is_the_stack_then_plain_chalice_then_a_check() -> None:
    """Without running it: make says what it would do."""
    lines = subprocess.run(
        ['make', '-n', '--no-print-directory', 'deploy', f'STAGE={STAGE}', 'LOG_DAYS=7'],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()

    assert [' '.join(line.split()) for line in lines[-3:]] == [
        ".venv/bin/python -m infra.deploy stack test 'LOG_DAYS=7'",
        '.venv/bin/chalice deploy --stage test',
        '.venv/bin/python -m infra.deploy check test',
    ]
