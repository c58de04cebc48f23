"""Encryption at rest, by KMS, of secrets that users entrust to us. Each ciphertext is bound to its owner by a context.

No other module encrypts or decrypts with KMS. Nothing is cached or logged. Few Lambda functions may decrypt: see infra/policies.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from chalicelib import aws
from chalicelib.config import settings

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient


def encrypt(text: str, context: Mapping[str, str]) -> bytes:
    """Return the ciphertext of up to 4,096 bytes of UTF-8. Decryption needs the same `context`, which is not secret."""
    return _kms().encrypt(KeyId=settings().vault_key_id, Plaintext=text.encode(), EncryptionContext=context)['CiphertextBlob']


def decrypt(secret: bytes, context: Mapping[str, str]) -> str:
    """Return the plaintext. Raises botocore's ClientError for another context or key, or invalid ciphertext."""
    response = _kms().decrypt(KeyId=settings().vault_key_id, CiphertextBlob=secret, EncryptionContext=context)
    return response['Plaintext'].decode()


def ledger_context(pk: str) -> dict[str, str]:
    """Return the encryption context of a ledger's secret; IAM policies refer to it."""
    return {'ledger': pk}


@lru_cache(1)
def _kms() -> 'KMSClient':
    import boto3  # 100 ms of cold start that only few requests should pay

    client = boto3.client('kms')
    aws.raise_busy(client.meta.events, 'kms')
    return client
