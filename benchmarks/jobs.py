"""What jobs take as what they work on grows: `python -m benchmarks.jobs` prints Markdown tables.

As in benchmarks.first_download, the worker is a process of its own, whose processor time and memory are counted, beside a table that takes
little time itself and an explorer.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from benchmarks.first_download import ADDRESS, deliver, memory, surroundings
from benchmarks.stored import Watched

ROOT = Path(__file__).parents[1]
YEARS = (1, 10)
WATCHERS = (100, 1_000)
AT_ONCE = 10  # workers, as many as messages of an event
PAYMENTS = 30  # of each address that is refreshed
WALLET_ADDRESSES, WALLET_SECONDS = 400, 15  # those that are used, and how long a message is worked on
_HOUR, _DAY = 3_600, 86_400
_INTERVAL_MS, _TURNS = 100, 60


class Table(NamedTuple):
    """`rows` measures, and yields a row each time that something is done."""

    title: str
    columns: Sequence[str]
    rows: Callable[[], Iterator[Sequence[object]]]


def main() -> int:
    """Start the worker, which prints the tables."""
    parser = argparse.ArgumentParser(prog='python -m benchmarks.jobs', description=__doc__)
    parser.add_argument('--work', action='store_true', help='be the worker')
    if parser.parse_args().work:
        for table in TABLES:
            print(f'\n### {table.title}\n\n| {" | ".join(table.columns)} |\n|{"---|" * len(table.columns)}', flush=True)
            for row in table.rows():
                print(f'| {" | ".join(map(str, row))} |', flush=True)
        return 0
    with surroundings(PAYMENTS, _used_addresses().__contains__) as around:
        return subprocess.run([sys.executable, '-m', 'benchmarks.jobs', '--work'], cwd=ROOT, env=around.environment, check=False).returncode


class _Used(frozenset[str]):
    """The used addresses of the wallet; of all others that are no wallet's each is used."""

    def __contains__(self, address: object) -> bool:
        return super().__contains__(address) or not str(address).startswith(('bc1', '1', '3'))


def _used_addresses() -> _Used:
    from chalicelib.domain.chains import CHAINS
    from infra.fake_upstreams import hd_wallet

    receiving = CHAINS['btc'].wallet(hd_wallet.KEY).branches[0]
    return _Used(receiving.address(index) for index in range(WALLET_ADDRESSES))


def histories() -> Iterator[Sequence[object]]:
    """Compute the history of an address that moved at each hour of some years; then once more, when it moved again."""
    from chalicelib import clock
    from chalicelib.services.histories import refresh

    for number, years in enumerate(YEARS, 1):
        now, watched, points = clock.now(), Watched(number, f'{ADDRESS[:-1]}{number}'), years * 365 * 24
        watched.store(range(now - years * 365 * _DAY, now, _HOUR), now)
        whole = _processor(lambda portfolio_id=number: refresh.refresh('somebody', portfolio_id))
        watched.store([now], now)
        again = _processor(lambda portfolio_id=number: refresh.refresh('somebody', portfolio_id))
        yield years, f'{points:,}', f'{whole:.1f}', f'{whole / points * 1_000_000:.0f}', f'{again:.2f}', f'{memory("VmHWM"):.0f}'


def watchers() -> Iterator[Sequence[object]]:
    """Refresh a ledger that so many portfolios watch, and tell all of them."""
    from chalicelib import queue
    from chalicelib.config import settings
    from chalicelib.models import Item, Ledger, Watch, transact

    for number in WATCHERS:
        address = f'{ADDRESS[:-5]}{number:05}'
        all_watched = [Watched(10_000 + number + one, address) for one in range(number)]
        Item.write_many(put=(item for one in all_watched for item in (one.portfolio, one.address, Watch.of(one.address))))
        transact(Ledger.make_due(f'LEDGER#doge#{address}', int(time.time())))
        queue.send(settings().refresh_queue, [({'ledger': f'LEDGER#doge#{address}'}, '')])
        took = _processor(_drain)
        yield f'{number:,}', f'{took:.1f}', f'{took / number * 1_000:.1f}', f'{memory("VmHWM"):.0f}'


def quotas() -> Iterator[Sequence[object]]:
    """Take turns at an upstream that may be asked every so often, by several workers at once."""
    from chalicelib.providers.upstream import Endpoint
    from chalicelib.services.ledgers.upstream_gate import UpstreamGate

    endpoint = Endpoint('benchmark', 'https://upstream.invalid', _INTERVAL_MS)
    for workers in (1, AT_ONCE):
        gate, begun = UpstreamGate(), time.monotonic()
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(lambda _: gate(endpoint), range(_TURNS)))  # noqa: B023
        took = time.monotonic() - begun
        yield workers, f'{1_000 / _INTERVAL_MS:.0f}', f'{(_TURNS - 1) / took:.1f}', f'{(_TURNS - 1) * _INTERVAL_MS / 1_000 / took:.0%}'


def wallets() -> Iterator[Sequence[object]]:
    """Read a wallet for the first time, of which each twenty unused addresses in a row were thought to be the last."""
    from chalicelib import queue, vault
    from chalicelib.config import settings
    from chalicelib.domain.wallets import identify
    from chalicelib.jobs import refresh
    from chalicelib.models import Ledger, Watch, transact
    from chalicelib.providers import explorers
    from infra.fake_upstreams import hd_wallet

    explorers.EXPLORERS['btc'] = (explorers._blockbook('btc'),)  # the only one that is served here
    refresh.SLICE_SECONDS = WALLET_SECONDS
    watched = Watched(9_999, ADDRESS)
    watched.address.currency = 'btc'
    watched.address.point_to(identify('btc', hd_wallet.KEY))
    pk, now = watched.address.ledger, int(time.time())
    secret = vault.encrypt(hd_wallet.KEY, vault.ledger_context(pk))
    Watch.write_many(put=[watched.portfolio, watched.address, Watch.of(watched.address)])
    transact(Ledger.make_due(pk, now, secret=secret))
    queue.send(settings().refresh_queue, [({'ledger': pk}, '')])
    before = 0
    while True:
        begun = time.process_time()
        if deliver(trace=False) is None:
            return
        used, ledger = time.process_time() - begun, Ledger.find(pk)
        derived = sum(one.count for one in ledger.derived.reaches) if ledger else 0
        if derived > before:
            yield f'{derived:,}', f'{used:.1f}', f'{used / (derived - before) * 1_000:.0f}', f'{memory("VmHWM"):.0f}'
        before = derived


def _processor(run: Callable[[], object]) -> float:
    """Return the seconds of the processor that something takes."""
    begun = time.process_time()
    run()
    return time.process_time() - begun


def _drain() -> None:
    while deliver(trace=False) is not None:
        pass


TABLES = (
    Table(
        'Points of a history',
        ('years, moved each hour', 'points', 's of processor', 'µs for a point', 's for an hour more', 'MiB at most'),
        histories,
    ),
    Table('Watchers of a ledger', ('watchers', 's of processor', 'ms for a watcher', 'MiB at most'), watchers),
    Table('Turns at an upstream', ('workers at once', 'turns a second that there are', 'taken', ''), quotas),
    Table('A wallet that is found by and by', ('derived so far', 's of processor', 'ms for an address more', 'MiB at most'), wallets),
)


if __name__ == '__main__':
    sys.exit(main())
