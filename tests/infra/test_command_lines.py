"""Commands without options of their own show help and refuse what they do not know, before they do anything."""

import importlib

import pytest

COMMANDS = {
    'infra.catalogue': 'infra.catalogue.__main__',
    'infra.catalogue.exchanges': 'infra.catalogue.exchanges',
    'infra.catalogue.readme': 'infra.catalogue.readme',
    'infra.translations': 'infra.translations',
    'infra.vendor': 'infra.vendor',
    'tests.clone': 'tests.clone.__main__',
}


@pytest.mark.parametrize('command', COMMANDS)
@pytest.mark.parametrize(('argument', 'status'), [('--help', 0), ('--nonsense', 2)])
def test_a_command_shows_help_and_refuses_unknown_options(command: str, argument: str, status: int, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as exit_of_it:
        importlib.import_module(COMMANDS[command]).main([argument])

    printed = capsys.readouterr()
    assert exit_of_it.value.code == status
    assert f'usage: python -m {command} ' in (printed.err if status else printed.out)


@pytest.mark.parametrize('command', sorted(COMMANDS.keys() - {'tests.clone'}))
def test_a_command_without_arguments_refuses_one(command: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as exit_of_it:
        importlib.import_module(COMMANDS[command]).main(['nonsense'])

    assert exit_of_it.value.code == 2
    assert 'unrecognized arguments: nonsense' in capsys.readouterr().err
