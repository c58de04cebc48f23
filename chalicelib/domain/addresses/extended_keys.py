"""Extended public keys (BIP-32): what is read from one, and of which level of an HD wallet it is (BIP-44 and its kin).

Public derivation only: private keys are refused here as everywhere.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from chalicelib.domain.addresses import base58, bitcoin_like, private_keys
from chalicelib.domain.addresses.errors import ACCOUNT_KEY, MALFORMED, MULTISIG, OTHER_NETWORK, PRIVATE, BadAddress
from chalicelib.domain.addresses.scripts import Script

# Bounded because Base58 decoding takes quadratic time; with room for typos around the 111 characters of a key.
_SHAPE = re.compile('(?:[A-Za-z]pub|[LMt]tub|dgub|drkp)[1-9A-HJ-NP-Za-km-z]{50,120}')
_PRIVATE = re.compile(private_keys.EXTENDED)
_VERSION_BYTES, _UNVERSIONED_BYTES = 4, 74
_XPUB = bytes.fromhex('0488b21e')
HARDENED = 1 << 31
_MULTISIG_VERSIONS = {0x0295B43F, 0x02AA7ED3}  # Ypub, Zpub
_ACCOUNT_DEPTH = 3
_DEEPEST = 4
_PURPOSES = {HARDENED + number for number in (44, 45, 47, 48, 49, 84, 86, 87)}


@dataclass(frozen=True, eq=False)
class Format:
    """The extended public keys of a chain.

    `network`: how it writes addresses. `versions`: the script that each version (SLIP-132) of a key stands for. `scripts`: those that
    accounts of one key use, the most usual first.
    """

    network: bitcoin_like.Network
    versions: Mapping[int, Script]
    scripts: tuple[Script, ...]


class ExtendedKey(NamedTuple):
    """An extended public key: embit's HDKey, and the script that its version stands for, None if that is one of several keys'."""

    key: Any
    script: Script | None

    @property
    def is_of_master(self) -> bool:
        """Whether it is the key of a whole seed, below which most wallet programs use hardened steps only."""
        return int(self.key.depth) == 0

    @property
    def is_of_chain(self) -> bool:
        """Whether addresses are right below it: the key of the receiving or of the change addresses of an account."""
        return bool(self.key.depth not in (0, _ACCOUNT_DEPTH) and self.key.child_number < HARDENED)

    def require_addresses(self) -> None:
        """Raise BadAddress if no HD wallet has addresses that are derived from a key of this level without hardened steps."""
        depth, number = self.key.depth, self.key.child_number
        if depth > _DEEPEST or (depth == 1 and number in _PURPOSES) or (depth == 2 and number >= HARDENED):
            raise BadAddress(ACCOUNT_KEY)
        if self.script is None or (depth == _DEEPEST and number >= HARDENED):
            raise BadAddress(MULTISIG)


_BITCOIN_VERSIONS = {
    0x0488B21E: Script.P2PKH,  # xpub
    0x049D7CB2: Script.P2WPKH_IN_P2SH,  # ypub
    0x04B24746: Script.P2WPKH,  # zpub
}
_LITECOIN_VERSIONS = {
    0x019DA462: Script.P2PKH,  # Ltub
    0x01B26EF6: Script.P2WPKH_IN_P2SH,  # Mtub
}
_SCRIPTS = (Script.P2WPKH, Script.P2WPKH_IN_P2SH, Script.P2PKH)
BITCOIN = Format(bitcoin_like.BITCOIN, _BITCOIN_VERSIONS, (*_SCRIPTS, Script.P2TR))
# Litecoin Core and many wallet programs write Bitcoin's versions for Litecoin.
LITECOIN = Format(bitcoin_like.LITECOIN, _BITCOIN_VERSIONS | _LITECOIN_VERSIONS, _SCRIPTS)


def has_shape(text: str) -> bool:
    """Whether a string looks like an extended public key of any chain."""
    return _SHAPE.fullmatch(text) is not None


def parse(key_format: Format, text: str) -> ExtendedKey:
    """Return what an extended public key of a chain says. Raises BadAddress."""
    if _PRIVATE.fullmatch(text):
        raise BadAddress(PRIVATE)
    payload = base58.decode_check(text) if has_shape(text) else b''
    key = _parse_unversioned(payload[_VERSION_BYTES:])
    if key is None:
        raise BadAddress(MALFORMED)
    version = int.from_bytes(payload[:_VERSION_BYTES], 'big')
    if version not in key_format.versions and version not in _MULTISIG_VERSIONS:
        raise BadAddress(OTHER_NETWORK)
    return ExtendedKey(key, key_format.versions.get(version))


def spellings(key_format: Format, key: Any) -> list[str]:
    """Return the texts that stand for a key of embit's: one for each version of the chain."""
    unversioned = key.serialize()[_VERSION_BYTES:]
    return [base58.encode_check(version.to_bytes(_VERSION_BYTES, 'big') + unversioned) for version in key_format.versions]


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
