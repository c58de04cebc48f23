"""Bech32 and Bech32m of any length: BIP-173 ends at 90 characters, Cardano and MWEB go beyond."""

from typing import NamedTuple

_CHECKSUM = 6


class Decoded(NamedTuple):
    """A text with a right checksum: `encoding` is embit's, `data` are numbers of five bits."""

    encoding: int
    prefix: str
    data: list[int]


def decode(text: str) -> Decoded | None:
    """Return what a Bech32 or Bech32m text holds, None for any other text."""
    from embit import bech32

    if is_mixed(text):
        return None
    prefix, _, symbols = text.lower().rpartition('1')
    data = [bech32.CHARSET.find(symbol) for symbol in symbols]
    if -1 in data:
        return None
    encoding = bech32.bech32_verify_checksum(prefix, data)
    return None if encoding is None else Decoded(encoding, prefix, data[:-_CHECKSUM])


def is_mixed(text: str) -> bool:
    """Tell whether a text is in both cases, which no Bech32 is."""
    return text not in (text.lower(), text.upper())
