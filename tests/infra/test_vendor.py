"""What is vendored of npm's packages is what vendor.json says, with its licences."""

import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest

from chalicelib.web import static_files
from infra import vendor


def test_the_vendored_files_are_those_of_vendor_json_and_those_that_are_served():
    described = json.loads((vendor.FOLDER / 'vendor.json').read_text())
    files = {f'{package}/{name}': digest for package, one in described.items() for name, digest in one['files'].items()}
    paths = {str(path.relative_to(vendor.FOLDER)): path for path in vendor.FOLDER.rglob('*') if path.is_file()}

    assert {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in paths.items() if name != 'vendor.json'} == files
    for package, one in described.items():
        assert set(one['files']) == set(vendor.PACKAGES[package])
        assert f'/{package}-{one["version"]}.tgz' in one['tarball']
        assert 'LICENSE' in one['files']
    served = {path for path in static_files.FILES.values() if path.is_relative_to(vendor.FOLDER)}
    assert served == {path for path in paths.values() if path.suffix in ('.js', '.css')}


def package(folder: Path, **files: str) -> Path:
    path = folder / 'thing-1.2.3.tgz'
    with tarfile.open(path, 'w:gz') as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(f'package/{name.replace("_", ".")}')
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    return path


def test_of_a_package_only_the_named_files_are_taken(tmp_path: Path):
    tarball = package(tmp_path, package_json='{"name": "thing", "version": "1.2.3", "license": "MIT"}', a_js='let a', b_js='let b')

    described = vendor.unpack(tarball, ('a.js',), tmp_path / 'thing')

    assert [path.name for path in (tmp_path / 'thing').iterdir()] == ['a.js']
    assert described == {
        'version': '1.2.3',
        'licence': 'MIT',
        'tarball': 'https://registry.npmjs.org/thing/-/thing-1.2.3.tgz',
        'sha256': hashlib.sha256(tarball.read_bytes()).hexdigest(),
        'files': {'a.js': hashlib.sha256(b'let a').hexdigest()},
    }


def test_a_file_that_a_package_no_longer_has_is_an_error(tmp_path: Path):
    with pytest.raises(KeyError):
        vendor.unpack(package(tmp_path, package_json='{"name": "thing", "version": "1", "license": "MIT"}'), ('a.js',), tmp_path / 'thing')
