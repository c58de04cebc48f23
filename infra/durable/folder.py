"""The folder in which a server on this computer keeps its data: which files there are, and that only one server uses them."""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from infra.durable.keys import write_secret

FORMAT = 1  # of the folder; raised when a version of ours can no longer read what the one before wrote


class CannotOpen(Exception):
    """Why the folder cannot be used, in one sentence that says what to do."""


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
    def opened(self) -> Iterator[None]:
        """Use the folder, made if it is not there, until the end of this context or of this process. Raises CannotOpen.

        Meanwhile nobody else may read the files that this process makes: others may be allowed into a folder that was there before.
        """
        umask = os.umask(0o077)
        try:
            with self._locked():
                yield
        finally:
            os.umask(umask)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.backups.mkdir(mode=0o700, exist_ok=True)
            lock = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise CannotOpen(f'{self.path} cannot be used: {error.strerror}. Choose another folder, or let its owner run this') from None
        try:
            self._claim(lock)
            yield
        finally:
            os.close(lock)

    def _claim(self, lock: int) -> None:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CannotOpen(f'{self.path} is in use by another server: stop that one first') from None
        if int(self._read(self._version).get('format', FORMAT)) > FORMAT:
            raise CannotOpen(f'{self.path} was written by a newer version of CryptFolio: install that one again')

    @property
    def is_in_use(self) -> bool:
        """Whether a server uses the folder."""
        if not self._lock.exists():
            return False
        with self._lock.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return True
        return False

    @property
    def version(self) -> str | None:
        """The version of CryptFolio that used the folder last, None for a new folder."""
        return self._read(self._version).get('version')

    @version.setter
    def version(self, version: str) -> None:
        write_secret(self._version, json.dumps({'format': str(FORMAT), 'version': version}))

    @property
    def environment(self) -> dict[str, str]:
        """The environment that leads to the server that uses the folder."""
        return self._read(self._environment)

    @environment.setter
    def environment(self, environment: Mapping[str, str]) -> None:
        write_secret(self._environment, json.dumps(dict(environment)))

    @staticmethod
    def _read(path: Path) -> dict[str, str]:
        read: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
        return read
