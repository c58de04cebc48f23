"""How much refreshes use of what there is, for benchmarks.jobs: of the workers' time, and of an upstream's quota.

An invocation is a process that works on ten messages at a time, as Lambda hands them over, each about an address of which nothing is new:
one request to an explorer, which takes its time. Moto would be the limit of several invocations, so for the workers' time DynamoDB answers
each request after some milliseconds, however many there are, what it answered when an address was refreshed before. A quota is
shared through the table: there it is the one of the other benchmarks.
"""

import json
import logging
import multiprocessing
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import cycle, pairwise
from typing import Any, NamedTuple

from botocore.awsrequest import AWSResponse
from moto.core.botocore_stubber import MockRawResponse

from benchmarks.first_download import ADDRESS, explorer
from benchmarks.stored import Watched

AT_ONCE = 10  # messages of an event
DYNAMODB_SECONDS = 0.005  # for a request
INTERVAL_MS = 250  # between two requests to the upstream with a quota, as at Esplora's
QUOTA_SECONDS = 0.2  # for an answer of that
_PAYMENTS = 3  # of each address
_HOUR, _LONGEST_SECONDS = 3_600, 300
_NOTED = '{"Attributes": {"pk": {"S": "JOBS"}, "sk": {"S": "refresh_ledgers"}, "kind": {"S": "job-run"}, "ran_at": {"N": "1"}}}'


class Load(NamedTuple):
    """How many invocations there are at once, how many events each gets, and the seconds in which the explorer answers."""

    invocations: int
    events: int
    least: float
    most: float

    @property
    def mean(self) -> float:
        return (self.least + self.most) / 2


LOADS = (Load(1, 8, 0.2, 0.2), Load(1, 4, 1, 1), Load(2, 4, 1, 1), Load(1, 2, 4, 4), Load(4, 2, 4, 4), Load(1, 3, 1, 3))
QUOTAS = tuple(Load(invocations, events, QUOTA_SECONDS, QUOTA_SECONDS) for invocations, events in ((1, 3), (2, 2), (4, 2)))


class Took(NamedTuple):
    """When the events of an invocation began and the last of them ended, what they took of its processor, and how many messages failed."""

    instants: Sequence[float]
    processor: float
    failed: int

    @property
    def quickest(self) -> float:
        """The seconds of the event that took the fewest: others waited for a processor that something else wanted, too."""
        return min(ended - begun for begun, ended in pairwise(self.instants))


class Upstream(NamedTuple):
    """Where an explorer is, and the milliseconds between two requests to it."""

    url: str
    interval_ms: int = 0

    def enter(self) -> None:
        """Read Dogecoin from it alone."""
        from chalicelib.providers import explorers
        from chalicelib.providers.upstream import Endpoint

        endpoint = Endpoint(f'benchmark_{self.interval_ms}', self.url, self.interval_ms)
        explorers.EXPLORERS['doge'] = (replace(explorers._blockbook('doge'), endpoint=endpoint),)


class SlowExplorer:
    """A Blockbook whose answers take their time, evenly spread between the least and the most. `arrived` are the instants of requests."""

    def __init__(self, least: float, most: float) -> None:
        self.arrived: list[float] = []
        self._server: Any = explorer(_PAYMENTS)
        self.url: str = self._server.url
        respond = self._server.respond
        delays = cycle([least + (most - least) * step / (AT_ONCE - 1) for step in range(AT_ONCE)])

        def respond_late(request: Any) -> Any:
            self.arrived.append(time.monotonic())
            return replace(respond(request), delay=next(delays))

        self._server.respond = respond_late

    def __enter__(self) -> 'SlowExplorer':
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class Answers(NamedTuple):
    """What DynamoDB was asked while a ledger was refreshed, by operation, what it answered, and when that was."""

    sequence: Sequence[tuple[str, bytes]]
    at_ms: int

    @classmethod
    def record(cls, pk: str) -> 'Answers':
        """Refresh a ledger."""
        from chalicelib import clock
        from chalicelib.models import Item
        from chalicelib.services.ledgers import refresh

        sequence: list[tuple[str, bytes]] = []

        def note(operation_model: Any, response_dict: Any, **_: Any) -> None:
            sequence.append((operation_model.name, response_dict['body']))

        events = Item.connection().client.meta.events
        events.register('before-parse.dynamodb', note)
        refresh.refresh(pk, looked_at=None, deadline=time.monotonic() + 60)
        events.unregister('before-parse.dynamodb', note)
        return cls(sequence, clock.now_ms())

    def replay(self) -> None:
        """Have DynamoDB answer so from now on, at that time: each thread of a worker asks the same in the same order, for each message."""
        from chalicelib import clock
        from chalicelib.models import Item

        clock.now, clock.now_ms = lambda: self.at_ms // 1_000, lambda: self.at_ms

        local = threading.local()

        def answer(request: Any, **_: Any) -> AWSResponse:
            if threading.current_thread() is threading.main_thread():
                return AWSResponse(request.url, 200, {}, MockRawResponse(_NOTED))
            operation = request.headers['X-Amz-Target'].decode().rpartition('.')[2]
            if not hasattr(local, 'left'):
                local.left = cycle(self.sequence)
            expected, body = next(local.left)
            if operation != expected:
                raise RuntimeError(f'{operation} where {expected} was recorded')
            time.sleep(DYNAMODB_SECONDS)
            return AWSResponse(request.url, 200, {}, MockRawResponse(body))

        Item.connection().client.meta.events.register_first('before-send.dynamodb', answer)


def workers_time() -> Iterator[Sequence[object]]:
    """Refresh at explorers that answer late, as often as the workers can."""
    for number, load in enumerate(LOADS):
        [pk] = ledgers(60_000 + number, 1)
        with SlowExplorer(0, 0) as quick:
            Upstream(quick.url).enter()
            answers = Answers.record(pk)
        with SlowExplorer(load.least, load.most) as slow:
            took = _invoke(load, Upstream(slow.url), [[pk] * (load.events + 1) * AT_ONCE] * load.invocations, answers)
        _refuse_failures(took)
        possible, seconds = load.invocations * AT_ONCE / load.mean, statistics.mean(one.quickest for one in took)
        share, beyond = load.mean / seconds, f'{(seconds - load.most) * 1_000:.0f}'
        latency = f'{load.least:g}' if load.least == load.most else f'{load.least:g} to {load.most:g}'
        each = f'{statistics.mean(one.processor for one in took) / load.events / AT_ONCE * 1_000:.0f}'
        yield load.invocations, latency, f'{possible:.1f}', f'{possible * share:.1f}', f'{share:.0%}', beyond, each


def quotas() -> Iterator[Sequence[object]]:
    """Refresh at an explorer that may be asked every so often, as often as that allows."""
    for number, load in enumerate(QUOTAS):
        pks = ledgers(61_000 + 1_000 * number, load.invocations * (load.events + 1) * AT_ONCE)
        with SlowExplorer(load.least, load.most) as slow:
            each = len(pks) // load.invocations
            took = _invoke(load, Upstream(slow.url, INTERVAL_MS), [pks[n * each : (n + 1) * each] for n in range(load.invocations)])
        first, last = max(one.instants[0] for one in took), min(one.instants[-1] for one in took)  # between these all of them are at work
        arrived = [at for at in slow.arrived if first <= at <= last]
        share = (len(arrived) - 1) * INTERVAL_MS / 1_000 / (arrived[-1] - first)  # the first turn is then
        rate = 1_000 / INTERVAL_MS
        yield load.invocations, f'{rate:g}', f'{rate * share:.2f}', f'{share:.0%}', _number_put_off(pks)


def _number_put_off(pks: Sequence[str]) -> int:
    """Return how many ledgers were not read, as too many requests waited already."""
    from chalicelib.models import Ledger

    return sum((ledger.updated_at or 0) <= ledger.attempted_at - _HOUR for ledger in Ledger.find_many(pks).values())


def ledgers(first: int, number: int) -> list[str]:
    """Return so many ledgers that were read an hour ago, each watched by a portfolio."""
    from chalicelib.models import Item, Ledger, Transaction, Watch, transact
    from chalicelib.services.ledgers import refresh

    all_watched = [Watched(first + n, f'{ADDRESS[:-6]}{first + n:06}') for n in range(number)]
    Item.write_many(put=(item for one in all_watched for item in (one.portfolio, one.address, Watch.of(one.address))))
    pks = [one.address.ledger for one in all_watched]
    now = int(time.time())
    transact(Ledger.make_due(pks[0], now))
    with SlowExplorer(0, 0) as quick:
        Upstream(quick.url).enter()
        refresh.refresh(pks[0], looked_at=None, deadline=time.monotonic() + 60)
    template, rows = Ledger.get(pks[0], 'STATE'), list(Transaction.every(pks[0]))
    template.updated_at = template.attempted_at = now - _HOUR
    items: list[Item] = []
    for pk in pks:
        items.append(Ledger.from_raw_data({**template.serialize(), 'pk': {'S': pk}}))
        items += [Transaction.from_raw_data({**row.serialize(), 'pk': {'S': pk}}) for row in rows]
    Item.write_many(put=items)
    return pks


def _invoke(load: Load, upstream: Upstream, shares: Sequence[Sequence[str]], answers: Answers | None = None) -> list[Took]:
    """Have each invocation refresh its share of ledgers, event by event; return what those took, without the first event of each."""
    spawn = multiprocessing.get_context('spawn')
    ready, results = spawn.Barrier(load.invocations), spawn.Queue()
    processes = [spawn.Process(target=_work, args=(upstream, answers, share, ready, results)) for share in shares]
    for process in processes:
        process.start()
    took = [results.get(timeout=_LONGEST_SECONDS) for _ in processes]
    for process in processes:
        process.join()
    return took


def _work(upstream: Upstream, answers: Answers | None, pks: Sequence[str], ready: Any, results: Any) -> None:
    logging.disable(logging.CRITICAL)  # what an upstream is not asked for is a failure
    upstream.enter()
    if answers is not None:
        answers.replay()
    _refresh(pks[:AT_ONCE])
    ready.wait(_LONGEST_SECONDS)
    instants, failed, processor = [time.monotonic()], 0, time.process_time()
    for start in range(AT_ONCE, len(pks), AT_ONCE):
        failed += _refresh(pks[start : start + AT_ONCE])
        instants.append(time.monotonic())
    results.put(Took(instants, time.process_time() - processor, failed))


def _refresh(pks: Sequence[str]) -> int:
    """Hand an event to the job; return how many of its messages failed."""
    from chalicelib.jobs import refresh

    records = [{'messageId': '', 'receiptHandle': '', 'body': json.dumps({'ledger': pk}), 'attributes': {}} for pk in pks]
    return len(refresh.refresh_ledgers({'Records': records}, None)['batchItemFailures'])


def _refuse_failures(took: Sequence[Took]) -> None:
    if failed := sum(one.failed for one in took):
        raise RuntimeError(f'{failed} refreshes failed')
