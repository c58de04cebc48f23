"""A day of many users, simulated.

No request is sent. From the requests that endpoints and refreshes cost and from the refresh policy, each five minutes of a day give how
many ledgers are due, how many of them explorers and workers can read, how long the others wait, and what all of it costs. What people do
is assumed (`People`), what a unit of work takes is measured (`Work`, both in infra.growth.assumptions), prices are those of infra/costs.py.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from infra import costs
from infra.growth.assumptions import CHAINS, DAY, LIMITS, PEAK, WORK, Chain, Limits, People, Work
from infra.growth.due import Due, due_per_second

STEP, DAYS_OF_MONTH = 300, 30


class Moment(NamedTuple):
    """Five minutes: rates a second, how long (seconds) what waits longest does, and by upstreams what share of their quota is used."""

    at: int
    requests: float
    due: Due
    refreshed: float
    confirmed: float
    wait: float
    quotas: Mapping[str, float]


class Result(NamedTuple):
    people: People
    moments: Sequence[Moment]
    costs: Mapping[str, float]  # dollars a month, by service
    used: Mapping[str, float]  # the share of each limit that is used at the worst moment

    @property
    def cost_per_thousand(self) -> float:
        """Dollars a month for each 1,000 users."""
        return sum(self.costs.values()) / self.people.users * 1_000

    @property
    def longest_wait(self) -> float:
        """How many seconds beyond the policy a ledger waits at the worst moment."""
        return max(moment.wait for moment in self.moments)


def simulate(
    people: People, *, own_nodes: bool = False, follows_blocks: bool = False, work: Work = WORK, limits: Limits = LIMITS
) -> Result:
    """Return a day, begun the day before so that its queues are filled. With nodes of one's own the chains have no quotas.

    If it `follows_blocks`, FOLLOW_BLOCKS names all chains of which an explorer tells them without a key.
    """
    waiting: dict[str, float] = {}
    moments = [
        _step(people, at, waiting, limits, own_nodes=own_nodes, follows_blocks=follows_blocks, work=work) for at in range(-DAY, DAY, STEP)
    ]
    day = [moment for moment in moments if moment.at >= 0]
    dollars = _costs(people, day, work) | (_costs_of_blocks(people, work) if follows_blocks else {})
    return Result(people, day, dollars, _used(day, work, limits, follows_blocks=follows_blocks))


def _step(
    people: People, at: int, waiting: dict[str, float], limits: Limits, *, own_nodes: bool, follows_blocks: bool, work: Work
) -> Moment:
    """Let five minutes pass: what waits is read first, and a ledger that waits does not become due again."""
    due = due_per_second(people, at % DAY)
    capacity = min(limits.dispatched_per_minute / 60, limits.workers * work.refreshes_at_once / work.refresh_seconds)
    done: dict[str, float] = {}
    wait, quotas = 0.0, {}
    for chain in CHAINS:
        ledgers = people.ledgers(people.users) * chain.share
        to_read, to_confirm = (each(chain, follows_blocks=follows_blocks) for each in (due.to_read, due.to_confirm))
        for name, rate, quota in (
            (f'explorers of {chain.name}', to_read, _readings(chain, follows_blocks)),
            (f'confirmations of {chain.name}', to_confirm, _confirmations(chain, to_confirm)),
        ):
            if rate:
                limit = min(math.inf if own_nodes else quota, capacity * chain.share)
                arriving = rate * STEP * (1 - waiting.get(name, 0) / ledgers)
                done[name] = min(waiting.get(name, 0) + arriving, limit * STEP)
                waiting[name] = min(waiting.get(name, 0) + arriving - done[name], ledgers)
                wait = max(wait, waiting[name] / limit)
                quotas[name] = 0.0 if own_nodes else rate / quota
    refreshed, confirmed = (
        sum(number for name, number in done.items() if name.startswith(kind)) / STEP for kind in ('explorers', 'confirmations')
    )
    return Moment(at, people.visits_per_second(at % DAY) * people.requests, due, refreshed, confirmed, wait, quotas)


def _readings(chain: Chain, follows_blocks: bool) -> float:
    """Return how many ledgers of chains their explorers can read a second, beside the blocks that they are asked for."""
    blocks = sum(each.requests for each in chain.followed) / DAY if follows_blocks else 0
    return (chain.quota - blocks) / chain.reading


def _confirmations(chain: Chain, rate: float) -> float:
    """Return how many ledgers of chains can be confirmed a second, of `rate` a second: those due in the same minute by one message.

    Blocks confirm without a request.
    """
    if not chain.checked:
        return math.inf
    batch = min(100, max(1, rate * 60 / chain.checked))
    requests = 1 + math.ceil((batch + 3) / 50)  # the search for events, and the state by fifty calls
    return chain.bulk_quota * batch / requests


def _used(day: Sequence[Moment], work: Work, limits: Limits, *, follows_blocks: bool) -> dict[str, float]:
    """Return how much of each limit the worst moment of a day would take if nothing waited."""
    due, requests = max(moment.due for moment in day), max(moment.requests for moment in day)
    to_read, to_confirm = (sum(each(chain, follows_blocks=follows_blocks) for chain in CHAINS) for each in (due.to_read, due.to_confirm))
    workers = _worker_seconds(to_read, to_confirm, work)
    writes = to_read * work.refresh_writes + to_confirm * work.confirm_writes
    return {
        **{name: max(moment.quotas[name] for moment in day) for name in day[0].quotas},
        'workers': workers / limits.workers,
        'the sweep': due.ledgers * 60 / limits.dispatched_per_minute,
        'shards of the index': due.ledgers * 3 / limits.shards / limits.shard_writes,
        'functions at once': (requests * work.request_seconds + workers) / limits.functions_at_once,
        'units of the table': max(requests * work.request_reads, writes) / limits.table_units,
    }


def _worker_seconds(refreshed: float, confirmed: float, work: Work) -> float:
    return (refreshed * work.refresh_seconds + confirmed * work.confirm_seconds) / work.refreshes_at_once


def _costs(people: People, day: Sequence[Moment], work: Work) -> dict[str, float]:
    """Return dollars a month by service. What is always there, such as keys and alarms, is `idle`, as the README counts it."""
    requests = sum(moment.requests for moment in day) * STEP * DAYS_OF_MONTH
    refreshed, confirmed = (
        sum(rates) * STEP * DAYS_OF_MONTH for rates in zip(*((moment.refreshed, moment.confirmed) for moment in day), strict=True)
    )
    reads = refreshed * work.refresh_reads + confirmed * work.confirm_reads
    writes = refreshed * work.refresh_writes + confirmed * work.confirm_writes
    refreshes = {
        'Lambda': _worker_seconds(refreshed, confirmed, work) * costs.GIGABYTE_SECOND + refreshed / 10 * costs.FUNCTION_CALL,
        'DynamoDB': reads * costs.READ_UNIT + writes * costs.WRITE_UNIT,
        'SQS': refreshed * 3 / 10 * costs.SQS_REQUEST,
        'logs': refreshed * work.refresh_log_bytes / 1e9 * costs.LOGGED_GIGABYTE,
    }
    always = {
        'storage': people.ledgers(people.users) * work.stored_bytes / 1e9 * costs.STORED_GIGABYTE,
        'idle': sum(cost.dollars for cost in costs.idle()),
    }
    return (
        {name: cost * requests for name, cost in request_costs(work).items()}
        | {f'{name} of refreshes': cost for name, cost in refreshes.items()}
        | always
    )


def _costs_of_blocks(people: People, work: Work) -> dict[str, float]:
    """Return dollars a month for reading blocks, and for noting which ledgers moved in them."""
    followed = [(chain, each) for chain in CHAINS for each in chain.followed]
    moves = sum(people.ledgers(people.users) * chain.share * each.share * people.moves for chain, each in followed) * DAYS_OF_MONTH
    return {'blocks': sum(costs.following(each.addresses) for _, each in followed) + moves * work.move_writes * costs.WRITE_UNIT}


def request_costs(work: Work = WORK) -> dict[str, float]:
    """Return what an API request costs, in dollars by service."""
    gigabyte_seconds = work.request_seconds * 1 + work.authorizer_seconds * 0.5  # by the memory of each function
    return {
        'API Gateway': costs.API_REQUEST,
        'Lambda': 2 * costs.FUNCTION_CALL + gigabyte_seconds * costs.GIGABYTE_SECOND,  # a request calls the authorizer and its function
        'DynamoDB': work.request_reads * costs.READ_UNIT,
        'logs': work.request_log_bytes / 1e9 * costs.LOGGED_GIGABYTE,
    }


def grown_limits(people: People, work: Work = WORK) -> Limits:
    """Return the limits that let nothing wait: settings, and quotas that AWS raises when asked."""
    due = max(due_per_second(people, at).ledgers for at in range(0, DAY, STEP)) * 1.5
    return Limits(
        workers=max(10, math.ceil(due * work.refresh_seconds / work.refreshes_at_once)),
        dispatched_per_minute=max(32_000, due * 60),
        functions_at_once=10_000,
        table_units=400_000,
        shards=max(32, math.ceil(due * 3 / 500)),
    )


def users_until(limit: str, *, follows_blocks: bool = False) -> float:
    """Return at how many users, in two digits, a limit is used up at the worst moment, with explorers that need no key."""
    users = 10_000
    for _ in range(3):  # what is used grows nearly as users do
        moment = _step(People(users), PEAK, {}, LIMITS, own_nodes=False, follows_blocks=follows_blocks, work=WORK)
        users = round(users / _used([moment], WORK, LIMITS, follows_blocks=follows_blocks)[limit])
    return float(f'{users:.2g}')
