"""The processes of a run: started, started again when they die, and ended together however their parent ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from threading import Event, Thread
from types import TracebackType

_FEW_ARENAS = {'MALLOC_ARENA_MAX': '2'}  # glibc has one for each thread else, and keeps in each what a large request took
_PAUSE_SECONDS = 1.0
_GRACE_SECONDS = 5.0


class Child:
    """A command of `infra.local` in a process of its own, with `before` called each time before it is started.

    What it prints goes to our standard error.
    """

    def __init__(self, command: str, arguments: Sequence[str], pass_fds: Sequence[int], before: Callable[[], None]) -> None:
        self.command = command
        self._line = [sys.executable, '-m', 'infra.local', command, *arguments]
        self._pass_fds = pass_fds
        self._before = before
        self._process = self._start()

    def _start(self) -> 'subprocess.Popen[bytes]':
        self._before()
        # In the parent's group, so that whoever ends that ends all. Ctrl-C is for the parent, which then ends its children: they inherit
        # that it is blocked, and so do not stumble over it while they import.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        try:
            process = subprocess.Popen(
                self._line, stdin=subprocess.DEVNULL, stdout=sys.stderr, pass_fds=self._pass_fds, env=_FEW_ARENAS | os.environ
            )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        _log(f'{self.command} is process {process.pid}')
        return process

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def revive(self, stop: Event) -> None:
        """Start it again if it died, after a pause, unless `stop` is set by then."""
        if self.ended and not stop.wait(_PAUSE_SECONDS):
            _log(f'{self.command} ended ({self._process.returncode}) and is started again')
            self._process = self._start()

    def terminate(self) -> None:
        self._process.terminate()

    def wait(self, deadline: float) -> None:
        """Wait for the end, which comes by force at `deadline` (time.monotonic())."""
        try:
            self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Children:
    """All processes of a run; leaving this context ends them. Each gets a `--lifeline`, see `die_with_parent`."""

    def __init__(self) -> None:
        self._children: list[Child] = []
        self._lifeline, self._held = os.pipe()

    def start(self, command: str, *arguments: str, pass_fds: Sequence[int] = (), before: Callable[[], None] = lambda: None) -> Child:
        child = Child(command, ['--lifeline', str(self._lifeline), *arguments], [self._lifeline, *pass_fds], before)
        self._children.append(child)
        return child

    def revive(self, stop: Event) -> None:
        """Start those again that died."""
        for child in self._children:
            child.revive(stop)

    def __enter__(self) -> 'Children':
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for child in self._children:
            child.terminate()
        deadline = time.monotonic() + _GRACE_SECONDS
        for child in self._children:
            child.wait(deadline)
        os.close(self._lifeline)
        os.close(self._held)


def die_with_parent(lifeline: int) -> None:
    """End this process when the pipe `lifeline`, whose other end the parent alone holds, closes: the parent ended, be it by SIGKILL."""

    def watch() -> None:
        os.read(lifeline, 1)
        os._exit(0)

    Thread(target=watch, daemon=True).start()


def _log(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
