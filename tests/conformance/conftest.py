"""The API with one user, the document's, and fake explorers behind the refresh job."""

from collections.abc import Callable

import pytest

from chalicelib.models import User
from infra.fake_upstreams.scripted_explorer import DOCUMENTED, Explorer
from tests.conformance.preparations import World
from tests.support.api import Api
from tests.support.clock import StoppedClock


@pytest.fixture(autouse=True)
def _empty_world(stopped_clock: StoppedClock, table: None, queues: dict[str, str], nothing_remembered: None) -> None:
    """See tests/support/api.py."""


@pytest.fixture
def user(make_user: Callable[..., User]) -> User:
    return make_user('test@openclerk.org')


@pytest.fixture
def world(api: Api, explorer: Explorer, queues: dict[str, str]) -> World:
    """Nothing in it yet; the explorers know the document's address."""
    explorer.chain |= DOCUMENTED
    return World(api, queues)
