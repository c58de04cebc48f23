"""Access tokens: JWTs after RFC 9068, signed with ES256 by a KMS key whose private half never leaves KMS."""

import json
import secrets
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from jose import jws
from jose.backends.base import Key

from chalicelib import auth, clock
from chalicelib.config import settings

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

LIFETIME_SECONDS = 900


def access_token(*, user_id: str, client_id: str, scopes: list[str], family: str) -> str:
    """Return a signed access token that lives for `LIFETIME_SECONDS`; `family` is what it descends from, its `sid`."""
    now = clock.now()
    claims = {
        'iss': settings().issuer,
        'aud': settings().audience,
        'sub': user_id,
        'client_id': client_id,
        'scope': ' '.join(scopes),
        'sid': family,
        'iat': now,
        'exp': now + LIFETIME_SECONDS,
        'jti': secrets.token_urlsafe(16),
    }
    # jose takes a Key of ours as it is, so the header and the encoding stay its business.
    return jws.sign(claims, _KmsKey(), headers={'typ': 'at+jwt', 'kid': _key_id()}, algorithm='ES256')


def claims_of(token: str) -> dict[str, Any] | None:
    """Return the claims of a live access token that we made, None for anything else."""
    try:
        claims = auth.verify(f'Bearer {token}')
    except auth.InvalidToken:
        return None
    return claims if claims.get('iss') == settings().issuer else None


class _KmsKey(Key):
    """Signs by asking KMS."""

    def __init__(self) -> None:
        super().__init__(None, 'ES256')

    def sign(self, msg: bytes) -> bytes:
        """Return the 64 bytes that JWS wants (RFC 7518 section 3.4); KMS answers DER."""
        answer = _kms().sign(KeyId=settings().signing_key_id, Message=msg, MessageType='RAW', SigningAlgorithm='ECDSA_SHA_256')
        r, s = decode_dss_signature(answer['Signature'])
        return r.to_bytes(32, 'big') + s.to_bytes(32, 'big')


@lru_cache(1)
def _key_id() -> str:
    """Return the `kid` of the signing key: by convention the first of the configured keys."""
    kid: str = json.loads(settings().jwks)['keys'][0]['kid']
    return kid


@lru_cache(1)
def _kms() -> 'KMSClient':
    import boto3  # costs a cold start 100 ms that only the token endpoint need pay

    return boto3.client('kms')
