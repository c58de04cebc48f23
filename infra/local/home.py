"""`make serve`: the same processes as `make run`, on data that stays, for one household and for good."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

from chalicelib.config import VERSION
from infra.durable.folder import Folder
from infra.durable.keys import write_secret
from infra.local.people_first import JOBS

BACKUPS = 14  # daily ones that are kept
_CHECK_SECONDS = 600
_NEW = 'unfinished'


class Failed(Exception):
    """A command about the data failed; the message says which one, and what it printed."""


def upgrade(folder: Folder) -> None:
    """Bring the data to what this version reads: saved in a backup first, if another version wrote it. Raises Failed."""
    before = folder.version
    if before == VERSION:
        return
    if before is not None:
        print(f'the data was written by version {before}; saving it before version {VERSION} changes it ...', flush=True)
        back_up(folder, f'{_today()}-before-{VERSION}')
    _run('migrate')
    folder.version = VERSION


def back_up(folder: Folder, name: str) -> None:
    """Export everything into the folder's backups, beside it the keys, unless that was done. Raises Failed."""
    path = folder.backups / f'{name}.jsonl'
    if path.exists():
        return
    new = folder.backups / f'{name}.{_NEW}'
    for left in folder.backups.glob(f'*.{_NEW}*'):
        left.unlink()
    _run('export', '--all', str(new))
    write_secret(path.with_suffix('.keys.json'), folder.keys.read_text())
    with new.open('rb') as file:
        os.fsync(file.fileno())
    new.rename(path)


def back_up_daily(folder: Folder, stop: Event) -> None:
    """Make a backup for each day, and keep the last `BACKUPS` of them, until `stop` is set. For a thread."""
    while True:
        try:
            back_up(folder, _today())
            _forget_old(folder.backups)
        except (Failed, OSError) as error:
            print(f'no backup was made: {error}', file=sys.stderr, flush=True)
        if stop.wait(_CHECK_SECONDS):
            return


def _today() -> str:
    return datetime.now(UTC).strftime('%Y-%m-%d')


def _forget_old(backups: Path) -> None:
    for path in sorted(backups.glob('????-??-??.jsonl'))[:-BACKUPS]:
        path.with_suffix('.keys.json').unlink(missing_ok=True)
        path.unlink()


def _run(*arguments: str) -> None:
    """Run a command of infra.data in the environment of this process, which leads to the data."""
    command = [sys.executable, '-m', 'infra.data', *arguments]
    environment = os.environ | {'AWS_SDK_UA_APP_ID': JOBS}  # for which nobody waits
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise Failed(f'{arguments[0]}: {done.stderr.strip()}')
