"""What the functions run on, whatever the deployer has: one Python and one architecture.

`PACKAGE_FOR=host` makes packages for the Python and the processor of this computer instead, to run them here: tests and `make e2e` do so.
"""

import os
import platform
import shutil
import subprocess
import sys
from typing import NamedTuple

_MACHINES = {'x86_64': 'x86_64', 'AMD64': 'x86_64', 'arm64': 'arm64', 'aarch64': 'arm64'}


class Runtime(NamedTuple):
    """`python` is a version such as 3.13, `architecture` as Lambda calls it."""

    python: str
    architecture: str

    @property
    def name(self) -> str:
        return f'python{self.python}'

    @property
    def platforms(self) -> list[str]:
        """Return pip's names of the platforms whose wheels run there: Amazon Linux 2023 has glibc 2.34."""
        machine = 'aarch64' if self.architecture == 'arm64' else 'x86_64'
        glibc = [f'manylinux_2_{minor}_{machine}' for minor in range(34, 16, -1)]
        return [*glibc, f'manylinux2014_{machine}', f'manylinux2010_{machine}', f'manylinux1_{machine}']

    def interpreter(self) -> str | None:
        """Return a Python of this version on this computer; it makes the bytecode, which no other version can use."""
        for candidate in (sys.executable, shutil.which(self.name)):
            if candidate and _version(candidate) == self.python:
                return candidate
        return None

    def shortcoming(self) -> str | None:
        """Return what to say where this computer can make no bytecode, None where it can."""
        return (
            None
            if self.interpreter()
            else f'install {self.name}: without it the package has no bytecode, and cold starts take twice as long'
        )


PINNED = Runtime('3.13', 'arm64')


def current() -> Runtime:
    """Return what packages are made for."""
    if os.environ.get('PACKAGE_FOR') != 'host':
        return PINNED
    return Runtime(f'{sys.version_info.major}.{sys.version_info.minor}', _MACHINES[platform.machine()])


def _version(python: str) -> str:
    asked = [python, '-c', 'import sys; print(f"{sys.version_info.major}.{sys.version_info.minor}")']
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
