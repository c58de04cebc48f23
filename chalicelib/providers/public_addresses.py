"""Which IP addresses are those of the public internet. Pure."""

import ipaddress

_ALLOCATED = ipaddress.IPv6Network('2000::/3')  # all that is given to networks of the internet; elsewhere nobody has a public server
# Parts of that with a purpose of their own: protocols, tunnels that have an IPv4 address inside of them (Teredo, 6to4), and examples.
_SPECIAL = tuple(ipaddress.IPv6Network(one) for one in ('2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'))
# What ipaddress takes for global, in part or whole.
_SPECIAL_IPV4 = tuple(
    ipaddress.IPv4Network(one)
    for one in (
        '192.0.0.0/24',  # protocols; at one of them an older cloud of Oracle tells a machine its metadata
        '192.88.99.0/24',  # relays of 6to4, which lead to an IPv4 address inside of an IPv6 one
        '168.63.129.16/32',  # a public number, but in every network of Azure the host itself, which hands out a machine's configuration
    )
)


def is_public(text: str) -> bool:
    """Return whether an IP address is one of the public internet; those that lead to a network behind another address are not.

    >>> is_public('93.184.215.14'), is_public('127.0.0.1'), is_public('169.254.169.254'), is_public('::ffff:10.0.0.1')
    (True, False, False, False)
    """
    address = ipaddress.ip_address(text.partition('%')[0])
    if not address.is_global or address.is_multicast:
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _SPECIAL_IPV4)
    return address in _ALLOCATED and not any(address in network for network in _SPECIAL)
