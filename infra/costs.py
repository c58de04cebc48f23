"""What a stage costs: what infra/template.yaml and .chalice/config.json declare, counted, at AWS's list prices of us-east-1.

The one source of these figures: README and `make plan` show `summary`, and infra/growth/simulation.py adds what users take to `idle`.
`python -m infra.costs` prints the summary.
"""

from collections.abc import Mapping
from typing import NamedTuple

from infra import lambda_extras, template

# Dollars, November 2026, functions on arm64.
API_REQUEST = 3.50e-6
FUNCTION_CALL = 0.20e-6
GIGABYTE_SECOND = 1.33334e-5
READ_UNIT, WRITE_UNIT = 0.125e-6, 0.625e-6
STORED_GIGABYTE = 0.25 + 0.20  # a month, in DynamoDB, with point-in-time recovery
SQS_REQUEST = 0.40e-6
LOGGED_GIGABYTE = 0.50
KMS_KEY = 1.00  # a month; a rotation adds as much, twice at most
ALARM_METRIC = 0.10  # a month, for each metric that an alarm reads
METRIC = 0.30  # a month, if it arrives in every hour

_SECONDS_OF_MONTH = 30.4 * 86_400
_POLLS_PER_SECOND = 5 / 20  # of a queue: Lambda keeps five pollers, each of which waits for 20 seconds
# What arrives even if nobody uses a stage, as its schedules run at least hourly. tests/functional/jobs/test_idle_metrics.py compares.
IDLE_METRICS: Mapping[str, tuple[str, ...]] = {
    'sweep_due': ('Runs', 'MessagesSent', 'Milliseconds', 'DynamoDBRequests', 'DynamoDBCapacity'),
    'update_rates': ('Runs', 'UpstreamRequests', 'Milliseconds', 'DynamoDBRequests', 'DynamoDBCapacity'),
    'snapshot_portfolios': ('Runs', 'MessagesSent', 'Milliseconds', 'DynamoDBRequests', 'DynamoDBCapacity'),
    'refresh_histories': ('Messages', 'Milliseconds', 'DynamoDBRequests', 'DynamoDBCapacity'),
}
ROUTE_CLASSES = 20  # each has a latency of its own (chalicelib/http_io/request_log.py)
_OF_QUEUES = ('Messages', 'Milliseconds', 'DynamoDBRequests', 'DynamoDBCapacity')
# What arrives besides while a stage is used, with those of template.yaml's filters of the access log. tests/infra/test_costs.py compares.
METRICS_OF_USE: Mapping[str, tuple[str, ...]] = {
    'api': ('Latency', 'Requests', 'NotReady', 'Throttled', 'Errors4xx', 'DynamoDBRequests', 'DynamoDBCapacity'),
    'authorizer': ('Latency', 'Requests', 'TokensRefused', 'DynamoDBRequests', 'DynamoDBCapacity'),
    'refresh_ledgers': (*_OF_QUEUES, 'MessageFailures', 'UpstreamRequests', 'CrossChecks', 'LedgerIncomplete'),
    'refresh_accounts': (*_OF_QUEUES, 'UpstreamRequests'),
    'fetch_rates': (*_OF_QUEUES, 'UpstreamRequests'),
    'purge_portfolios': _OF_QUEUES,
}
# AWS's allowances that do not end after a year.
_FREE_ALARM_METRICS, _FREE_METRICS, _FREE_SQS_REQUESTS = 10, 10, 1e6


class Cost(NamedTuple):
    """Dollars a month for so many of something, such as 3 KMS keys, and how many of those dollars AWS waives."""

    number: int
    name: str
    dollars: float
    waived: float = 0


def idle() -> list[Cost]:
    """Return what a stage costs that nobody uses."""
    resources = template.load()['Resources'].values()
    keys = sum(resource['Type'] == 'AWS::KMS::Key' for resource in resources)
    alarms = [resource['Properties'] for resource in resources if resource['Type'] == 'AWS::CloudWatch::Alarm']
    alarm_metrics = sum(sum('MetricStat' in metric for metric in alarm.get('Metrics', ())) or 1 for alarm in alarms)
    metrics = sum(map(len, IDLE_METRICS.values()))
    sizes = lambda_extras.config()['lambda_functions'].values()
    queues = sum('maximum_concurrency' in size for size in sizes)
    schedules = sum('reserved_concurrency' in size and 'maximum_concurrency' not in size for size in sizes)
    polls = queues * _POLLS_PER_SECOND * _SECONDS_OF_MONTH
    return [
        Cost(keys, 'KMS keys', keys * KMS_KEY),
        Cost(alarm_metrics, 'alarm metrics', alarm_metrics * ALARM_METRIC, _FREE_ALARM_METRICS * ALARM_METRIC),
        Cost(metrics, 'metrics', metrics * METRIC, _FREE_METRICS * METRIC),
        Cost(queues, 'polled queues', polls * SQS_REQUEST, _FREE_SQS_REQUESTS * SQS_REQUEST),
        Cost(schedules, 'schedules', _schedules()),
    ]


def summary() -> str:
    """Return what `idle` says in a sentence without its full stop."""
    costs = idle()
    total, waived = sum(cost.dollars for cost in costs), sum(cost.waived for cost in costs)
    parts = ', '.join(f'{cost.number} {cost.name} {cost.dollars:.2f}' for cost in costs)
    return (
        f"about {total:.0f} dollars a month when idle ({parts}), of which AWS's always-free allowances cover about {waived:.0f}; "
        f'up to {metrics_of_use() * METRIC:.0f} more for metrics when in use'
    )


def metrics_of_use() -> int:
    """Return how many metrics arrive besides in each hour in which all of a stage is used."""
    filters: int = sum(one['Type'] == 'AWS::Logs::MetricFilter' for one in template.load()['Resources'].values())
    return ROUTE_CLASSES + sum(map(len, METRICS_OF_USE.values())) + filters


def following(addresses_a_day: int) -> float:
    """Return dollars a month for following a chain whose blocks have so many addresses a day: for each a look whether a ledger is of it.

    A batch get takes half a unit for a key of which there is nothing. That no new block is there costs four writes, every two minutes.
    """
    polls = _SECONDS_OF_MONTH / 120
    return addresses_a_day * 30.4 * 0.5 * READ_UNIT + polls * 4 * WRITE_UNIT


def _schedules() -> float:
    """Return dollars a month for the sweep of each minute and the rates of each five; that of each hour is a sixtieth of the sweep."""
    sweeps, rates = _SECONDS_OF_MONTH / 60, _SECONDS_OF_MONTH / 300
    seconds = sweeps * 0.3 + rates * 2  # at half a gigabyte
    # A sweep queries 32 shards, each of which is half a unit if it is empty, and notes that it ran.
    table = sweeps * (32 * 0.5 * READ_UNIT + WRITE_UNIT)
    return (sweeps + rates) * FUNCTION_CALL + seconds * 0.5 * GIGABYTE_SECOND + table


if __name__ == '__main__':
    print(summary())
