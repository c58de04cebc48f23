"""The API with one user, the document's, and fake explorers behind the refresh job."""

from collections.abc import Callable

import pytest

from chalicelib.models import User
from tests.conformance.world import World
from tests.explorer import DOCUMENTED, Explorer
from tests.functional.conftest import Api, api, http, make_user, other, password_hash, queues, table
from tests.functional.jobs.conftest import calm_garbage_collector, explorer, explorer_server, quick_aws, quick_dispatch

# Fixtures, to be found here by their names.
__all__ = [
    'api', 'calm_garbage_collector', 'explorer', 'explorer_server', 'http', 'make_user', 'other', 'password_hash', 'queues',
    'quick_aws', 'quick_dispatch', 'table',
]  # fmt: skip


@pytest.fixture
def user(make_user: Callable[..., User]) -> User:
    return make_user('test@openclerk.org')


@pytest.fixture
def world(api: Api, explorer: Explorer, queues: dict[str, str]) -> World:
    """Nothing in it yet; the explorers know the document's address."""
    explorer.chain |= DOCUMENTED
    return World(api, queues)
