"""A second opinion on derived addresses: BIP-32, BIP-173, BIP-341 and BIP-350 as their texts have them, with nothing of embit's."""

import hashlib
import hmac
from functools import cache
from typing import NamedTuple

from ecdsa import SECP256k1, VerifyingKey

_BASE58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'
_BECH32 = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l'


class Node(NamedTuple):
    """An extended public key without what it says of its place."""

    key: bytes
    chain_code: bytes

    @classmethod
    @cache
    def of(cls, text: str) -> 'Node':
        payload = decode_base58(text)
        return cls(payload[45:78], payload[13:45])

    @cache  # noqa: B019  # a few hundred in a whole run
    def child(self, number: int) -> 'Node':
        """CKDpub."""
        digest = hmac.digest(self.chain_code, self.key + number.to_bytes(4, 'big'), 'sha512')
        return Node(_add(self.key, digest[:32]), digest[32:])

    def below(self, *numbers: int) -> 'Node':
        node = self
        for number in numbers:
            node = node.child(number)
        return node


def p2pkh(key: bytes, version: int = 0x00) -> str:
    return encode_base58check(bytes([version]) + hash160(key))


def p2sh(script: bytes, version: int = 0x05) -> str:
    return encode_base58check(bytes([version]) + hash160(script))


def p2wpkh(key: bytes, prefix: str = 'bc') -> str:
    return segwit(prefix, 0, hash160(key))


def p2sh_p2wpkh(key: bytes, version: int = 0x05) -> str:
    return p2sh(b'\x00\x14' + hash160(key), version)


def p2tr(key: bytes, prefix: str = 'bc') -> str:
    tag = hashlib.sha256(b'TapTweak').digest()
    tweak = hashlib.sha256(tag + tag + key[1:]).digest()
    return segwit(prefix, 1, _add(b'\x02' + key[1:], tweak)[1:])


def multisig(threshold: int, keys: list[bytes]) -> bytes:
    """Return the script of up to sixteen keys."""
    return bytes([0x50 + threshold]) + b''.join(b'\x21' + key for key in keys) + bytes([0x50 + len(keys), 0xAE])


def p2wsh(script: bytes, prefix: str = 'bc') -> str:
    return segwit(prefix, 0, sha256(script))


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def of_script(script: bytes) -> str:
    """Return the Bitcoin address of an output script."""
    if script[:2] == b'\xa9\x14':
        return encode_base58check(b'\x05' + script[2:22])
    if script[:3] == b'\x76\xa9\x14':
        return encode_base58check(b'\x00' + script[3:23])
    return segwit('bc', 0 if script[0] == 0 else script[0] - 0x50, script[2:])


def segwit(prefix: str, version: int, program: bytes) -> str:
    bits = int.from_bytes(program, 'big') << (-len(program) * 8 % 5)
    groups = (len(program) * 8 + 4) // 5
    data = [version, *(bits >> 5 * place & 31 for place in reversed(range(groups)))]
    expanded = [*(ord(letter) >> 5 for letter in prefix), 0, *(ord(letter) & 31 for letter in prefix)]
    checksum = _polymod([*expanded, *data, 0, 0, 0, 0, 0, 0]) ^ (0x2BC830A3 if version else 1)
    return f'{prefix}1' + ''.join(_BECH32[value] for value in [*data, *(checksum >> 5 * (5 - place) & 31 for place in range(6))])


def encode_base58check(payload: bytes) -> str:
    data = payload + hashlib.sha256(hashlib.sha256(payload).digest()).digest()[:4]
    number, text = int.from_bytes(data, 'big'), ''
    while number:
        number, digit = divmod(number, 58)
        text = _BASE58[digit] + text
    return '1' * (len(data) - len(data.lstrip(b'\x00'))) + text


def decode_base58(text: str) -> bytes:
    number = 0
    for letter in text:
        number = number * 58 + _BASE58.index(letter)
    return number.to_bytes(82, 'big')


def hash160(data: bytes) -> bytes:
    return hashlib.new('ripemd160', hashlib.sha256(data).digest()).digest()


def _add(key: bytes, tweak: bytes) -> bytes:
    """Return a public key with a private key's added to it, both compressed."""
    point = VerifyingKey.from_string(key, curve=SECP256k1).pubkey.point + SECP256k1.generator * int.from_bytes(tweak, 'big')
    compressed: bytes = VerifyingKey.from_public_point(point, curve=SECP256k1).to_string('compressed')
    return compressed


def _polymod(values: list[int]) -> int:
    checksum = 1
    for value in values:
        top = checksum >> 25
        checksum = (checksum & 0x1FFFFFF) << 5 ^ value
        for place, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            checksum ^= generator if top >> place & 1 else 0
    return checksum
