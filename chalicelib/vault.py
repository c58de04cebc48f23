"""Secrets that people entrust to us, at rest: encrypted and decrypted by KMS, each bound to what it belongs to. Keeps and logs nothing.

The only user of KMS to encrypt and decrypt. Few functions may decrypt: see infra/policies.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from chalicelib.config import settings

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient


def encrypt(text: str, context: Mapping[str, str]) -> bytes:
    """Return the ciphertext of up to 4,096 bytes of UTF-8; only with the same `context`, which is no secret, it can be decrypted."""
    return _kms().encrypt(KeyId=settings().vault_key_id, Plaintext=text.encode(), EncryptionContext=context)['CiphertextBlob']


def decrypt(secret: bytes, context: Mapping[str, str]) -> str:
    """Return what was encrypted with this context. Raises botocore's ClientError for another context, key or text."""
    answer = _kms().decrypt(KeyId=settings().vault_key_id, CiphertextBlob=secret, EncryptionContext=context)
    return answer['Plaintext'].decode()


def of_ledger(pk: str) -> dict[str, str]:
    """Return the context of what belongs to a ledger; policies name it."""
    return {'ledger': pk}


@lru_cache(1)
def _kms() -> 'KMSClient':
    import boto3  # costs a cold start 100 ms that few requests need pay

    return boto3.client('kms')
