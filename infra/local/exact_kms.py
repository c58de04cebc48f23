"""KMS as AWS has it, where moto has not: it signs digests, and of whole messages no more than AWS takes.

https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html
"""

import base64
import json
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from moto.kms.exceptions import ValidationException
from moto.kms.models import Key
from moto.kms.responses import KmsResponse

from infra.local.replacements import Replacements

_MOST_BYTES = 4_096
_ECDSA_SHA_256 = 'ECDSA_SHA_256'
_sign_whole = KmsResponse.sign


def _sign(self: KmsResponse) -> str:
    message: bytes = self._get_param('Message')
    if len(message) > _MOST_BYTES:
        raise ValidationException("Value at 'message' failed to satisfy constraint: Member must have length less than or equal to 4096")
    if self._get_param('MessageType') != 'DIGEST' or self._get_param('SigningAlgorithm') != _ECDSA_SHA_256:
        return _sign_whole(self)
    if len(message) != hashes.SHA256.digest_size:
        raise ValidationException('Digest is invalid length for algorithm ECDSA_SHA_256.')
    key: Key = self.kms_backend.describe_key(self._get_param('KeyId'))
    private: Any = key.private_key
    signature: bytes = private.private_key.sign(message, ec.ECDSA(utils.Prehashed(hashes.SHA256())))
    return json.dumps({'KeyId': key.arn, 'Signature': base64.b64encode(signature).decode(), 'SigningAlgorithm': _ECDSA_SHA_256})


REPLACEMENTS = Replacements((KmsResponse, 'sign', _sign))
