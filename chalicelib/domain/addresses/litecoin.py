"""Addresses of Litecoin. Refuses two forms that Bitcoin does not have: script addresses from before 2017, and MWEB."""

from chalicelib.domain.addresses import bitcoin_like
from chalicelib.domain.addresses.errors import MWEB, OLD_SCRIPT, BadAddress
from chalicelib.domain.addresses.uris import PaymentRequest


def normalise(request: PaymentRequest) -> str:
    """Return the canonical form of an address of Litecoin. Raises BadAddress."""
    if request.address.lower().startswith('ltcmweb1'):
        raise BadAddress(MWEB)
    if request.address.startswith('3') and bitcoin_like.version_of(request.address) == bitcoin_like.BITCOIN.p2sh:
        raise BadAddress(OLD_SCRIPT)  # Bitcoin uses this version byte too, so the chain is unknown
    return bitcoin_like.normalise(bitcoin_like.LITECOIN, request)
