"""The bytecode that is added to the functions' code."""

import subprocess
import sys
import zipfile
from importlib.util import cache_from_source
from pathlib import Path

from infra.deploy import application, bytecode


def archive_of(folder: Path, **sources: str) -> Path:
    path = folder / 'code.zip'
    with zipfile.ZipFile(path, 'w') as archive:
        for name, source in sources.items():
            archive.writestr(name.replace('__', '/') + '.py', source)
    return path


def test_bytecode_is_used_whatever_becomes_of_the_files_times(tmp_path: Path):
    path = archive_of(tmp_path, one='print("compiled")')

    bytecode.add(path)

    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path)
    (tmp_path / 'one.py').write_text('raise SystemExit("read again")')
    done = subprocess.run([sys.executable, '-c', 'import one'], cwd=tmp_path, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ('compiled\n', '')


def test_bytecode_is_made_once_and_not_of_what_is_no_python(tmp_path: Path):
    path = archive_of(tmp_path, one='x = 1', old='print "x"')

    bytecode.add(path)
    bytecode.add(path)

    with zipfile.ZipFile(path) as archive:
        assert sorted(archive.namelist()) == sorted(['one.py', 'old.py', cache_from_source('one.py')])


def test_chalices_own_archive_stays_as_it_is(tmp_path: Path):
    path = archive_of(tmp_path, one='x = 1')
    before = path.read_bytes()

    copy = application.compiled(str(path))

    assert path.read_bytes() == before
    with zipfile.ZipFile(copy) as archive:
        assert len(archive.namelist()) == 2
