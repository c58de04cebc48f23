"""Which IP addresses are those of the public internet. Pure."""

import ipaddress

# IPv6 addresses with an IPv4 address inside of them, which a gateway or tunnel may lead to.
_TRANSLATED = tuple(
    ipaddress.IPv6Network(one) for one in ('::ffff:0:0/96', '::/96', '64:ff9b::/96', '64:ff9b:1::/48', '2002::/16', '2001::/32')
)


def is_public(text: str) -> bool:
    """Return whether an IP address is one of the public internet; those that lead to a network behind another address are not.

    >>> is_public('93.184.215.14'), is_public('127.0.0.1'), is_public('169.254.169.254'), is_public('::ffff:10.0.0.1')
    (True, False, False, False)
    """
    address = ipaddress.ip_address(text.partition('%')[0])
    if not address.is_global or address.is_multicast:
        return False
    return address.version == 4 or not any(address in network for network in _TRANSLATED)
