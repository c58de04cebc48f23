"""Which addresses can be followed, and the one spelling under which each is stored.

Pure: no clock, no network, no AWS. Refuses keys of any kind and never repeats what it was given, which may be one.
The rules of each chain and what they follow: docs/decisions/0013-address-rules.md.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from chalicelib.domain.addresses import (
    bitcoin_cash,
    bitcoin_like,
    cardano,
    errors,
    evm,
    extended_keys,
    litecoin,
    private_keys,
    solana,
    stellar,
    uris,
    xrp,
)
from chalicelib.domain.addresses.errors import BadAddress
from chalicelib.domain.addresses.extended_keys import derive, is_extended_key

_LONGEST = 200  # with room for an extended key; base58 decoding takes quadratic time


class _Rule(NamedTuple):
    """How one currency writes its addresses: URI schemes, check, and how those begin that pay to the hash of a public key."""

    schemes: tuple[str, ...]
    normalise: Callable[[uris.Given], str]
    legacy: tuple[str, ...] = ()


RULES = {
    'btc': _Rule(('bitcoin:',), partial(bitcoin_like.normalise, bitcoin_like.BITCOIN), ('1',)),
    'ltc': _Rule(('litecoin:',), litecoin.normalise, ('L',)),
    'doge': _Rule(('dogecoin:',), partial(bitcoin_like.normalise, bitcoin_like.DOGECOIN), ('D',)),
    'dash': _Rule(('dash:',), partial(bitcoin_like.normalise, bitcoin_like.DASH), ('X',)),
    'bch': _Rule(('bitcoincash:',), bitcoin_cash.normalise, ('q',)),
    'eth': _Rule(('ethereum:',), partial(evm.normalise, '1')),
    'etc': _Rule(('ethereum:',), partial(evm.normalise, '61')),
    'pol': _Rule(('ethereum:',), partial(evm.normalise, '137')),
    'bnb': _Rule(('ethereum:',), partial(evm.normalise, '56')),
    'avax': _Rule(('ethereum:',), partial(evm.normalise, '43114')),
    'xdai': _Rule(('ethereum:',), partial(evm.normalise, '100')),
    'xrp': _Rule(('xrpl:', 'ripple:'), xrp.normalise),
    'xlm': _Rule(('web+stellar:',), stellar.normalise),
    'sol': _Rule(('solana:',), solana.normalise),
    'ada': _Rule(('web+cardano:',), cardano.normalise),
}

# Of RULES, those that explorers exist for.
SUPPORTED: frozenset[str] = frozenset({'btc', 'ltc', 'doge', 'dash', 'bch', 'eth', 'etc', 'pol', 'bnb', 'avax', 'xrp', 'xlm', 'sol', 'ada'})
HD: frozenset[str] = frozenset({'btc', 'ltc'})  # of SUPPORTED, those whose extended public keys are taken as addresses


def normalise(currency: str, text: str) -> str:
    """Return the canonical form of an address, under which equal addresses are equal strings.

    Accepts surrounding whitespace and a payment URI (BIP-21, EIP-681, SEP-7, CIP-13, Solana Pay), of which the address is kept.
    Raises BadAddress when the text cannot be an address on the main network of `currency`.
    """
    rule = RULES.get(currency)
    if rule is None:
        raise BadAddress(errors.NOT_SUPPORTED)
    given = uris.parse(text, rule.schemes)
    if private_keys.is_private_key(given.address):
        raise BadAddress(errors.PRIVATE)
    if len(given.address) > _LONGEST or not given.address.isascii():
        raise BadAddress(errors.MALFORMED)
    if extended_keys.looks_like_one(given.address):
        return _normalise_extended_key(currency, given.address)
    return rule.normalise(given)


def is_legacy(currency: str, address: str) -> bool:
    """Tell whether a canonical address is pay-to-public-key-hash outside of segwit.

    Explorers disagree only on these: some add the outputs paid to the bare public key behind the hash.
    """
    rule = RULES.get(currency)
    return rule is not None and address.startswith(rule.legacy)


def _normalise_extended_key(currency: str, text: str) -> str:
    if currency not in HD:
        raise BadAddress(errors.EXTENDED)
    extended_keys.read(currency, text)
    return text


__all__ = ['HD', 'RULES', 'SUPPORTED', 'BadAddress', 'derive', 'is_extended_key', 'is_legacy', 'normalise']
