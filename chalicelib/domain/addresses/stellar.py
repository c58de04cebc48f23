"""Addresses of Stellar: strkeys of accounts (SEP-23), on their own or as destination of a payment request (SEP-7).

Refuses memos and muxed addresses, which identify one customer of an account, and strkeys of anything but accounts.
"""

import base64
import binascii

from chalicelib.domain.addresses.errors import MALFORMED, OTHER_KIND, SHARED, BadAddress
from chalicelib.domain.addresses.uris import PaymentRequest

PRIVATE_KEYS = 'S[A-Z2-7]{54,56}'  # SEP-23
_ACCOUNT, _MUXED = 6 << 3, 12 << 3  # version bytes
_KEY_BYTES = 32


def normalise(request: PaymentRequest) -> str:
    """Return the account's address. Raises BadAddress."""
    text = request.query.get('destination', '') if request.address == 'pay' else request.address
    payload = _decode(text)
    if payload[:1] == bytes([_MUXED]) or (payload and 'memo' in request.query):
        raise BadAddress(SHARED)
    if payload[:1] != bytes([_ACCOUNT]):
        raise BadAddress(OTHER_KIND if payload else MALFORMED)
    if len(payload) != 1 + _KEY_BYTES:
        raise BadAddress(MALFORMED)
    return text


def _decode(text: str) -> bytes:
    """Return version byte and key of a strkey, empty if it is none. Its checksum is CRC-16/XMODEM, low byte first."""
    try:
        decoded = base64.b32decode(text + '=' * (-len(text) % 8))
    except (binascii.Error, ValueError):
        return b''
    payload, check = decoded[:-2], decoded[-2:]
    return payload if binascii.crc_hqx(payload, 0).to_bytes(2, 'little') == check else b''
