"""`make serve`: what it keeps, who may use it, and what a reverse proxy before it changes."""

import os
import re
import shlex
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from tests.e2e.conftest import Client, OwnStack
from tests.support.processes import PATIENCE_SECONDS, ROOT, wait_until

pytestmark = pytest.mark.e2e

EARLY = '1JfbZRwdDHKZmuiZgYArJZhcuuzuw2HuMu'
SAMPLE_ACCOUNT = {'key': 'sample-kraken-key', 'secret': 'YSBzZWNyZXQgdGhhdCBldmVyeWJvZHkga25vd3M='}
PASSWORD = 'a password of one person'
OWN = {
    'DEMO_EMAIL': 'ada@example.com',
    'DEMO_PASSWORD': PASSWORD,
    'DEMO_CLIENT_ID': 'her-script',
    'DEMO_CLIENT_SECRET': 'a secret of that script',
}


def home(folder: Path, *command: str, **variables: str) -> 'subprocess.CompletedProcess[str]':
    environment = {'PATH': os.environ['PATH'], 'DATA': str(folder), **variables}
    return subprocess.run(
        [sys.executable, '-m', 'infra.local', *command],
        cwd=ROOT,
        env=environment,
        input=f'{PASSWORD}\n',
        capture_output=True,
        text=True,
        check=False,
    )


def content_of(client: Client, path: str) -> bytes:
    """Return an answer byte for byte, but for the time at which it is given."""
    answer = client.request('GET', path)
    assert answer.status_code == 200
    return re.sub(rb'"time":\d+', b'', answer.content)


def test_a_home_server_says_the_same_after_it_was_killed(tmp_path: Path, start_stack: Callable[..., OwnStack]) -> None:
    data = tmp_path / 'data'
    settings = OWN | {'DATA': str(data), 'UPSTREAM': 'sample', 'ISSUER': 'https://home.example/crypto', 'TRUSTED_PROXIES': '127.0.0.1'}
    data.mkdir()
    with ThreadPoolExecutor(2) as pool:  # beside each other, and beside the server that starts
        making = [pool.submit(home, data, 'user', email) for email in ('grace@example.com', 'alan@example.com')]
        stack = start_stack('serve', **settings)
    for user, done in zip(('grace', 'alan'), [made.result() for made in making], strict=True):
        assert (done.returncode, done.stdout) == (0, f'{user}@example.com can log in\n'), done.stderr
    client = Client(stack, 'read write')
    portfolio = client.portfolio()
    address = client.address(portfolio, EARLY)
    account = client.post(f'{portfolio}/accounts', {'wallet': 'kraken', 'credentials': SAMPLE_ACCOUNT})
    paths = [f'{address}/balances', f'{address}/transactions', f'{portfolio}/accounts/{account["id"]}/txns']
    for path in paths:
        client.when_ready(path, complete=True)
    before = [content_of(client, path) for path in paths]
    first_printed = stack.output + stack.log  # the next run writes over it

    stack.end(signal.SIGKILL)
    again = start_stack('serve', **settings)

    client.url = again.url  # with the token of before: the key that signed it is still there
    assert [content_of(client, path) for path in paths] == before
    assert stat.S_IMODE((data / 'keys.json').stat().st_mode) == 0o600
    assert not {path for path in data.rglob('*') if path.stat().st_mode & 0o077}
    for secret in (PASSWORD, OWN['DEMO_CLIENT_SECRET']):
        assert secret not in first_printed + again.output + again.log
    wait_until(lambda: list((data / 'backups').glob('*.jsonl')))
    assert len({os.getpgid(pid) for pid in again.pids}) == 1

    # Below the path of its public address, whether a proxy takes that away or not.
    for url in (f'{again.url}/login', f'{again.url}/crypto/login'):
        page = requests.get(url, headers={'X-Forwarded-For': '203.0.113.7'}, timeout=PATIENCE_SECONDS)
        assert (page.status_code, 'action="/crypto/login?' in page.text, '__Host-session' in page.headers['Set-Cookie']) == (
            200,
            True,
            True,
        )
    refused = requests.get(f'{again.url}/signup', timeout=PATIENCE_SECONDS)
    assert 'name="password"' not in refused.text

    assert 'already has an account' in home(data, 'user', 'grace@example.com').stderr
    exports = home(data, 'environment').stdout.splitlines()
    assert 'export TABLE_NAME=cryptfolio-local' in exports
    quoted = dict(line.removeprefix('export ').split('=', 1) for line in exports)
    environment = {name: shlex.split(value)[0] for name, value in quoted.items()} | {'PATH': os.environ['PATH']}
    status = subprocess.run(
        [sys.executable, '-m', 'infra.operate', 'status'], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert (status.returncode in (0, 1), 'job sweep_due' in status.stdout) == (True, True), status.stderr  # 1 until the first sweep
    assert 'in use by another server' in home(data, 'serve', PORT='0').stderr


@pytest.mark.parametrize(
    ('variables', 'sentence'),
    [
        ({'DATA': ''}, 'which folder is to keep the data? make serve DATA=folder'),
        (OWN | {'DEMO_CLIENT_SECRET': ''}, 'a first user and application need all four, and DEMO_CLIENT_SECRET is not set'),
        (
            {'TRUSTED_PROXIES': 'the router'},
            "TRUSTED_PROXIES must be addresses or networks separated by commas: 'the router' does not appear",
        ),
        ({'HOST': '203.0.113.1'}, 'HOST must be an address of this computer'),
    ],
)
def test_what_is_wrong_with_the_settings_is_said_in_one_sentence(tmp_path: Path, variables: dict[str, str], sentence: str) -> None:
    ended = home(tmp_path / 'data', 'serve', PORT='0', **variables)

    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].startswith(sentence)
