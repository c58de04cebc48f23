"""Our API keys of upstreams: on AWS parameters of SSM, elsewhere variables `UPSTREAM_<KEY>_KEY` of the environment.

A process reads them once, when it first needs one. The functions that send requests to upstreams may decrypt them; the API may only
read which there are: see infra/policies.
"""

from collections.abc import Mapping
from functools import lru_cache
from threading import Lock

from chalicelib import aws
from chalicelib.config import settings

_lock = Lock()  # threads that need a key at the same time wait for one of them to read all


def find(upstream: str) -> str | None:
    """Return the API key of an upstream, None without one. Raises Busy when SSM fails."""
    path = settings().upstream_keys_path
    return (settings().upstream_keys if path is None else _read(path, decrypted=True)).get(upstream)


def configured() -> frozenset[str]:
    """Return the upstreams that have an API key, without decrypting any. Raises Busy when SSM fails."""
    path = settings().upstream_keys_path
    return frozenset(settings().upstream_keys if path is None else _read(path, decrypted=False))


def _read(path: str, *, decrypted: bool) -> Mapping[str, str]:
    with _lock:
        return _parameters(path, decrypted=decrypted)


@lru_cache
def _parameters(path: str, *, decrypted: bool) -> Mapping[str, str]:
    """Return the parameters below a path by the last part of their names."""
    import boto3  # 100 ms of cold start that only those who need a key should pay

    ssm = boto3.client('ssm')
    aws.raise_busy(ssm.meta.events, 'ssm')
    pages = ssm.get_paginator('get_parameters_by_path').paginate(Path=path, WithDecryption=decrypted)
    return {parameter['Name'].rpartition('/')[2]: parameter['Value'] for page in pages for parameter in page['Parameters']}
