"""Addresses of Ethereum and the chains that took its machine over, which share them. Their canonical form is EIP-55's."""

import re

from chalicelib.domain.addresses import bech32
from chalicelib.domain.addresses.errors import CONTRACT_CALL, MALFORMED, ONLY_EVM, OTHER_NETWORK, BadAddress
from chalicelib.domain.addresses.keccak import keccak256
from chalicelib.domain.addresses.uris import Given

_FORM = re.compile(r'(?:pay-)?0[xX](?P<digits>[0-9a-fA-F]{40})(?:@(?P<chain>[0-9]+))?(?P<call>/.*)?')  # EIP-681
_OTHER_CHAIN = re.compile('[XPC]-(?=avax1)')  # how Avalanche marks which of its chains an address is for


def normalise(chain_id: str, given: Given) -> str:
    """Return an address in EIP-55; a URI that names another chain than `chain_id` (EIP-155) is refused. Raises BadAddress."""
    found = _FORM.fullmatch(given.address)
    if found is None:
        raise BadAddress(ONLY_EVM if bech32.decode(_OTHER_CHAIN.sub('', given.address)) else MALFORMED)
    if found['call'] is not None:
        raise BadAddress(CONTRACT_CALL)  # the address is the contract's; the account, if any, is among its arguments
    if found['chain'] not in (None, chain_id):
        raise BadAddress(OTHER_NETWORK)
    digits = found['digits']
    checked = checksum(digits)
    if digits not in (digits.lower(), digits.upper(), checked):
        raise BadAddress(MALFORMED)
    return '0x' + checked


def checksum(digits: str) -> str:
    """Return 40 hexadecimal digits of any case in the case of EIP-55."""
    plain = digits.lower()
    digest = keccak256(plain.encode()).hex()
    return ''.join(digit.upper() if nibble >= '8' else digit for digit, nibble in zip(plain, digest, strict=False))
