"""What private keys and seeds look like, so that none is stored, sent to an explorer or shown again.

These are shapes without checksums: a key with a typo is as secret as one without. No address has such a shape. The shapes of a
single chain are in its record (domain/chains.py).
"""

import re
from collections.abc import Sequence

BASE58 = '[1-9A-HJ-NP-Za-km-z]'
_WORD = r'[^\W\d_]{1,10}'


def wif(first_letters: str) -> str:
    """Return the shape of keys in WIF (Bitcoin and its descendants), given the letters with which they begin.

    The letters follow from the version byte: one for uncompressed public keys, one or two for compressed ones.
    """
    return f'[{first_letters}]{BASE58}{{50,51}}'


# BIP-32 with the versions of SLIP-132. They have 111 characters, with some missing fewer; addresses of Bitcoin Cash that begin so have 42.
EXTENDED = r'(?:[A-Za-z]prv|[LMt]tpv|dgpv)\w{50,}'
COMMON = '|'.join(
    (
        wif('9c'),  # the test networks of Bitcoin and its descendants
        f'6P{BASE58}{{56}}',  # BIP-38
        EXTENDED,
        rf'(?:{_WORD}\s+){{11,23}}{_WORD}',  # BIP-39
    )
)
_ANYWHERE = re.compile('|'.join((COMMON, wif('5KL'), wif('6T'))))
_TOKEN = re.compile(r'\w+')
_SHORTEST_SEED = 12  # words


def are_in(text: str) -> bool:
    """Return whether anything in a text has the shape of a private key, or it has a seed: twelve words in a row of BIP-39's list."""
    tokens = _TOKEN.findall(text)
    return any(_ANYWHERE.fullmatch(token) for token in tokens) or (len(tokens) >= _SHORTEST_SEED and _is_seed_in(tokens))


def _is_seed_in(tokens: Sequence[str]) -> bool:
    from embit.wordlists.bip39 import WORDLIST

    words, in_a_row = frozenset(WORDLIST), 0
    for token in tokens:
        in_a_row = in_a_row + 1 if token.lower() in words else 0
        if in_a_row == _SHORTEST_SEED:
            return True
    return False
