"""Clients of exchanges are made in threads, of which several may be the first."""

import subprocess
import sys

FIRST_IN_THREADS = """
from threading import Barrier, Thread
from chalicelib.providers.exchanges import signing

exchanges, made = ('kraken', 'coinbase', 'binance', 'gemini'), []
begin = Barrier(len(exchanges))


def make(exchange):
    begin.wait()
    made.append(signing._class_of(exchange, False).__name__)


threads = [Thread(target=make, args=(exchange,)) for exchange in exchanges]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(*sorted(made))
"""


def test_clients_of_several_exchanges_are_made_at_once_by_a_process_that_has_made_none() -> None:
    done = subprocess.run([sys.executable, '-c', FIRST_IN_THREADS], capture_output=True, text=True, check=True)

    assert (done.stdout, done.stderr) == ('binance coinbase gemini kraken\n', '')
