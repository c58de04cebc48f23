"""A day of many users, simulated: `python -m benchmarks.simulate` prints what it takes at each size, `--plots` draws it too.

No request is sent. From the requests that endpoints and refreshes cost and from the refresh policy, each five minutes of a day give how
many ledgers are due, how many of them explorers and workers can read, how long the others wait, and what all of it costs. What people do
is assumed (`People`), what a unit of work takes is measured (`Work`), prices are those of infra/costs.py.
"""

import argparse
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks import plots
from chalicelib.services.ledgers import policy
from infra import costs

FOLDER = Path(__file__).parents[1] / 'docs' / 'plots'
SIZES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
STEP, HOUR, DAY, DAYS_OF_MONTH = 300, 3_600, 86_400, 30


class People(NamedTuple):
    """What users do. `peak` is how much more the busiest moment has than the mean. `shared` of the addresses are among the `hot` ones."""

    users: int
    active: float = 0.2  # of all users on a day
    visits: float = 3  # of an active user
    requests: float = 6  # of a visit
    addresses: float = 8  # of a user
    shared: float = 0.1
    hot: int = 2_000
    peak: float = 2.5

    def ledgers(self, users: float) -> float:
        """Return how many distinct ledgers so many users watch."""
        watched = users * self.addresses
        return watched * (1 - self.shared) + self.hot * -math.expm1(-watched * self.shared / self.hot)

    def visits_per_second(self, at: float) -> float:
        """Return how many visits begin at a time of the day: a floor, and a bell around 20:00."""
        floor, width = 0.4, DAY / 6
        distance = (at - 20 * HOUR + DAY / 2) % DAY - DAY / 2
        bell = math.exp(-((distance / width) ** 2))
        height = (1 - floor) * DAY / (math.sqrt(math.pi) * width)
        return self.users * self.active * self.visits / DAY * (floor + min(height, self.peak - floor) * bell)


class Chain(NamedTuple):
    """What share of addresses a chain has, and how many requests a second its explorers take without a key, all of them together."""

    name: str
    share: float
    quota: float


# The quotas are those of the explorers' minimum intervals (providers/explorers): 1000 ms between two requests is one a second.
CHAINS = (
    Chain('Bitcoin', 0.45, 4 + 4 + 1),
    Chain('Ethereum and the like', 0.35, 1.7 + 4),
    Chain('Solana', 0.08, 1 + 2),
    Chain('others', 0.12, 4 + 2 + 4 + 4 + 2 + 6.7),
)


class Work(NamedTuple):
    """What a unit of work takes: seconds, requests, and DynamoDB's request units."""

    request_seconds: float = 0.05  # an API request in its function, waiting for DynamoDB included
    authorizer_seconds: float = 0.004  # of each request, as API Gateway remembers no answer (infra/gateway.py)
    refresh_requests: float = 1.6  # to an upstream
    refresh_seconds: float = 0.9  # in a worker, most of them waiting
    refreshes_at_once: int = 10  # in one worker
    request_reads: float = 9  # units of an API request: header, children and eight ledgers
    refresh_writes: float = 8
    refresh_reads: float = 3
    request_log_bytes: float = 2_700  # our lines of function and authorizer, Lambda's three of each, the access log's
    refresh_log_bytes: float = 1_000
    stored_bytes: float = 60_000  # of a ledger with its transactions


class Limits(NamedTuple):
    """What a deployment has: how many workers, and what the sweep hands out in a minute."""

    workers: int = 10
    dispatched_per_minute: float = 32_000
    functions_at_once: int = 1_000  # AWS's default for an account
    table_units: float = 40_000  # a second of reads or writes, AWS's default
    shards: int = 32
    shard_writes: float = 1_000  # a second, of one key of an index


WORK, LIMITS = Work(), Limits()


class Moment(NamedTuple):
    """Five minutes: rates a second, and by chain what waits, how long (seconds) and what share of the quota is used."""

    at: int
    requests: float
    due: float
    refreshed: float
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


def simulate(people: People, *, own_nodes: bool = False, work: Work = WORK, limits: Limits = LIMITS) -> Result:
    """Return a day, begun the day before so that its queues are filled. With nodes of one's own the chains have no quotas."""
    waiting = dict.fromkeys((chain.name for chain in CHAINS), 0.0)
    moments = []
    for at in range(-DAY, DAY, STEP):
        due = _due_per_second(people, at % DAY)
        capacity = min(limits.dispatched_per_minute / 60, limits.workers * work.refreshes_at_once / work.refresh_seconds)
        moments.append(_step(people, at, due, capacity, waiting, own_nodes=own_nodes, work=work))
    day = [moment for moment in moments if moment.at >= 0]
    return Result(people, day, _costs(people, day, work), _used(day, work, limits))


def _due_per_second(people: People, at: float) -> float:
    """Return how many ledgers become due, by the refresh policy: more often, the more recently somebody looked at them."""
    (recently, often), (today, hourly) = policy.INTERVALS
    in_hour = people.ledgers(min(people.visits_per_second(at) * recently, people.users * people.active))
    in_day = people.ledgers(people.users * people.active * min(1, today / DAY)) - in_hour
    others = people.ledgers(people.users) - in_hour - in_day
    return in_hour / often + max(in_day, 0) / hourly + max(others, 0) / policy.LONGEST_INTERVAL


def _step(people: People, at: int, due: float, capacity: float, waiting: dict[str, float], *, own_nodes: bool, work: Work) -> Moment:
    """Let five minutes pass: what waits is read first, and a ledger that waits does not become due again."""
    refreshed, wait, quotas = 0.0, 0.0, {}
    for chain in CHAINS:
        ledgers = people.ledgers(people.users) * chain.share
        quota = math.inf if own_nodes else chain.quota / work.refresh_requests
        rate = min(quota, capacity * chain.share)
        arriving = due * chain.share * STEP * (1 - waiting[chain.name] / ledgers)
        read = min(waiting[chain.name] + arriving, rate * STEP)
        waiting[chain.name] = min(waiting[chain.name] + arriving - read, ledgers)
        refreshed += read / STEP
        wait = max(wait, waiting[chain.name] / rate)
        quotas[chain.name] = 0.0 if own_nodes else due * chain.share / quota
    return Moment(at, people.visits_per_second(at % DAY) * people.requests, due, refreshed, wait, quotas)


def _used(day: Sequence[Moment], work: Work, limits: Limits) -> dict[str, float]:
    """Return how much of each limit the worst moment of a day would take if nothing waited."""
    due, requests = max(moment.due for moment in day), max(moment.requests for moment in day)
    workers = due * work.refresh_seconds / work.refreshes_at_once
    return {
        **{f'explorers of {name}': max(moment.quotas[name] for moment in day) for name in day[0].quotas},
        'workers': workers / limits.workers,
        'the sweep': due * 60 / limits.dispatched_per_minute,
        'shards of the index': due * 3 / limits.shards / limits.shard_writes,
        'functions at once': (requests * work.request_seconds + workers) / limits.functions_at_once,
        'units of the table': max(requests * work.request_reads, due * work.refresh_writes) / limits.table_units,
    }


def _costs(people: People, day: Sequence[Moment], work: Work) -> dict[str, float]:
    """Return dollars a month by service. What is always there, such as keys and alarms, is `idle`, as the README counts it."""
    requests = sum(moment.requests for moment in day) * STEP * DAYS_OF_MONTH
    refreshed = sum(moment.refreshed for moment in day) * STEP * DAYS_OF_MONTH
    worker_seconds = refreshed * work.refresh_seconds / work.refreshes_at_once
    refreshes = {
        'Lambda': worker_seconds * costs.GIGABYTE_SECOND + refreshed / 10 * costs.FUNCTION_CALL,
        'DynamoDB': refreshed * (work.refresh_reads * costs.READ_UNIT + work.refresh_writes * costs.WRITE_UNIT),
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


def request_costs(work: Work = WORK) -> dict[str, float]:
    """Return what an API request costs, in dollars by service."""
    gigabyte_seconds = work.request_seconds * 1 + work.authorizer_seconds * 0.5  # by the memory of each function
    return {
        'API Gateway': costs.API_REQUEST,
        'Lambda': 2 * costs.FUNCTION_CALL + gigabyte_seconds * costs.GIGABYTE_SECOND,  # a request calls the authorizer and its function
        'DynamoDB': work.request_reads * costs.READ_UNIT,
        'logs': work.request_log_bytes / 1e9 * costs.LOGGED_GIGABYTE,
    }


def main() -> None:
    """Print the tables, and draw the plots if that is asked for."""
    parser = argparse.ArgumentParser(prog='python -m benchmarks.simulate', description=__doc__)
    parser.add_argument('--plots', action='store_true', help='draw the plots in docs/plots')
    options = parser.parse_args()
    keyless = [simulate(People(users)) for users in SIZES]
    own = [simulate(People(users), own_nodes=True, limits=grown_limits(People(users))) for users in SIZES]
    _print_table('Explorers without keys, settings as they are', keyless)
    _print_table("Nodes of one's own, and as many workers and dispatchers as are needed", own)
    if options.plots:
        _draw(keyless, own)


def grown_limits(people: People, work: Work = WORK) -> Limits:
    """Return the limits that let nothing wait: settings, and quotas that AWS raises when asked."""
    due = max(_due_per_second(people, at) for at in range(0, DAY, STEP)) * 1.5
    return Limits(
        workers=max(10, math.ceil(due * work.refresh_seconds / work.refreshes_at_once)),
        dispatched_per_minute=max(32_000, due * 60),
        functions_at_once=10_000,
        table_units=400_000,
        shards=max(32, math.ceil(due * 3 / 500)),
    )


def _print_table(title: str, results: Iterable[Result]) -> None:
    print(f'\n{title}:\n\n| users | ledgers | requests/s | due/s | longest wait | first limits | $ a month per 1,000 users |')
    print('|---|---|---|---|---|---|---|')
    for result in results:
        people = result.people
        worst = sorted(result.used.items(), key=lambda limit: -limit[1])[:3]
        limits = ', '.join(f'{name} {share:.0%}' for name, share in worst)
        print(
            f'| {people.users:,} | {people.ledgers(people.users):,.0f} | {max(moment.requests for moment in result.moments):,.1f}'
            f' | {max(moment.due for moment in result.moments):,.1f} | {_duration(result.longest_wait)} | {limits}'
            f' | {result.cost_per_thousand:,.2f} |'
        )


def _duration(seconds: float) -> str:
    for unit, length in (('days', DAY), ('hours', HOUR), ('minutes', 60)):
        if seconds >= 2 * length:
            return f'{seconds / length:,.0f} {unit}'
    return f'{seconds:.0f} seconds'


def _draw(keyless: Sequence[Result], own: Sequence[Result]) -> None:
    FOLDER.mkdir(exist_ok=True)
    users = [result.people.users for result in own]
    plots.draw(
        FOLDER / 'cost.svg',
        'Dollars a month per 1,000 users',
        'users',
        {"nodes of one's own": list(zip(users, (result.cost_per_thousand for result in own), strict=True))},
        is_logarithmic=True,
    )
    plots.draw(
        FOLDER / 'wait.svg',
        'Longest wait for a refresh beyond the policy, in minutes',
        'users',
        {
            'explorers without keys': list(zip(users, (result.longest_wait / 60 for result in keyless), strict=True)),
            "nodes of one's own": list(zip(users, (result.longest_wait / 60 for result in own), strict=True)),
        },
        is_logarithmic=True,
    )
    day = keyless[2]
    plots.draw(
        FOLDER / 'day.svg',
        f'Ledgers due and refreshed a second on a day of {day.people.users:,} users',
        'hour of the day',
        {
            'due': [(moment.at / HOUR, moment.due) for moment in day.moments],
            'refreshed': [(moment.at / HOUR, moment.refreshed) for moment in day.moments],
        },
    )


if __name__ == '__main__':
    main()
