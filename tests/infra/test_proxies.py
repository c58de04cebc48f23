"""What the local server makes of a reverse proxy before it."""

import pytest

from infra.local import networks, proxies


@pytest.mark.parametrize(
    ('peer', 'forwarded', 'trusted', 'address'),
    [
        ('127.0.0.1', [], '', '127.0.0.1'),
        ('203.0.113.9', ['198.51.100.7'], '', '203.0.113.9'),  # nobody is trusted
        ('203.0.113.9', ['198.51.100.7'], '10.0.0.0/8', '203.0.113.9'),  # this one is not
        ('10.0.0.1', ['198.51.100.7'], '10.0.0.0/8', '198.51.100.7'),
        ('10.0.0.1', ['1.1.1.1, 198.51.100.7'], '10.0.0.0/8', '198.51.100.7'),  # what the client invented stands before
        ('10.0.0.1', ['1.1.1.1', '198.51.100.7, 10.0.0.2'], '10.0.0.0/8', '198.51.100.7'),  # two proxies
        ('10.0.0.1', ['10.0.0.3, 10.0.0.2'], '10.0.0.0/8', '10.0.0.3'),
        ('10.0.0.1', ['unknown'], '10.0.0.0/8', '10.0.0.1'),
        ('10.0.0.1', ['198.51.100.7, nonsense'], '10.0.0.0/8', '10.0.0.1'),
        ('::1', ['2001:db8::7'], '::1, 127.0.0.1', '2001:db8::7'),
        ('::ffff:10.0.0.1', ['1.1.1.1, ::ffff:198.51.100.7'], '10.0.0.0/8', '198.51.100.7'),  # an IPv4 address as one of IPv6
        ('10.0.0.1', ['198.51.100.7, ::ffff:10.0.0.2'], '10.0.0.0/8', '198.51.100.7'),
    ],
)
def test_a_request_comes_from_the_last_address_that_no_trusted_proxy_has(
    peer: str, forwarded: list[str], trusted: str, address: str
) -> None:
    assert networks.source(peer, forwarded, networks.parse(trusted)) == address


@pytest.mark.parametrize('text', ['router', '10.0.0.1/8', '10.0.0.0/8 ::1'])
def test_what_is_no_network_is_refused(text: str) -> None:
    with pytest.raises(networks.BadNetwork, match='TRUSTED_PROXIES'):
        networks.parse(text)


@pytest.mark.parametrize(
    ('issuer', 'path', 'route'),
    [
        ('https://example.com', '/api/user', '/api/user'),
        ('https://example.com/', '/api/user', '/api/user'),
        ('https://example.com/crypto', '/crypto/api/user', '/api/user'),
        ('https://example.com/crypto/', '/crypto', '/'),
        ('https://example.com/crypto', '/api/user', '/api/user'),
        ('https://example.com/crypto', '/cryptography', '/cryptography'),
    ],
)
def test_routes_are_found_with_and_without_the_path_of_the_public_address(issuer: str, path: str, route: str) -> None:
    assert proxies.without_base(path, proxies.base_path(issuer)) == route
