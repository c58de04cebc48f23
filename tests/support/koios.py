"""A Koios that tells a world of Cardano."""

from collections.abc import Iterator
from typing import Any

import pytest

from infra.fake_upstreams import cardano
from infra.fake_upstreams.account_chains import World
from infra.fake_upstreams.http_server import Request
from tests.support import account_explorers
from tests.support.account_explorers import Server
from tests.support.clock import StoppedClock


@pytest.fixture(scope='session')
def koios_server() -> Iterator[Server]:
    with account_explorers.serving() as server:
        yield server


@pytest.fixture
def koios(koios_server: Server, stopped_clock: StoppedClock) -> Iterator[Server]:
    """A server to which all requests lead, and which tells nothing yet; see `tell`."""
    with account_explorers.leading_to(koios_server) as leading:
        yield leading


def tell(server: Server, world: World) -> None:
    """Let a server tell a world, as Koios does."""

    def answer(request: Request) -> Any:
        if request.body is None:
            return cardano.tell_koios_tip(world, request.path, request.query)
        return cardano.tell_koios(world, request.path, request.query, request.body)

    server.tell = answer
