"""Less time spent in botocore, in moto's look at what `requests` sends, and for garbage, with the same outcome.

What is quick in moto itself is in infra/local/quick_moto.py.
"""

import gc
from collections.abc import Iterator
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

import pytest
from botocore import endpoint, useragent
from botocore.auth import SigV4Auth
from moto.core.responses_custom_registry import CustomRegistry

from infra.local.replacements import Replacements

_AWS = 'amazonaws.com'
_sign = SigV4Auth.add_auth
_find_thoroughly = CustomRegistry.find


def _sign_what_leaves(self: SigV4Auth, request: Any) -> None:
    """Sign nothing for moto in this process, which does not verify it."""
    if f'.{_AWS}/' not in request.url:
        _sign(self, request)


def _leave(*_: Any, **__: Any) -> None:
    """Leave the user agent of a request as it is, instead of composing it anew with what each request adds to it."""


def _find_of_aws(self: CustomRegistry, request: Any) -> tuple[Any, list[str]]:
    """Let a request to another host leave, without comparing it with the hundreds of patterns of AWS that moto knows."""
    return _find_thoroughly(self, request) if _AWS in request.url else (None, [])


REPLACEMENTS = Replacements(
    (useragent, 'sanitize_user_agent_string_component', lru_cache(useragent.sanitize_user_agent_string_component)),
    (useragent.UserAgentString, 'rebuild_and_replace_user_agent_handler', _leave),
    (SigV4Auth, 'add_auth', _sign_what_leaves),
    (CustomRegistry, 'find', _find_of_aws),
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
