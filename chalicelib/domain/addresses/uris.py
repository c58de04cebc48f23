"""Payment URIs, as wallet programs show them in QR codes. Splits them; each chain interprets the parts."""

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl


class PaymentRequest(NamedTuple):
    """An address or payment URI without its scheme: what stands before the query, and the query by lower-case name."""

    address: str
    query: Mapping[str, str]


def parse(text: str, schemes: tuple[str, ...]) -> PaymentRequest:
    """Split an address, or a URI with one of `schemes` (lower case, with the colon); schemes ignore case (RFC 3986).

    >>> parse(' Bitcoin:1JfbZRwd?amount=1 ', ('bitcoin:',))
    PaymentRequest(address='1JfbZRwd', query={'amount': '1'})
    """
    address, _, query = text.strip().partition('?')
    for scheme in schemes:
        if address[: len(scheme)].lower() == scheme:
            address = address[len(scheme) :]
            break
    return PaymentRequest(address, {name.lower(): value for name, value in parse_qsl(query)})
