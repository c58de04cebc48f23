"""A chain of Bitcoin that every explorer tells, block by block, and that is followed."""

from collections.abc import Iterator

import pytest

from chalicelib.config import settings
from chalicelib.models import ChainBlocks
from tests.support import block_chain
from tests.support.block_chain import BlockChain
from tests.support.clock import CLOCK
from tests.support.jobs import record, refresh_job


@pytest.fixture(scope='session')
def block_server() -> Iterator[BlockChain]:
    with block_chain.serving() as server:
        yield server


@pytest.fixture
def followed_chain(block_server: BlockChain, monkeypatch: pytest.MonkeyPatch) -> Iterator[BlockChain]:
    """A chain that every explorer tells, and is followed."""
    block_server.reset()
    monkeypatch.setenv('UPSTREAM_URL', block_server.url)
    monkeypatch.setenv('FOLLOW_BLOCKS', 'btc')
    settings.cache_clear()
    settings()
    yield block_server
    monkeypatch.undo()
    settings.cache_clear()
    settings()


def follow(*, after: int = 120) -> ChainBlocks:
    """Let time pass and new blocks be read; return how far the chain was read."""
    CLOCK.advance(after)
    assert not refresh_job(record({'follow': 'btc'}))
    return followed()


def followed() -> ChainBlocks:
    """Return how far the chain was read."""
    chain = ChainBlocks.find('btc')
    assert chain is not None
    return chain
