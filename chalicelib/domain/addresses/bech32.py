"""Bech32 and Bech32m of any length: BIP-173 allows 90 characters, addresses of Cardano and MWEB have more."""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

_CHECKSUM = 6


class Decoded(NamedTuple):
    """A decoded string: `encoding` as embit numbers it, `data` in groups of five bits, without the checksum."""

    encoding: int
    prefix: str
    data: Sequence[int]


@lru_cache(maxsize=4)  # all chains are asked about one text, and a checksum takes 100 µs
def decode(text: str) -> Decoded | None:
    """Return the decoded string, None if it is neither Bech32 nor Bech32m or the checksum is wrong."""
    from embit import bech32

    if is_mixed_case(text):
        return None
    prefix, _, symbols = text.lower().rpartition('1')
    if not prefix:
        return None
    data = [bech32.CHARSET.find(symbol) for symbol in symbols]
    if -1 in data:
        return None
    encoding = bech32.bech32_verify_checksum(prefix, data)
    return None if encoding is None else Decoded(encoding, prefix, tuple(data[:-_CHECKSUM]))


def is_mixed_case(text: str) -> bool:
    """Whether a string has both upper and lower case, which Bech32 forbids."""
    return text not in (text.lower(), text.upper())
