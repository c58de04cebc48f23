"""The addresses of reverse proxies that are trusted to say who a request comes from."""

import ipaddress
from collections.abc import Iterable

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class BadNetwork(ValueError):
    """What TRUSTED_PROXIES names and is no network; the message says which."""


def parse(text: str) -> list[Network]:
    """Return the networks of proxies, separated by commas. Raises BadNetwork."""
    try:
        return [ipaddress.ip_network(one.strip()) for one in text.split(',') if one.strip()]
    except ValueError as error:
        raise BadNetwork(f'TRUSTED_PROXIES must be addresses or networks separated by commas: {error}') from None


def source(peer: str, forwarded: Iterable[str], trusted: list[Network]) -> str:
    """Return the address a request comes from: the last of X-Forwarded-For, then the peer, that is no trusted proxy.

    What stands before the first address that no trusted proxy wrote could be anybody's invention.

    >>> source('10.0.0.1', ['203.0.113.9, 198.51.100.7'], [ipaddress.ip_network('10.0.0.0/8')])
    '198.51.100.7'
    """
    hops = [hop.strip() for line in forwarded for hop in line.split(',')] + [peer]
    address = peer
    for hop in reversed(hops):
        try:
            parsed = ipaddress.ip_address(hop)
        except ValueError:
            return address
        if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:  # as proxies that listen for both write it
            parsed = parsed.ipv4_mapped
        address = str(parsed)
        if not any(parsed in network for network in trusted):
            return address
    return address
