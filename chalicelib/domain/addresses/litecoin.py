"""Addresses of Litecoin that Bitcoin's forms do not cover: script addresses of before 2017, and MWEB's. Refuses both."""

from chalicelib.domain.addresses import bitcoin_like
from chalicelib.domain.addresses.errors import MWEB, OLD_SCRIPT, BadAddress
from chalicelib.domain.addresses.uris import Given


def normalise(given: Given) -> str:
    """Return the canonical form of an address of Litecoin. Raises BadAddress."""
    if given.address.lower().startswith('ltcmweb1'):
        raise BadAddress(MWEB)
    if given.address.startswith('3') and bitcoin_like.version_of(given.address) == bitcoin_like.BITCOIN.p2sh:
        raise BadAddress(OLD_SCRIPT)  # both chains used this version; nothing in the text tells whose it is
    return bitcoin_like.normalise(bitcoin_like.LITECOIN, given)
