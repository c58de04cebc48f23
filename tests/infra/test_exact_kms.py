"""The KMS of tests and local stacks signs what AWS signs, and refuses what AWS refuses."""

import hashlib
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from chalicelib.config import settings


def sign(message: bytes, kind: str) -> bytes:
    answer: Any = boto3.client('kms').sign(
        KeyId=settings().signing_key_id,
        Message=message,
        MessageType=kind,  # type: ignore[arg-type]
        SigningAlgorithm='ECDSA_SHA_256',
    )
    return bytes(answer['Signature'])


@pytest.mark.parametrize('length', [1, 4_096, 4_097, 100_000])
def test_the_signature_of_a_digest_is_one_of_the_message(length: int):
    message = b'm' * length
    der = boto3.client('kms').get_public_key(KeyId=settings().signing_key_id)['PublicKey']
    key: Any = serialization.load_der_public_key(der)

    key.verify(sign(hashlib.sha256(message).digest(), 'DIGEST'), message, ec.ECDSA(hashes.SHA256()))
    if length <= 4_096:
        key.verify(sign(message, 'RAW'), message, ec.ECDSA(hashes.SHA256()))


@pytest.mark.parametrize(('length', 'kind'), [(4_097, 'RAW'), (31, 'DIGEST'), (4_097, 'DIGEST')])
def test_what_aws_does_not_sign_is_refused(length: int, kind: str):
    with pytest.raises(ClientError, match='ValidationException'):
        sign(b'm' * length, kind)
