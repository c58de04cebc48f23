"""Addresses of chains with an Ethereum Virtual Machine, which are the same on all of them; in canonical form with EIP-55's checksum."""

import re
from functools import lru_cache

from chalicelib.domain.addresses import bech32
from chalicelib.domain.addresses.errors import CONTRACT_CALL, MALFORMED, ONLY_EVM, OTHER_NETWORK, BadAddress
from chalicelib.domain.addresses.keccak import keccak256
from chalicelib.domain.addresses.uris import PaymentRequest

PRIVATE_KEYS = '(?:0x)?[0-9A-Fa-f]{63,65}'  # 32 bytes in hexadecimal, give or take a digit
_FORM = re.compile(r'(?:pay-)?0[xX](?P<digits>[0-9a-fA-F]{40})(?:@(?P<chain>[0-9]+))?(?P<call>/.*)?')  # EIP-681
_AVALANCHE_CHAIN = re.compile('[XPC]-(?=avax1)')  # Avalanche's prefixes for its three chains


def normalise(evm_id: int, request: PaymentRequest) -> str:
    """Return an address with its EIP-55 checksum. Raises BadAddress, also if a URI names another chain id (EIP-155) than `evm_id`."""
    match = _FORM.fullmatch(request.address)
    if match is None:
        raise BadAddress(ONLY_EVM if bech32.decode(_AVALANCHE_CHAIN.sub('', request.address)) else MALFORMED)
    if match['call'] is not None:
        raise BadAddress(CONTRACT_CALL)  # the address is that of the contract; an account may be among the arguments
    if match['chain'] not in (None, str(evm_id)):
        raise BadAddress(OTHER_NETWORK)
    digits = match['digits']
    checked = checksum(digits)
    if digits not in (digits.lower(), digits.upper(), checked):
        raise BadAddress(MALFORMED)
    return '0x' + checked


@lru_cache(maxsize=4)  # all chains of the kind are asked about one address, and a hash takes half a millisecond
def checksum(digits: str) -> str:
    """Return 40 hexadecimal digits with the capitals that are EIP-55's checksum."""
    plain = digits.lower()
    digest = keccak256(plain.encode()).hex()
    return ''.join(digit.upper() if nibble >= '8' else digit for digit, nibble in zip(plain, digest, strict=False))
