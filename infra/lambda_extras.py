"""What is set on the functions and their API beside what Chalice sets, by `make deploy` and in packages alike."""

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]

# Of a queue that works a function: the messages that it says failed come back, the others are done.
PARTIAL_BATCHES = {'FunctionResponseTypes': ['ReportBatchItemFailures']}
# Of a function on a schedule: a run that fails is made up for by the next, not repeated for hours.
MISSED_SCHEDULES = {'MaximumRetryAttempts': 0, 'MaximumEventAgeInSeconds': 60}
# Of functions that send messages to the queue that calls them, one for each slice of what takes long: Lambda would stop such a chain
# after 16. Theirs end by themselves, as each slice goes on where the last one ended.
# https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
SLICED = ('refresh_ledgers', 'refresh_accounts', 'refresh_histories', 'fetch_rates')
MAY_RECUR = {'RecursiveLoop': 'Allow'}
# AWS's policy for the role with which API Gateway writes logs.
LOG_POLICY = 'service-role/AmazonAPIGatewayPushToCloudWatchLogs'
# One line per request. Neither path, query nor headers, in which there may be keys: the path of a shared portfolio has its token.
_LOGGED = {
    'request_id': '"$context.requestId"',
    'time': '"$context.requestTime"',
    'ip': '"$context.identity.sourceIp"',
    'method': '"$context.httpMethod"',
    'route': '"$context.resourcePath"',
    'user_id': '"$context.authorizer.principalId"',
    'client_id': '"$context.authorizer.client_id"',
    'error': '"$context.error.responseType"',
    'status': '$context.status',
    'bytes': '$context.responseLength',
    'ms': '$context.responseLatency',
    'function_ms': '"$context.integrationLatency"',  # "-" where nothing was asked
    'authorizer_ms': '"$context.authorizer.latency"',
}
ACCESS_LOG = '{' + ','.join(f'"{name}":{variable}' for name, variable in _LOGGED.items()) + '}'


def config(project: Path = ROOT) -> dict[str, Any]:
    """Return .chalice/config.json. What it calls `maximum_concurrency` is not Chalice's, but what a queue asks of its function."""
    read: dict[str, Any] = json.loads((project / '.chalice' / 'config.json').read_text())
    return read
