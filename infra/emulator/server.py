"""The emulated AWS as a process: ministack in an environment of its own, started on a free port and stopped with all its children."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

ROOT = Path(__file__).parents[2]
HOST = '127.0.0.1'
REGION = 'us-east-1'
_PYTHON = ROOT / '.venv-emulator' / 'bin' / 'python'
_START_SECONDS = 300
_STOP_SECONDS = 120
_POLL_SECONDS = 0.1


class CannotStart(Exception):
    """Why, in one sentence."""


@contextmanager
def running(log: Path) -> Iterator[str]:
    """Run the emulator, which holds functions to their IAM policies; yield its URL.

    What it and the functions print goes to `log`. It ends with this process, however that ends. Raises CannotStart.
    """
    if not _PYTHON.exists():
        raise CannotStart('there is no .venv-emulator: `make e2e` makes it')
    port = _free_port()
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open('wb') as output:
        process = subprocess.Popen(
            [_PYTHON, Path(__file__).with_name('run_ministack.py')],
            env=_environment(port),
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a process group, to be ended as one
        )
    assert process.stdin
    try:
        url = f'http://{HOST}:{port}'
        _wait_until_answered(url, process, log)
        yield url
    finally:
        process.stdin.close()
        process.wait(_STOP_SECONDS)


def _environment(port: int) -> dict[str, str]:
    """Nothing of this environment but where programs are and where there is room: functions inherit all of it."""
    return {name: os.environ[name] for name in ('PATH', 'TMPDIR') if name in os.environ} | {
        'GATEWAY_PORT': str(port),
        'BIND_HOST': HOST,
        'MINISTACK_REGION': REGION,
        'AUTH': 'true',
        'IOT_MTLS_ENABLED': '0',  # it would listen on a second port, on all interfaces
        'PYTHONUNBUFFERED': '1',
    }


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def _wait_until_answered(url: str, process: 'subprocess.Popen[bytes]', log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not _answers(url):
        if process.poll() is not None or time.monotonic() > deadline:
            raise CannotStart(f'the emulator did not start; {log} says why')
        time.sleep(_POLL_SECONDS)


def _answers(url: str) -> bool:
    try:
        with urlopen(f'{url}/_ministack/health', timeout=5):
            return True
    except (URLError, OSError):
        return False
