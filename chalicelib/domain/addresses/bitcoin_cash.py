"""Addresses of Bitcoin Cash: CashAddr, in canonical form without its prefix, and the legacy form shared with Bitcoin.

https://github.com/bitcoincashorg/bitcoincash.org/blob/master/spec/cashaddr.md and, for the types that take tokens,
https://github.com/cashtokens/cashtokens#cashaddress-token-support. All forms of a script have one canonical form.
"""

from typing import NamedTuple

from chalicelib.domain.addresses import base58, bech32, bitcoin_like
from chalicelib.domain.addresses.errors import MALFORMED, MIXED_CASE, OTHER_NETWORK, BadAddress
from chalicelib.domain.addresses.uris import PaymentRequest

_PREFIX = 'bitcoincash'
_P2PKH, _P2SH = 0, 1
_TOKEN_AWARE = 2  # added to the type; the script is the same
_CHECKSUM_SYMBOLS = 8  # of five bits each
_GENERATORS = (0x98F2BC8E61, 0x79B76D99E2, 0xF33E5FB3C4, 0xAE2EABE2A8, 0x1E4F43E470)
_VERSION_BYTES = {(_P2PKH, 20): 0, (_P2SH, 20): 8, (_P2SH, 32): 11}  # the type in bits 3 to 6, the size in bits 0 to 2


class _Script(NamedTuple):
    """The output script behind an address."""

    kind: int
    hash: bytes


def normalise(request: PaymentRequest) -> str:
    """Return an address in CashAddr, lower case, without prefix. Raises BadAddress."""
    legacy = base58.decode_check(request.address)
    return _encode(_parse_legacy(legacy) if legacy else _parse(request.address))


def _parse_legacy(payload: bytes) -> _Script:
    kinds = {bitcoin_like.BITCOIN.p2pkh: _P2PKH, bitcoin_like.BITCOIN.p2sh: _P2SH}
    if len(payload) != 21:
        raise BadAddress(MALFORMED)
    if payload[0] not in kinds:
        raise BadAddress(OTHER_NETWORK)
    return _Script(kinds[payload[0]], payload[1:])


def _parse(text: str) -> _Script:
    from embit.bech32 import CHARSET, convertbits

    prefix, colon, symbols = text.lower().rpartition(':')
    values = [CHARSET.find(symbol) for symbol in symbols]
    if not symbols or -1 in values:
        raise BadAddress(OTHER_NETWORK if bech32.decode(text) else MALFORMED)
    if bech32.is_mixed_case(text):
        raise BadAddress(MIXED_CASE)
    if _polymod(prefix if colon else _PREFIX, values) != 0:
        raise BadAddress(MALFORMED)
    if colon:  # the prefix of Bitcoin Cash was removed like the scheme of a URI
        raise BadAddress(OTHER_NETWORK)
    return _script_of(convertbits(values[:-_CHECKSUM_SYMBOLS], 5, 8, False))


def _script_of(payload: list[int] | None) -> _Script:
    """Parse the version byte, which holds type and size, and the hash; `payload` is None if the padding is not zero."""
    if payload:
        for (kind, size), version in _VERSION_BYTES.items():
            if payload[0] in (version, version + (_TOKEN_AWARE << 3)) and len(payload) == 1 + size:
                return _Script(kind, bytes(payload[1:]))
    raise BadAddress(MALFORMED)


def _encode(script: _Script) -> str:
    from embit.bech32 import CHARSET, convertbits

    version = _VERSION_BYTES[script.kind, len(script.hash)]
    values = convertbits(bytes([version]) + script.hash, 8, 5)
    remainder = _polymod(_PREFIX, values + [0] * _CHECKSUM_SYMBOLS)
    values += [remainder >> 5 * place & 31 for place in reversed(range(_CHECKSUM_SYMBOLS))]
    return ''.join(CHARSET[value] for value in values)


def _polymod(prefix: str, values: list[int]) -> int:
    """Return the remainder of CashAddr's BCH code, 0 if the checksum is right."""
    remainder = 1
    for value in [*(ord(letter) & 31 for letter in prefix), 0, *values]:
        top = remainder >> 35
        remainder = (remainder & 0x07FFFFFFFF) << 5 ^ value
        for bit, generator in enumerate(_GENERATORS):
            if top >> bit & 1:
                remainder ^= generator
    return remainder ^ 1
