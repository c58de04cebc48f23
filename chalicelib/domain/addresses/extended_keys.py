"""Extended public keys (BIP-32) and the addresses below them (BIP-44, BIP-49, BIP-84).

Public derivation only: private keys are refused here as everywhere.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache
from typing import Any

from chalicelib.domain.addresses import base58, bitcoin_like, private_keys
from chalicelib.domain.addresses.errors import MALFORMED, MULTISIG, OTHER_NETWORK, PRIVATE, BadAddress

# Bounded because Base58 decoding takes quadratic time; with room for typos around the 111 characters of a key.
_SHAPE = re.compile('(?:[A-Za-z]pub|[LMt]tub|dgub|drkp)[1-9A-HJ-NP-Za-km-z]{50,120}')
_PRIVATE = re.compile(private_keys.EXTENDED)
_VERSION_BYTES, _UNVERSIONED_BYTES = 4, 74
_XPUB = bytes.fromhex('0488b21e')
_HARDENED = 1 << 31
_MULTISIG_VERSIONS = {0x0295B43F, 0x02AA7ED3}  # Ypub, Zpub


class Script(Enum):
    """The output script of the addresses below a key."""

    P2PKH = auto()
    P2WPKH_IN_P2SH = auto()
    P2WPKH = auto()


@dataclass(frozen=True, eq=False)
class Format:
    """The extended public keys of a chain: how it writes addresses, and the script for each version (SLIP-132) of a key."""

    network: bitcoin_like.Network
    scripts: Mapping[int, Script]

    def check(self, text: str) -> None:
        """Raise BadAddress unless `text` is an extended public key of the chain."""
        _parse(self, text)

    def matches(self, text: str) -> bool:
        """Whether `text` is an extended public key of the chain."""
        try:
            _parse(self, text)
        except BadAddress:
            return False
        return True

    def derive(self, extended_key: str, branch: int, index: int) -> str:
        """Return the canonical address number `index` on `branch` (0 receiving, 1 change) below an account's key.

        Raises BadAddress if `extended_key` is no such key, ValueError unless `branch` and `index` are from 0 to 2**31 - 1.

        >>> BITCOIN.derive('zpub6rFR7y4Q2AijBEqTUquhVz398htDFrtymD9xYYfG1m4wAcvPhXNfE3EfH1r1ADqtfSdVCToUG868RvUUkgDKf31mGDtK'
        ...                'sAYz2oz2AGutZYs', 0, 0)
        'bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu'
        """
        from embit import script

        if not (0 <= branch < _HARDENED and 0 <= index < _HARDENED):
            raise ValueError('a public key has no such child')
        kind, parent = _parse_branch(self, extended_key, branch)
        child = parent.child(index)
        output = script.p2pkh(child) if kind is Script.P2PKH else script.p2wpkh(child)
        if kind is Script.P2WPKH_IN_P2SH:
            output = script.p2sh(output)
        network = self.network
        address: str = output.address({'p2pkh': bytes([network.p2pkh]), 'p2sh': bytes([network.p2sh]), 'bech32': network.segwit})
        return address


_BITCOIN_SCRIPTS = {
    0x0488B21E: Script.P2PKH,  # xpub
    0x049D7CB2: Script.P2WPKH_IN_P2SH,  # ypub
    0x04B24746: Script.P2WPKH,  # zpub
}
_LITECOIN_SCRIPTS = {
    0x019DA462: Script.P2PKH,  # Ltub
    0x01B26EF6: Script.P2WPKH_IN_P2SH,  # Mtub
}
BITCOIN = Format(bitcoin_like.BITCOIN, _BITCOIN_SCRIPTS)
# Litecoin Core and many wallets write Bitcoin's versions for Litecoin.
LITECOIN = Format(bitcoin_like.LITECOIN, _BITCOIN_SCRIPTS | _LITECOIN_SCRIPTS)


def has_shape(text: str) -> bool:
    """Whether a string looks like an extended public key of any chain."""
    return _SHAPE.fullmatch(text) is not None


@lru_cache(maxsize=8)
def _parse_branch(key_format: Format, extended_key: str, branch: int) -> tuple[Script, Any]:
    kind, key = _parse(key_format, extended_key)
    return kind, key.child(branch)


def _parse(key_format: Format, text: str) -> tuple[Script, Any]:
    """Return the script of the addresses below a key, and the key as embit's HDKey. Raises BadAddress."""
    if _PRIVATE.fullmatch(text):
        raise BadAddress(PRIVATE)
    payload = base58.decode_check(text) if has_shape(text) else b''
    key = _parse_unversioned(payload[_VERSION_BYTES:])
    if key is None:
        raise BadAddress(MALFORMED)
    version = int.from_bytes(payload[:_VERSION_BYTES], 'big')
    if version not in key_format.scripts:
        raise BadAddress(MULTISIG if version in _MULTISIG_VERSIONS else OTHER_NETWORK)
    return key_format.scripts[version], key


def _parse_unversioned(payload: bytes) -> Any:
    """Return embit's key for the bytes after the version, None if BIP-32 calls them invalid."""
    if len(payload) != _UNVERSIONED_BYTES:
        return None
    from embit.base import EmbitError
    from embit.bip32 import HDKey

    try:
        key = HDKey.parse(_XPUB + payload)  # embit knows no versions of Litecoin
    except EmbitError:
        key = None
    return key
