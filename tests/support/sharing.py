"""What processes that share the tests of a run have in common, as each of pytest-xdist's workers has session fixtures of its own."""

import fcntl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

T = TypeVar('T')


@contextmanager
def locked(file: Path, *, shared: bool = False) -> Iterator[None]:
    """Hold a lock on a file, made if need be, that one process has, or several have at once if it is `shared`."""
    with file.open('a') as lock:
        fcntl.flock(lock, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield


@contextmanager
def shared(folder: Path, begin: Callable[[Path], T], end: Callable[[T], object]) -> Iterator[Path]:
    """Give all processes one folder with what `begin(folder)` makes in it, such as a server.

    The process that comes first begins it, and ends it once the others have left. `folder` must be the processes' own.
    """
    door, running, use = (folder.with_suffix(suffix) for suffix in ('.door', '.running', '.use'))
    with ExitStack() as user:
        with locked(door):
            begun = None if running.exists() else _begin(folder, begin, running)
            user.enter_context(locked(use, shared=True))
        yield folder
    if begun is not None:
        with locked(door), locked(use):
            end(begun)
            running.unlink()


def _begin(folder: Path, begin: Callable[[Path], T], running: Path) -> T:
    folder.mkdir(exist_ok=True)
    begun = begin(folder)
    running.touch()
    return begun
