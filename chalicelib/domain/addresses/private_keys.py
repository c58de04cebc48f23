"""Recognises private keys and seeds of every chain, so that none is stored, sent to an explorer or shown again.

By their shape alone: one with a typing error is as secret as one without. No shape here fits an address.
"""

import re

_BASE58 = '[1-9A-HJ-NP-Za-km-z]'
_WORD = r'[^\W\d_]{1,10}'
_PRIVATE_KEY = re.compile(
    '|'.join(
        (
            f'[5679KLTQXc]{_BASE58}{{50,51}}',  # WIF: bitcoin, litecoin, dogecoin, dash and their test networks
            f'6P{_BASE58}{{56}}',  # BIP-38
            r'[A-Za-z]prv\w+|[LMt]tpv\w+|dgpv\w+',  # BIP-32 with the versions of SLIP-132
            '(?:0x)?[0-9A-Fa-f]{63,65}',  # 32 bytes in hexadecimal, a digit more or less
            f's{_BASE58}{{27,30}}|p{_BASE58}{{50,51}}',  # XRP: seeds, account and node keys
            'S[A-Z2-7]{54,56}',  # Stellar, SEP-23
            f'{_BASE58}{{86,88}}',  # 64 bytes: Solana's secret and public key
            r'\[\s*\d{1,3}(?:\s*,\s*\d{1,3}){31,63}\s*\]',  # the same as Solana's tools write it
            r'[a-z0-9_]+_x?sk1\w+',  # Cardano, CIP-5
            rf'(?:{_WORD}\s+){{11,23}}{_WORD}',  # BIP-39
            r'(?:\d{6}\s+){7}\d{6}',  # XRP secret numbers
        )
    )
)


def is_private_key(text: str) -> bool:
    """Tell whether a text has the shape of a private key, a seed or a seed phrase."""
    return _PRIVATE_KEY.fullmatch(text) is not None
