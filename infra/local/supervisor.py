"""Everything on this computer, in the foreground, until SIGTERM or Ctrl-C: moto here, the API and the worker as children."""

import contextlib
import http.client
import os
import signal
import socket
import time
from threading import Event, Thread

from infra.local.processes import Child, Children

HOST = '127.0.0.1'
DEFAULT_PORT = 8000
_BACKLOG = 128
_WATCH_SECONDS = 0.2
_START_SECONDS = 300
_ANSWER_SECONDS = 10


class CannotStart(Exception):
    """Why, in one sentence."""


class Stopped(Exception):
    """The run was ended while it started."""


def run() -> None:
    """Serve until a signal asks to stop. Raises CannotStart."""
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with _listen(port()) as listening, contextlib.suppress(Stopped):
        _serve(listening, stop)


def port() -> int:
    """Return the port that PORT asks for; 0 takes a free one. Raises CannotStart."""
    text = os.environ.get('PORT') or str(DEFAULT_PORT)
    if not (text.isascii() and text.isdecimal() and int(text[:6]) < 65_536):
        raise CannotStart(f'PORT must be a number from 0 to 65535, not {text!r}')
    return int(text)


def default_issuer() -> str:
    """Return the URL of the API on the port that PORT asks for. Raises CannotStart."""
    return f'http://{HOST}:{port()}'


def _listen(number: int) -> socket.socket:
    """Return a listening socket. Raises CannotStart.

    It stays open here while the process that answers is started again, so that clients wait instead of being refused.
    """
    try:
        return socket.create_server((HOST, number), backlog=_BACKLOG)
    except OSError as error:
        what = 'may not be used' if isinstance(error, PermissionError) else 'is in use'
        raise CannotStart(f'port {number} {what}: choose another, e.g. make run PORT=8001') from None


def _serve(listening: socket.socket, stop: Event) -> None:
    url = f'http://{HOST}:{listening.getsockname()[1]}'
    _choose_upstream(os.environ.get('UPSTREAM', ''))
    _say('starting a moto server', stop)
    from infra.local import moto_server, stack  # take a while to import, in which nothing would have been printed

    stack.enter(moto_server.start(HOST), url)
    with Children() as children:
        _say('starting the API', stop)
        api = children.start('api', str(listening.fileno()), pass_fds=[listening.fileno()])
        _say('creating the table and the queues of infra/template.yaml', stop)
        stack.create()
        _say('creating the demo user and application', stop)
        from infra.local import demo  # reads the settings that were made above

        demo.create()
        _say('starting the worker', stop)
        children.start('worker')
        _wait_until_answered(listening, api, stop)
        print(f'ready {url}\n\nTry:\n\n{demo.first_steps(url)}\n', flush=True)
        while not stop.wait(_WATCH_SECONDS):
            children.revive(stop)


def _say(step: str, stop: Event) -> None:
    if stop.is_set():
        raise Stopped
    print(f'{step} ...', flush=True)


def _choose_upstream(name: str) -> None:
    """Start the sample upstream where it is asked for, and lead the children there. Raises CannotStart for an unknown one."""
    if name not in ('', 'sample'):
        raise CannotStart(f'UPSTREAM is sample, for made-up explorers on this computer, or not set, for the real ones; {name!r} is unknown')
    if name == 'sample':
        from infra.fake_upstreams import sample

        server = sample.serve()
        Thread(target=server.serve_forever, daemon=True).start()
        os.environ['UPSTREAM_URL'] = server.url


def _wait_until_answered(listening: socket.socket, api: Child, stop: Event) -> None:
    """Wait until the API answers. Raises CannotStart when it ends instead, Stopped."""
    deadline = time.monotonic() + _START_SECONDS
    while not _answers(listening.getsockname()[1]):
        if stop.is_set():
            raise Stopped
        if api.ended or time.monotonic() > deadline:
            raise CannotStart('the API did not start; the reason is above')


def _answers(number: int) -> bool:
    connection = http.client.HTTPConnection(HOST, number, timeout=_ANSWER_SECONDS)
    try:
        connection.request('GET', '/api/user')
        return connection.getresponse().status < 500
    except OSError:
        return False
    finally:
        connection.close()
