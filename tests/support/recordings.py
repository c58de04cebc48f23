"""Bodies that upstreams once answered, recorded outside the repository: their tests are left out where they are not."""

import json
from pathlib import Path
from typing import Any

import pytest

_RECORDINGS = Path(__file__).parents[3] / 'shared' / 'recordings'
_LEFT_OUT = 'the recordings are not here'


def recording(name: str) -> bytes:
    """Return a recorded body."""
    file = _RECORDINGS / name
    if not file.exists():
        pytest.skip(_LEFT_OUT)
    return file.read_bytes()


def recorded(name: str) -> Any:
    """Return a recorded body of JSON."""
    return json.loads(recording(name))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say how many tests were left out, so that nobody takes a run without them for a whole one."""
    number = sum(_LEFT_OUT in str(report.longrepr) for report in terminalreporter.stats.get('skipped', ()))
    if number:
        terminalreporter.write_line(f'{number} tests of recorded answers were left out: there is no {_RECORDINGS}', yellow=True)
