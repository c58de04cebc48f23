"""API keys of upstreams: from SSM once in a process, or from the environment, or a file beside the project."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import pytest

from chalicelib import upstream_keys
from chalicelib.config import settings
from infra import environment_file

PATH = '/cryptfolio/unit/upstream-keys'


@pytest.fixture(autouse=True)
def _new_process() -> Iterator[None]:
    upstream_keys._parameters.cache_clear()
    yield
    upstream_keys._parameters.cache_clear()


def test_all_keys_below_the_path_are_read_once_and_their_names_without_decrypting_them(monkeypatch: pytest.MonkeyPatch):
    ssm = boto3.client('ssm')
    keys = {f'upstream{n}': f'value {n}' for n in range(12)}  # SSM tells ten at a time
    for name, value in {**{f'{PATH}/{key}': value for key, value in keys.items()}, '/cryptfolio/unit-2/upstream-keys/other': 'x'}.items():
        ssm.put_parameter(Name=name, Value=value, Type='SecureString')
    monkeypatch.setenv('UPSTREAM_KEYS_PATH', PATH)
    monkeypatch.setenv('UPSTREAM_UPSTREAM0_KEY', 'of the environment')
    settings.cache_clear()
    reads: list[bool] = []
    make = boto3.client

    def watched(service: str) -> object:
        client = make(service)  # type: ignore[call-overload]
        client.meta.events.register('before-parameter-build.ssm', lambda params, **_: reads.append(params['WithDecryption']))
        return client

    monkeypatch.setattr(boto3, 'client', watched)

    with ThreadPoolExecutor(8) as threads:
        assert dict(zip(keys, threads.map(upstream_keys.find, keys), strict=True)) == keys
    assert (upstream_keys.find('other'), upstream_keys.find('upstream12')) == (None, None)
    assert upstream_keys.configured() == keys.keys()
    assert reads == [True, True, False, False]  # two pages each
    ssm.put_parameter(Name=f'{PATH}/upstream0', Value='another', Type='SecureString', Overwrite=True)
    assert upstream_keys.find('upstream0') == 'value 0'


def test_elsewhere_they_are_in_the_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv('UPSTREAM_ETHERSCAN_KEY', 'sesame')
    settings.cache_clear()

    assert (upstream_keys.find('etherscan'), upstream_keys.find('koios')) == ('sesame', None)
    assert upstream_keys.configured() == {'etherscan'}


def test_a_file_that_only_its_owner_may_read_keeps_them_beside_other_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / '.env'
    path.write_text('PORT=8080\nUPSTREAM_KOIOS_KEY="a=b"\n# UPSTREAM_X_KEY=no\nUPSTREAM_Y_KEY=\n')

    environment_file.store('UPSTREAM_ETHERSCAN_KEY', 'first', path)
    environment_file.store('UPSTREAM_ETHERSCAN_KEY', 'sesame', path)

    assert environment_file.keys(path) == {'UPSTREAM_KOIOS_KEY': 'a=b', 'UPSTREAM_ETHERSCAN_KEY': 'sesame'}
    assert path.stat().st_mode & 0o777 == 0o600
    monkeypatch.setattr(os, 'environ', {'UPSTREAM_KOIOS_KEY': 'its own'})
    environment_file.enter(path)
    assert os.environ == {'UPSTREAM_KOIOS_KEY': 'its own', 'UPSTREAM_ETHERSCAN_KEY': 'sesame'}
    environment_file.store('UPSTREAM_KOIOS_KEY', None, path)
    assert path.read_text() == 'PORT=8080\n# UPSTREAM_X_KEY=no\nUPSTREAM_Y_KEY=\nUPSTREAM_ETHERSCAN_KEY=sesame\n'
    assert environment_file.keys(tmp_path / 'none') == {}
