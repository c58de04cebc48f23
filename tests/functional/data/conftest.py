"""The world of people, and the file it is exported to."""

from collections.abc import Callable
from pathlib import Path

import pytest
from chalice.test import Client as ChaliceClient

from chalicelib.models import User
from tests.explorer import Explorer
from tests.functional.data.world import World
from tests.functional.jobs.conftest import (  # noqa: F401
    calm_garbage_collector,
    explorer,
    explorer_server,
    impatient_botocore,
    quick_aws,
    quick_dispatch,
)


@pytest.fixture
def world(http: ChaliceClient, explorer: Explorer, make_user: Callable[[str], User]) -> World:  # noqa: F811
    return World(http, explorer, make_user)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / 'export.jsonl'
