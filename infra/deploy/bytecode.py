"""Adds bytecode to the functions' code: without it Lambda, which cannot keep any, compiles every module at every cold start.

`PYTHON bytecode.py ARCHIVE` does so with another Python; imports nothing that one might not have.
"""

import importlib.util
import py_compile
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

_LONG_AGO = (1980, 1, 1, 0, 0, 0)
READABLE = 0o100644 << 16  # a plain file that all may read, as zip files say it: functions run as somebody else than its owner


def add(archive: Path, python: str) -> None:
    """Compile the modules in an archive with that Python and put the results beside them."""
    subprocess.run([python, '-I', __file__, archive], check=True)


def compile_modules(archive: Path) -> None:
    """Compile the modules in an archive, for the Python that runs this, and put the results beside them."""
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(archive, 'a', zipfile.ZIP_DEFLATED) as opened:
        held = set(opened.namelist())
        for name in sorted(held):
            if not name.endswith('.py'):
                continue
            place = importlib.util.cache_from_source(name)
            compiled = _compiled(Path(folder), name, opened.read(name))
            if compiled and place not in held:
                entry = zipfile.ZipInfo(place, _LONG_AGO)
                entry.external_attr = READABLE
                opened.writestr(entry, compiled, zipfile.ZIP_DEFLATED)


def _compiled(folder: Path, name: str, source: bytes) -> bytes | None:
    """Return bytecode that Python takes without looking at the times of files; None for what is not of this Python."""
    module, result = folder / 'module.py', folder / 'module.pyc'
    module.write_bytes(source)
    unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
    try:
        py_compile.compile(str(module), str(result), f'/var/task/{name}', doraise=True, invalidation_mode=unchecked)
    except py_compile.PyCompileError:
        return None
    return result.read_bytes()


if __name__ == '__main__':
    compile_modules(Path(sys.argv[1]))
