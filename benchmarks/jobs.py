"""What jobs take as what they work on grows: `python -m benchmarks.jobs [TABLE ...]` prints Markdown tables, all of them or those named.

As in benchmarks.first_download, the worker is a process of its own, one for each table, whose processor time and memory are counted, beside
a table that takes little time itself and an explorer.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import crowds, refreshes
from benchmarks.first_download import ADDRESS, deliver, memory, surroundings
from benchmarks.stored import Watched

ROOT = Path(__file__).parents[1]
YEARS = (1, 10)
WATCHERS, PORTFOLIOS = (100, 2_000), (500, 5_000)
AT_ONCE = 10  # workers, as many as messages of an event
PAYMENTS = 30  # of each address that is refreshed
HD_WALLET_ADDRESSES, HD_WALLET_SECONDS = 400, 15  # those that are used, and how long a message is worked on
_HOUR, _DAY = 3_600, 86_400
_INTERVAL_MS, _TURNS = 100, 60


class Table(NamedTuple):
    """`rows` measures, and yields a row each time that something is done."""

    title: str
    columns: Sequence[str]
    rows: Callable[[argparse.Namespace], Iterator[Sequence[object]]]


def main() -> int:
    """Start the worker, which prints the tables."""
    options = _options()
    if options.work:
        _print(TABLES[options.tables[0]], options)
        return 0
    arguments = ['--watchers', *map(str, options.watchers), '--portfolios', *map(str, options.portfolios), '--used', str(options.used)]
    with surroundings(options.payments, _used_addresses(options.used).__contains__) as around:
        for name in options.tables or TABLES:
            command = [sys.executable, '-m', 'benchmarks.jobs', name, '--work', *arguments]
            if subprocess.run(command, cwd=ROOT, env=around.environment, check=False).returncode:
                return 1
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog='python -m benchmarks.jobs', description=__doc__)
    parser.add_argument('tables', nargs='*', metavar='TABLE', help=f'of {", ".join(TABLES)}')
    parser.add_argument('--watchers', type=int, nargs='+', default=WATCHERS, metavar='NUMBER', help='of a ledger')
    parser.add_argument('--portfolios', type=int, nargs='+', default=PORTFOLIOS, metavar='NUMBER', help='in the table')
    parser.add_argument('--used', type=int, default=HD_WALLET_ADDRESSES, metavar='NUMBER', help='addresses of the HD wallet that are used')
    parser.add_argument('--payments', type=int, default=PAYMENTS, metavar='NUMBER', help='of each address that is refreshed')
    parser.add_argument('--work', action='store_true', help='be the worker')
    return parser.parse_args()


def _print(table: Table, options: argparse.Namespace) -> None:
    print(f'\n### {table.title}\n\n| {" | ".join(table.columns)} |\n|{"---|" * len(table.columns)}', flush=True)
    for row in table.rows(options):
        print(f'| {" | ".join(map(str, row))} |', flush=True)


class _Used(frozenset[str]):
    """The used addresses of the HD wallet; of all others each is used."""

    def __contains__(self, address: object) -> bool:
        return super().__contains__(address) or not str(address).startswith(('bc1', '1', '3'))


def _used_addresses(number: int) -> _Used:
    from chalicelib.domain.chains import CHAINS
    from infra.fake_upstreams import hd_wallet

    receiving = CHAINS['btc'].hd_wallet(hd_wallet.KEY).branches[0]
    return _Used(receiving.address(index) for index in range(number))


def histories(_: argparse.Namespace) -> Iterator[Sequence[object]]:
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


def turns(_: argparse.Namespace) -> Iterator[Sequence[object]]:
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


def hd_wallets(options: argparse.Namespace) -> Iterator[Sequence[object]]:
    """Read an HD wallet for the first time, of which each twenty unused addresses in a row were thought to be the last."""
    from chalicelib import queue, vault
    from chalicelib.config import settings
    from chalicelib.domain.hd_wallets import identify
    from chalicelib.jobs import refresh
    from chalicelib.models import Ledger, Watch, transact
    from chalicelib.providers import explorers
    from chalicelib.services.ledgers import hd_wallet_merge
    from infra.fake_upstreams import hd_wallet

    explorers.EXPLORERS['btc'] = (explorers._blockbook('btc'),)  # the only one that is served here
    if options.used <= HD_WALLET_ADDRESSES:
        refresh.SLICE_SECONDS = HD_WALLET_SECONDS  # so that there are several
    merges: list[float] = []
    merge = hd_wallet_merge.merge_stored

    def timed(*arguments: Any) -> Any:
        begun = time.process_time()
        try:
            return merge(*arguments)
        finally:
            merges.append(time.process_time() - begun)

    hd_wallet_merge.merge_stored = timed
    watched = Watched(9_999, ADDRESS)
    watched.address.currency = 'btc'
    watched.address.point_to(identify('btc', hd_wallet.KEY))
    pk, now = watched.address.ledger, int(time.time())
    secret = vault.encrypt(hd_wallet.KEY, vault.ledger_context(pk))
    Watch.write_many(put=[watched.portfolio, watched.address, Watch.of(watched.address)])
    transact(Ledger.make_due(pk, now, secret=secret))
    _forget_messages()
    queue.send(settings().refresh_queue, [({'ledger': pk}, '')])
    before = 0
    while True:
        begun = time.process_time()
        if deliver(trace=False) is None:
            return
        used, ledger = time.process_time() - begun, Ledger.find(pk)
        derived = sum(one.count for one in ledger.derived.reaches) if ledger else 0
        merging = sum(merges)
        merges.clear()
        if derived > before or merging:
            each = f'{(used - merging) / (derived - before) * 1_000:.0f}' if derived > before else ''
            yield f'{derived:,}', f'{used:.1f}', f'{merging:.1f}', each, f'{memory("VmHWM"):.0f}'
        before = derived


def _forget_messages() -> None:
    """Empty the queue of what earlier tables left, which nobody worked off."""
    import boto3

    from chalicelib.config import settings

    sqs = boto3.client('sqs')
    sqs.purge_queue(QueueUrl=sqs.get_queue_url(QueueName=settings().refresh_queue)['QueueUrl'])


def _processor(run: Callable[[], object]) -> float:
    """Return the seconds of the processor that something takes."""
    begun = time.process_time()
    run()
    return time.process_time() - begun


TABLES = {
    'histories': Table(
        'Points of a history',
        ('years, moved each hour', 'points', 's of processor', 'µs for a point', 's for an hour more', 'MiB at most'),
        histories,
    ),
    'watchers': Table(
        'Watchers of a ledger',
        (
            'watchers',
            'ms of processor, the refresh',
            'DynamoDB requests',
            'further messages',
            'ms of processor, each',
            'at most',
            'DynamoDB requests',
            'MiB at most',
        ),
        lambda options: crowds.watchers(options.watchers),
    ),
    'portfolios': Table(
        'Portfolios in the table',
        ('what is done', 'portfolios', 'DynamoDB requests', 'units', 'ms of processor'),
        lambda options: crowds.portfolios(options.portfolios),
    ),
    'turns': Table('Turns at an upstream', ('workers at once', 'turns a second that there are', 'taken', ''), turns),
    'workers': Table(
        "The workers' time",
        (
            'invocations at once',
            'an answer of the explorer, s',
            'refreshes a second that there could be',
            'are',
            '',
            'ms of an event beyond its slowest answer',
            'ms of processor for a refresh',
        ),
        lambda _: refreshes.workers_time(),
    ),
    'quotas': Table(
        "An upstream's quota",
        ('invocations at once', 'requests a second that are allowed', 'made', '', 'refreshes put off'),
        lambda _: refreshes.quotas(),
    ),
    'hd-wallets': Table(
        'An HD wallet that is found by and by',
        ('derived so far', 's of processor', 'of them to merge', 'ms for an address more', 'MiB at most'),
        hd_wallets,
    ),
}


if __name__ == '__main__':
    sys.exit(main())
