"""The application over HTTP, in the process of the tests."""

import socket
from collections.abc import Iterator
from threading import Thread

import pytest

from app import app
from infra.local import stack
from infra.local.api import Server


@pytest.fixture(scope='module')
def server() -> Iterator[tuple[str, int]]:
    """Host and port of the application."""
    listening = socket.create_server(('127.0.0.1', 0))
    plain = app.__class__
    server = Server(app, stack.config(), listening)
    thread = Thread(target=server.serve_forever, kwargs={'poll_interval': 0.02})
    thread.start()
    yield listening.getsockname()
    server.shutdown()
    thread.join()
    server.server_close()
    app.__class__ = plain
