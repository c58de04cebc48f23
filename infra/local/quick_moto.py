"""Less time spent in moto and botocore, with the same outcome."""

import base64
import gc
import json
from collections.abc import Iterator
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

import pytest
from botocore import endpoint, useragent
from botocore.auth import SigV4Auth
from moto.core import responses
from moto.core.common_models import BaseModel
from moto.dynamodb.responses import DynamoHandler

from tests.support.replacements import Replacements

_sign = SigV4Auth.add_auth
_parse_thoroughly = DynamoHandler.parse_parameters
_serialize_thoroughly = DynamoHandler.serialized


def _make_untracked(cls: type, *_: Any, **__: Any) -> Any:
    """Make a model that moto does not keep for ever, as it does for a reset: all items and copies of the table of all tests."""
    return object.__new__(cls)


def _sign_what_leaves(self: SigV4Auth, request: Any) -> None:
    """Sign nothing for moto in this process, which does not verify it."""
    if '.amazonaws.com/' not in request.url:
        _sign(self, request)


def _parse(self: DynamoHandler, request: Any) -> None:
    """Take the parameters as they are, unless bytes may be among them, instead of comparing each with the service's model."""
    if '"B": ' in self.body or '"BS": ' in self.body:
        _parse_thoroughly(self, request)
    else:
        self.params = json.loads(self.body)


def _serialize(self: DynamoHandler, answer: responses.ActionResult) -> Any:
    """Write an answer about items as it is, instead of comparing each of its values with the service's model."""
    action = self._get_action()
    if not isinstance(answer.result, dict) or not ('Item' in action or action in ('Query', 'Scan')):
        return _serialize_thoroughly(self, answer)
    headers = {'Content-Type': 'application/x-amz-json-1.0'} | self.response_headers
    return 200, headers, json.dumps(answer.result, default=lambda value: base64.b64encode(value).decode())


REPLACEMENTS = Replacements(
    (responses, 'method_names_from_class', lru_cache(responses.method_names_from_class)),
    (useragent, 'sanitize_user_agent_string_component', lru_cache(useragent.sanitize_user_agent_string_component)),
    (SigV4Auth, 'add_auth', _sign_what_leaves),
    (BaseModel, '__new__', _make_untracked),
    (DynamoHandler, 'parse_parameters', _parse),
    (DynamoHandler, 'serialized', _serialize),
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
