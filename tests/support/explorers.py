"""A programmable explorer behind every upstream."""

from collections.abc import Iterator

import pytest

from chalicelib.config import settings
from infra.fake_upstreams.scripted_explorer import Explorer, serving


@pytest.fixture(scope='session')
def explorer_server() -> Iterator[Explorer]:
    with serving(Explorer()) as explorer:
        yield explorer


@pytest.fixture
def explorer(explorer_server: Explorer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Explorer]:
    """An explorer that knows no transactions yet and works; every upstream is it."""
    explorer_server.reset()
    monkeypatch.setenv('UPSTREAM_URL', explorer_server.url)
    settings.cache_clear()
    settings()  # read now: during a request the test client shows another stage's environment
    yield explorer_server
    monkeypatch.undo()
    settings.cache_clear()
    settings()
