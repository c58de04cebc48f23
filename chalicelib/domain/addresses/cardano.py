"""Addresses of Cardano (CIP-19): Shelley's in Bech32, of all kinds that payments go to, and Byron's in Base58.

Refuses stake addresses: explorers answer for a whole account by them, so its addresses would be counted twice.
"""

import re
import zlib

from chalicelib.domain.addresses import base58, bech32
from chalicelib.domain.addresses.errors import MALFORMED, MIXED_CASE, OTHER_NETWORK, STAKE, BadAddress
from chalicelib.domain.addresses.uris import Given

_MAIN = 1
# By the type in the header byte: it and two hashes; it, a hash and a pointer (three numbers of seven bits a byte); it and a hash.
_SHELLEY = (
    (range(4), re.compile(rb'.{57}', re.DOTALL)),
    (range(4, 6), re.compile(rb'.{29}(?:[\x80-\xff]{0,9}[\x00-\x7f]){3}', re.DOTALL)),
    (range(6, 8), re.compile(rb'.{29}', re.DOTALL)),
)
# CBOR of a root's hash, attributes and type. Attribute 1 is a derivation path; 2 is a test network, the main one is not named.
_BYRON = re.compile(rb'\x83\x58\x1c.{28}(?:\xa0|\xa1\x01.+|(?P<test>\xa1\x02.+|\xa2.+))[\x00\x02]', re.DOTALL)
_BYRON_START = b'\x82\xd8\x18\x58'  # an array of two: bytes that are CBOR themselves, and their CRC-32


def normalise(given: Given) -> str:
    """Return a Byron address as it is, another one in lower case. Raises BadAddress."""
    text = given.address
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
    if text[:5].lower() == 'addr1' and bech32.is_mixed(text):
        raise BadAddress(MIXED_CASE)
    outer = base58.decode(text)
    if not outer.startswith(_BYRON_START) or len(outer) == len(_BYRON_START):
        raise BadAddress(MALFORMED)
    inner, check = _split(outer[len(_BYRON_START) :])
    found = _BYRON.fullmatch(inner)
    if found is None or check != _cbor(zlib.crc32(inner)):
        raise BadAddress(MALFORMED)
    if found['test'] is not None:
        raise BadAddress(OTHER_NETWORK)


def _split(counted: bytes) -> tuple[bytes, bytes]:
    """Return the bytes whose number the first byte tells, and what follows them."""
    end = 1 + counted[0]
    return counted[1:end], counted[end:]


def _cbor(number: int) -> bytes:
    """Return a number of 32 bits in its shortest CBOR (RFC 8949 section 4.2.1)."""
    if number < 24:
        return bytes([number])
    for head, size in ((0x18, 1), (0x19, 2)):
        if number < 1 << 8 * size:
            return bytes([head]) + number.to_bytes(size, 'big')
    return b'\x1a' + number.to_bytes(4, 'big')
