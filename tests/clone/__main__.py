"""What a stranger's first deployment needs, from a fresh clone: `make check-clone`, with PYTHONS="python3.11 python3.14" for those.

For each Python the last commit is cloned where nobody else may read what is written (umask 077), installed and packaged by `make package`,
and the package goes up once, through an uplink of 2 Mbit/s, as a function does. It takes a package index and some minutes for each.
Prints figures; ends with 1 where something does not work, or none of the Pythons is there.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

from infra.deploy import target
from infra.deploy.runtime import PINNED
from tests.support.slow_uplink import slow_uplink

ROOT = Path(__file__).parents[2]
_BITS_PER_SECOND = 2_000_000
_READABLE = 0o004


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog='python -m tests.clone', description=__doc__)
    parser.add_argument('pythons', nargs='+', metavar='PYTHON', help='such as python3.13')
    pythons: list[str] = parser.parse_args(arguments).pythons
    os.umask(0o077)
    there = [python for python in pythons if shutil.which(python)]
    print(*(f'{python} is not on this computer' for python in pythons if python not in there), sep='\n', flush=True)
    return max((_check(python) for python in there), default=1)


def _check(python: str) -> int:
    """Return an exit status, having printed what it was like with a Python."""
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder, 'clone')
        subprocess.run(['git', 'clone', '--quiet', '--depth', '1', f'file://{ROOT}', clone], check=True)
        begun = time.monotonic()
        made = subprocess.run(['make', 'package', f'PYTHONS={python}'], cwd=clone, capture_output=True, text=True, check=False)
        seconds = time.monotonic() - begun
        if made.returncode:
            print(f'{python}: cannot be installed or packaged:\n{made.stdout[-2_000:]}{made.stderr[-2_000:]}', flush=True)
            return 1
        used = subprocess.run([clone / '.venv/bin/python', '--version'], capture_output=True, text=True, check=True).stdout.strip()
        return _report(f'{python} ({used}): installed and packaged in {seconds:.0f} s', clone / 'build/deployment.zip')


def _report(done: str, package: Path) -> int:
    with zipfile.ZipFile(package) as archive:
        entries = archive.infolist()
    unreadable = [entry.filename for entry in entries if not entry.external_attr >> 16 & _READABLE]
    compiled = sum(entry.filename.endswith('.pyc') for entry in entries)
    bytecode = f'bytecode of {compiled} modules' if compiled else f'no bytecode, as {PINNED.name} is not on this computer'
    begun = time.monotonic()
    sent = _send(package.read_bytes())
    print(
        f'{done}; {package.stat().st_size / 1e6:.1f} MB, {len(entries)} files, {bytecode}; '
        f'{len(unreadable)} that Lambda cannot read; {sent / 1e6:.1f} MB went up in {time.monotonic() - begun:.0f} s',
        flush=True,
    )
    return 1 if unreadable else 0


def _send(code: bytes) -> int:
    """Create a function as a deployment does, and return how many bytes that sent."""
    with slow_uplink(_BITS_PER_SECOND) as uplink:
        os.environ |= {'AWS_ENDPOINT_URL_LAMBDA': uplink.url, 'AWS_ACCESS_KEY_ID': 'testing', 'AWS_SECRET_ACCESS_KEY': 'testing'}
        session = target.patient_session()
        client = session.create_client('lambda', region_name='us-east-1')
        client.create_function(FunctionName='one', Role='arn:aws:iam::1:role/one', Handler='app.app', Code={'ZipFile': code})
        [size] = uplink.bodies
    return size


if __name__ == '__main__':
    sys.exit(main())
