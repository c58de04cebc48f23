"""The world of people, and the file it is exported to."""

from collections.abc import Callable
from pathlib import Path

import pytest
from chalice.test import Client as ChaliceClient

from chalicelib.models import User
from infra.fake_upstreams.scripted_explorer import Explorer
from tests.support.exports import World


@pytest.fixture(autouse=True)
def _quick(impatient_botocore: None) -> None:
    """See tests/support/quick_aws.py."""


@pytest.fixture
def world(http: ChaliceClient, explorer: Explorer, make_user: Callable[[str], User]) -> World:
    return World(http, explorer, make_user)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / 'export.jsonl'
