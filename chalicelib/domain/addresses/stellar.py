"""Addresses of Stellar: the strkeys of accounts (SEP-23), bare or as destination of a payment request (SEP-7).

Refuses memos and muxed addresses, which mark one customer of an account, and what is no account.
"""

import base64
import binascii

from chalicelib.domain.addresses.errors import MALFORMED, OTHER_KIND, SHARED, BadAddress
from chalicelib.domain.addresses.uris import Given

_ACCOUNT, _MUXED = 6 << 3, 12 << 3
_KEY = 32


def normalise(given: Given) -> str:
    """Return the account's address. Raises BadAddress."""
    text = given.query.get('destination', '') if given.address == 'pay' else given.address
    payload = _decode(text)
    if payload[:1] == bytes([_MUXED]) or (payload and 'memo' in given.query):
        raise BadAddress(SHARED)
    if payload[:1] != bytes([_ACCOUNT]):
        raise BadAddress(OTHER_KIND if payload else MALFORMED)
    if len(payload) != 1 + _KEY:
        raise BadAddress(MALFORMED)
    return text


def _decode(text: str) -> bytes:
    """Return the version byte and the key of a strkey, nothing for any other text; the CRC-16 is XMODEM's, low byte first."""
    try:
        decoded = base64.b32decode(text + '=' * (-len(text) % 8))
    except (binascii.Error, ValueError):
        return b''
    payload, check = decoded[:-2], decoded[-2:]
    return payload if binascii.crc_hqx(payload, 0).to_bytes(2, 'little') == check else b''
