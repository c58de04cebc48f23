"""What the first download of a long history takes of a worker: `python -m benchmarks.first_download [NUMBER]`, 100,000 transactions.

The worker is a process of its own that works off the refresh queue as Lambda would, a message after the other. The AWS beside it is a
moto server, and the explorer answers at once, so the time is this computer's; the memory is the worker's.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
ADDRESS = 'DR1efjBKTWyM49R9zE3Pp8RWz7CXQw8ZHd'
LEDGER = f'LEDGER#doge#{ADDRESS}'
_HOST = '127.0.0.1'


class Slice(NamedTuple):
    """What was known after a message, and what it took: seconds, those of the worker's processor, the most memory so far in MiB.

    `traced` is the most that Python's objects took at once while it was worked on, in KiB, if that was asked for.
    """

    complete: bool
    stored: int
    seconds: float
    cpu: float
    rss: float
    traced: int


def main() -> int:
    """Print a line for each message, and the sum of them; return 1 if the history is not whole in the end."""
    parser = argparse.ArgumentParser(prog='python -m benchmarks.first_download', description=__doc__)
    parser.add_argument('number', type=int, nargs='?', default=100_000, metavar='NUMBER')
    parser.add_argument('--seconds', type=int, default=60, help='how long a message is worked on, about')
    parser.add_argument('--trace', action='store_true', help='trace allocations, which takes several times as long')
    parser.add_argument('--json', action='store_true', help='print lines of JSON')
    parser.add_argument('--work', action='store_true', help='be the worker')
    options = parser.parse_args()
    if options.work:
        _tell(_work(options.seconds, trace=options.trace))
        return 0
    slices = []
    for number, one in enumerate(_measured(options), start=1):
        text = f'{number:>4}  {one.stored:>7} stored  {one.seconds:>6.1f} s  {one.cpu:>6.1f} s of processor  {one.rss:>4.0f} MiB'
        print(json.dumps(one._asdict()) if options.json else text, flush=True)
        slices.append(one)
    if not options.json:
        seconds, cpu = sum(one.seconds for one in slices), sum(one.cpu for one in slices)
        print(f'{len(slices)} messages, {seconds:.0f} s, {cpu:.0f} s of processor, at most {slices[-1].rss:.0f} MiB')
    return int(not slices[-1].complete or slices[-1].stored != options.number)


def _tell(slices: Iterator[Slice]) -> None:
    for one in slices:
        print(json.dumps(one), flush=True)


def _measured(options: argparse.Namespace) -> Iterator[Slice]:
    """Yield what each message took of the download."""
    with _surroundings(options.number) as environment:
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
    from chalicelib.models import Address, Ledger, Operation, Transaction, Watch, Write, transact

    refresh.SLICE_SECONDS = seconds
    now = int(time.time())
    watch = Watch.of(Address(user_id='somebody', portfolio_id=1, address_id=1, currency='doge', address=ADDRESS))
    transact(Write(Operation.PUT, watch), Ledger.make_due(LEDGER, now))
    queue.send(settings().refresh_queue, [{'ledger': LEDGER}])
    while True:
        begun = time.process_time()
        took = _deliver(trace=trace)
        cpu = time.process_time() - begun
        if took is None:
            return
        ledger = Ledger.find(LEDGER)
        stored = Transaction.count(LEDGER, Transaction.sk.startswith('ENTRY#'))
        yield Slice(ledger is not None and ledger.ready and ledger.incomplete is None, stored, took[0], cpu, _most_resident(), took[1])


def _most_resident() -> float:
    """Return the most memory of this process so far in MiB; getrusage would count that of the one that started it."""
    [line] = [line for line in Path('/proc/self/status').read_text().splitlines() if line.startswith('VmHWM')]
    return int(line.split()[1]) / 1024


def _deliver(*, trace: bool) -> tuple[float, int] | None:
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


@contextmanager
def _surroundings(number: int) -> Iterator[dict[str, str]]:
    """An AWS and an explorer; yields the environment that leads to them."""
    from infra.local import stack

    blockbook = explorer(number)
    thread = Thread(target=blockbook.serve_forever)
    thread.start()
    moto, endpoint = _start_moto()
    try:
        stack.enter(endpoint, f'http://{_HOST}')
        stack.create()
        yield os.environ | {'UPSTREAM_BLOCKBOOK_DOGE_URL': f'http://{_HOST}:{blockbook.server_port}', 'CROSS_CHECK_RATE': '0'}
    finally:
        moto.terminate()
        moto.wait()
        blockbook.shutdown()
        blockbook.server_close()
        thread.join()


def _start_moto() -> tuple[subprocess.Popen[bytes], str]:
    """Start a moto server, and return it and where it is once it answers."""
    with socket.create_server((_HOST, 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, '-m', 'moto.server', '-H', _HOST, '-p', str(port)]
    moto = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while moto.poll() is None:
        try:
            socket.create_connection((_HOST, port)).close()
        except OSError:
            time.sleep(0.1)
        else:
            return moto, f'http://{_HOST}:{port}'
    raise RuntimeError('the moto server did not start')


def explorer(number: int) -> ThreadingHTTPServer:
    """Return a Blockbook that knows so many transactions of one address."""
    from infra.fake_upstreams import http_server, payments, utxo

    world = payments.World({'doge': {ADDRESS: [_payment(n) for n in reversed(range(number))]}})
    return http_server.Server(lambda request: utxo.tell_blockbook('doge', world, [request.upstream, *request.path], request.query))


def _payment(n: int) -> Any:
    from infra.fake_upstreams.payments import Payment

    spent = (n,) if n % 3 == 2 else ()
    return Payment(f'{n:064x}', 400_000 + n, 1_450_000_000 + 600 * n, (1_000 + n,), spent, fee=99 if spent else 0)


if __name__ == '__main__':
    sys.exit(main())
