"""The lines that are logged, without the application: their form, whose they are, what they count."""

import json
import logging
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.hooks import HierarchicalEmitter
from chalice.app import Request, Response

from chalicelib import telemetry
from chalicelib.config import settings
from chalicelib.http_io.request_log import log_requests
from tests.support.logs import Line, Lines

ROOT = Path(__file__).parents[2]
log = logging.getLogger('chalicelib.anything')


def metrics(line: Line) -> dict[tuple[str, ...], dict[str, tuple[Any, str]]]:
    """Return the metrics of a line, by dimensions and name: value and unit. Every name must be one of the line."""
    found: dict[tuple[str, ...], dict[str, tuple[Any, str]]] = {}
    for directive in line['_aws']['CloudWatchMetrics']:
        for names in directive['Dimensions']:
            assert all(isinstance(line[name], str) for name in names)
            assert 0 < len(directive['Metrics']) <= 100
            found[tuple(names)] = {one['Name']: (line[one['Name']], one['Unit']) for one in directive['Metrics']}
    return found


def request(method: str = 'GET', route: str = '/api/portfolios/{portfolio_id}', **context: Any) -> Request:
    about = {'httpMethod': method, 'resourcePath': route, 'path': '/prod/api/portfolios/7', 'requestId': 'r-1'} | context
    return Request(
        {
            'requestContext': about,
            'headers': {'authorization': 'Bearer abc'},
            'pathParameters': {'portfolio_id': '7', 'code': 'cfk_secret', 'digits': '1' * 40},
            'multiValueQueryStringParameters': {'api_key': ['cfk_secret']},
            'stageVariables': {},
            'body': b'{"title": "cfk_secret"}',
        }
    )


def answer(status: int, body: Any = '', method: str = 'GET', route: str = '/api/portfolios/{portfolio_id}', **context: Any) -> Response:
    return log_requests(request(method, route, **context), lambda _: Response(body, status_code=status))


def test_a_record_is_one_line_with_when_how_grave_and_where(lines: Lines):
    log.warning('one\ntwo %s', 'three')

    [line] = lines()
    assert line.pop('timestamp').endswith('Z')
    assert line == {'level': 'WARNING', 'logger': 'chalicelib.anything', 'message': 'one\ntwo three', 'request_id': None}


def test_a_traceback_is_on_the_same_line(lines: Lines):
    try:
        raise ValueError('why')
    except ValueError:
        log.exception('it failed')

    [line] = lines()
    assert line['message'] == 'it failed'
    assert line['exception'].startswith('Traceback')
    assert line['exception'].endswith('ValueError: why')


def test_an_email_address_in_an_error_of_somebody_else_is_not_logged(lines: Lines):
    try:
        raise ValueError('not verified: <jän@example.com>, EMAIL#a+b@example.com')
    except ValueError as error:
        log.exception('refused: %s', error)

    [line] = lines()
    assert 'example.com' not in json.dumps(line)
    assert line['message'] == 'refused: not verified: <[e-mail]>, [e-mail]'


def test_what_is_logged_during_a_task_has_its_ids(lines: Lines):
    with telemetry.task('some_job', 'run-1', message_id='message-1'):
        log.info('inside')
    log.info('outside')

    inside, told, outside = lines()
    for line in (inside, told):
        assert (line['request_id'], line['message_id']) == ('run-1', 'message-1')
    assert (outside['request_id'], outside.get('message_id')) == (None, None)


def test_a_task_is_told_in_one_line_with_its_time_and_what_it_took_of_dynamodb(lines: Lines):
    with telemetry.task('some_job', 'run-1') as task:
        task.note(job='some_job', failed=True)
        task.note(failed=False)
        task.count('Messages')

    [line] = lines()
    assert (line['job'], line['failed'], line['dynamodb_requests'], line['dynamodb_capacity_units']) == ('some_job', False, 0, 0)
    assert 0 <= line['ms'] < 1_000
    assert metrics(line) == {('Service',): {'Milliseconds': (line['ms'], 'Milliseconds'), 'Messages': (1, 'Count')}}
    assert line['Service'] == 'some_job'


def test_a_task_that_raises_is_told_all_the_same(lines: Lines):
    with pytest.raises(KeyboardInterrupt), telemetry.task('some_job', None):
        raise KeyboardInterrupt

    [line] = lines()
    assert line['Service'] == 'some_job'
    assert telemetry.request_id() is None


def test_a_task_without_an_id_gets_one_of_its_own():
    with telemetry.task('some_job', None):
        one = telemetry.request_id()
    with telemetry.task('some_job', None):
        other = telemetry.request_id()

    assert None not in (one, other)
    assert one != other


def test_a_task_within_a_task_ends_where_it_ends(lines: Lines):
    with telemetry.task('outer', 'o'):
        with telemetry.task('inner', 'i'):
            telemetry.count('Things')
        assert telemetry.request_id() == 'o'

    inner, outer = lines()
    assert (inner['Things'], outer.get('Things')) == (1, None)


def test_metrics_go_to_the_namespace_of_the_settings(lines: Lines, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv('METRICS_NAMESPACE', 'CryptFolio-dev')
    settings.cache_clear()
    telemetry.count('Things')
    monkeypatch.undo()
    settings.cache_clear()
    telemetry.count('Things')

    namespaces = [line['_aws']['CloudWatchMetrics'][0]['Namespace'] for line in lines()]
    assert namespaces == ['CryptFolio-dev', 'CryptFolio']


def test_a_count_rides_on_the_line_of_its_task(lines: Lines):
    with telemetry.task('some_job', 'run-1'):
        telemetry.count('Things')
        telemetry.count('Things')

    [line] = lines()
    assert metrics(line)['Service',]['Things'] == (2, 'Count')


def test_a_count_outside_of_a_task_has_a_line_of_its_own(lines: Lines):
    telemetry.count('Things')

    [line] = lines()
    assert metrics(line) == {('Service',): {'Things': (1, 'Count')}}


def test_a_count_of_an_upstream_has_a_line_of_its_own_by_upstream(lines: Lines):
    with telemetry.task('some_job', 'run-1'):
        telemetry.count('UpstreamFailures', upstream='mempool')

    counted, told = lines()
    assert metrics(counted) == {('Upstream',): {'UpstreamFailures': (1, 'Count')}}
    assert (counted['Upstream'], counted['request_id']) == ('mempool', 'run-1')
    assert 'UpstreamFailures' not in told


def test_fields_noted_outside_of_a_task_go_nowhere(lines: Lines):
    telemetry.note(user_id='x')

    assert lines() == []


def test_what_other_threads_do_for_a_task_is_counted(lines: Lines):
    def work(_: int) -> str | None:
        for _ in range(100):
            telemetry.count('Things')
        log.info('inside')
        return telemetry.request_id()

    with telemetry.task('some_job', 'run-1'), ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(telemetry.in_current_task(work), range(16)))

    *inside, told = lines()
    assert told['Things'] == 1_600
    assert set(ids) | {line['request_id'] for line in inside} == {'run-1'}


def test_a_thread_that_was_lent_to_a_task_knows_nothing_of_it_afterwards():
    with ThreadPoolExecutor(1) as pool:
        with telemetry.task('some_job', 'run-1'):
            assert pool.submit(telemetry.in_current_task(lambda _: telemetry.request_id()), None).result() == 'run-1'
        assert pool.submit(telemetry.request_id).result() is None


@pytest.mark.parametrize(
    ('consumed', 'units'),
    [
        (None, 0),
        ({'TableName': 't', 'CapacityUnits': 0.5}, 0.5),
        ([{'TableName': 't', 'CapacityUnits': 1.0}, {'TableName': 'u', 'CapacityUnits': 2.5}], 3.5),
        ([], 0),
    ],
)
def test_consumed_capacity_is_of_one_table_or_of_several(lines: Lines, consumed: Any, units: float):
    events = HierarchicalEmitter()
    telemetry.count_dynamodb(events)

    with telemetry.task('some_job', 'run-1'):
        events.emit('request-created.dynamodb.Query', request=None, operation_name='Query')
        events.emit('after-call.dynamodb.Query', parsed={} if consumed is None else {'ConsumedCapacity': consumed}, model=None)

    [line] = lines()
    assert (line['dynamodb_requests'], line['dynamodb_capacity_units']) == (1, units)


def test_dynamodb_requests_outside_of_a_task_are_nobodys(lines: Lines):
    events = HierarchicalEmitter()
    telemetry.count_dynamodb(events)

    events.emit('request-created.dynamodb.Query', request=None, operation_name='Query')
    events.emit('after-call.dynamodb.Query', parsed={'ConsumedCapacity': {'CapacityUnits': 1.0}}, model=None)

    assert lines() == []


def test_a_request_is_told_by_its_route_and_not_by_its_path_or_query(lines: Lines):
    answer(200, {}, authorizer={'principalId': 'user-1', 'client_id': 'app-1', 'scope': 'read'})

    [line] = lines()
    told = ('request_id', 'user_id', 'client_id', 'method', 'route', 'status', 'code', 'ids')
    route = '/api/portfolios/{portfolio_id}'
    assert [line[name] for name in told] == ['r-1', 'user-1', 'app-1', 'GET', route, 200, None, {'portfolio_id': '7'}]
    assert not [word for word in ('secret', 'Bearer', '/prod') if word in json.dumps(line)]


def test_a_request_without_a_token_is_nobodys(lines: Lines):
    answer(200)

    [line] = lines()
    assert (line['user_id'], line['client_id']) == (None, None)


@pytest.mark.parametrize(
    ('status', 'body', 'counted'),
    [
        (200, {'result': {'code': 'not_ready'}, 'code': 'not_ready'}, None),
        (304, '', None),
        (404, {'code': 'not_found'}, 'Errors4xx'),
        (400, '{"error": "invalid_grant"}', 'Errors4xx'),
        (429, {'code': 'too_many_attempts'}, 'Throttled'),
        (500, {'code': 'internal_error'}, 'Errors5xx'),
        (503, {'code': 'not_ready'}, 'NotReady'),
        (503, {'code': 'busy'}, 'Throttled'),
        (503, {'error': 'temporarily_unavailable'}, 'Throttled'),
        (500, '<h1>', 'Errors5xx'),
    ],
)
def test_an_answer_counts_as_one_kind_of_failure_or_none(lines: Lines, status: int, body: Any, counted: str | None):
    answer(status, body)

    [line] = lines()
    kinds = {'Errors4xx', 'Errors5xx', 'Throttled', 'NotReady'}
    assert kinds & set(line) == ({counted} if counted else set())
    assert (line['Requests'], line['Latency'], line['status']) == (1, line['ms'], status)


def test_only_time_and_faults_are_measured_by_route(lines: Lines):
    answer(200)
    answer(500)
    answer(404)

    by_route = [set(metrics(line)['Service', 'Route']) for line in lines()]
    assert by_route == [{'Latency'}, {'Latency', 'Errors5xx'}, {'Latency'}]


@pytest.mark.parametrize(
    ('route', 'expected'),
    [
        ('/api/user', 'user'),
        ('/api/portfolios', 'portfolios'),
        ('/api/portfolios/{portfolio_id}', 'portfolios'),
        ('/api/portfolios/{portfolio_id}/addresses/{address_id}/balances', 'balances'),
        ('/api/currencies/{code}', 'currencies'),
        ('/oauth/token', 'oauth'),
        ('/oauth/applications/{client_id}/delete', 'oauth'),
        ('/.well-known/jwks.json', '.well-known'),
        ('/', 'pages'),
        ('/profile/api-keys', 'pages'),
        ('/static/style.css', 'pages'),
    ],
)
def test_routes_are_measured_in_few_classes(lines: Lines, route: str, expected: str):
    answer(200, route=route)

    [line] = lines()
    assert line['Route'] == expected


@pytest.mark.parametrize('status', [200, 201, 304, 404, 500])
def test_every_answer_carries_the_id_of_its_request(status: int):
    assert answer(status).headers == {'X-Request-Id': 'r-1'}


def test_an_error_that_nobody_shaped_is_told_as_a_500_and_goes_on(lines: Lines):
    def fail(_: Any) -> Response:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        log_requests(request(), fail)

    [line] = lines()
    assert (line['status'], line['Errors5xx']) == (500, 1)


def run_as_on_lambda(script: str) -> list[str]:
    """Run a script with a root logger as the Lambda runtime leaves it; return what it wrote."""
    prepare = 'import logging, sys; logging.getLogger().addHandler(logging.StreamHandler(sys.stdout)); '
    env = dict(os.environ) | {'AWS_CHALICE_CLI_MODE': ''}
    done = subprocess.run([sys.executable, '-c', prepare + script], cwd=ROOT, env=env, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, '')
    return done.stdout.splitlines()


@pytest.mark.parametrize('module', ['app', 'chalicelib.auth', 'chalicelib.jobs.refresh', 'chalicelib.jobs.purge', 'chalicelib.jobs.sweep'])
def test_on_lambda_each_function_logs_lines_of_json(module: str):
    script = f"""
import {module}
for name in ('chalicelib.x', 'cryptfolio', 'botocore'):
    log = logging.getLogger(name)
    log.info('usual')
    try:
        raise ValueError('why')
    except ValueError:
        log.exception('it failed')
"""

    found = [json.loads(line) for line in run_as_on_lambda(script)]

    told = [(line['logger'], line['level']) for line in found]
    assert told == [('chalicelib.x', 'INFO'), ('chalicelib.x', 'ERROR'), ('cryptfolio', 'ERROR'), ('botocore', 'ERROR')]
    assert all('ValueError: why' in line['exception'] for line in found if line['level'] == 'ERROR')


def test_it_imports_next_to_nothing_that_chalice_does_not():
    script = """
import chalice.app, chalicelib.config
before = set(sys.modules)
import chalicelib.telemetry
print(*sorted(name for name in set(sys.modules) - before if not name.startswith('_')))
"""

    assert run_as_on_lambda(script) == ['chalicelib.clock chalicelib.telemetry contextvars']
