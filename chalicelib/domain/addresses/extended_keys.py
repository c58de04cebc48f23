"""Extended public keys (BIP-32): which are whose, and the addresses below them (BIP-44, BIP-49, BIP-84).

Public derivation only: a private key is refused like everywhere.
"""

import re
from enum import Enum, auto
from functools import lru_cache
from typing import Any, NamedTuple

from chalicelib.domain.addresses import base58, bitcoin_like, private_keys
from chalicelib.domain.addresses.errors import EXTENDED, MALFORMED, MULTISIG, OTHER_NETWORK, PRIVATE, BadAddress

# Bounded, as base58 decoding takes quadratic time; with room for typing errors around the 111 characters of a key.
_SHAPE = re.compile('(?:[A-Za-z]pub|[LMt]tub|dgub|drkp)[1-9A-HJ-NP-Za-km-z]{50,120}')
_VERSION, _LENGTH = 4, 74
_XPUB = bytes.fromhex('0488b21e')
_HARDENED = 1 << 31


class Script(Enum):
    """What the addresses below a key pay to."""

    P2PKH = auto()
    P2WPKH_IN_P2SH = auto()
    P2WPKH = auto()


# The version bytes of SLIP-132. Litecoin Core writes Bitcoin's, and so do many wallets for Litecoin.
_BITCOINS = {
    0x0488B21E: Script.P2PKH,  # xpub
    0x049D7CB2: Script.P2WPKH_IN_P2SH,  # ypub
    0x04B24746: Script.P2WPKH,  # zpub
}
_LITECOINS = {
    0x019DA462: Script.P2PKH,  # Ltub
    0x01B26EF6: Script.P2WPKH_IN_P2SH,  # Mtub
}
_SHARED = {0x0295B43F, 0x02AA7ED3}  # Ypub, Zpub


class _Coin(NamedTuple):
    """How a coin writes its addresses, and what its keys' versions say of those below."""

    network: bitcoin_like.Network
    versions: dict[int, Script]


_COINS = {
    'btc': _Coin(bitcoin_like.BITCOIN, _BITCOINS),
    'ltc': _Coin(bitcoin_like.LITECOIN, _BITCOINS | _LITECOINS),
}


def looks_like_one(text: str) -> bool:
    """Tell whether a text has the shape of an extended public key of any currency."""
    return _SHAPE.fullmatch(text) is not None


def is_extended_key(currency: str, text: str) -> bool:
    """Tell whether a text is an extended public key of `currency` that `derive` takes."""
    try:
        read(currency, text)
    except BadAddress:
        return False
    return True


def derive(currency: str, extended_key: str, branch: int, index: int) -> str:
    """Return the canonical address number `index` on `branch`, 0 for receiving and 1 for change, below an account's key.

    The version of the key tells the kind of script: xpub P2PKH, ypub P2WPKH in P2SH, zpub P2WPKH.
    Raises BadAddress for what is no extended public key of `currency`, ValueError for a number that is not from 0 to 2**31 - 1.
    """
    from embit import script

    if not (0 <= branch < _HARDENED and 0 <= index < _HARDENED):
        raise ValueError('a public key has no such child')
    kind, parent = _branch(currency, extended_key, branch)
    child = parent.child(index)
    paid = script.p2pkh(child) if kind is Script.P2PKH else script.p2wpkh(child)
    if kind is Script.P2WPKH_IN_P2SH:
        paid = script.p2sh(paid)
    network = _COINS[currency].network
    address: str = paid.address({'p2pkh': bytes([network.p2pkh]), 'p2sh': bytes([network.p2sh]), 'bech32': network.segwit})
    return address


@lru_cache(maxsize=8)
def _branch(currency: str, extended_key: str, branch: int) -> tuple[Script, Any]:
    kind, key = read(currency, extended_key)
    return kind, key.child(branch)


def read(currency: str, text: str) -> tuple[Script, Any]:
    """Return what the addresses below an extended public key pay to, and the key as embit's HDKey. Raises BadAddress."""
    coin = _COINS.get(currency)
    if coin is None:
        raise BadAddress(EXTENDED)
    if private_keys.is_private_key(text):
        raise BadAddress(PRIVATE)
    payload = base58.decode_check(text) if looks_like_one(text) else b''
    key = _parse(payload[_VERSION:])
    if key is None:
        raise BadAddress(MALFORMED)
    version = int.from_bytes(payload[:_VERSION], 'big')
    if version not in coin.versions:
        raise BadAddress(MULTISIG if version in _SHARED else OTHER_NETWORK)
    return coin.versions[version], key


def _parse(unversioned: bytes) -> Any:
    """Return embit's key for what follows the version, None for what BIP-32 says is none."""
    if len(unversioned) != _LENGTH:
        return None
    from embit.base import EmbitError
    from embit.bip32 import HDKey

    try:
        key = HDKey.parse(_XPUB + unversioned)  # it knows no version of Litecoin
    except EmbitError:
        key = None
    return key
