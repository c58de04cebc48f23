"""Addresses of Cardano (CIP-19): Shelley payment addresses of every type in Bech32, and Byron addresses in Base58.

Refuses stake addresses: explorers return the whole account for them, so its addresses would be counted twice.
"""

import re
import zlib

from chalicelib.domain.addresses import base58, bech32
from chalicelib.domain.addresses.errors import MALFORMED, MIXED_CASE, OTHER_NETWORK, STAKE, BadAddress
from chalicelib.domain.addresses.uris import PaymentRequest

PRIVATE_KEYS = r'[a-z0-9_]{1,30}_x?sk1\w+'  # CIP-5; unbounded, what stands before the last _sk1 would be tried for each of them
_MAIN = 1
# The form for each type in the header byte: two hashes; a hash and a pointer (three numbers of seven bits a byte); a hash.
_SHELLEY = (
    (range(4), re.compile(rb'.{57}', re.DOTALL)),
    (range(4, 6), re.compile(rb'.{29}(?:[\x80-\xff]{0,9}[\x00-\x7f]){3}', re.DOTALL)),
    (range(6, 8), re.compile(rb'.{29}', re.DOTALL)),
)
# CBOR of root hash, attributes and type. Attribute 1 is a derivation path. Attribute 2 names a test network; the main network has none.
_BYRON = re.compile(rb'\x83\x58\x1c.{28}(?:\xa0|\xa1\x01.+|(?P<test>\xa1\x02.+|\xa2.+))[\x00\x02]', re.DOTALL)
_BYRON_START = b'\x82\xd8\x18\x58'  # an array of two: bytes that contain CBOR, and their CRC-32


def normalise(request: PaymentRequest) -> str:
    """Return a Byron address unchanged, a Shelley address in lower case. Raises BadAddress."""
    text = request.address
    decoded = bech32.decode(text)
    if decoded is None:
        _check_byron(text)
        return text
    if decoded.prefix == 'stake':
        raise BadAddress(STAKE)
    if decoded.prefix != 'addr':
        raise BadAddress(OTHER_NETWORK)
    _check_shelley(decoded)
    return text.lower()


def _check_shelley(decoded: bech32.Decoded) -> None:
    from embit.bech32 import Encoding, convertbits

    payload = bytes(convertbits(decoded.data, 5, 8, False) or ())
    if decoded.encoding != Encoding.BECH32 or not payload:
        raise BadAddress(MALFORMED)
    kind, network = payload[0] >> 4, payload[0] & 15
    if not any(kind in kinds and form.fullmatch(payload) for kinds, form in _SHELLEY):
        raise BadAddress(MALFORMED)
    if network != _MAIN:
        raise BadAddress(OTHER_NETWORK)


def _check_byron(text: str) -> None:
    if text[:5].lower() == 'addr1' and bech32.is_mixed_case(text):
        raise BadAddress(MIXED_CASE)
    outer = base58.decode(text)
    if not outer.startswith(_BYRON_START) or len(outer) == len(_BYRON_START):
        raise BadAddress(MALFORMED)
    counted = outer[len(_BYRON_START) :]  # begins with the number of bytes in it
    end = 1 + counted[0]
    inner, check = counted[1:end], counted[end:]
    match = _BYRON.fullmatch(inner)
    if match is None or check != _cbor(zlib.crc32(inner)):
        raise BadAddress(MALFORMED)
    if match['test'] is not None:
        raise BadAddress(OTHER_NETWORK)


def _cbor(number: int) -> bytes:
    """Return an unsigned 32-bit number in its shortest CBOR encoding (RFC 8949 section 4.2.1)."""
    if number < 24:
        return bytes([number])
    for head, size in ((0x18, 1), (0x19, 2)):
        if number < 1 << 8 * size:
            return bytes([head]) + number.to_bytes(size, 'big')
    return b'\x1a' + number.to_bytes(4, 'big')
