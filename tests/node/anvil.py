"""A real Ethereum node on this computer for tests: Foundry's anvil, one version, from npm once, then from the cache.

The setting ANVIL names a binary of one's own instead. Where neither can be had, the tests that need it are skipped.
"""

import base64
import hashlib
import os
import platform
import re
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

VERSION = '1.7.1'
_SHA512 = {  # of the packages, as the registry states it
    ('Linux', 'x86_64'): (
        'linux-amd64',
        '+XmShybEaxfCrr0OUUZwYEy2OnYZt5pHH9TzBtLv3+VrK0O/ANuNSVEahqNhKHlgX7GRJ59383ofNhxkRWIYTg==',
    ),
}
_BUSY_FOR = 120


def binary() -> Path:
    """Return the path of anvil. Skips the test when it cannot be had."""
    own = os.environ.get('ANVIL')
    if own:
        return Path(own)
    cache = Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache') / 'cryptfolio' / f'anvil-{VERSION}'
    if not cache.exists():
        _download(cache)
    return cache


def _download(to: Path) -> None:
    machine = platform.system(), platform.machine()
    npm = shutil.which('npm')
    if npm is None or machine not in _SHA512:
        pytest.skip('anvil cannot be had: no npm, or no package known for this machine')
    name, sha512 = _SHA512[machine]
    to.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=to.parent) as directory:
        command = [npm, 'pack', '--silent', '--pack-destination', directory, f'@foundry-rs/anvil-{name}@{VERSION}']
        try:
            packed = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
        except (subprocess.SubprocessError, OSError):
            pytest.skip('anvil cannot be had: npm does not reach its registry')
        package = Path(directory) / packed.stdout.split()[-1]
        assert base64.b64encode(hashlib.sha512(package.read_bytes()).digest()).decode() == sha512, 'not the package that was chosen'
        _unpack(package, to)


def _unpack(package: Path, to: Path) -> None:
    """Put the binary in place at once, as several processes may do so."""
    with tarfile.open(package) as archive:
        content = archive.extractfile('package/bin/anvil')
        assert content is not None
        unfinished = package.with_name('anvil')
        unfinished.write_bytes(content.read())
    unfinished.chmod(0o755)
    unfinished.replace(to)


class Node:
    """A running node, asked by JSON-RPC."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._gathers = False

    def ask(self, method: str, *params: Any) -> Any:
        """Return the result of a method. Raises AssertionError for an error."""
        answer = requests.post(self.url, json={'jsonrpc': '2.0', 'id': 1, 'method': method, 'params': params}, timeout=_BUSY_FOR).json()
        assert 'error' not in answer, answer
        return answer['result']

    def quantity(self, method: str, *params: Any) -> int:
        return int(self.ask(method, *params), 16)

    def send(self, sender: str, to: str | None, *, value: int = 0, data: str = '0x') -> str:
        """Send a transaction, from an address that need not have a key; return its hash once it is in a block. It may fail."""
        self.ask('anvil_impersonateAccount', sender)
        txn = {'from': sender, 'value': hex(value), 'data': data, 'gas': hex(3_000_000)} | ({'to': to} if to else {})
        sent = str(self.ask('eth_sendTransaction', txn))
        if not self._gathers:
            self.receipt(sent)
        return sent

    @contextmanager
    def one_block(self) -> Iterator[None]:
        """Put all that is sent meanwhile into one block, in that order."""
        self.ask('evm_setAutomine', False)
        self._gathers = True
        yield
        self.ask('evm_mine')
        self._gathers = False
        self.ask('evm_setAutomine', True)

    def receipt(self, sent: str) -> Any:
        """Return the receipt of a transaction, for which a busy computer may take a while."""
        deadline = time.monotonic() + _BUSY_FOR
        while time.monotonic() < deadline:
            found = self.ask('eth_getTransactionReceipt', sent)
            if found is not None:
                return found
            time.sleep(0.02)
        raise AssertionError('the transaction gets into no block')


@contextmanager
def running(chain_id: int) -> Iterator[Node]:
    """Run a node on a free port."""
    command = [str(binary()), '--port', '0', '--chain-id', str(chain_id), '--host', '127.0.0.1', '--order', 'fifo']
    with (
        tempfile.NamedTemporaryFile() as said,
        subprocess.Popen(command, stdout=said, stderr=subprocess.DEVNULL) as process,
    ):
        try:
            yield Node(_url(Path(said.name)))
        finally:
            process.terminate()


def _url(said: Path) -> str:
    """Return where the node listens, which it says last as it starts."""
    deadline = time.monotonic() + _BUSY_FOR
    while time.monotonic() < deadline:
        found = re.search(r'^Listening on (\S+)\n', said.read_text(), re.MULTILINE)
        if found:
            return f'http://{found[1]}'
        time.sleep(0.02)
    raise AssertionError('anvil does not start')
