"""Less time spent in botocore and in looking for garbage, with the same outcome; of moto see infra/local/quick_moto.py."""

import gc
from collections.abc import Iterator
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

import pytest
from botocore import endpoint, useragent
from botocore.auth import SigV4Auth

from infra.local.replacements import Replacements

_sign = SigV4Auth.add_auth


def _sign_what_leaves(self: SigV4Auth, request: Any) -> None:
    """Sign nothing for moto in this process, which does not verify it."""
    if '.amazonaws.com/' not in request.url:
        _sign(self, request)


REPLACEMENTS = Replacements(
    (useragent, 'sanitize_user_agent_string_component', lru_cache(useragent.sanitize_user_agent_string_component)),
    (SigV4Auth, 'add_auth', _sign_what_leaves),
)


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
def impatient_botocore(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let botocore repeat requests without its pauses, which grow to seconds."""
    monkeypatch.setattr(endpoint, 'time', SimpleNamespace(sleep=lambda _: None))
