"""Where the local server is reached."""

import socket

import pytest

from infra.local.supervisor import reachable_address


class ListeningSocket(socket.socket):
    """A socket that says it listens on an address, which this computer need not have."""

    def __init__(self, host: str) -> None:
        super().__init__()
        self._host = host

    def getsockname(self) -> tuple[str, int]:
        return self._host, 8000


@pytest.mark.parametrize(('host', 'reached'), [('127.0.0.1', '127.0.0.1'), ('0.0.0.0', '127.0.0.1'), ('192.0.2.7', '192.0.2.7')])
def test_a_server_that_listens_on_one_address_is_reached_there(host: str, reached: str) -> None:
    with ListeningSocket(host) as listening:
        assert reachable_address(listening) == (reached, 8000)
