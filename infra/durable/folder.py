"""The folder in which a server on this computer keeps its data: which files there are, and that only one server uses them."""

import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

from infra.durable.keys import write_secret

FORMAT = 1  # of the folder; raised when a version of ours can no longer read what the one before wrote

_START_SECONDS = 120
_POLL_SECONDS = 0.05


class Holder(StrEnum):
    """Who uses a folder, as its lock says."""

    SERVER = 'server'
    COMMAND = 'command'


# How long to wait for the lock, by its holder: a server keeps it, a command releases it within seconds. A server gets a second, as the lock
# still names the last one while `server_environment` takes it for a moment.
_PATIENCE_SECONDS: Mapping[str, int] = {Holder.SERVER: 1, Holder.COMMAND: 60}


class CannotOpen(Exception):
    """Why the folder cannot be used, in one sentence that says what to do."""


class InUse(CannotOpen):
    """Somebody else uses it."""


class Folder:
    """The paths of what is kept. Nobody but the owner may read any of it."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.items = self.path / 'items.sqlite3'
        self.keys = self.path / 'keys.json'
        self.backups = self.path / 'backups'
        self._lock = self.path / 'lock'
        self._version = self.path / 'version.json'
        self._environment = self.path / 'environment.json'

    @contextmanager
    def opened(self, holder: Holder = Holder.SERVER) -> Iterator[None]:
        """Use the folder, made if it is not there, until the end of this context or of this process. Raises CannotOpen.

        A server refuses others at once; a command, which is soon done, is waited for. Meanwhile nobody else may read the files that this
        process makes: others may be allowed into a folder that was there before.
        """
        umask = os.umask(0o077)
        try:
            with self._locked(holder):
                yield
        finally:
            os.umask(umask)

    @contextmanager
    def _locked(self, holder: Holder) -> Iterator[None]:
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.backups.mkdir(mode=0o700, exist_ok=True)
            lock = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise CannotOpen(f'{self.path} cannot be used: {error.strerror}. Choose another folder, or let its owner run this') from None
        try:
            self._claim(lock, holder)
            yield
        finally:
            os.close(lock)

    def _claim(self, lock: int, holder: Holder) -> None:
        began = time.monotonic()
        while not _lock(lock):
            other = self._lock.read_text() or Holder.COMMAND  # until it has written its name
            if time.monotonic() - began > _PATIENCE_SECONDS.get(other, _PATIENCE_SECONDS[Holder.COMMAND]):
                raise InUse(f'{self.path} is in use by another {other}: stop that one first')
            time.sleep(_POLL_SECONDS)
        os.ftruncate(lock, 0)
        os.pwrite(lock, holder.encode(), 0)
        self._environment.unlink(missing_ok=True)  # of a server that is gone
        if int(self._read(self._version).get('format', FORMAT)) > FORMAT:
            raise CannotOpen(f'{self.path} was written by a newer version of CryptFolio: install that one again')

    def server_environment(self) -> dict[str, str] | None:
        """Return the environment that leads to the server that uses the folder, None if none does.

        A server that only begins is waited for. Raises CannotOpen when it does not come.
        """
        deadline = time.monotonic() + _START_SECONDS
        while self._is_locked():
            if environment := self._read(self._environment):
                return environment
            if time.monotonic() > deadline:
                raise CannotOpen(f'{self.path} is in use by a server that has not started in {_START_SECONDS} s: see what it prints')
            time.sleep(_POLL_SECONDS)
        return None

    def _is_locked(self) -> bool:
        if not self._lock.exists():
            return False
        with self._lock.open() as file:
            return not _lock(file.fileno())

    @property
    def version(self) -> str | None:
        """The version of CryptFolio that used the folder last, None for a new folder."""
        return self._read(self._version).get('version')

    @version.setter
    def version(self, version: str) -> None:
        write_secret(self._version, json.dumps({'format': str(FORMAT), 'version': version}))

    def tell_environment(self, environment: Mapping[str, str]) -> None:
        """Let commands know how to reach the server, once it can answer them."""
        write_secret(self._environment, json.dumps(dict(environment)))

    @staticmethod
    def _read(path: Path) -> dict[str, str]:
        read: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
        return read


def _lock(descriptor: int) -> bool:
    """Lock a file until it is closed; return False if another process has."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
