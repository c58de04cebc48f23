"""What `make serve` takes with a long history: `python -m benchmarks.home_server [NUMBER]`, 100,000 transactions of one address.

The explorer and the sources of rates are threads of this process and answer at once, so the times are this computer's. Memory is that of
each process of the server, as it is resident; the seconds of processor are those of all of them, and tell more than a clock does while
other programs run.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

import requests

from benchmarks.first_download import ADDRESS, explorer
from infra.fake_upstreams import http_server, sample
from infra.fake_upstreams.answer import Answer

ROOT = Path(__file__).parents[1]
_USER = {
    'DEMO_EMAIL': 'me@example.com',
    'DEMO_PASSWORD': 'a long enough one',
    'DEMO_CLIENT_ID': 'bench',
    'DEMO_CLIENT_SECRET': 'bench-secret',
}
_REQUESTS = 5  # of each path; the best counts


class Running(NamedTuple):
    url: str
    process: 'subprocess.Popen[str]'
    seconds: float  # until it said that it was ready


def main() -> None:
    """Print what the download takes, then what a restart and requests take."""
    parser = argparse.ArgumentParser(prog='python -m benchmarks.home_server', description=__doc__)
    parser.add_argument('number', type=int, nargs='?', default=100_000, metavar='NUMBER')
    number = parser.parse_args().number
    upstreams = _upstreams(number)
    Thread(target=upstreams.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        environment = _USER | {
            'DATA': f'{folder}/data',
            'UPSTREAM_URL': upstreams.url,
            'UPSTREAM_BLOCKBOOK_DOGE_URL': f'{upstreams.url}/blockbook_doge',
            'CROSS_CHECK_RATE': '0',
            'RATE_LIMIT': '0',
        }
        with _serving(environment) as empty:
            print(f'start of an empty folder {empty.seconds:.1f} s, {_taken(empty.process.pid)}', flush=True)
            begun = time.monotonic()
            _download(_session(empty.url), empty.url)
            print(f'download of {number:,} transactions {time.monotonic() - begun:.0f} s, {_taken(empty.process.pid)}', flush=True)
        size = sum(path.stat().st_size for path in Path(folder, 'data').glob('items.sqlite3*'))
        with _serving(environment) as full:
            print(f'start with {size / 1e6:.0f} MB of items {full.seconds:.1f} s, {_taken(full.process.pid)}', flush=True)
            session = _session(full.url)
            print(f'first history, if the server ended before it was computed, {_history_seconds(session, full.url):.0f} s')
            for path in (
                '/balances',
                '/addresses/1/transactions',
                '/balances/history?interval=day',
                '/addresses/1/transactions?format=csv',
            ):
                print(f'GET {path}: {_best(session, f"{full.url}/api/portfolios/1{path}") * 1_000:.0f} ms')
            print(f'afterwards {_taken(full.process.pid)}')


def _upstreams(number: int) -> http_server.Server:
    """Return a Blockbook that knows so many transactions of one address, and the sample's sources of rates."""
    blockbook = explorer(number)

    def respond(request: http_server.Request) -> Answer:
        if request.upstream != 'blockbook_doge':
            return sample.respond(request)
        upstream, *path = request.path
        return blockbook.respond(replace(request, upstream=upstream, path=path))

    return http_server.Server(respond)


@contextmanager
def _serving(environment: dict[str, str]) -> Iterator[Running]:
    begun = time.monotonic()
    inherited = {name: os.environ[name] for name in ('PATH', 'HOME') if name in os.environ}
    with subprocess.Popen(
        [sys.executable, '-m', 'infra.local', 'serve'],
        cwd=ROOT,
        env=inherited | {'PORT': '0', 'PYTHONUNBUFFERED': '1'} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            lines = iter(process.stdout or ())
            url = next(match[1] for line in lines if (match := re.match(r'ready (\S+)', line)))
            yield Running(url, process, time.monotonic() - begun)
        finally:
            process.terminate()


def _session(url: str) -> requests.Session:
    grant = {'grant_type': 'password', 'username': _USER['DEMO_EMAIL'], 'password': _USER['DEMO_PASSWORD'], 'scope': 'read write'}
    session = requests.Session()
    token = session.post(f'{url}/oauth/token', grant, auth=(_USER['DEMO_CLIENT_ID'], _USER['DEMO_CLIENT_SECRET'])).json()
    session.headers['Authorization'] = f'Bearer {token["access_token"]}'
    return session


def _download(session: requests.Session, url: str) -> None:
    """Add the address and wait until all of it is there."""
    portfolio: Any = {'title': 'Long', 'currencies': ['doge', 'usd']}
    assert session.post(f'{url}/api/portfolios', json=portfolio).status_code == 201
    address = {'title': 'Long', 'address': ADDRESS, 'currency': 'doge'}
    assert session.post(f'{url}/api/portfolios/1/addresses', json=address).status_code == 201
    while not session.get(f'{url}/api/portfolios/1/addresses/1/balances').json().get('complete'):
        if session.get(f'{url}/api/user').status_code == 401:  # tokens live for a quarter of an hour
            session.headers.update(_session(url).headers)
        time.sleep(1)


def _history_seconds(session: requests.Session, url: str) -> float:
    begun = time.monotonic()
    while session.get(f'{url}/api/portfolios/1/balances/history').status_code == 503:
        time.sleep(1)
    return time.monotonic() - begun


def _best(session: requests.Session, url: str) -> float:
    took = []
    for _ in range(_REQUESTS):
        begun = time.monotonic()
        assert session.get(url).status_code == 200
        took.append(time.monotonic() - begun)
    return min(took)


def _taken(parent: int) -> str:
    """Return what a process and its children have in memory, and the seconds of processor that they took so far."""
    children = Path(f'/proc/{parent}/task/{parent}/children').read_text().split()
    resident, ticks = [], 0
    for pid in (str(parent), *children):
        [line] = [line for line in Path(f'/proc/{pid}/status').read_text().splitlines() if line.startswith('VmRSS')]
        resident.append(int(line.split()[1]) // 1024)
        ticks += sum(map(int, Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[11:13]))
    seconds = ticks / os.sysconf('SC_CLK_TCK')
    return f'memory {sum(resident)} MB ({" + ".join(map(str, resident))}), {seconds:.0f} s of processor'


if __name__ == '__main__':
    main()
