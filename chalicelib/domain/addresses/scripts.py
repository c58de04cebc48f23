"""Output scripts that HD wallets use, and the addresses of them.

embit is imported inside the functions, as in all of this package.
"""

from collections.abc import Sequence
from enum import Enum
from typing import Any

from chalicelib.domain.addresses.bitcoin_like import Network

_CHECKMULTISIG = 0xAE
_MOST_SMALL = 16  # numbers up to this have an operation of their own


class Script(Enum):
    """A kind of output script; its value is how the API and stored items call it."""

    P2PKH = 'p2pkh'
    P2WPKH_IN_P2SH = 'p2sh-p2wpkh'
    P2WPKH = 'p2wpkh'
    P2TR = 'p2tr'
    P2SH = 'p2sh'
    P2WSH_IN_P2SH = 'p2sh-p2wsh'
    P2WSH = 'p2wsh'


def address_of_key(network: Network, kind: Script, key: Any) -> str:
    """Return the canonical address that pays to one public key of embit's."""
    from embit import script

    output = {Script.P2PKH: script.p2pkh, Script.P2TR: script.p2tr}.get(kind, script.p2wpkh)(key)
    return _address(network, script.p2sh(output) if kind is Script.P2WPKH_IN_P2SH else output)


def address_of_key_hash(network: Network, key: bytes) -> str:
    """Return the canonical address that pays to the hash of a serialised public key, which need not be a valid one."""
    from embit import base58, hashes

    address: str = base58.encode_check(bytes([network.p2pkh]) + hashes.hash160(key))
    return address


def address_of_keys(network: Network, kind: Script, threshold: int, keys: Sequence[bytes]) -> str:
    """Return the canonical address of which `threshold` of the owners of these serialised public keys can dispose."""
    from embit import script

    pushes = b''.join(bytes([len(key)]) + key for key in keys)
    inner = script.Script(_number(threshold) + pushes + _number(len(keys)) + bytes([_CHECKMULTISIG]))
    if kind is Script.P2SH:
        return _address(network, script.p2sh(inner))
    output = script.p2wsh(inner)
    return _address(network, script.p2sh(output) if kind is Script.P2WSH_IN_P2SH else output)


def _number(number: int) -> bytes:
    return bytes([0x50 + number]) if number <= _MOST_SMALL else bytes([1, number])


def _address(network: Network, output: Any) -> str:
    address: str = output.address({'p2pkh': bytes([network.p2pkh]), 'p2sh': bytes([network.p2sh]), 'bech32': network.segwit})
    return address
