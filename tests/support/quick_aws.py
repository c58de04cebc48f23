"""Less time spent in moto and botocore, with the same outcome."""

import gc
from collections.abc import Iterator
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

import pytest
from botocore import endpoint
from moto.core import responses
from moto.core.serialize import JSONSerializer


@pytest.fixture(scope='session', autouse=True)
def calm_garbage_collector() -> Iterator[None]:
    """Look for cycles seldom: moto makes many objects and few cycles, and looking takes a good part of the time."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(100_000, 50, 50)
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


@pytest.fixture
def quick_aws(quick_dispatch: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let moto hand out attribute values as it holds them; looking for each of ten types in each takes it a millisecond a row."""
    thorough = JSONSerializer._serialize_type_structure

    def serialize(self: JSONSerializer, serialized: Any, value: Any, shape: Any, key: str) -> None:
        if shape.name == 'AttributeValue' and isinstance(value, dict) and 'B' not in value:
            serialized[key] = value
        else:
            thorough(self, serialized, value, shape, key)

    monkeypatch.setattr(JSONSerializer, '_serialize_type_structure', serialize)


@pytest.fixture(scope='session')
def quick_dispatch() -> Iterator[None]:
    """Let moto look once, not at each request, for the actions that each of its services has."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(responses, 'method_names_from_class', lru_cache(responses.method_names_from_class))
        yield


@pytest.fixture
def impatient_botocore(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let botocore repeat requests without its pauses, which grow to seconds."""
    monkeypatch.setattr(endpoint, 'time', SimpleNamespace(sleep=lambda _: None))
