"""Addresses of Solana: 32 bytes in Base58. There is no checksum, so a typing error that keeps the length goes unseen.

The address of a program's account is no point on the curve, and can hold coins all the same, so none is asked for.
"""

from chalicelib.domain.addresses import base58, bech32
from chalicelib.domain.addresses.errors import MALFORMED, OTHER_NETWORK, BadAddress
from chalicelib.domain.addresses.uris import Given

_KEY = 32
_OF_AN_ACCOUNT = 21  # what Bitcoin, XRP and those like them put under a checksum


def normalise(given: Given) -> str:
    """Return the address as it is. Raises BadAddress."""
    text = given.address
    if len(base58.decode(text)) == _KEY:
        return text
    is_foreign = len(base58.decode_check(text)) == _OF_AN_ACCOUNT or bech32.decode(text)
    raise BadAddress(OTHER_NETWORK if is_foreign else MALFORMED)
