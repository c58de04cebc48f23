"""The accounts in which addresses of Solana hold tokens. Pure.

A token is held in accounts of a program, which name its mint and their owner. Wallet programs use the account whose address is derived from
both: https://solana.com/docs/tokens/basics/create-token-account.
"""

import hashlib
from typing import NamedTuple

from chalicelib.domain.addresses import base58

PROGRAM = 'TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA'
PROGRAM_2022 = 'TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb'
# The mints of the catalogue that are of the second program, all others are of the first.
_OF_2022 = frozenset({'2b1kV6DkPAnxd5ixfnxCpjxmKwqjjaYmCZfHsFu24GXo', '2u1tszSeqZ3qBWF3uNGPFc8TzMk2tdiwknnRMWGWjGWH'})
_ASSOCIATED_PROGRAM = 'ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL'
_KEY_BYTES = 32
_AMOUNT_BYTES = 8
STATE_BYTES = 2 * _KEY_BYTES + _AMOUNT_BYTES  # mint, owner and amount, with which the state of every token account begins

_P = 2**255 - 19
_D = -121665 * pow(121666, -1, _P) % _P


class TokenAccount(NamedTuple):
    """What an account holds: `units` of the smallest unit of a mint."""

    mint: str
    owner: str
    units: int


def read_state(state: bytes) -> TokenAccount:
    """Return what the first STATE_BYTES of a token account's state say. Raises ValueError for fewer bytes."""
    if len(state) < STATE_BYTES:
        raise ValueError('no token account')
    mint, owner = state[:_KEY_BYTES], state[_KEY_BYTES : 2 * _KEY_BYTES]
    return TokenAccount(base58.encode(mint), base58.encode(owner), int.from_bytes(state[2 * _KEY_BYTES : STATE_BYTES], 'little'))


def program_of(mint: str) -> str:
    """Return the program that a mint of the catalogue belongs to."""
    return PROGRAM_2022 if mint in _OF_2022 else PROGRAM


def associated_account(owner: str, mint: str, program: str) -> str:
    """Return the account in which wallet programs keep a mint for an owner.

    It is the first of the hashes of both and a number, counted down from 255, that is no point on the curve, so that nobody has a key.

    >>> associated_account('B8UwBUUnKwCyKuGMbFKWaG7exYdDk2ozZrPg72NyVbfj', '7o36UsWR1JQLpZ9PE2gn9L4SQ69CNNiWAXd4Jt7rqz9Z', PROGRAM)
    'DShWnroshVbeUp28oopA3Pu7oFPDBtC1DBmPECXXAQ9n'
    """
    seeds = base58.decode(owner) + base58.decode(program) + base58.decode(mint)
    end = base58.decode(_ASSOCIATED_PROGRAM) + b'ProgramDerivedAddress'
    hashes = (hashlib.sha256(seeds + bytes([bump]) + end).digest() for bump in range(255, -1, -1))
    return base58.encode(next(digest for digest in hashes if not _is_on_curve(digest)))


def _is_on_curve(encoded: bytes) -> bool:
    """Whether 32 bytes encode a point of edwards25519 (RFC 8032, section 5.1.3): whether x² = (y² - 1) / (d y² + 1) has a root."""
    y = (int.from_bytes(encoded, 'little') & (2**255 - 1)) % _P
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    return square == 0 or pow(square, (_P - 1) // 2, _P) == 1
