"""Less time spent in moto's API Gateway, CloudFormation and KMS, which a deployment asks for a lot, with the same outcome."""

import json
from functools import lru_cache
from typing import Any

from moto.apigateway.models import Resource
from moto.cloudformation.models import Stack
from moto.kms import models as kms
from moto.kms.utils import AbstractPrivateKey, KeySpec

from infra.local.replacements import Replacements

_make_key = kms.generate_private_key
_find_path = Resource.get_path
_parse_yaml = Stack.parse_template


def _path(self: Resource) -> str:
    """Return the path, which no deployment changes, without going through the parents each time that a path is looked for."""
    found: str = vars(self).get('_path') or _find_path(self)
    self._path = found  # type: ignore[attr-defined]
    return found


def _parse_template(text: str) -> Any:
    """Parse as JSON what is JSON, as deployments send it: moto takes it for YAML, which takes it a hundred times as long."""
    return json.loads(text) if text.startswith('{') else _parse_yaml(text)


@lru_cache
def _rsa_key(key_spec: str) -> AbstractPrivateKey:
    return _make_key(key_spec)


def _key(key_spec: str) -> AbstractPrivateKey:
    """Make a key, but of RSA, which takes long, always the same: moto makes one for each key that encrypts, and never uses it."""
    return _make_key(key_spec) if key_spec in KeySpec.ecc_key_specs() else _rsa_key(key_spec)


REPLACEMENTS = Replacements(
    (Resource, 'get_path', _path),
    (Stack, 'parse_template', staticmethod(_parse_template)),
    (kms, 'generate_private_key', _key),
)
