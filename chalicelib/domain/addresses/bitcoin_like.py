"""Addresses of Bitcoin and its descendants: Base58Check with a version byte, segwit with a prefix."""

from typing import NamedTuple

from chalicelib.domain.addresses import base58, bech32
from chalicelib.domain.addresses.errors import MALFORMED, MIXED_CASE, OTHER_NETWORK, BadAddress
from chalicelib.domain.addresses.uris import PaymentRequest


class Network(NamedTuple):
    """The version bytes of pay-to-public-key-hash and pay-to-script-hash, and the prefix of segwit, if the chain has it."""

    p2pkh: int
    p2sh: int
    segwit: str | None = None


BITCOIN = Network(0x00, 0x05, 'bc')
LITECOIN = Network(0x30, 0x32, 'ltc')
DOGECOIN = Network(0x1E, 0x16)
DASH = Network(0x4C, 0x10)

_PAYLOAD_BYTES = 21  # a version byte and a hash of 20 bytes


def normalise(network: Network, request: PaymentRequest) -> str:
    """Return the canonical form of an address of `network`. Raises BadAddress."""
    text = request.address
    if network.segwit and text.lower().startswith(f'{network.segwit}1'):
        return _normalise_segwit(network.segwit, text)
    if bech32.decode(text):
        raise BadAddress(OTHER_NETWORK)
    if version_of(text) not in (network.p2pkh, network.p2sh):
        raise BadAddress(OTHER_NETWORK)
    return text


def version_of(text: str) -> int:
    """Return the version byte of an address in Base58Check. Raises BadAddress."""
    payload = base58.decode_check(text)
    if len(payload) != _PAYLOAD_BYTES:
        raise BadAddress(MALFORMED)
    return payload[0]


def _normalise_segwit(prefix: str, text: str) -> str:
    """Check an address by BIP-173 as amended by BIP-350: checksum by witness version, program length, padding."""
    from embit import bech32 as segwit

    if bech32.is_mixed_case(text):
        raise BadAddress(MIXED_CASE)
    version, _ = segwit.decode(prefix, text)
    if version is None:
        raise BadAddress(MALFORMED)
    return text.lower()
