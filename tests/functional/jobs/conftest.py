"""A programmable explorer behind all three upstreams."""

from collections.abc import Iterator
from typing import Any

import pytest
from moto.core.serialize import JSONSerializer

from chalicelib.config import settings
from tests.explorer import Explorer, serving


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


@pytest.fixture(autouse=True)
def quick_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let moto hand out attribute values as it holds them; looking for each of ten types in each takes it a millisecond a row."""
    thorough = JSONSerializer._serialize_type_structure

    def serialize(self: JSONSerializer, serialized: Any, value: Any, shape: Any, key: str) -> None:
        if shape.name == 'AttributeValue' and isinstance(value, dict):
            serialized[key] = value
        else:
            thorough(self, serialized, value, shape, key)

    monkeypatch.setattr(JSONSerializer, '_serialize_type_structure', serialize)
