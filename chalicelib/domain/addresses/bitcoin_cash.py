"""Addresses of Bitcoin Cash: CashAddr, whose canonical form goes without prefix, and the legacy form that Bitcoin has too.

https://github.com/bitcoincashorg/bitcoincash.org/blob/master/spec/cashaddr.md and, for the types that take tokens,
https://github.com/cashtokens/cashtokens#cashaddress-token-support. All forms of one script become one.
"""

from typing import NamedTuple

from chalicelib.domain.addresses import base58, bech32, bitcoin_like
from chalicelib.domain.addresses.errors import MALFORMED, MIXED_CASE, OTHER_NETWORK, BadAddress
from chalicelib.domain.addresses.uris import Given

_PREFIX = 'bitcoincash'
_P2PKH, _P2SH = 0, 1
_TAKES_TOKENS = 2  # added to the type: the same script
_CHECKSUM = 8  # symbols of five bits
_GENERATORS = (0x98F2BC8E61, 0x79B76D99E2, 0xF33E5FB3C4, 0xAE2EABE2A8, 0x1E4F43E470)
_VERSION_BYTES = {(_P2PKH, 20): 0, (_P2SH, 20): 8, (_P2SH, 32): 11}  # the type in bits 3 to 6, the size in bits 0 to 2


class _Script(NamedTuple):
    """What an address pays to."""

    kind: int
    hash: bytes


def normalise(given: Given) -> str:
    """Return an address in CashAddr, lower case, without prefix. Raises BadAddress."""
    legacy = base58.decode_check(given.address)
    return _encode(_read_legacy(legacy) if legacy else _read(given.address))


def _read_legacy(payload: bytes) -> _Script:
    kinds = {bitcoin_like.BITCOIN.p2pkh: _P2PKH, bitcoin_like.BITCOIN.p2sh: _P2SH}
    if len(payload) != 21:
        raise BadAddress(MALFORMED)
    if payload[0] not in kinds:
        raise BadAddress(OTHER_NETWORK)
    return _Script(kinds[payload[0]], payload[1:])


def _read(text: str) -> _Script:
    from embit.bech32 import CHARSET, convertbits

    prefix, colon, symbols = text.lower().rpartition(':')
    values = [CHARSET.find(symbol) for symbol in symbols]
    if not symbols or -1 in values:
        raise BadAddress(OTHER_NETWORK if bech32.decode(text) else MALFORMED)
    if bech32.is_mixed(text):
        raise BadAddress(MIXED_CASE)
    if _polymod(prefix if colon else _PREFIX, values) != 0:
        raise BadAddress(MALFORMED)
    if colon:  # its own prefix is gone by now, as the scheme of a URI
        raise BadAddress(OTHER_NETWORK)
    return _script_of(convertbits(values[:-_CHECKSUM], 5, 8, False))


def _script_of(payload: list[int] | None) -> _Script:
    """Read the version byte, which names type and size, and the hash; None stands for bits left over that are not zero."""
    if payload:
        for (kind, size), version in _VERSION_BYTES.items():
            if payload[0] in (version, version + (_TAKES_TOKENS << 3)) and len(payload) == 1 + size:
                return _Script(kind, bytes(payload[1:]))
    raise BadAddress(MALFORMED)


def _encode(script: _Script) -> str:
    from embit.bech32 import CHARSET, convertbits

    version = _VERSION_BYTES[script.kind, len(script.hash)]
    values = convertbits(bytes([version]) + script.hash, 8, 5)
    remainder = _polymod(_PREFIX, values + [0] * _CHECKSUM)
    values += [remainder >> 5 * place & 31 for place in reversed(range(_CHECKSUM))]
    return ''.join(CHARSET[value] for value in values)


def _polymod(prefix: str, values: list[int]) -> int:
    """Return the remainder by CashAddr's BCH code, 0 where the checksum is right."""
    remainder = 1
    for value in [*(ord(letter) & 31 for letter in prefix), 0, *values]:
        top = remainder >> 35
        remainder = (remainder & 0x07FFFFFFFF) << 5 ^ value
        for bit, generator in enumerate(_GENERATORS):
            if top >> bit & 1:
                remainder ^= generator
    return remainder ^ 1
