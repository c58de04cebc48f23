"""What the functions run on, whatever the deployer has."""

import sys
from pathlib import Path

import pytest
from chalice.deploy.validate import validate_lambda_architecture

from infra.deploy import configuration, runtime
from infra.deploy.dependencies import SOURCE_ONLY, RuntimeDependencies
from infra.deploy.runtime import Runtime
from infra.deploy.target import CannotDeploy
from tests.support.processes import ROOT


def test_the_runtime_is_pinned_and_is_what_chalice_deploys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv('PACKAGE_FOR', raising=False)

    config = configuration.offline('dev', ROOT).scope('dev', 'bearer')

    assert (config.lambda_python_version, config.lambda_architecture) == ('python3.13', 'arm64')
    validate_lambda_architecture(config)


def test_a_package_for_this_computer_has_its_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('PACKAGE_FOR', 'host')

    assert runtime.current().name == f'python{sys.version_info.major}.{sys.version_info.minor}'
    assert runtime.current().interpreter() == sys.executable


def test_a_computer_without_the_runtimes_python_is_said_to_make_no_bytecode() -> None:
    own = f'{sys.version_info.major}.{sys.version_info.minor}'
    assert Runtime(own, 'arm64').shortcoming() is None
    assert (Runtime('3.99', 'arm64').shortcoming() or '').startswith('install python3.99: without it the package has no bytecode')


def test_wheels_may_need_no_newer_glibc_than_the_runtime_has() -> None:
    platforms = Runtime('3.13', 'arm64').platforms

    assert ('manylinux_2_34_aarch64' in platforms, 'manylinux_2_35_aarch64' in platforms) == (True, False)
    assert {name.rpartition('_')[2] for name in platforms} == {'aarch64'}


def test_a_package_that_cannot_be_had_stops_with_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without asking an index: pip is told that there is none."""
    (tmp_path / 'requirements.txt').write_text(f'nothing==1.0 --hash=sha256:{"0" * 64}\n')
    monkeypatch.setenv('PIP_NO_INDEX', 'true')

    with pytest.raises(CannotDeploy, match=r'for python3\.13 on arm64: No matching distribution found for nothing'):
        RuntimeDependencies(Runtime('3.13', 'arm64')).build_site_packages('', str(tmp_path / 'requirements.txt'), str(tmp_path / 'out'))


def test_what_is_built_from_source_is_in_the_lock_file() -> None:
    text = (ROOT / 'requirements.txt').read_text()

    assert all(f'\n{name}==' in text for name in SOURCE_ONLY)
