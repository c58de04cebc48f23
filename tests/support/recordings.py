"""Bodies that upstreams once answered, recorded outside the repository: their tests are left out where they are not."""

import json
from pathlib import Path
from typing import Any

import pytest

RECORDINGS = Path(__file__).parents[3] / 'shared' / 'recordings'


def recording(name: str) -> bytes:
    """Return a recorded body."""
    file = RECORDINGS / name
    if not file.exists():
        pytest.skip('the recordings are not here')
    return file.read_bytes()


def recorded(name: str) -> Any:
    """Return a recorded body of JSON."""
    return json.loads(recording(name))
