"""The keys that the emulated KMS holds, in a file that only its owner may read."""

import base64
import json
import os
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from moto.kms.models import Key, KmsBackend, kms_backends

_SYMMETRIC = 'SYMMETRIC_DEFAULT'

Json = dict[str, Any]


def load(path: Path, account: str, region: str) -> None:
    """Give KMS the keys of the file, if there is one."""
    if path.exists():
        backend = kms_backends[account][region]
        for saved in json.loads(path.read_text()):
            _add(backend, saved)


def save(path: Path, account: str, region: str) -> None:
    """Write the keys that KMS holds, those that a newer version added too, and return once they are on the disk.

    Nothing else opens what they closed.
    """
    keys = kms_backends[account][region].keys.values()
    content = json.dumps([_saved(key, alias) for key in keys for alias in key.aliases if not alias.startswith('alias/aws/')], indent=1)
    if not path.exists() or path.read_text() != content:
        write_secret(path, content)


def write_secret(path: Path, content: str) -> None:
    """Replace a file that only its owner may read, in one step, and return once it is on the disk."""
    new = path.with_name(f'{path.name}.new')
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), 'w') as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _saved(key: Key, alias: str) -> Json:
    saved = {'alias': alias, 'id': key.id, 'spec': key.key_spec, 'usage': key.key_usage}
    if key.key_spec == _SYMMETRIC:
        return saved | {'material': base64.b64encode(key.key_material).decode()}
    private: Any = key.private_key
    pem = private.private_key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return saved | {'private_key': pem.decode()}


def _add(backend: KmsBackend, saved: Json) -> None:
    key = backend.create_key(policy=None, key_usage=saved['usage'], key_spec=saved['spec'], description='', tags=None)
    del backend.keys[key.id]
    key.arn = key.arn.replace(key.id, saved['id'])
    key.id = saved['id']
    backend.keys[key.id] = key
    if saved['spec'] == _SYMMETRIC:
        key.key_material = base64.b64decode(saved['material'])
    else:
        private: Any = key.private_key
        private.private_key = serialization.load_pem_private_key(saved['private_key'].encode(), None)
    backend.create_alias(key.id, saved['alias'])
