"""Scenarios: people, workers, schedules and data tools at once, while a share of the requests to AWS and upstreams fails."""

import gc
import logging
import os
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from types import SimpleNamespace
from typing import Any

import boto3
import jose.jwt
from botocore import endpoint
from chalice.test import Client as ChaliceClient

from app import app
from chalicelib import clock, passwords
from chalicelib.config import settings
from chalicelib.jobs import histories, purge, rates, refresh
from chalicelib.models import Client, Item, User, batches, writes
from chalicelib.services import job_runs
from chalicelib.services.ledgers import refresh as ledgers_refresh
from chalicelib.services.ledgers import upstream_gate
from chalicelib.services.rates import backfill, current, fetch
from infra.data import table as data_table
from infra.data.table import Table
from infra.fake_upstreams import faults, http_server, sample
from infra.fake_upstreams import rates as fake_rates
from infra.fake_upstreams.answer import Answer
from infra.fake_upstreams.scripted_explorer import UPSTREAMS, Explorer, payments
from infra.local import authorizer
from tests.abuse import data_tools, invariants
from tests.abuse.people import BITCOIN, REDIRECT, Failed, Person
from tests.abuse.proxy import Proxy
from tests.support import hd_wallets
from tests.support.api import PASSWORD
from tests.support.clock import CLOCK, _Datetime
from tests.support.jobs import CONTEXT, Queue, run_sweep

FAULTY_SHARE = 0.3
UPSTREAM_FAULTS = (
    faults.down, faults.html, faults.truncated_json, faults.truncated_body, faults.status(429, Retry_After='1'), faults.status(500),
    faults.status(503), faults.text('{}'), faults.text('null'), faults.text('{"chain_stats": {"funded_txo_sum": 1e9999999999}}'),
)  # fmt: skip
EVENT = {'version': '0', 'detail-type': 'Scheduled Event', 'source': 'aws.events', 'detail': {}, 'resources': []}
IMPORTED_LATE = (ledgers_refresh, backfill, fetch)  # by the jobs, and here in time for what follows
ANY = {'account': '', 'time': '', 'region': '', 'id': ''}


def run(proxy: Proxy, least_faults: int, most_scenarios: int, seed: int, steps: int) -> list[str]:
    """Run scenarios of so many steps until so many faults were injected; return what failed."""
    gc.freeze()
    logging.disable()
    _stop_the_clock()
    failures: list[str] = []
    explorer = Explorer()
    with http_server.serving(lambda request: _respond(explorer, request)) as url:
        _configure(url)
        for number in range(seed, seed + most_scenarios):
            found = [f'seed {number}: {failure}' for failure in _scenario(proxy, explorer, number, steps)]
            failures += found
            print('\n'.join(found), flush=True)
            print(f'seed {number}: {proxy.injected.total():,} faults, {len(failures)} failures', flush=True)
            if proxy.injected.total() >= least_faults:
                break
    return failures + [f'invalid for DynamoDB: {reason}' for reason in proxy.invalid]


def _respond(explorer: Explorer, request: http_server.Request) -> Answer:
    if request.upstream in UPSTREAMS and request.path[:1] != ['ticker']:
        return explorer.answer(faults.Request(request.upstream, request.url, request.query))
    return sample.respond(request)


def _stop_the_clock() -> None:
    """Let time pass when a scenario says so, and nobody wait."""
    for name in ('now', 'now_ms', 'monotonic'):
        setattr(clock, name, getattr(CLOCK, name))
    jose.jwt.datetime = _Datetime  # type: ignore[attr-defined]
    fake_rates.now_ms = CLOCK.now_ms
    for module in (endpoint, batches, writes, upstream_gate, data_table):
        vars(module)['time'] = SimpleNamespace(sleep=lambda _: None)
    for name, module in list(sys.modules.items()):  # one thread each, so that a seed always means the same
        if name.startswith(('chalicelib.', 'infra.data.')) and 'ThreadPoolExecutor' in vars(module):
            vars(module)['ThreadPoolExecutor'] = lambda *_: ThreadPoolExecutor(1)


def _configure(upstreams: str) -> None:
    os.environ['UPSTREAM_URL'] = upstreams
    settings.cache_clear()
    authorizer.install()
    Item.create_table(billing_mode='PAY_PER_REQUEST')


HANDLERS: dict[str, Callable[[Any, Any], Any]] = {
    'refresh_queue': refresh.refresh_ledgers,
    'accounts_queue': refresh.refresh_accounts,
    'purge_queue': purge.purge_portfolios,
    'history_queue': histories.refresh_histories,
    'rates_queue': rates.fetch_rates,
}


class Stage:
    """The queues of one scenario with the handlers behind them."""

    def __init__(self) -> None:
        sqs = boto3.client('sqs')
        names = {setting: getattr(settings(), setting) for setting in HANDLERS}
        for url in sqs.list_queues().get('QueueUrls', []):
            sqs.delete_queue(QueueUrl=url)
        # What is received is delivered, deleted or kept before anybody receives again.
        urls = {
            setting: sqs.create_queue(QueueName=name, Attributes={'VisibilityTimeout': '0'})['QueueUrl'] for setting, name in names.items()
        }
        self.queues = [Queue(urls[setting], handler) for setting, handler in HANDLERS.items()]

    def settle(self) -> None:
        """Let everything that is due or sent be done, some hours long."""
        for _ in range(3):
            CLOCK.advance(4_000)
            current.forget()
            run_sweep()
            histories.snapshot_portfolios(EVENT | ANY, CONTEXT)
            for _ in range(40):
                if not sum(one.deliver() for one in self.queues):
                    break


def _draw_all_from(seed: int) -> None:
    """Let ids, tokens and pauses be those of the seed, as the order of work depends on them."""
    random.seed(seed)
    drawn = random.Random(seed)
    os.urandom = random._urandom = drawn.randbytes  # type: ignore[attr-defined]


def _scenario(proxy: Proxy, explorer: Explorer, seed: int, steps: int) -> Iterator[str]:
    _draw_all_from(seed)
    chance = random.Random(seed)
    answers: Counter[int] = Counter()
    explorer.reset()
    for address in BITCOIN:
        _pay(explorer, address, chance.randrange(1, 40))
    explorer.chain |= {hd_wallets.at(0, n, 'p2pkh'): payments(3, first=5_000 + 10 * n) for n in range(3)}
    stage = Stage()
    people = [_person(chance, f'{name}-{seed}@example.com', answers) for name in ('ann', 'bob', 'eve')]
    try:
        for person in people:
            person.log_in()
        with _failing(proxy, explorer, chance):
            for _ in range(steps):
                _step(stage, explorer, chance, people)
            forgotten = people.pop().user_id
            data_tools.forget_user(forgotten)
            exported = data_tools.export_all()
        yield from data_tools.lacking(exported)
        stage.settle()
        yield from invariants.violations(people, explorer)
        yield from invariants.traces(forgotten)
    except Failed as failed:
        yield str(failed)
    if answers[500]:
        yield f'{answers[500]} answers were 500'
    _empty()


def _person(chance: random.Random, email: str, answers: Counter[int]) -> Person:
    user = User.create(name='Test', email=email, password_hash=_password_hash(), allow_remote_login=True, now=clock.now())
    if Client.find('test-app') is None:
        Client.register(
            client_id='test-app', secret='secret', owner_id=user.user_id, name='Test', redirect_uris=[REDIRECT], now=clock.now()
        )
    return Person(ChaliceClient(app, stage_name='test'), chance, email, user.user_id, answers)


@cache
def _password_hash() -> str:
    return passwords.hash_password(PASSWORD)


@contextmanager
def _failing(proxy: Proxy, explorer: Explorer, chance: random.Random) -> Iterator[None]:
    proxy.reseed(chance.random())
    proxy.share = FAULTY_SHARE
    try:
        yield
    finally:
        proxy.share = 0.0
        explorer.heal()


def _step(stage: Stage, explorer: Explorer, chance: random.Random, people: list[Person]) -> None:
    chance.choice(people).act()
    for one in stage.queues:
        if chance.random() < 0.5:
            _attempt(one.deliver)
    address = chance.choice(BITCOIN)
    deeds: list[Callable[[], object]] = [
        lambda: explorer.fail(chance.choice(UPSTREAM_FAULTS), *chance.sample([*UPSTREAMS], 2)),
        explorer.heal,
        lambda: _pay(explorer, address, len(explorer.chain[address]) + 2),
        run_sweep,
        lambda: rates.update_rates(EVENT | ANY, CONTEXT),
        lambda: histories.snapshot_portfolios(EVENT | ANY, CONTEXT),
        lambda: CLOCK.advance(chance.choice((5, 60, 400))),
    ]
    if chance.random() < 0.6:
        _attempt(chance.choice(deeds))


def _pay(explorer: Explorer, address: str, number: int) -> None:
    """Let an address have so many transactions by now."""
    explorer.chain[address] = payments(number, first=100 * BITCOIN.index(address) + 1)


def _attempt(job: Callable[[], object]) -> None:
    """Run a job as Lambda does: whatever it raises, it is run again later."""
    try:
        job()
    except Exception:
        return


def _empty() -> None:
    table = Table(settings().table_name)
    rows = table.scan(0, 1, None)
    table.delete((item['pk']['S'], item['sk']['S']) for item in rows.items)
    current.forget()
    job_runs._noted.clear()
