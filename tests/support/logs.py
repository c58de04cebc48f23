"""What the application logs, as it does on Lambda."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from chalicelib import telemetry

Line = dict[str, Any]
Lines = Callable[[], list[Line]]


@contextmanager
def captured() -> Iterator[io.StringIO]:
    """Log as on Lambda, into memory."""
    root, ours = logging.getLogger(), logging.getLogger('chalicelib')
    level = ours.level
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(telemetry.JsonLines())
    root.addHandler(handler)
    ours.setLevel(logging.INFO)
    try:
        yield stream
    finally:
        root.removeHandler(handler)
        ours.setLevel(level)


@pytest.fixture
def lines() -> Iterator[Lines]:
    """Return what was logged so far, a JSON object a line."""
    with captured() as stream:
        yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
