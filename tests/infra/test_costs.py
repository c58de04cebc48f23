"""What documents say of costs is what is counted."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest

from app import app
from benchmarks import blocks
from chalicelib.http_io.request_log import _route_class
from infra import costs, functions
from infra.growth import assumptions, simulation

ROOT = Path(__file__).parents[2]


def words(name: str) -> str:
    return ' '.join((ROOT / name).read_text().split())


def test_readme_says_what_an_idle_stage_and_requests_cost():
    per_million = sum(simulation.request_costs().values()) * 1_000_000
    users = simulation.simulate(assumptions.People(1_000)).cost_per_thousand - sum(cost.dollars for cost in costs.idle())
    keys = costs.idle()[0].dollars

    assert f'{costs.summary()}; and {per_million:.2f} per million requests' in words('README.md')
    assert f'1,000 users are about {users:.0f} more' in words('README.md')
    assert f'an AWS account, about {sum(cost.dollars for cost in costs.idle()):.0f} dollars a month.' in words('README.md')
    assert f'only the keys, {keys:.2f}, and the stored data' in words('README.md')


def test_an_alarm_is_counted_by_the_metrics_that_it_reads_and_a_queue_by_its_pollers():
    template, config = ((ROOT / name).read_text() for name in ('infra/template.yaml', '.chalice/config.json'))
    [keys, alarm_metrics, _, queues, _] = costs.idle()

    assert keys.number == len(re.findall(r'Type: AWS::KMS::Key$', template, re.M))
    assert alarm_metrics.number == len(re.findall(r'^ +(?:Metric: \{.* )?MetricName: ', template, re.M))
    assert queues.number == config.count('"maximum_concurrency"')
    assert queues.dollars == pytest.approx(5 * 5 * 3 * 60 * 24 * 30.4 * 0.40 / 1_000_000)  # queues, pollers, receives a minute


def test_the_schedules_counted_are_those_that_the_application_declares():
    schedules = {source.name: _expression(source) for source in app.event_sources if hasattr(source, 'schedule_expression')}

    assert {cost.name: cost.number for cost in costs.idle()}['schedules'] == len(schedules)
    assert set(schedules) < set(costs.IDLE_METRICS)
    assert schedules == {
        'sweep_due': 'rate(1 minute)',
        'update_rates': 'rate(5 minutes)',
        'snapshot_portfolios': 'cron(0 * * * ? *)',
    }  # by which costs._schedules reckons


def _expression(source: Any) -> str:
    expression = source.schedule_expression
    return expression if isinstance(expression, str) else str(expression.to_string())


def test_each_metric_that_the_code_sends_is_counted_where_it_comes_in_ordinary_use():
    """By the names in the code, whichever of its services sends them."""
    calls = [
        node
        for path in (ROOT / 'chalicelib').rglob('*.py')
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == 'count'
    ]
    names = {
        one.value
        for call in calls
        for name in call.args[:1]
        for one in ast.walk(name)
        if isinstance(one, ast.Constant) and isinstance(one.value, str)
    }
    sent = {name for name in names if re.fullmatch('(?:[A-Z][A-Za-z]+)(?:4xx|5xx)?', name) and len(name) > 1}
    counted = {name for service in (*costs.METRICS_OF_USE.values(), *costs.IDLE_METRICS.values()) for name in service}

    assert sent - counted == {'Errors5xx', 'UpstreamFailures', 'CircuitOpened', 'CrossCheckDisagreements', 'RateOutliers', 'RatesDisputed'}
    assert counted - sent == {'Latency', 'Milliseconds'}  # which are measured
    jobs = {*functions.names()} - {'api_handler', 'bearer'}
    assert {*costs.METRICS_OF_USE, *costs.IDLE_METRICS} == {'api', 'authorizer', *jobs}
    filters = (ROOT / 'infra/template.yaml').read_text().count('Type: AWS::Logs::MetricFilter')
    assert costs.metrics_of_use() == 20 + (7 + 5 + 8 + 5 + 5 + 4) + filters


def test_each_class_of_routes_has_a_metric():
    assert len({_route_class(path) for path in app.routes}) == costs.ROUTE_CLASSES


def test_the_table_of_following_blocks_is_worked_out_from_what_was_measured():
    section = (ROOT / 'docs' / 'scaling.md').read_text().split('## Following blocks')[1].split('\n## ')[0]
    rows = [row.strip('| ').split(' | ') for row in section.splitlines() if re.match(r'\| [a-z]+ \| [a-z_]+ \| [0-9]', row)]
    cases = {(case.currency, case.explorer): case for case in blocks.CASES}

    assert {(row[0], row[1]) for row in rows} == cases.keys()
    for currency, explorer, *cells in rows:
        case = cases[currency, explorer]
        a_day, transactions, requests, _, dollars, saves_from = (float(cell.replace(',', '')) for cell in cells)
        assert (a_day, transactions) == (86_400 // case.block_seconds, case.transactions)
        assert dollars == pytest.approx(costs.following(int(3 * transactions * a_day)), abs=0.01)
        assert (saves_from - 1) * 23 * case.reading < requests <= saves_from * 23 * case.reading  # every hour, but once a day
