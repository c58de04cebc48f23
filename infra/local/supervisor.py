"""Everything on this computer, in the foreground, until SIGTERM or Ctrl-C: moto here, the API and the worker as children."""

import contextlib
import errno
import http.client
import os
import shlex
import signal
import socket
import time
from functools import partial
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, NamedTuple

from infra.durable.folder import CannotOpen, Folder
from infra.local import credentials, networks
from infra.local.processes import Child, Children

if TYPE_CHECKING:
    from chalicelib.models import User

HOST = '127.0.0.1'
_ALL_HOSTS = '0.0.0.0'
DEFAULT_PORT = 8000
_BACKLOG = 128
_WATCH_SECONDS = 0.2
_START_SECONDS = 300
_ANSWER_SECONDS = 10


class CannotStart(Exception):
    """Why, in one sentence."""


class Stopped(Exception):
    """The run was ended while it started."""


class Kind(NamedTuple):
    """How `make run` and `make serve` differ.

    `folder` keeps the data; without one it is gone at the end. A server `at_home` has no user that everybody knows, and its schedules
    come as often as on AWS. `has_user`: one whom the environment names is stored, should they not be there.
    """

    folder: Folder | None
    at_home: bool
    has_user: bool


def run() -> None:
    """Serve for somebody who tries it, until a signal asks to stop. Raises CannotStart."""
    data = os.environ.get('DATA')
    _run(Kind(Folder(Path(data)) if data else None, at_home=False, has_user=True))


def serve() -> None:
    """Serve for good, from the folder that DATA names, until a signal asks to stop. Raises CannotStart."""
    data = os.environ.get('DATA')
    if not data:
        raise CannotStart('which folder is to keep the data? make serve DATA=folder')
    os.environ['SIGNUP'] = os.environ.get('SIGNUP') or 'closed'
    try:
        networks.parse(os.environ.get('TRUSTED_PROXIES', ''))
        has_user = credentials.are_named()
    except (networks.BadNetwork, credentials.Incomplete) as error:
        raise CannotStart(str(error)) from None
    _run(Kind(Folder(Path(data)), at_home=True, has_user=has_user))


def _run(kind: Kind) -> None:
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        with (
            _listen(kind, port()) as listening,
            contextlib.suppress(Stopped),
            kind.folder.opened() if kind.folder else contextlib.nullcontext(),
        ):
            _serve(listening, stop, kind)
    except CannotOpen as error:
        raise CannotStart(str(error)) from None


def port() -> int:
    """Return the port that PORT asks for; 0 takes a free one. Raises CannotStart."""
    text = os.environ.get('PORT') or str(DEFAULT_PORT)
    if not (text.isascii() and text.isdecimal() and int(text[:6]) < 65_536):
        raise CannotStart(f'PORT must be a number from 0 to 65535, not {text!r}')
    return int(text)


def default_issuer() -> str:
    """Return the URL of the API on the port that PORT asks for. Raises CannotStart."""
    return f'http://{HOST}:{port()}'


def _listen(kind: Kind, number: int) -> socket.socket:
    """Return a listening socket. Raises CannotStart.

    Only a home server listens beyond this computer: everybody knows the password of the demo user, and some shells export HOST.
    It stays open here while the process that answers is started again, so that clients wait instead of being refused.
    """
    host = (kind.at_home and os.environ.get('HOST')) or HOST
    try:
        return socket.create_server((host, number), backlog=_BACKLOG)
    except OSError as error:
        if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
            raise CannotStart(f'HOST must be an address of this computer, or 0.0.0.0 for all of them, not {host!r}') from None
        command = 'make serve' if kind.at_home else 'make run'
        what = 'may not be used' if isinstance(error, PermissionError) else 'is in use'
        raise CannotStart(f'port {number} {what}: choose another, e.g. {command} PORT=8001') from None


def _serve(listening: socket.socket, stop: Event, kind: Kind) -> None:
    local = 'http://{}:{}'.format(*reachable_address(listening))
    _choose_upstream(os.environ.get('UPSTREAM', ''))
    _say('starting a moto server', stop)
    from infra.local import emulated_aws, stack  # take a while to import, in which nothing would have been printed

    emulation = emulated_aws.enter(kind.folder, (kind.at_home and os.environ.get('ISSUER')) or local)
    with Children() as children:
        if kind.folder:
            _say('opening the data', stop)
            stack.create()
            _upgrade(kind.folder)
        _say('starting the API', stop)
        api = children.start('api', str(listening.fileno()), pass_fds=[listening.fileno()])
        _say('creating the table and the queues of infra/template.yaml', stop)
        stack.create()
        if kind.folder:
            kind.folder.tell_environment(emulation.environment)
        advice = _first_user(kind, local, stop)
        _say('starting the worker', stop)
        released = partial(emulated_aws.release_leases, emulation.store)  # it is the only worker, so no lease from before it is held
        children.start('worker', *(['--fast'] if not kind.at_home else []), before=released)
        _wait_until_answered(listening, api, stop)
        print(f'ready {local}\n\n{advice}\n', flush=True)
        if kind.at_home and kind.folder:
            from infra.local import home

            Thread(target=home.back_up_daily, args=(kind.folder, stop), daemon=True).start()
        while not stop.wait(_WATCH_SECONDS):
            children.revive(stop)


def _upgrade(folder: Folder) -> None:
    """Raises CannotStart."""
    from infra.local import home

    try:
        home.upgrade(folder)
    except (home.Failed, OSError) as error:
        raise CannotStart(f'the data could not be brought to this version: {error}') from None


def _first_user(kind: Kind, url: str, stop: Event) -> str:
    """Store the user and application, should they be wanted and not be there; return what to do first."""
    if not kind.has_user:
        return f'Sign-up is {os.environ["SIGNUP"]}. A user: make user DATA={shlex.quote(os.environ["DATA"])} EMAIL=you@example.com'
    from infra.local import demo  # reads the settings that were made above

    _say('creating the user and application of DEMO_EMAIL' if kind.at_home else 'creating the demo user and application', stop)
    user = demo.create()
    return f'{_demo_portfolio(kind, url, user, stop)}Try:\n\n{demo.first_steps(url)}'


def _demo_portfolio(kind: Kind, url: str, user: 'User', stop: Event) -> str:
    """Make the portfolio of the demo user where the sample upstream has what it holds; return the line that leads there, if it does."""
    if kind.at_home or os.environ.get('UPSTREAM') != 'sample':
        return ''
    from infra.local import demo_portfolio

    _say('making the demo portfolio', stop)
    portfolio_id = demo_portfolio.make_once(user)
    who = f'{credentials.EMAIL.shown}, password {credentials.PASSWORD.shown}'
    return f'A portfolio to look at (log in as {who}): {url}/portfolios/{portfolio_id}\n\n'


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
    while not _answers(*reachable_address(listening)):
        if stop.is_set():
            raise Stopped
        if api.ended or time.monotonic() > deadline:
            raise CannotStart('the API did not start; the reason is above')


def reachable_address(listening: socket.socket) -> tuple[str, int]:
    """Return the host and port at which this computer reaches a listening socket."""
    host, number = listening.getsockname()
    return HOST if host == _ALL_HOSTS else host, number


def _answers(host: str, number: int) -> bool:
    connection = http.client.HTTPConnection(host, number, timeout=_ANSWER_SECONDS)
    try:
        connection.request('GET', '/api/user')
        return connection.getresponse().status < 500
    except OSError:
        return False
    finally:
        connection.close()
