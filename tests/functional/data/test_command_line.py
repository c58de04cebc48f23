"""The command line: which deployment it is about, and what it says when something is wrong."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.data import stage
from tests.support.exports import run

pytestmark = pytest.mark.usefixtures('restored_environment')


def test_a_stage_is_what_its_configuration_says() -> None:
    stage.enter('dev', None)

    assert (os.environ['TABLE_NAME'], os.environ['REFRESH_QUEUE']) == ('cryptfolio-dev', 'cryptfolio-dev-refresh')


def test_another_table_of_a_stage_can_be_told() -> None:
    stage.enter('dev', 'cryptfolio-dev-restored')

    assert (os.environ['TABLE_NAME'], os.environ['REFRESH_QUEUE']) == ('cryptfolio-dev-restored', 'cryptfolio-dev-refresh')


def test_without_a_stage_the_environment_is_what_counts() -> None:
    stage.enter(None, None)

    assert os.environ['TABLE_NAME'] == 'cryptfolio-test'


def test_a_stage_without_a_configuration_of_its_own_has_the_templates_names() -> None:
    stage.enter('mine', None)

    assert (os.environ['TABLE_NAME'], os.environ['PURGE_QUEUE']) == ('cryptfolio-mine', 'cryptfolio-mine-purge')


def test_a_stage_has_all_settings_that_the_application_needs() -> None:
    script = "from infra.data import stage; stage.enter('dev', None); import chalicelib.models"
    bare = {name: value for name, value in os.environ.items() if name in ('PATH', 'AWS_DEFAULT_REGION')}

    ended = subprocess.run([sys.executable, '-c', script], env=bare, capture_output=True, text=True, check=False)

    assert (ended.returncode, ended.stderr) == (0, '')


def test_a_setting_that_the_environment_lacks_is_told() -> None:
    bare = {name: value for name, value in os.environ.items() if name in ('PATH', 'AWS_DEFAULT_REGION', 'TABLE_NAME')}

    command = [sys.executable, '-m', 'infra.data', 'migrate']
    ended = subprocess.run(command, env=bare, capture_output=True, text=True, check=False)

    assert ended.returncode == 1
    assert ended.stderr.startswith('REFRESH_QUEUE is not set')


def test_without_a_stage_and_a_table_nothing_is_done(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv('TABLE_NAME')

    assert run('migrate') == 1
    assert capsys.readouterr().err == 'which table? say --stage STAGE, or set the settings of a stage in the environment\n'


def test_what_aws_refuses_is_told_in_one_sentence(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run('export', '--all', '--table', 'cryptfolio-none', file) == 1

    printed = capsys.readouterr().err
    assert 'ResourceNotFoundException' in printed
    assert 'Traceback' not in printed
    assert not file.exists()


def test_an_interrupted_command_says_how_to_go_on(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt(_: str) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr('builtins.input', interrupt)

    assert run('dlq', 'purge', 'refresh') == 130
    assert 'continue with --resume' in capsys.readouterr().err


@pytest.mark.parametrize(
    'arguments',
    [[], ['export', 'file'], ['export', '--all', '--user', 'x', 'file'], ['import'], ['dlq'], ['dlq', 'inspect'], ['users', 'forget']],
)
def test_arguments_that_make_no_sense_are_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run(*arguments)

    assert ended.value.code == 2


def test_a_dry_run_of_resuming_is_refused(file: Path) -> None:
    assert run('export', '--resume', '--dry-run', file) == 1
