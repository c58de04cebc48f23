"""What `make secret STAGE=local` writes is what every reader of the file takes it for."""

import os
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from infra import environment_file

NAME = 'UPSTREAM_ETHERSCAN_KEY'
# All that infra/deploy/upstream_keys.py lets pass, spaces, and quotes more often than not.
VALUES = st.text(st.one_of(st.sampled_from('\'"\\$`# ='), st.characters(min_codepoint=0x20, max_codepoint=0x7E)), min_size=1, max_size=40)
ODD = (
    'a#b',
    'a #b',
    '#',
    "it's",
    '"',
    "'",
    '\\',
    'a\\',
    'a\\\\',
    '\\"',
    '\\$',
    '$',
    '$$',
    '$HOME',
    '${HOME}',
    '"quoted"',
    "'quoted'",
    ' a ',
    'a b',
    '!x',
    'a=b',
)


@given(VALUES)
@example('$')
@example('a\\')
@example(' # ')
def test_a_key_is_read_as_it_was_written(value: str):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, '.env')
        path.write_text('PORT=8080\n')
        environment_file.store(NAME, value, path)

        assert environment_file.keys(path) == {NAME: value}
        environment_file.store(NAME, None, path)
        assert path.read_text() == 'PORT=8080\n'


def test_a_shell_reads_the_same(tmp_path: Path):
    """By the rules for double quotes that systemd has taken over, and Compose but for the backtick."""
    path = tmp_path / '.env'
    names = [f'UPSTREAM_X{number}_KEY' for number in range(len(ODD))]
    for name, value in zip(names, ODD, strict=True):
        environment_file.store(name, value, path)

    script = f'set -a; . {path}; exec env -0'
    printed = subprocess.run(['sh', '-c', script], env={'PATH': os.environ['PATH']}, capture_output=True, text=True, check=True).stdout

    held = dict(line.split('=', 1) for line in printed.split('\0') if line)
    assert [held[name] for name in names] == list(ODD)


@pytest.mark.parametrize(
    ('line', 'value'),
    [
        (f'{NAME}=a-b', 'a-b'),
        (f'export {NAME}=a', 'a'),
        (f' {NAME} = a ', 'a'),
        (f'{NAME}=a # of last year', 'a'),
        (f'{NAME}=a#b', 'a#b'),
        (f"{NAME}='a # $b' # of last year", 'a # $b'),
        (f'{NAME}="a # b" # "of" last year', 'a # b'),
        (f'{NAME}= # none yet', None),
        (f'{NAME}=', None),
        (f'# {NAME}=a', None),
    ],
)
def test_what_somebody_wrote_by_hand_is_read_as_compose_reads_it(tmp_path: Path, line: str, value: str | None):
    path = tmp_path / '.env'
    path.write_text(f'{line}\n')

    assert environment_file.keys(path).get(NAME) == value
    environment_file.store(NAME, 'new', path)
    assert environment_file.keys(path) == {NAME: 'new'}
    assert path.read_text().count('new') == 1
