"""The description of the API held against a running stack: by thousands of generated requests, and by a client generated from it."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.fake_upstreams.http_server import serving
from infra.fake_upstreams.sample import respond
from tests.e2e.conftest import Client, OwnStack, Stack

pytestmark = pytest.mark.e2e

LEAST_CASES = 2_000
SEED = '20171106'
# What a schema allows can still name what is not there, and no API has the method TRACE.
EXCLUDED = 'positive_data_acceptance,unsupported_method'
# 503 is documented: nothing was ever known, or the database throttles.
CONFIG = """
[checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", "503"]
"""


@pytest.fixture
def fuzzed(start_stack: Callable[..., OwnStack]) -> Iterator[Stack]:
    """A stack of the test's own, whose first portfolio has an address with transactions and an offset.

    It has no demo portfolio, as it is not `UPSTREAM=sample`: years of history would be computed meanwhile.
    """
    with serving(respond) as url:
        stack = start_stack(UPSTREAM_URL=url)
        _fill(stack)
        yield stack
        stack.end()


def _fill(stack: Stack) -> None:
    client = Client(stack, 'admin')
    portfolio = client.portfolio()
    client.when_ready(f'{client.address(portfolio, "1JfbZRwdDHKZmuiZgYArJZhcuuzuw2HuMu")}/balances')
    client.post(f'{portfolio}/offsets', {'title': 'x', 'balances': [{'currency': 'btc', 'balance': '10'}]})


def test_no_request_is_answered_otherwise_than_described(fuzzed: Stack, tmp_path: Path):
    token = Client(fuzzed, 'admin').token['access_token']
    (tmp_path / 'schemathesis.toml').write_text(CONFIG)
    command = ['--config-file', 'schemathesis.toml', 'run', f'{fuzzed.url}/openapi.json', '-H', f'Authorization: Bearer {token}']
    options = ['--checks', 'all', '--exclude-checks', EXCLUDED, '--seed', SEED, '--max-examples', '6', '--no-color']

    done = _run('schemathesis', *command, *options, folder=tmp_path)

    assert done.returncode == 0, done.stdout
    cases = re.search(r'(\d+) generated', done.stdout)
    assert cases, done.stdout
    assert int(cases[1]) >= LEAST_CASES


def test_a_client_generated_from_the_description_completes_the_documents_flow(stack: Stack, client: Client, tmp_path: Path):
    (tmp_path / 'openapi.json').write_text(json.dumps(client.request('GET', '/openapi.json').json()))
    made = _run('openapi-python-client', 'generate', '--path', 'openapi.json', '--meta', 'none', '--output-path', 'made', folder=tmp_path)
    assert made.returncode == 0, made.stdout
    assert 'Warning' not in made.stdout
    portfolio = int(client.portfolio().rpartition('/')[2])

    done = subprocess.run(
        [sys.executable, '-c', FLOW, stack.url, client.token['access_token'], str(portfolio)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {'balance': '50.00501', 'deltas': ['0.005', '0.00001', '50.0']}


FLOW = """
import json, sys, time
from made import AuthenticatedClient, models
from made.api.addresses import create_address, get_address_balances, list_address_transactions

url, token, portfolio = sys.argv[1], sys.argv[2], int(sys.argv[3])
client = AuthenticatedClient(base_url=url, token=token)
body = models.NewAddress.from_dict({'title': 'New address', 'address': '1JfbZRwdDHKZmuiZgYArJZhcuuzuw2HuMu', 'currency': 'btc'})
made = create_address.sync(portfolio, client=client, body=body).result
for _ in range(100):
    answer = get_address_balances.sync_detailed(portfolio, made.id, client=client)
    if answer.status_code == 200:
        break
    assert answer.parsed.message == 'Not ready', answer
    time.sleep(0.2)
transactions = list_address_transactions.sync(portfolio, made.id, client=client)
print(json.dumps({'balance': answer.parsed.result[0].balance, 'deltas': [each.delta for each in transactions.result]}))
"""


def _run(program: str, *arguments: str, folder: Path) -> 'subprocess.CompletedProcess[str]':
    """Run one of the tools of our own environment."""
    clean: dict[str, Any] = {name: os.environ[name] for name in ('PATH', 'HOME') if name in os.environ}
    clean['PATH'] = f'{Path(sys.executable).parent}{os.pathsep}{clean.get("PATH", "")}'
    line = [str(Path(sys.executable).with_name(program)), *arguments]
    return subprocess.run(
        line, cwd=folder, env=clean, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=540, check=False
    )
