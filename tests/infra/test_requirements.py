"""Nothing is installed but what a list names by its hashes: a package that was changed at its index is refused."""

import re
from pathlib import Path

import pytest

from infra.deploy.dependencies import RuntimeDependencies
from infra.deploy.runtime import Runtime
from infra.deploy.target import CannotDeploy
from tests.support.processes import ROOT

LISTS = sorted(path.name for path in ROOT.glob('requirements*.txt'))
_PINNED = re.compile(r'[\w.-]+(\[[\w,-]+\])?==[\w.+]+( ; [^#]+?)?( +--hash=sha256:[0-9a-f]{64})+')


def whole_lines(name: str) -> list[str]:
    """Return the lines of a file without comments, those that are continued as one."""
    text = (ROOT / name).read_text().replace('\\\n', ' ')
    return [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith('#')]


@pytest.mark.parametrize('name', LISTS)
def test_every_requirement_is_pinned_by_its_hashes(name: str) -> None:
    assert [line for line in whole_lines(name) if not _PINNED.fullmatch(line)] == []


def test_whatever_installs_a_list_requires_hashes() -> None:
    runs = [run for name in ('Makefile', 'Dockerfile') for line in whole_lines(name) for run in line.split('&&') if 'pip install' in run]

    assert {word for run in runs for word in run.split() if word.startswith('requirements')} == {*LISTS} - {'requirements.txt'}
    assert [run for run in runs if not {'--require-hashes', '--no-deps', '-r'} <= set(run.split())] == []


def test_a_package_for_lambda_is_refused_without_hashes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('PIP_NO_INDEX', 'true')
    monkeypatch.setenv('PIP_FIND_LINKS', str(tmp_path))
    (tmp_path / 'nothing-1.0-py3-none-any.whl').touch()
    (tmp_path / 'requirements.txt').write_text('nothing==1.0\n')

    with pytest.raises(CannotDeploy, match='Hashes are required'):
        RuntimeDependencies(Runtime('3.13', 'arm64')).build_site_packages('', str(tmp_path / 'requirements.txt'), str(tmp_path / 'out'))
