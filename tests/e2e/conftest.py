"""Local stacks as processes, and the API as an OAuth2 client of one sees it."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from oauthlib.oauth2 import LegacyApplicationClient
from requests import Response
from requests_oauthlib import OAuth2Session

from tests.e2e import remote
from tests.e2e.remote import Remote
from tests.support.processes import PATIENCE_SECONDS, ROOT, wait_until
from tests.support.sharing import locked, shared

DEMO = {
    'DEMO_EMAIL': 'demo@example.com',
    'DEMO_PASSWORD': 'demo-password',
    'DEMO_CLIENT_ID': 'demo-app',
    'DEMO_CLIENT_SECRET': 'demo-secret',
}


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that only waits for its parent to notice does not."""
    state = Path(f'/proc/{pid}/stat')
    if Path('/proc/self').exists():
        return state.exists() and state.read_text().rpartition(')')[2].split()[0] != 'Z'
    return subprocess.run(['ps', '-p', str(pid)], stdout=subprocess.DEVNULL, check=False).returncode == 0


@dataclass
class Stack:
    """A local stack that serves; `demo` are the values of the DEMO_ variables."""

    folder: Path
    demo: dict[str, str]

    @property
    def output(self) -> str:
        return (self.folder / 'output').read_text()

    @property
    def log(self) -> str:
        return (self.folder / 'log').read_text()

    @property
    def url(self) -> str:
        ready = re.search(r'^ready (http://127\.0\.0\.1:\d+)$', self.output, re.MULTILINE)
        return ready[1] if ready else ''

    @property
    def port(self) -> int:
        return int(self.url.rpartition(':')[2])


@dataclass
class OwnStack(Stack):
    """A stack that this process started, and may end."""

    process: 'subprocess.Popen[bytes]'

    def pid(self, command: str) -> int:
        """Return the process that is now the `api` or the `worker`."""
        return int(re.findall(rf'^{command} is process (\d+)$', self.log, re.MULTILINE)[-1])

    @property
    def pids(self) -> list[int]:
        return [self.process.pid, self.pid('api'), self.pid('worker')]

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and return the exit status."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_SECONDS)


class Client:
    """An application of a user's, after the documented flow: requests-oauthlib and a password grant.

    `portfolio_paths` are those of the portfolios that it has created.
    """

    def __init__(self, stack: Stack | Remote, scope: str) -> None:
        self.url = stack.url
        self.portfolio_paths: list[str] = []
        self.pause = remote.PAUSE_SECONDS if isinstance(stack, Remote) else 0.05
        self.auth = stack.demo['DEMO_CLIENT_ID'], stack.demo['DEMO_CLIENT_SECRET']
        self.session = OAuth2Session(client=LegacyApplicationClient(client_id=self.auth[0]))
        self.token = self.session.fetch_token(
            f'{self.url}/oauth/token',
            username=stack.demo['DEMO_EMAIL'],
            password=stack.demo['DEMO_PASSWORD'],
            auth=self.auth,
            scope=scope.split(),
        )

    def request(self, method: str, path: str, body: Any = None) -> Response:
        return self.session.request(method, self.url + path, json=body, timeout=PATIENCE_SECONDS)

    def get(self, path: str) -> Any:
        """Return the answer's body. It must be a 200."""
        answer = self.request('GET', path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: Any) -> Any:
        """Return the object made. The answer must be a 201."""
        answer = self.request('POST', path, body)
        assert answer.status_code == 201, answer.text
        return answer.json()['result']

    def portfolio(self) -> str:
        """Create a portfolio; return its path."""
        made = self.post('/api/portfolios', {'title': 'My portfolio', 'currencies': ['btc', 'usd']})
        self.portfolio_paths.append(f'/api/portfolios/{made["id"]}')
        return self.portfolio_paths[-1]

    def address(self, portfolio: str, address: str) -> str:
        """Add a Bitcoin address; return its path."""
        made = self.post(f'{portfolio}/addresses', {'title': 'My address', 'address': address, 'currency': 'btc'})
        return f'{portfolio}/addresses/{made["id"]}'

    def when_ready(self, path: str, *, complete: bool | None = None) -> Any:
        """Ask until the answer is no longer Not ready, and says `complete` if that is given; return its body."""

        def answered() -> Any:
            answer = self.request('GET', path)
            if answer.status_code == 503:
                assert answer.json()['message'] == 'Not ready'
                return None
            assert answer.status_code == 200, answer.text
            body = answer.json()
            return body if complete in (None, body.get('complete')) else None

        return wait_until(answered, pause=self.pause)


def start(folder: Path, *command: str, **environment: str) -> OwnStack:
    """Start a stack, or another command of infra.local that serves, and wait until it does.

    It has nothing of this environment but where programs are.
    """
    clean = {name: os.environ[name] for name in ('PATH', 'HOME') if name in os.environ}
    with (folder / 'output').open('wb') as output, (folder / 'log').open('wb') as log:
        process = subprocess.Popen(
            [sys.executable, '-m', 'infra.local', *command],
            cwd=ROOT,
            # Tests ask again sooner than anybody should.
            env=clean | {'PORT': '0', 'PYTHONUNBUFFERED': '1', 'RATE_LIMIT': '0', 'NETWORK_LIMIT': '0'} | environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=log,
            start_new_session=True,
        )
    stack = OwnStack(folder, DEMO | {name: environment[name] for name in DEMO if name in environment}, process)
    wait_until(lambda: stack.url or process.poll() is not None)
    assert stack.url, stack.log
    return stack


@pytest.fixture(scope='session', autouse=True)
def _plain_http() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('OAUTHLIB_INSECURE_TRANSPORT', '1')
        patch.setenv('NO_PROXY', '127.0.0.1')
        yield


@pytest.fixture(scope='session')
def _folder_of_all(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """A folder that the processes which share the tests of this run have in common."""
    folder = tmp_path_factory.getbasetemp()
    return folder.parent if hasattr(request.config, 'workerinput') else folder


@pytest.fixture(scope='session')
def _stack_of_all(_folder_of_all: Path) -> Iterator[Stack | Remote]:
    """The server that the environment names, or a stack beside the sample upstream: one for all processes that share the tests."""
    if remote.is_named():
        with remote.prepared() as running:
            yield running
    else:
        with shared(_folder_of_all / 'stack', lambda folder: start(folder, UPSTREAM='sample'), OwnStack.end) as folder:
            yield Stack(folder, DEMO)


@pytest.fixture
def stack(_stack_of_all: Stack | Remote, _folder_of_all: Path) -> Iterator[Stack | Remote]:
    """A server for all tests that leave it running, one at a time: they have one user."""
    with locked(_folder_of_all / 'stack-turn'):
        yield _stack_of_all


@pytest.fixture
def start_stack(tmp_path: Path) -> Iterator[Callable[..., OwnStack]]:
    """Return a function that starts a stack of the test's own, with the command's words and with variables as keywords."""
    started: list[OwnStack] = []

    def start_one(*command: str, **environment: str) -> OwnStack:
        started.append(start(tmp_path, *command, **environment))
        return started[-1]

    yield start_one
    for one in started:
        if one.process.poll() is None:
            one.end()


@pytest.fixture
def client(stack: Stack | Remote) -> Iterator[Client]:
    """A client with all that can be granted. What it made goes where the server stays."""
    client = Client(stack, 'admin')
    yield client
    if isinstance(stack, Remote):
        for portfolio in client.portfolio_paths:
            client.request('DELETE', portfolio)
