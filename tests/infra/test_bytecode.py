"""The bytecode that is added to the functions' code."""

import subprocess
import sys
import zipfile
from importlib.util import cache_from_source
from pathlib import Path

from infra.deploy import application, bytecode, slimming
from infra.deploy.runtime import Runtime


def archive_of(folder: Path, **sources: str) -> Path:
    path = folder / 'code.zip'
    with zipfile.ZipFile(path, 'w') as archive:
        for name, source in sources.items():
            archive.writestr(name.replace('__', '/') + '.py', source)
    return path


def test_bytecode_is_used_whatever_becomes_of_the_files_times(tmp_path: Path):
    path = archive_of(tmp_path, one='print("compiled")')

    bytecode.add(path, sys.executable)

    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path)
    (tmp_path / 'one.py').write_text('raise SystemExit("read again")')
    done = subprocess.run([sys.executable, '-c', 'import one'], cwd=tmp_path, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ('compiled\n', '')


def test_bytecode_is_made_once_and_not_of_what_is_no_python(tmp_path: Path):
    path = archive_of(tmp_path, one='x = 1', old='print "x"')

    bytecode.add(path, sys.executable)
    bytecode.compile_modules(path)

    with zipfile.ZipFile(path) as archive:
        assert sorted(archive.namelist()) == sorted(['one.py', 'old.py', cache_from_source('one.py')])


def test_chalices_own_archive_stays_as_it_is(tmp_path: Path):
    path = archive_of(tmp_path, one='x = 1')
    before = path.read_bytes()

    copy = application.finished(str(path), Runtime(f'{sys.version_info.major}.{sys.version_info.minor}', 'x86_64'))

    assert path.read_bytes() == before
    with zipfile.ZipFile(copy) as archive:
        assert len(archive.namelist()) == 2


def test_without_the_runtimes_python_the_code_goes_without_bytecode(tmp_path: Path):
    copy = application.finished(str(archive_of(tmp_path, one='x = 1')), Runtime('3.99', 'arm64'))

    with zipfile.ZipFile(copy) as archive:
        assert archive.namelist() == ['one.py']


def test_bytecode_of_the_deployers_own_is_made_anew(tmp_path: Path):
    path = archive_of(tmp_path, one='x = 1')
    with zipfile.ZipFile(path, 'a') as archive:
        archive.writestr(cache_from_source('one.py'), b'of another day')

    slimming.slim(path)
    bytecode.add(path, sys.executable)

    with zipfile.ZipFile(path) as archive:
        assert archive.read(cache_from_source('one.py')) != b'of another day'


def test_everybody_may_read_what_only_its_owner_could(tmp_path: Path):
    path = archive_of(tmp_path, one='x = 1')
    with zipfile.ZipFile(path, 'a') as archive:
        entry = zipfile.ZipInfo('secretive.py')
        entry.external_attr = 0o100600 << 16
        archive.writestr(entry, 'x = 2')

    slimming.slim(path)
    bytecode.add(path, sys.executable)

    with zipfile.ZipFile(path) as archive:
        names = {'one.py', 'secretive.py', cache_from_source('one.py'), cache_from_source('secretive.py')}
        assert {entry.filename: oct(entry.external_attr >> 16) for entry in archive.infolist()} == dict.fromkeys(names, '0o100644')
