"""The errors that the functions of a stage logged, and all that was logged about one request, from CloudWatch Logs. Only reads."""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import boto3

from infra import functions
from infra.data.table import Problem

_ERRORS = '?"\\"level\\":\\"ERROR\\"" ?"\\"level\\":\\"CRITICAL\\"" ?"[ERROR]" ?"Task timed out" ?"Runtime exited"'
_IS_ERROR = re.compile(r'"level":"(?:ERROR|CRITICAL)"|\[ERROR\]|Task timed out|Runtime exited')
_REQUEST_ID = re.compile(r'\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b')
NO_REQUEST = 'outside of a request'


class Entry(NamedTuple):
    """One line of a log: `at` in milliseconds, `source` the function or `access log`, `request_id` None where a line has none."""

    at: int
    source: str
    request_id: str | None
    text: str


def errors(stage: str, since: int) -> list[Entry]:
    """Return what went wrong in any function since an instant (milliseconds), the oldest first."""
    return _read(stage, since, functions.names(), _ERRORS, _IS_ERROR)


def request(stage: str, since: int, request_id: str) -> list[Entry]:
    """Return all that functions and API Gateway logged about a request since an instant (milliseconds), the oldest first."""
    pattern = re.compile(re.escape(request_id))
    return _read(stage, since, [*functions.names(), None], f'"{request_id}"', pattern)


def _read(stage: str, since: int, sources: Sequence[str | None], wanted: str, pattern: re.Pattern[str]) -> list[Entry]:
    """`wanted` is the pattern for CloudWatch. `pattern` is for what it lets through: an emulation may let through all.

    Raises Problem where there is no log at all: no errors would be said of a stage that is not there, or in another region.
    """
    client = boto3.client('logs')
    entries: list[Entry] = []
    missing = 0
    for source in sources:
        group = f'/aws/lambda/{functions.deployed_name(stage, source)}' if source else f'/aws/apigateway/cryptfolio-{stage}'
        try:
            pages = client.get_paginator('filter_log_events').paginate(logGroupName=group, startTime=since, filterPattern=wanted)
            events = [event for page in pages for event in page['events']]
        except client.exceptions.ResourceNotFoundException:
            missing += 1  # a function is new
            continue
        entries += [_entry(source or 'access log', event) for event in events if pattern.search(event['message'])]
    if missing == len(sources):
        raise Problem(f'there are no logs of cryptfolio-{stage} in {client.meta.region_name}: `make deploy STAGE={stage}` makes the stage')
    return sorted(entries, key=lambda entry: entry.at)


def _entry(source: str, event: dict[str, Any]) -> Entry:
    """Lines of ours are JSON, those of Lambda are text."""
    message = str(event['message']).strip()
    try:
        line = json.loads(message)
    except ValueError:
        line = None
    if not isinstance(line, dict):
        request_id = _REQUEST_ID.search(message)
        return Entry(event['timestamp'], source, request_id[0] if request_id else None, message)
    text = '\n'.join(str(line[name]) for name in ('message', 'exception') if line.get(name))
    return Entry(event['timestamp'], source, line.get('request_id'), text or message)


def lines(entries: Sequence[Entry]) -> Iterator[str]:
    """Yield entries as text, those of a request together below its id, in the order of the last one of each."""
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(entry.request_id or NO_REQUEST, []).append(entry)
    for request_id, group in sorted(groups.items(), key=lambda item: item[1][-1].at):
        yield f'{request_id}'
        for entry in group:
            time = datetime.fromtimestamp(entry.at / 1_000, UTC).strftime('%Y-%m-%d %H:%M:%S')
            first, *rest = entry.text.splitlines() or ['']
            yield f'  {time} {entry.source}: {first}'
            yield from (f'    {line}' for line in rest)
