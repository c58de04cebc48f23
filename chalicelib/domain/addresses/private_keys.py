"""What private keys and seeds look like, so that none is stored, sent to an explorer or shown again.

These are shapes without checksums: a key with a typo is as secret as one without. No address has such a shape. The shapes of a
single chain are in its record (domain/chains.py).
"""

BASE58 = '[1-9A-HJ-NP-Za-km-z]'
_WORD = r'[^\W\d_]{1,10}'


def wif(first_letters: str) -> str:
    """Return the shape of keys in WIF (Bitcoin and its descendants), given the letters with which they begin.

    The letters follow from the version byte: one for uncompressed public keys, one or two for compressed ones.
    """
    return f'[{first_letters}]{BASE58}{{50,51}}'


EXTENDED = r'[A-Za-z]prv\w+|[LMt]tpv\w+|dgpv\w+'  # BIP-32 with the versions of SLIP-132
COMMON = '|'.join(
    (
        wif('9c'),  # the test networks of Bitcoin and its descendants
        f'6P{BASE58}{{56}}',  # BIP-38
        EXTENDED,
        rf'(?:{_WORD}\s+){{11,23}}{_WORD}',  # BIP-39
    )
)
