"""`make vendor`: what pages load of npm's packages, fetched by npm into the folder that `chalicelib/web/static_files.py` serves from.

`vendor.json` says of each package which version it is, and the digests of its tarball and of each file that was taken out of it.
"""

import argparse
import hashlib
import json
import subprocess
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

FOLDER = Path(__file__).parents[1] / 'chalicelib' / 'web' / 'static' / 'vendor'
# By npm's name, what is taken of a package: what pages load, and the licences of all that is in it.
PACKAGES = {
    'swagger-ui-dist': (
        'swagger-ui-bundle.js',
        'swagger-ui.css',
        'oauth2-redirect.js',
        'swagger-ui-bundle.js.LICENSE.txt',
        'LICENSE',
        'NOTICE',
    ),
    'uplot': ('dist/uPlot.iife.min.js', 'dist/uPlot.min.css', 'LICENSE'),
}


def renew() -> None:
    """Replace every package by its newest release."""
    with TemporaryDirectory() as folder:
        packed = {name: _pack(name, Path(folder)) for name in PACKAGES}
        described = {name: unpack(tarball, PACKAGES[name], FOLDER / name) for name, tarball in packed.items()}
    (FOLDER / 'vendor.json').write_text(json.dumps(described, indent=2) + '\n')


def unpack(tarball: Path, names: tuple[str, ...], folder: Path) -> dict[str, Any]:
    """Write the named files of an npm package into a folder; return what vendor.json says of it. Raises KeyError for one that it lacks."""
    with tarfile.open(tarball) as archive:
        manifest = json.loads(_read(archive, 'package.json'))
        contents = {name: _read(archive, name) for name in names}
    for name, content in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return {
        'version': manifest['version'],
        'licence': manifest['license'],
        'tarball': f'https://registry.npmjs.org/{manifest["name"]}/-/{tarball.name}',
        'sha256': _digest(tarball.read_bytes()),
        'files': {name: _digest(content) for name, content in contents.items()},
    }


def _pack(name: str, folder: Path) -> Path:
    """Return the tarball of the newest release, whose scripts npm does not run."""
    subprocess.run(['npm', 'pack', '--silent', name], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    [tarball] = folder.glob(f'{name}-*.tgz')
    return tarball


def _read(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(f'package/{name}')
    assert file, name
    return file.read()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def main(arguments: list[str] | None = None) -> None:
    argparse.ArgumentParser(prog='python -m infra.vendor', description=__doc__).parse_args(arguments)
    renew()


if __name__ == '__main__':
    main()
