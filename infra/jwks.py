"""Public keys of KMS as a JSON Web Key Set (RFC 7517)."""

import base64
import hashlib
import json
from collections.abc import Iterable
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key


def jwks(public_keys: Iterable[bytes]) -> dict[str, Any]:
    """Return the key set of P-256 public keys in DER, as GetPublicKey answers them; by convention the first one signs."""
    return {'keys': [jwk(der) for der in public_keys]}


def jwk(der: bytes) -> dict[str, str]:
    """Return one key; its `kid` is its thumbprint (RFC 7638), so a key has the same name wherever it is looked up."""
    key = load_der_public_key(der)
    if not isinstance(key, EllipticCurvePublicKey):
        raise TypeError('the signing key must be an elliptic curve key')
    numbers = key.public_numbers()
    members = {'crv': 'P-256', 'kty': 'EC', 'x': _encode(numbers.x), 'y': _encode(numbers.y)}
    thumbprint = hashlib.sha256(json.dumps(members, sort_keys=True, separators=(',', ':')).encode()).digest()
    return members | {'use': 'sig', 'alg': 'ES256', 'kid': _base64url(thumbprint)}


def _encode(coordinate: int) -> str:
    return _base64url(coordinate.to_bytes(32, 'big'))


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip('=')
