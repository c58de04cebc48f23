"""Access tokens: JWTs according to RFC 9068, signed with ES256 by a KMS key whose private half never leaves KMS."""

import json
import secrets
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from jose import jws
from jose.backends.base import Key
from jose.exceptions import JWSError

from chalicelib import auth, aws, clock
from chalicelib.config import settings
from chalicelib.errors import Busy

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

LIFETIME_SECONDS = 900
_MOST_RAW_BYTES = 4_096  # of a message that KMS hashes itself; longer ones it signs by their digest


def access_token(
    *, user_id: str, client_id: str, scopes: list[str], family: str, grant_id: str | None = None, access_epoch: str | None = None
) -> str:
    """Return a signed access token, valid for `LIFETIME_SECONDS`. Raises Busy while KMS fails.

    Its `sid` claim is the token family, `grant_id` the user's consent; where a client gets at its owner's data, it has the client's
    `access_epoch` instead.
    """
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
    } | {name: value for name, value in (('grant_id', grant_id), ('access_epoch', access_epoch)) if value}
    return sign(claims, 'at+jwt')


def sign(claims: dict[str, Any], typ: str) -> str:
    """Return claims as a JWS in compact form (RFC 7515); `typ` says of what kind it is, so that none is taken for another."""
    # jose accepts our own Key class, so it still builds the header and the encoding.
    try:
        return jws.sign(claims, _KmsKey(), headers={'typ': typ, 'kid': _key_id()}, algorithm='ES256')
    except JWSError as error:
        raise (error.__context__ if isinstance(error.__context__, Busy) else error) from None


def claims_of(token: str) -> dict[str, Any] | None:
    """Return the claims of a valid access token issued by this server, or None for any other string."""
    try:
        claims = auth.verify(f'Bearer {token}')
    except auth.InvalidToken:
        return None
    return claims if claims.get('iss') == settings().issuer else None


class _KmsKey(Key):
    """A jose key that signs through KMS."""

    def __init__(self) -> None:
        super().__init__(None, 'ES256')

    def sign(self, msg: bytes) -> bytes:
        """Return the 64-byte signature of JWS (RFC 7518 section 3.4), converted from the DER that KMS returns."""
        is_raw = len(msg) <= _MOST_RAW_BYTES  # a plain moto_server, beside `chalice local`, cannot sign digests
        response = _kms().sign(
            KeyId=settings().signing_key_id,
            Message=msg if is_raw else sha256(msg).digest(),
            MessageType='RAW' if is_raw else 'DIGEST',
            SigningAlgorithm='ECDSA_SHA_256',
        )
        r, s = decode_dss_signature(response['Signature'])
        return r.to_bytes(32, 'big') + s.to_bytes(32, 'big')


@lru_cache(1)
def _key_id() -> str:
    """Return the `kid` of the signing key: by convention the first of the configured keys."""
    kid: str = json.loads(settings().jwks)['keys'][0]['kid']
    return kid


@lru_cache(1)
def _kms() -> 'KMSClient':
    import boto3  # 100 ms of cold start that only the token endpoint should pay

    client = boto3.client('kms')
    aws.raise_busy(client.meta.events, 'kms')
    return client
