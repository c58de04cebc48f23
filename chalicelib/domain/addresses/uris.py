"""Payment URIs, as wallets show them in QR codes. Takes them apart; what the parts mean is for each chain to say."""

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl


class Given(NamedTuple):
    """What was given as an address: the part without scheme and query, and the query by lower-case name."""

    address: str
    query: Mapping[str, str]


def parse(text: str, schemes: tuple[str, ...]) -> Given:
    """Take apart an address or a URI of one of `schemes` (lower case, with the colon), whose case does not count (RFC 3986)."""
    address, _, query = text.strip().partition('?')
    for scheme in schemes:
        if address[: len(scheme)].lower() == scheme:
            address = address[len(scheme) :]
            break
    return Given(address, {name.lower(): value for name, value in parse_qsl(query)})
