"""Which addresses can be followed, and the one spelling under which each is stored.

Pure: no clock, no network, no AWS. Refuses keys of any kind and never repeats what it was given, which may be one.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

# embit is imported inside the functions below: importing its bech32 module loads a native library that only this needs.

_LONGEST = 200  # with room for an extended key; base58 decoding takes quadratic time
_BASE58 = '[1-9A-HJ-NP-Za-km-z]'
_PRIVATE_KEY = re.compile(f'{_BASE58}{{51,52}}|[A-Za-z]prv{_BASE58}+')
_EXTENDED_PUBLIC_KEY = re.compile(f'[A-Za-z]pub{_BASE58}{{50,}}')

_NOT_SUPPORTED = 'Addresses of this currency cannot be followed'
_PRIVATE = 'This is a private key: never share it, give the address instead'
_EXTENDED = 'Extended public keys are not supported: give single addresses instead'
_MIXED_CASE = 'Upper and lower case are mixed: copy the address as the wallet shows it'
_OTHER_NETWORK = 'This address belongs to another currency or to a test network'
_MALFORMED = 'This is not a valid address: copy it again, a character may be wrong or missing'


class BadAddress(ValueError):
    """The text cannot be an address of the currency; `reason` is a sentence to act on that never quotes the text."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def normalise(currency: str, text: str) -> str:
    """Return the canonical form of an address, under which equal addresses are equal strings.

    Accepts surrounding whitespace and a BIP-21 payment URI, whose query is dropped.
    Raises BadAddress when the text cannot be an address on the main network of `currency`.
    """
    rule = _RULES.get(currency)
    if rule is None:
        raise BadAddress(_NOT_SUPPORTED)
    bare = text.strip().partition('?')[0]
    if bare.lower().startswith(rule.scheme):
        bare = bare[len(rule.scheme) :]
    if len(bare) > _LONGEST:
        raise BadAddress(_MALFORMED)
    return rule.normalise(bare)


def is_legacy(currency: str, address: str) -> bool:
    """Tell whether a canonical address is pay-to-public-key-hash in Base58Check.

    Explorers disagree only on these: some add the outputs paid to the bare public key behind the hash.
    """
    rule = _RULES.get(currency)
    return rule is not None and address.startswith(rule.legacy)


def _normalise_bitcoin(text: str) -> str:
    if text[:3].lower() == 'bc1':
        return _normalise_segwit(text)
    if _is_foreign_segwit(text):
        raise BadAddress(_OTHER_NETWORK)
    _refuse_keys(text)
    payload = _decode_base58check(text)
    if len(payload) != 21:
        raise BadAddress(_MALFORMED)
    if payload[0] not in (0x00, 0x05):
        raise BadAddress(_OTHER_NETWORK)
    return text


def _normalise_segwit(text: str) -> str:
    """Apply BIP-173 as amended by BIP-350: checksum by witness version, program length, padding."""
    from embit import bech32

    if text not in (text.lower(), text.upper()):
        raise BadAddress(_MIXED_CASE)
    version, _ = bech32.decode('bc', text)
    if version is None:
        raise BadAddress(_MALFORMED)
    return text.lower()


def _is_foreign_segwit(text: str) -> bool:
    from embit import bech32

    encoding, _, _ = bech32.bech32_decode(text)
    return encoding is not None


def _refuse_keys(text: str) -> None:
    """Recognise keys by their shape alone: one with a typing error is as secret as one without."""
    if _PRIVATE_KEY.fullmatch(text):
        raise BadAddress(_PRIVATE)
    if _EXTENDED_PUBLIC_KEY.fullmatch(text):
        raise BadAddress(_EXTENDED)


def _decode_base58check(text: str) -> bytes:
    from embit import base58

    try:
        payload: bytes = base58.decode_check(text)
    except ValueError:
        payload = b''  # raising here would chain the codec's error, which quotes the text
    return payload


class _Rule(NamedTuple):
    """How one currency writes its addresses: URI scheme, check, and how its legacy addresses begin."""

    scheme: str
    normalise: Callable[[str], str]
    legacy: tuple[str, ...]


_RULES = {
    'btc': _Rule('bitcoin:', _normalise_bitcoin, ('1',)),
}

SUPPORTED: frozenset[str] = frozenset(_RULES)
