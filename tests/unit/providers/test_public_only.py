"""Requests to strangers' URLs go to public addresses only, and end soon."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from chalicelib.errors import AccountLimited, AccountRefused, Upstream
from chalicelib.providers.exchanges.generic import GenericReader
from chalicelib.providers.public_addresses import is_public
from chalicelib.providers.transport import Http, Limits, NotPublic
from chalicelib.providers.upstream import Endpoint


def nothing(_: Endpoint) -> None:
    """No gate."""


@pytest.mark.parametrize(
    'address',
    ['127.0.0.1', '10.1.2.3', '172.16.0.1', '192.168.1.1', '169.254.169.254', '100.64.0.1', '0.0.0.0', '224.0.0.1', '255.255.255.255',
     '192.0.2.1', '::1', '::', 'fe80::1%eth0', 'fc00::1', 'ff02::1', '::ffff:127.0.0.1', '64:ff9b::7f00:1', '2002:7f00:1::', '::7f00:1',
     '2001:0:4136:e378:8000:63bf:3fff:fdd2', '2001:db8::1', '3fff::1', '2001:20::1', '::ffff:8.8.8.8', '64:ff9b:1::1', '100::1',
     'fec0::1', '::ffff:0:7f00:1', '5f00::1', '::1:0:0', '1fff::1', '4000::1', 'e000::1', 'fe00::1', '192.0.0.8', '192.0.0.192',
     '192.0.0.9', '192.88.99.1', '168.63.129.16', '240.0.0.1', '198.18.0.1'],
)  # fmt: skip
def test_an_address_that_leads_inside_is_not_public(address: str):
    assert not is_public(address)


@pytest.mark.parametrize(
    'address',
    [
        *('93.184.215.14', '1.1.1.1', '168.63.129.15', '168.63.129.17', '192.0.1.1', '192.88.98.1'),
        *('2606:4700:4700::1111', '2001:4860:4860::8888', '2001:200::1', '2a00:1450:4001:80b::200e', '2400:cb00::1', '2c0f::1'),
    ],
)
def test_others_are(address: str):
    assert is_public(address)


@contextmanager
def listening() -> Iterator[socket.socket]:
    with socket.create_server(('127.0.0.1', 0)) as server:
        server.settimeout(0.2)
        yield server


@pytest.mark.parametrize('host', ['127.0.0.1', 'localhost', '[::ffff:127.0.0.1]', '2130706433', '0x7f.1'])
def test_nothing_connects_to_this_machine_whatever_it_is_called(host: str):
    with listening() as server:
        url = f'https://{host}:{server.getsockname()[1]}'
        with pytest.raises(Upstream) as caught:
            Http(nothing, Limits(10, 1_000, public_only=True)).signed(Endpoint('generic', url, 0), 'GET', '/', {}, None)
        with pytest.raises(TimeoutError):
            server.accept()

    assert isinstance(caught.value, NotPublic) or 'cannot be reached' in caught.value.reason


@pytest.mark.parametrize(
    'url',
    ['http://example.com/x', 'ftp://example.com', 'https://', 'https:///x', 'https://user:pass@example.com/', 'file:///etc/passwd',
     'https://example.com:99999/', 'example.com', 'https://[::/', 'https://\u2100/'],
)  # fmt: skip
def test_a_url_that_is_not_plain_https_is_refused(url: str):
    with pytest.raises(AccountRefused) as caught:
        GenericReader({'url': url})
    assert caught.value.problem == 'address_refused'


def test_a_private_address_is_told_to_the_user():
    with pytest.raises(AccountRefused) as caught:
        GenericReader({'url': 'https://127.0.0.1:1/mine.json'}).read(Http(nothing), '')
    assert (caught.value.problem, caught.value.detail) == ('address_refused', 'its host has an address that is not public')


@pytest.mark.parametrize('host', ['nosuch.invalid', 'no..name', 'a' * 64 + '.invalid'])
def test_a_host_that_is_not_there_is_tried_again(host: str):
    with pytest.raises(AccountLimited):
        GenericReader({'url': f'https://{host}/mine.json'}).read(Http(nothing), '')
