"""How the service does by its own table and queues, on AWS or at home. Only reads. Needs the settings of a stage in the environment."""

import os
from collections.abc import Iterator

import boto3

from chalicelib import clock
from chalicelib.formats import format_instant
from chalicelib.models import UpstreamState
from chalicelib.services import job_runs, upstream_status
from infra import functions
from infra.operate.aws_status import queue_findings
from infra.operate.finding import Finding, looked_at

_PAGE = 'docs/operations/something-is-wrong.md'


def find(logs: str) -> list[Finding]:
    """Return findings about jobs, rates and upstreams. `logs` says where the errors are."""
    status = upstream_status.status()
    if 'database' in status.failing:
        return [Finding('database', 'cannot be read', f'{logs}; status.aws.amazon.com, if it is on AWS')]
    return [Finding('database', 'can be read'), *_jobs(status, logs), *_rates(status, logs), *_upstreams(status)]


def find_queues() -> list[Finding]:
    """Return findings about the queues that the environment names."""

    def look() -> Iterator[Finding]:
        sqs = boto3.client('sqs')
        for name in functions.queue_roles():
            yield from queue_findings(sqs, name, os.environ[f'{name.upper()}_QUEUE'], None)

    return looked_at('queues', look)


def _jobs(status: upstream_status.Status, logs: str) -> Iterator[Finding]:
    now = clock.now()
    for job, ran_at in status.jobs.items():
        text = 'has not run yet' if ran_at is None else f'last ran {_ago(now - ran_at)}, at {format_instant(ran_at)}'
        every = job_runs.SCHEDULED.get(job)
        yield Finding(f'job {job}', text, _advice(ran_at, every, now, job, logs) if every else None)


def _advice(ran_at: int | None, every: int, now: int, job: str, logs: str) -> str | None:
    """Return what to do about a job on a schedule that is late. That of each hour has not run in the first one."""
    is_late = every < job_runs.HOUR if ran_at is None else job_runs.health({job: ran_at}, now) == 'failing'
    return f'it should run every {every // 60} min: {logs}, and see whether its schedule is enabled' if is_late else None


def _rates(status: upstream_status.Status, logs: str) -> Iterator[Finding]:
    text = 'there are none yet' if status.rates_at is None else f'of {format_instant(status.rates_at)}'
    is_good = 'tickers' in status.ok
    yield Finding('rates', text, None if is_good else f'they are fetched every 5 min by update_rates: {logs}')


def _upstreams(status: upstream_status.Status) -> Iterator[Finding]:
    sources = {source.key: source for source in upstream_status.every()}
    failing = [key for key in status.failing if key in sources]
    states = UpstreamState.find_many(failing)
    for key in failing:
        endpoint = sources[key].endpoint
        refused = f'it refuses our API key: set {endpoint.secret_setting} to one that it accepts'
        yield Finding(
            f'upstream {key}',
            f'fails; it last worked {format_instant(states[key].succeeded_at) or "never"}',
            refused if states[key].key_refused else f'nothing urgent, others of its kind are read: {_PAGE}#when-an-upstream-dies',
        )
    yield Finding('upstreams', f'{len(sources) - len(failing)} of {len(sources)} are not failing')


def _ago(seconds: int) -> str:
    for unit, length in (('days', 86_400), ('h', 3_600), ('min', 60)):
        if seconds >= 2 * length:
            return f'{seconds // length} {unit} ago'
    return f'{max(seconds, 0)} s ago'
