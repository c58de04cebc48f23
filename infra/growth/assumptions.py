"""What infra.growth.simulation assumes of people and chains, and what a unit of work takes: as tests and benchmarks count or measure it."""

import math
from typing import NamedTuple

HOUR, DAY = 3_600, 86_400
PEAK = 20 * HOUR  # of the day, when most visits begin


class People(NamedTuple):
    """What users do. `peak` is how much more the busiest moment has than the mean. `shared` of the addresses are among the `hot` ones."""

    users: int
    active: float = 0.2  # of all users on a day
    visits: float = 3  # of an active user
    requests: float = 6  # of a visit
    addresses: float = 8  # of a user
    shared: float = 0.1
    hot: int = 2_000
    moves: float = 0.1  # of an address on a day
    peak: float = 2.5

    def ledgers(self, users: float) -> float:
        """Return how many distinct ledgers so many users watch."""
        watched = users * self.addresses
        return watched * (1 - self.shared) + self.hot * -math.expm1(-watched * self.shared / self.hot)

    def visits_per_second(self, at: float) -> float:
        """Return how many visits begin at a time of the day: a floor, and a bell around the peak."""
        floor, width = 0.4, DAY / 6
        distance = (at - PEAK + DAY / 2) % DAY - DAY / 2
        bell = math.exp(-((distance / width) ** 2))
        height = (1 - floor) * DAY / (math.sqrt(math.pi) * width)
        return self.users * self.active * self.visits / DAY * (floor + min(height, self.peak - floor) * bell)


class Followed(NamedTuple):
    """A chain whose blocks an explorer tells without a key, what share of its group's addresses it has, and what following takes a day."""

    currency: str
    explorer: str
    share: float
    requests: int  # to the explorer, as benchmarks.blocks measures
    addresses: int  # of its blocks, as benchmarks.blocks assumes


class Chain(NamedTuple):
    """What share of addresses chains have, and how many requests a second their explorers take without a key, all of them together.

    `reading` is how many requests a reading takes. Where quiet addresses are confirmed, `checked` is of how many chains they are, and
    `bulk_quota` how many requests a second those take that show many addresses at once. `followed` are those that FOLLOW_BLOCKS may name.
    """

    name: str
    share: float
    quota: float
    reading: float
    checked: int = 0
    bulk_quota: float = 0
    followed: tuple[Followed, ...] = ()


# The quotas are those of the explorers' minimum intervals (providers/explorers): 1000 ms between two requests is one a second.
# The numbers of requests are counted by benchmarks.upstream_economy and the tests of explorers. Of the others, a third is taken to be
# Litecoin's and a sixth Bitcoin Cash's. Other chains like Bitcoin need a Blockbook of one's own to be followed.
CHAINS = (
    Chain('Bitcoin', 0.45, 4 + 4 + 1, 1.6, followed=(Followed('btc', 'blockchain_info', 1, 864, 3 * 3_500 * 144),)),
    Chain('Ethereum and the like', 0.35, 1.7 + 4, 7, checked=7, bulk_quota=7 * 2),
    Chain('Solana', 0.08, 1 + 2, 3),
    Chain(
        'others',
        0.12,
        4 + 2 + 4 + 4 + 2 + 6.7,
        3,
        followed=(
            Followed('ltc', 'litecoinspace', 1 / 3, 8_208, 3 * 300 * 576),
            Followed('bch', 'haskoin', 1 / 6, 1_008, 3 * 150 * 144),
        ),
    ),
)


class Work(NamedTuple):
    """What a unit of work takes: seconds, requests, and DynamoDB's request units."""

    request_seconds: float = 0.05  # an API request in its function, waiting for DynamoDB included
    authorizer_seconds: float = 0.004  # of each request, as API Gateway remembers no answer (infra/gateway.py)
    refresh_seconds: float = 0.9  # in a worker, most of them waiting
    confirm_seconds: float = 0.05  # the same of one ledger of many; where blocks tell, as long is assumed as where nodes are asked
    refreshes_at_once: int = 10  # in one worker
    request_reads: float = 9  # units of an API request: header, children and eight ledgers
    refresh_writes: float = 8
    refresh_reads: float = 3
    confirm_writes: float = 3.2  # the claim, the confirmation, the stamp of a watcher, and a part of that of a portfolio
    confirm_reads: float = 1.5
    move_writes: float = 1  # of a ledger that a block moved
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
