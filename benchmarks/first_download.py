"""What the first download of a long history takes of a worker: `python -m benchmarks.first_download [NUMBER]`, 100,000 transactions.

The worker is a process of its own that works off the refresh queue as Lambda would, a message after the other. The AWS beside it takes
little time itself (`benchmarks/thin_table.py`), and the explorer answers at once. Processor time and memory are the worker's.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
ADDRESS = 'DR1efjBKTWyM49R9zE3Pp8RWz7CXQw8ZHd'
LEDGER = f'LEDGER#doge#{ADDRESS}'
_HOST = '127.0.0.1'
_ACCOUNT = '123456789012'  # moto's


class Slice(NamedTuple):
    """What was known after a message, and what it took: seconds, those of the worker's processor, memory at its end and at most so far.

    `stored` is how many transactions are stored by then, `counted` how many of them the final pass has summed. Memory is in MiB; `traced`
    is the most that Python's objects took at once while it was worked on, in KiB, if that was asked for.
    """

    complete: bool
    stored: int
    counted: int
    seconds: float
    cpu: float
    resident: float
    most: float
    traced: int


def main() -> int:
    """Print a line for each message, and the sum of them; return 1 if the history is not whole in the end."""
    parser = argparse.ArgumentParser(prog='python -m benchmarks.first_download', description=__doc__)
    parser.add_argument('number', type=int, nargs='?', default=100_000, metavar='NUMBER')
    parser.add_argument('--seconds', type=int, default=60, help='how long a message is worked on, about')
    parser.add_argument('--trace', action='store_true', help='trace allocations, which takes several times as long')
    parser.add_argument('--work', action='store_true', help='be the worker')
    options = parser.parse_args()
    if options.work:
        for one in _work(options.seconds, trace=options.trace):
            print(json.dumps(one), flush=True)
        return 0
    print('| message | stored | of them summed | s | ms of processor for 1,000 | MiB | at most | KiB traced |')
    print('|---|---|---|---|---|---|---|---|')
    slices = []
    with surroundings(options.number) as around:
        before = Slice(False, 0, 0, 0, 0, 0, 0, 0)
        for number, one in enumerate(_measured(options, around.environment), start=1):
            steps = one.stored - before.stored + one.counted - before.counted
            each = f'{one.cpu / steps * 1_000_000:.0f}' if steps else ''
            took = f'{one.seconds:.1f} | {each} | {one.resident:.0f} | {one.most:.0f} | {one.traced or ""}'
            print(f'| {number} | {one.stored:,} | {one.counted:,} | {took} |', flush=True)
            slices.append(one)
            before = one
        requests, units = around.table.requests, around.table.units
    print()
    print(_summary(options.number, slices, requests, units))
    return int(not slices[-1].complete or slices[-1].stored != options.number)


def _summary(number: int, slices: list[Slice], requests: Mapping[str, int], units: Mapping[str, float]) -> str:
    """Return what all messages took for each 1,000 transactions."""
    thousands = number / 1_000
    seconds, cpu = sum(one.seconds for one in slices), sum(one.cpu for one in slices)
    user = resource.getrusage(resource.RUSAGE_SELF)
    others = user.ru_utime + user.ru_stime
    asked = ', '.join(f'{count / thousands:.1f} {name}' for name, count in sorted(requests.items()) if count >= thousands / 10)
    counted = f'{units["read"] / thousands:.0f} read and {units["write"] / thousands:.0f} write units of batches and queries'
    return (
        f'{number:,} transactions in {len(slices)} messages, {seconds:,.0f} s; the worker {cpu:,.0f} s of processor, at most '
        f'{slices[-1].most:.0f} MiB; table and explorer {others:,.0f} s.\n\n'
        f'For 1,000: {seconds / thousands:.2f} s, {cpu / thousands * 1_000:.0f} ms of processor, {asked}; {counted}.'
    )


def _measured(options: argparse.Namespace, environment: Mapping[str, str]) -> Iterator[Slice]:
    """Yield what each message took of the download."""
    command = [sys.executable, '-m', 'benchmarks.first_download', '--work', '--seconds', str(options.seconds)]
    command += ['--trace'] if options.trace else []
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as worker:
        for line in worker.stdout or ():
            yield Slice(*json.loads(line))
    if worker.returncode:
        raise RuntimeError(f'the worker ended with {worker.returncode}')


def _work(seconds: int, *, trace: bool) -> Iterator[Slice]:
    """Work off the queue until it is empty."""
    from chalicelib import queue
    from chalicelib.config import settings
    from chalicelib.jobs import refresh
    from chalicelib.models import Address, Ledger, Operation, Watch, Write, transact

    refresh.SLICE_SECONDS = seconds
    now = int(time.time())
    watch = Watch.of(Address(user_id='somebody', portfolio_id=1, address_id=1, currency='doge', address=ADDRESS))
    transact(Write(Operation.PUT, watch), Ledger.make_due(LEDGER, now))
    queue.send(settings().refresh_queue, [({'ledger': LEDGER}, '')])
    while True:
        begun = time.process_time()
        took = deliver(trace=trace)
        cpu = time.process_time() - begun
        if took is None:
            return
        yield _slice(Ledger.find(LEDGER), took, cpu)


def _slice(ledger: Any, took: tuple[float, int], cpu: float) -> Slice:
    """Return what a message took, and by the cursor of the ledger how far it is."""
    from chalicelib.models import Transaction

    complete = ledger.ready and ledger.incomplete is None
    counted = sum(one.number for one in ledger.cursor.counted)
    if complete:
        stored = counted = Transaction.count(LEDGER, Transaction.sk.startswith('ENTRY#'))
    else:
        next_page, _, size = ledger.cursor.resume.partition('/')
        stored = (int(next_page) - 1) * int(size)
    return Slice(complete, stored, counted, took[0], cpu, memory('VmRSS'), memory('VmHWM'), took[1])


def memory(name: str) -> float:
    """Return the memory of this process in MiB; getrusage would count that of the one that started it."""
    [line] = [line for line in Path('/proc/self/status').read_text().splitlines() if line.startswith(name)]
    return int(line.split()[1]) / 1024


def deliver(*, trace: bool) -> tuple[float, int] | None:
    """Hand a message to the job; return the seconds that took and the KiB, None when there is no message."""
    import boto3

    from chalicelib.config import settings
    from chalicelib.jobs import refresh

    sqs = boto3.client('sqs')
    url = sqs.get_queue_url(QueueName=settings().refresh_queue)['QueueUrl']
    messages = sqs.receive_message(QueueUrl=url).get('Messages')
    if not messages:
        return None
    [message] = messages
    record = {'messageId': message['MessageId'], 'receiptHandle': message['ReceiptHandle'], 'body': message['Body'], 'attributes': {}}
    if trace:
        tracemalloc.start()
    begun = time.perf_counter()
    failed = refresh.refresh_ledgers({'Records': [record]}, None)['batchItemFailures']
    took = time.perf_counter() - begun
    most = tracemalloc.get_traced_memory()[1] // 1024
    tracemalloc.stop()
    if failed:
        raise RuntimeError('a message failed')
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message['ReceiptHandle'])
    return took, most


class Surroundings(NamedTuple):
    environment: dict[str, str]  # leads to AWS and to the explorer
    table: Any  # the ThinTable


@contextmanager
def surroundings(number: int, is_used: Callable[[str], bool] = lambda _: True) -> Iterator[Surroundings]:
    """An AWS and an explorer, in threads of this process; see `explorer`."""
    from benchmarks.thin_table import ThinTable
    from infra.durable import definition
    from infra.durable.store import Store
    from infra.local import moto_server, stack

    tables: list[ThinTable] = []

    def wrap(moto: Any) -> ThinTable:
        described = definition.read()
        tables.append(ThinTable(moto, Store(Path(':memory:'), described), described, stack.NAME, _ACCOUNT, stack.REGION))
        return tables[0]

    blockbook = explorer(number, is_used)
    Thread(target=blockbook.serve_forever, daemon=True).start()
    stack.enter(moto_server.start(_HOST, wrap), f'http://{_HOST}')
    stack.create()
    urls = {f'UPSTREAM_BLOCKBOOK_{coin}_URL': f'http://{_HOST}:{blockbook.server_port}' for coin in ('BTC', 'DOGE')}
    environment = os.environ | urls | {'CROSS_CHECK_RATE': '0'}
    try:
        yield Surroundings(environment, tables[0])
    finally:
        blockbook.shutdown()
        blockbook.server_close()


def explorer(number: int, is_used: Callable[[str], bool] = lambda _: True) -> ThreadingHTTPServer:
    """Return a Blockbook that knows so many transactions of each address that is used, and makes up each page when it is asked for it."""
    from infra.fake_upstreams import http_server

    received, spent = sum(1_000 + n for n in range(number)), sum(range(2, number, 3))
    totals = {'txs': number, 'balance': str(received - spent), 'totalReceived': str(received), 'totalSent': str(spent)}

    def respond(request: http_server.Request) -> Any:
        address = request.path[-1]
        known = totals if is_used(address) else {'txs': 0, 'balance': '0', 'totalReceived': '0', 'totalSent': '0'}
        return _page(known, address, int(request.query['page']), int(request.query['pageSize']))

    return http_server.Server(respond)


def _page(totals: dict[str, Any], address: str, page: int, size: int) -> Any:
    """Return a page, the newest transactions first; past the last page it answers that one again."""
    from infra.fake_upstreams.answer import as_json

    pages = max(1, -(-totals['txs'] // size))
    newest = totals['txs'] - 1 - (min(page, pages) - 1) * size
    body = {'page': min(page, pages), 'totalPages': pages, 'itemsOnPage': size, 'address': address, 'unconfirmedBalance': '0'}
    return as_json(body | totals | {'transactions': [_transaction(address, n) for n in range(newest, max(newest - size, -1), -1)]})


def _transaction(address: str, n: int) -> dict[str, Any]:
    """Return a transaction that brings something; every third spends something, too."""
    stranger = 'DH5yaieqoZN36fDVciNyRueRGvGLR3mr7L'
    spends = n % 3 == 2
    return {
        'txid': f'{n:064x}',
        'vin': [{'addresses': [address if spends else stranger], 'isAddress': True, 'value': str(n)}],
        'vout': [{'addresses': [one], 'isAddress': True, 'value': str(value)} for one, value in ((stranger, 77), (address, 1_000 + n))],
        'blockHeight': 400_000 + n,
        'confirmations': 10,
        'blockTime': 1_450_000_000 + 60 * n,
        'value': str(1_077 + n),
        'fees': '99',
    }


if __name__ == '__main__':
    sys.exit(main())
