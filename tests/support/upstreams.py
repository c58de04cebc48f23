"""Leading the application's requests to a server of the tests."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from chalicelib.config import settings
from chalicelib.providers.explorers import EXPLORERS, Explorer
from chalicelib.providers.transport import Http


@contextmanager
def upstreams_at(url: str, **own: str) -> Iterator[None]:
    """Have all upstreams at a URL meanwhile; `own` are settings of those that need one of their own, `UPSTREAM_BLOCKBOOK_LTC_URL`."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {'UPSTREAM_URL': url, **own}.items():
            patch.setenv(name, value)
        settings.cache_clear()
        settings()
        yield
    settings.cache_clear()
    settings()


def explorer_of(chain: str, key: str) -> Explorer:
    """Return the explorer `key` of a chain."""
    [found] = [explorer for explorer in EXPLORERS[chain] if explorer.endpoint.key == key]
    return found


def http() -> Http:
    """Return a client without a gate."""
    return Http(lambda _: None)
