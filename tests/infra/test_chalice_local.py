"""Plain `chalice local --stage local` beside a moto_server, started as somebody who knows Chalice starts it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.processes import PATIENCE_SECONDS, ROOT, free_port, running

pytestmark = pytest.mark.e2e

BIN = Path(sys.executable).parent
CLEAN = {'PATH': os.environ['PATH']}


@pytest.fixture(scope='module')
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A moto_server, and the environment that a terminal needs beside it."""
    port = free_port()
    command = [BIN / 'moto_server', '-H', '127.0.0.1', '-p', port]
    with running(command, CLEAN, tmp_path_factory.mktemp('moto') / 'log', port):
        yield CLEAN | {'AWS_ENDPOINT_URL': f'http://127.0.0.1:{port}'}


@pytest.fixture(scope='module')
def api(aws: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of the API, on a port that is not Chalice's default.

    Without autoreload: Chalice would restart for every file that other tests write into the project, bytecode too.
    """
    port = free_port()
    command = [BIN / 'chalice', 'local', '--stage', 'local', '--no-autoreload', '--port', port]
    with running(command, aws, tmp_path_factory.mktemp('chalice') / 'log', port):
        yield f'http://127.0.0.1:{port}'


def sign_in(api: str, scope: str) -> dict[str, str]:
    """Return the headers of a request of the demo user's."""
    form = {'grant_type': 'password', 'username': 'demo@example.com', 'password': 'demo-password', 'scope': scope}
    answer = requests.post(f'{api}/oauth/token', data=form, auth=('demo-app', 'demo-secret'), timeout=PATIENCE_SECONDS)
    return {'Authorization': f'Bearer {answer.json()["access_token"]}'}


def get(url: str, headers: dict[str, str]) -> requests.Response:
    return requests.get(url, headers=headers, timeout=PATIENCE_SECONDS)


def test_the_demo_user_signs_in_and_creates_a_portfolio(api: str) -> None:
    headers = sign_in(api, 'admin')
    body = {'title': 'Mine', 'currencies': ['btc']}

    created = requests.post(f'{api}/api/portfolios', json=body, headers=headers, timeout=PATIENCE_SECONDS)

    assert created.status_code == 201, created.text
    assert [row['title'] for row in get(f'{api}/api/portfolios', headers).json()['result']] == ['Mine']


def test_head_is_get_without_the_body(api: str) -> None:
    got, asked = (getattr(requests, method)(f'{api}/api/currencies/btc', timeout=PATIENCE_SECONDS) for method in ('get', 'head'))

    assert (asked.status_code, asked.headers['ETag'], asked.content) == (200, got.headers['ETag'], b'')


@pytest.mark.parametrize('path', ['nothing', 'no/such/page'])
def test_an_unknown_path_is_a_page_however_long_it_is(api: str, path: str) -> None:
    answer = requests.get(f'{api}/{path}', headers={'Accept': 'text/html'}, timeout=PATIENCE_SECONDS)

    assert (answer.status_code, answer.headers['Content-Type'].partition(';')[0]) == (404, 'text/html')


def test_the_issuer_is_where_the_server_listens(api: str) -> None:
    assert get(f'{api}/.well-known/oauth-authorization-server', {}).json()['issuer'] == api


def assert_envelope(answer: requests.Response, status: int, code: str) -> None:
    body: dict[str, Any] = answer.json()
    assert (answer.status_code, body['success'], body['code']) == (status, False, code)
    assert answer.headers['WWW-Authenticate'] == f'Bearer error="{code}"'
    assert body['request_id'] == answer.headers['X-Request-Id']


@pytest.mark.parametrize('headers', [{}, {'Authorization': 'Bearer nonsense'}])
def test_a_request_without_a_good_token_is_401_in_the_documented_envelope(api: str, headers: dict[str, str]) -> None:
    assert_envelope(get(f'{api}/api/user', headers), 401, 'invalid_token')


def test_a_token_that_lacks_the_scope_is_403_in_the_documented_envelope(api: str) -> None:
    assert_envelope(get(f'{api}/api/portfolios', sign_in(api, 'info')), 403, 'insufficient_scope')


@pytest.mark.parametrize('options', [[], ['--no-autoreload']], ids=['with autoreload', 'without'])
@pytest.mark.parametrize(
    ('variables', 'reason'),
    [
        ({}, 'AWS_ENDPOINT_URL is not set'),
        ({'AWS_ENDPOINT_URL': 'http://127.0.0.1:1'}, 'http://127.0.0.1:1 does not answer as a moto_server does'),
    ],
    ids=['no endpoint', 'no server'],
)
def test_without_a_moto_server_it_says_in_one_sentence_what_to_start(options: list[str], variables: dict[str, str], reason: str) -> None:
    command = [str(BIN / 'chalice'), 'local', '--stage', 'local', '--port', str(free_port()), *options]

    ended = subprocess.run(command, cwd=ROOT, env=CLEAN | variables, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)

    assert ended.stdout == ''
    assert ended.stderr.startswith(reason)
    assert ended.stderr.endswith('start moto_server and set AWS_ENDPOINT_URL=http://127.0.0.1:5000, or use make run\n')
    assert ended.stderr.count('\n') == 1
    assert bool(ended.returncode) is ('--no-autoreload' in options)  # Chalice's reloader exits with 0 whatever its child does
