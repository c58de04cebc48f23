"""Every functional test starts with an empty table and empty queues."""

import pytest


@pytest.fixture(autouse=True)
def _empty_world(table: None, queues: dict[str, str], forgotten_rates: None) -> None:
    """See tests/support/api.py."""
