"""API keys of upstreams, as parameters of SSM that the stage's vault key encrypts; of the stage `local` in the file `.env`.

`chalicelib/upstream_keys.py` reads them. A value comes from standard input, so that no list of processes and no history of a shell has it.
"""

import getpass
import re
import sys
from collections.abc import Iterable
from typing import Any, NamedTuple

from chalicelib.providers.explorers import EXPLORERS
from chalicelib.providers.rates import RATE_SOURCES
from infra import environment_file, functions
from infra.deploy import stack, target
from infra.deploy.target import CannotDeploy, Target

_VALUE = re.compile('[!-~]{1,4096}')  # SSM's limit


class StoredKey(NamedTuple):
    """An API key without its value: the name of its setting, and when it was set, None where nobody notes that."""

    setting: str
    changed_at: str | None


def settings() -> list[str]:
    """Return the names of the settings of all upstreams that take an API key."""
    endpoints = [*(one.endpoint for chain in EXPLORERS.values() for one in chain), *(one.endpoint for one in RATE_SOURCES)]
    return sorted({endpoint.secret_setting for endpoint in endpoints if endpoint.takes_secret})


def place(stage: str) -> Target | None:
    """Return where a stage keeps its keys: None for this computer. Raises CannotDeploy."""
    return None if stage == 'local' else target.find(stage)


def read_value(setting: str) -> str:
    """Return a value from standard input, or typed at a prompt that does not show it. Raises CannotDeploy, also for an unknown setting."""
    if setting not in settings():
        raise CannotDeploy(f'NAME={setting} is not an API key of an upstream: choose one of {", ".join(settings())}')
    value = (getpass.getpass(f'{setting}: ') if sys.stdin.isatty() else sys.stdin.readline()).strip()
    if not _VALUE.fullmatch(value):
        raise CannotDeploy('an API key is one line of up to 4,096 printable characters without spaces: nothing was stored')
    return value


def store(where: Target | None, setting: str, value: str) -> None:
    """Store a key, in place of an earlier one. Raises CannotDeploy without a stack."""
    if where is None:
        environment_file.store(setting, value)
        return
    where.client('ssm').put_parameter(
        Name=f'{_path(where.stage)}/{_upstream(setting)}',
        Value=value,
        Type='SecureString',
        KeyId=stack.outputs(where)['VaultKeyArn'],
        Overwrite=True,
        Description='API key of an upstream of CryptFolio',
    )


def stored(where: Target | None) -> list[StoredKey]:
    """Return the keys of a stage; nothing is decrypted."""
    if where is None:
        return [StoredKey(name, None) for name in sorted(environment_file.keys())]
    parameters = ((one['Name'].rpartition('/')[2], one['LastModifiedDate']) for one in _parameters(where))
    return sorted(StoredKey(f'UPSTREAM_{upstream.upper()}_KEY', f'{at:%Y-%m-%d}') for upstream, at in parameters)


def remove(where: Target | None, setting: str) -> None:
    """Remove a key. Raises CannotDeploy if there is none."""
    names = [one.setting for one in stored(where)]
    if setting not in names:
        raise CannotDeploy(f'NAME={setting} is not among the keys that are stored: {", ".join(names) or "there are none"}')
    if where is None:
        environment_file.store(setting, None)
    else:
        where.client('ssm').delete_parameter(Name=f'{_path(where.stage)}/{_upstream(setting)}')


def remove_all(where: Target) -> None:
    """Remove all keys of a stage."""
    for one in _parameters(where):
        where.client('ssm').delete_parameter(Name=one['Name'])


def refuse_in_environment(names: Iterable[str]) -> None:
    """Raise CannotDeploy for the first API key among names of environment variables, which all functions would have."""
    for name in names:
        if environment_file.SETTING.fullmatch(name):
            raise CannotDeploy(
                f'{name} is a secret and stands in .chalice/config.json: `make secret NAME={name} STAGE=...`, and take it out of that file'
            )


def _parameters(where: Target) -> list[dict[str, Any]]:
    pages = where.client('ssm').get_paginator('get_parameters_by_path').paginate(Path=_path(where.stage))
    return [one for page in pages for one in page['Parameters']]


def _path(stage: str) -> str:
    return functions.settings()['UPSTREAM_KEYS_PATH'].replace('${Stage}', stage)


def _upstream(setting: str) -> str:
    return setting.removeprefix('UPSTREAM_').removesuffix('_KEY').lower()
