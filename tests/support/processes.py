"""Servers that tests start as processes of their own: wait until they answer, end them with everything that they started."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 120  # for a machine that is busy with something else; conditions that come true sooner end the wait


def wait_until(condition: Callable[[], Any], seconds: float = PATIENCE_SECONDS, *, pause: float = 0.05) -> Any:
    """Return the first true value of `condition()`, which is asked every `pause` seconds; fail when there is none within `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(pause)
    pytest.fail(f'not so within {seconds} s')


@contextmanager
def running(command: Sequence[object], environment: dict[str, str], log: Path, port: int) -> Iterator['subprocess.Popen[bytes]']:
    """Run a command in the project's folder, once it listens on `port`; its output goes to `log`."""
    with log.open('wb') as output:
        process = subprocess.Popen(list(map(str, command)), cwd=ROOT, env=environment, stdout=output, stderr=output, start_new_session=True)
    try:
        wait_until(lambda: process.poll() is not None or listens(port))
        assert process.poll() is None, log.read_text()
        yield process
    finally:
        end(process)


def end(process: 'subprocess.Popen[bytes]') -> None:
    """End the process, which leads a group, and all processes of that group."""
    process.terminate()
    try:
        process.wait(PATIENCE_SECONDS)
    finally:
        with suppress(ProcessLookupError):  # it was alone
            os.killpg(process.pid, signal.SIGKILL)


def listens(port: int) -> bool:
    """Whether a process accepts connections on a port of this machine."""
    with socket.socket() as probe:
        return probe.connect_ex(('127.0.0.1', port)) == 0


def free_port() -> int:
    with socket.create_server(('127.0.0.1', 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
