"""The packages of requirements.txt as the functions' runtime needs them, by one run of pip that checks their hashes.

In place of Chalice's own, which runs pip for each package, for the Python it is run with, and goes on without those that it cannot get.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from chalice.deploy.packager import DependencyBuilder

from infra.deploy.runtime import Runtime
from infra.deploy.target import CannotDeploy

SOURCE_ONLY = frozenset({'embit'})  # pure Python that its author publishes without a wheel
_PIP = [sys.executable, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-compile', '--no-deps', '--require-hashes']
_BLOCK = re.compile(r'^[A-Za-z0-9].*(?:\n[ #].*)*', re.M)


class RuntimeDependencies(DependencyBuilder):
    """Puts packages into a folder: what Chalice calls a dependency builder."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def build_site_packages(self, abi: str, requirements_filepath: str, target_directory: str) -> None:
        """Install what the file lists. Raises CannotDeploy for a package that cannot be had for the runtime."""
        wheels, sources = _blocks(requirements_filepath)
        self._install(wheels, target_directory, *self._for_runtime())
        with TemporaryDirectory() as built:
            self._install(sources, built)
            if compiled := [path.name for path in Path(built).rglob('*.cpython-*')]:
                raise CannotDeploy(f'{compiled[0]} was built for this computer and not for Lambda: its package needs a wheel')
            shutil.copytree(built, target_directory, dirs_exist_ok=True)

    def check(self, requirements_filepath: str) -> None:
        """Look whether all wheels can be had. Pip downloads them, which saves the packaging the time. Raises CannotDeploy."""
        wheels, _ = _blocks(requirements_filepath)
        with TemporaryDirectory() as folder:
            self._install(wheels, folder, '--dry-run', *self._for_runtime())

    def _for_runtime(self) -> list[str]:
        platforms = [word for name in self._runtime.platforms for word in ('--platform', name)]
        return ['--only-binary=:all:', '--implementation', 'cp', '--python-version', self._runtime.python, *platforms]

    def _install(self, blocks: list[str], folder: str, *options: str) -> None:
        if not blocks:
            return
        with TemporaryDirectory() as temporary:
            listed = Path(temporary, 'requirements.txt')
            listed.write_text('\n'.join(blocks))
            done = subprocess.run([*_PIP, *options, '--target', folder, '-r', listed], capture_output=True, text=True, check=False)
        if done.returncode:
            reason = next((line for line in reversed(done.stderr.splitlines()) if line.startswith('ERROR')), done.stderr.strip())
            raise CannotDeploy(
                f'pip cannot get the packages for {self._runtime.name} on {self._runtime.architecture}: {reason.removeprefix("ERROR: ")}. '
                'Nothing was deployed'
            )


def _blocks(requirements_filepath: str) -> tuple[list[str], list[str]]:
    """Return what a file requires, each with its hashes: what has wheels, and what has none."""
    blocks = [match[0] for match in _BLOCK.finditer(Path(requirements_filepath).read_text())]
    sources = [block for block in blocks if _name(block) in SOURCE_ONLY]
    return [block for block in blocks if block not in sources], sources


def _name(block: str) -> str:
    return re.split('[=<>;[ ]', block)[0].lower()
