"""What the deployment commands say where credentials are missing, expired or unknown."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    LoginRefreshRequired,
    MissingDependencyException,
    NoCredentialsError,
    NoRegionError,
    SSOTokenLoadError,
    UnauthorizedSSOTokenError,
)
from botocore.parsers import ResponseParserError

from infra import credentials
from infra.data import __main__ as data_command
from infra.deploy import command, target
from infra.deploy.target import CannotDeploy
from infra.operate import __main__ as operate_command
from infra.operate.finding import looked_at

CONFIG = """
[profile keys]
region = us-east-1
[profile centre]
region = us-east-1
sso_session = ours
sso_account_id = 123456789012
sso_role_name = deployers
[sso-session ours]
sso_region = us-east-1
sso_start_url = https://ours.example/start
[profile login]
region = us-east-1
login_session = arn:aws:iam::1:user/ann
"""
EXPIRED = ClientError({'Error': {'Code': 'ExpiredToken', 'Message': 'The security token included in the request is expired'}}, 'Get')
UNKNOWN = ClientError({'Error': {'Code': 'InvalidClientTokenId', 'Message': 'is invalid'}}, 'Get')
DENIED = ClientError({'Error': {'Code': 'AccessDenied', 'Message': 'not for you'}}, 'Get')


@pytest.fixture(autouse=True)
def _profiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Profiles of all kinds, and no credentials in the environment."""
    (tmp_path / 'config').write_text(CONFIG)
    monkeypatch.setenv('AWS_CONFIG_FILE', str(tmp_path / 'config'))
    monkeypatch.setenv('AWS_SHARED_CREDENTIALS_FILE', str(tmp_path / 'none'))
    for name in ('AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN', 'AWS_SECURITY_TOKEN', 'AWS_PROFILE'):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ('profile', 'error', 'advice'),
    [
        ('centre', EXPIRED, 'the credentials have expired: `aws sso login --profile centre`'),
        ('login', EXPIRED, 'the credentials have expired: `aws login --profile login`'),
        ('keys', EXPIRED, 'the credentials have expired: `aws configure --profile keys`'),
        ('keys', UNKNOWN, 'AWS does not know these credentials: `aws configure --profile keys`'),
        ('centre', UnauthorizedSSOTokenError(), 'the session of IAM Identity Center has expired: `aws sso login --profile centre`'),
        ('centre', SSOTokenLoadError(error_msg='no file'), '`aws sso login --profile centre`'),
        ('login', LoginRefreshRequired(), 'the session of `aws login` has expired: `aws login --profile login`'),
        ('login', MissingDependencyException(msg='no crt'), '`.venv/bin/pip install "botocore[crt]"`'),
        ('keys', NoCredentialsError(), 'there are no credentials: set AWS_PROFILE, or get some by `aws configure`'),
        ('keys', UNKNOWN, 'or the account has not enabled the region'),
        ('keys', NoRegionError(), 'no region: set AWS_DEFAULT_REGION'),
        ('keys', DENIED, ''),
    ],
)
def test_the_command_that_renews_credentials_is_that_of_their_kind(
    monkeypatch: pytest.MonkeyPatch, profile: str, error: BotoCoreError | ClientError, advice: str
):
    monkeypatch.setenv('AWS_PROFILE', profile)

    assert advice in (credentials.advice(error) or '')
    assert bool(advice) == bool(credentials.advice(error))


def test_credentials_of_the_environment_come_before_those_of_a_profile(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv('AWS_PROFILE', 'centre')
    monkeypatch.setenv('AWS_ACCESS_KEY_ID', 'ASIA1')
    monkeypatch.setenv('AWS_SECRET_ACCESS_KEY', 'x')

    assert credentials.advice(EXPIRED) == (
        'the credentials have expired: they are in AWS_ACCESS_KEY_ID and beside it: set new ones, or unset them for those of a profile'
    )


def test_a_profile_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv('AWS_PROFILE', 'nobody')

    with pytest.raises(CannotDeploy, match='`aws configure list-profiles` lists them'):
        target.find('test', botocore.session.Session())


def test_a_session_of_identity_center_that_nobody_began_is_said(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv('AWS_PROFILE', 'centre')

    with pytest.raises(CannotDeploy, match='`aws sso login --profile centre`'):
        target.find('test', botocore.session.Session())


def test_what_expires_on_the_way_is_said_too(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setenv('AWS_PROFILE', 'centre')

    def expire() -> None:
        raise EXPIRED

    def look() -> Iterator[Any]:
        raise EXPIRED

    assert command.run(expire) == 1
    told = capsys.readouterr().err.strip().splitlines()
    assert told[0] == 'the credentials have expired: `aws sso login --profile centre`'
    assert 'the same command does the rest' in told[1]
    [finding] = looked_at('stack', look)
    assert finding.advice == told[0]


@pytest.mark.parametrize(
    ('command_of', 'arguments', 'status'),
    [(data_command, ['users', 'list', '--stage', 'test'], 1), (operate_command, ['logs', '--stage', 'test'], 2)],
    ids=['data', 'operate'],
)
@pytest.mark.usefixtures('restored_environment')
def test_commands_about_a_stage_say_how_to_get_credentials(
    command_of: Any, arguments: list[str], status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def refuse(**_: Any) -> None:
        raise NoCredentialsError

    session = boto3.session.Session()
    session.events.register('before-call', refuse)
    monkeypatch.setattr(boto3, 'DEFAULT_SESSION', session)

    assert command_of.main(arguments) == status
    assert 'there are no credentials: set AWS_PROFILE, or get some by' in capsys.readouterr().err


def test_a_region_that_cannot_be_reached_is_asked_about():
    session = botocore.session.Session()

    def fail(**_: Any) -> None:
        raise EndpointConnectionError(endpoint_url='https://sts.us-esat-1.amazonaws.com/')

    session.set_config_variable('region', 'us-esat-1')
    session.set_credentials('a', 'b')
    session.register('before-call.sts.GetCallerIdentity', fail)

    with pytest.raises(CannotDeploy, match='AWS cannot be reached: is there a network, and a region us-esat-1'):
        target.find('test', session)


def test_what_answers_in_the_place_of_aws_is_no_traceback(capsys: pytest.CaptureFixture[str]):
    def be_answered_by_a_page() -> None:
        raise ResponseParserError('Unable to parse response (syntax error), invalid XML received. Further retries may succeed:\nb"<html>"')

    assert command.run(be_answered_by_a_page) == 1
    told = capsys.readouterr().err
    assert 'What answered is not AWS, but perhaps a proxy or the log-in page of a network (Unable to parse response' in told
    assert '<html>' not in told
