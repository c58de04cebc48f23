"""Every functional test starts with an empty table and empty queues."""

import pytest

from tests.support.clock import StoppedClock


@pytest.fixture(autouse=True)
def _empty_world(stopped_clock: StoppedClock, table: None, queues: dict[str, str], nothing_remembered: None) -> None:
    """See tests/support/api.py."""
