"""What identifies a token on its chain, in the one spelling that the catalogue has. Pure."""

import re

from chalicelib.domain.addresses.errors import MALFORMED, BadAddress
from chalicelib.domain.chains import CHAINS

_STELLAR_CODE = re.compile('[A-Za-z0-9]{1,12}')
_XRP_CODE = re.compile('[A-Za-z0-9?!@#$%^&*<>(){}\\[\\]|]{3}|[0-9A-F]{40}')
_CARDANO_ASSET = re.compile('[0-9a-f]{56}(?:[0-9a-f]{2}){0,32}')  # policy and name
_CODES = {'xlm': ('-', _STELLAR_CODE), 'xrp': ('.', _XRP_CODE)}


def canonical(chain: str, text: str) -> str:
    """Return what identifies a token on the chain of a coin: a contract with its checksum, a mint, a code with its issuer, a policy
    with a name.

    Raises BadAddress.

    >>> canonical('eth', '0xdac17f958d2ee523a2206206994597c13d831ec7')
    '0xdAC17F958D2ee523a2206206994597C13D831ec7'
    """
    if chain == 'ada':
        if not _CARDANO_ASSET.fullmatch(text):
            raise BadAddress(MALFORMED)
        return text
    if chain in _CODES:
        separator, form = _CODES[chain]
        code, _, issuer = text.partition(separator)
        if not form.fullmatch(code):
            raise BadAddress(MALFORMED)
        return f'{code}{separator}{CHAINS[chain].normalise(issuer)}'
    return CHAINS[chain].normalise(text.lower() if CHAINS[chain].evm_id else text)
