"""Addresses of Solana: 32 bytes in Base58. Without a checksum, a typo that keeps the length goes unnoticed.

Accounts of programs are not points on the curve and can hold coins, so that is not checked.
"""

from chalicelib.domain.addresses import base58, bech32, private_keys
from chalicelib.domain.addresses.errors import MALFORMED, OTHER_NETWORK, BadAddress
from chalicelib.domain.addresses.uris import PaymentRequest

PRIVATE_KEYS = '|'.join(
    (
        f'{private_keys.BASE58}{{86,88}}',  # 64 bytes: secret and public key
        r'\[\s*\d{1,3}(?:\s*,\s*\d{1,3}){31,63}\s*\]',  # the same as Solana's tools write it
    )
)
_KEY_BYTES = 32
_CHECKED_BYTES = 21  # what addresses of Bitcoin, XRP and their descendants hold beside a checksum


def normalise(request: PaymentRequest) -> str:
    """Return the address unchanged. Raises BadAddress."""
    text = request.address
    if len(base58.decode(text)) == _KEY_BYTES:
        return text
    is_foreign = len(base58.decode_check(text)) == _CHECKED_BYTES or bech32.decode(text)
    raise BadAddress(OTHER_NETWORK if is_foreign else MALFORMED)
