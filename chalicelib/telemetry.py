"""Logs and metrics: one JSON line per request, message or scheduled run, with its DynamoDB usage and CloudWatch metrics.

A line contains only the fields noted explicitly: no paths with ids, queries, headers or bodies. docs/operations/reference.md lists fields
and metrics. The module imports only the settings and the clock, so that the authorizer can afford it.
"""

import json
import logging
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from threading import Lock
from typing import Any, TypeVar

from chalicelib import clock
from chalicelib.config import settings

_BY_ROUTE = ('Latency', 'Errors5xx')  # CloudWatch charges for each metric and route
_EMAIL_ADDRESS = re.compile(r'[^\s"\'<>@]{1,64}@[^\s"\'<>@]+')

Argument = TypeVar('Argument')
Result = TypeVar('Result')


class Task:
    """One request, message or run, with the fields and metrics collected for its line. Thread-safe."""

    def __init__(self, service: str, request_id: str, ids: dict[str, str]) -> None:
        self.service = service
        self.request_id = request_id
        self.title = service
        self.ids = {'request_id': request_id} | ids
        self._started = clock.monotonic()
        self._fields: dict[str, Any] = {}
        self._counts: dict[str, float] = {}
        self._lock = Lock()

    def note(self, **fields: Any) -> None:
        """Set fields of the line."""
        self._fields |= fields

    def count(self, name: str, number: float = 1) -> None:
        """Add to a metric."""
        with self._lock:
            self._counts[name] = self._counts.get(name, 0) + number

    @property
    def consumed_capacity(self) -> float:
        """How many of DynamoDB's capacity units it took so far."""
        with self._lock:
            return self._counts.get('DynamoDBCapacity', 0)

    def emit(self, duration_metric: str) -> None:
        """Log the line; `duration_metric` names the metric of its milliseconds."""
        ms = round((clock.monotonic() - self._started) * 1000, 1)
        counts = {duration_metric: ms} | self._counts
        requests, units = counts.get('DynamoDBRequests', 0), counts.get('DynamoDBCapacity', 0)
        figures = {'ms': ms, 'dynamodb_requests': requests, 'dynamodb_capacity_units': units, 'Service': self.service}
        directives = [_directive(counts, 'Service')]
        if 'Route' in self._fields:
            directives.append(_directive([name for name in counts if name in _BY_ROUTE], 'Service', 'Route'))
        text = f'{self.title}: {ms} ms, DynamoDB {requests} requests, {units} units'
        _log(self.service, text, self._fields | figures | counts, directives)


_current: ContextVar[Task | None] = ContextVar('task', default=None)


@contextmanager
def task(service: str, request_id: str | None, *, duration_metric: str = 'Milliseconds', **ids: str) -> Iterator[Task]:
    """Collect what is noted and counted inside into one line, which is logged at the end, even after an exception.

    Without a `request_id` the task gets a random one. Every line logged inside also carries it and `ids`.
    """
    current = Task(service, request_id or _new_id(), ids)
    outer = _current.set(current)
    try:
        yield current
    finally:
        current.emit(duration_metric)
        _current.reset(outer)


@contextmanager
def scheduled(job: str, event: Any) -> Iterator[Task]:
    """Make a scheduled run a task; it counts as failed until it completes. `event` is Chalice's event."""
    with task(job, getattr(event.context, 'aws_request_id', None)) as current:
        current.note(job=job, failed=True)
        current.count('Runs')
        yield current
        current.note(failed=False)


def request_id() -> str | None:
    """Return the id of the current request, or None outside of one."""
    current = _current.get()
    return current.request_id if current else None


def consumed_capacity() -> float:
    """Return how many of DynamoDB's capacity units the current task took so far; 0 outside of one."""
    current = _current.get()
    return current.consumed_capacity if current else 0


def note(**fields: Any) -> None:
    """Set fields of the current task's line, if there is a task. They are logged as they are, so they must not be secret."""
    current = _current.get()
    if current:
        current.note(**fields)


def count(name: str, *, upstream: str | None = None) -> None:
    """Add one to a metric of the current task. Outside a task, or with `upstream`, the metric gets its own line."""
    current = _current.get()
    if current and upstream is None:
        current.count(name)
        return
    service = current.service if current else 'other'
    by = {'Upstream': upstream} if upstream else {'Service': service}
    _log(service, ' '.join([name, *by.values()]), by | {name: 1}, [_directive([name], *by)])


def in_current_task(function: Callable[[Argument], Result]) -> Callable[[Argument], Result]:
    """Return `function` for other threads to call as part of the current task, which they do not inherit."""
    context = copy_context()
    return lambda argument: context.copy().run(function, argument)  # a context is entered by one thread at a time


def count_dynamodb(events: Any) -> None:
    """Count a DynamoDB client's requests, including retries, and the capacity that they consume.

    `events` belongs to a botocore client that requests ReturnConsumedCapacity, as PynamoDB does. Errors report no capacity.
    """
    events.register('request-created.dynamodb', _count_attempt)
    events.register('after-call.dynamodb', _count_capacity)


def _count_attempt(**_: Any) -> None:
    current = _current.get()
    if current:
        current.count('DynamoDBRequests')


def _count_capacity(parsed: dict[str, Any], **_: Any) -> None:
    current = _current.get()
    consumed = parsed.get('ConsumedCapacity')
    if current and consumed:
        tables = consumed if isinstance(consumed, list) else [consumed]
        current.count('DynamoDBCapacity', sum(table['CapacityUnits'] for table in tables))


def _directive(names: Iterable[str], *dimensions: str) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html"""
    metrics = [{'Name': name, 'Unit': 'Milliseconds' if name in ('Latency', 'Milliseconds') else 'Count'} for name in names]
    return {'Namespace': settings().metrics_namespace, 'Dimensions': [list(dimensions)], 'Metrics': metrics}


def _log(service: str, text: str, fields: dict[str, Any], directives: list[dict[str, Any]]) -> None:
    embedded = {'Timestamp': clock.now_ms(), 'CloudWatchMetrics': directives}
    logging.getLogger(f'{__name__}.{service}').info(text, extra={'fields': fields | {'_aws': embedded}})


def _new_id() -> str:
    import uuid  # costs 2 ms, and is rarely needed: API Gateway assigns ids

    return str(uuid.uuid4())


class JsonLines(logging.Formatter):
    """Formats each record as one line of JSON, with the ids of the current task, and the traceback as `exception`.

    Email addresses are removed: services such as SES repeat them in their error messages.
    """

    def format(self, record: logging.LogRecord) -> str:
        current = _current.get()
        line: dict[str, Any] = {
            'timestamp': f'{time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))}.{int(record.msecs):03d}Z',
            'level': record.levelname,
            'logger': record.name,
            'message': _EMAIL_ADDRESS.sub('[e-mail]', record.getMessage()),
        }
        line |= current.ids if current else {'request_id': None}
        line |= getattr(record, 'fields', {})
        if record.exc_info:
            line['exception'] = _EMAIL_ADDRESS.sub('[e-mail]', self.formatException(record.exc_info))
        return json.dumps(line, default=str, separators=(',', ':'))


def _log_json() -> None:
    """Log JSON lines, from level INFO for our own loggers, instead of the Lambda runtime's format."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines())
    logging.getLogger().handlers = [handler]
    logging.getLogger('chalicelib').setLevel(logging.INFO)


if not settings().local:
    _log_json()
