"""What documents say of costs is what is counted."""

import re
from pathlib import Path

import pytest

from app import app
from benchmarks import simulate
from chalicelib.http_io.request_log import _route_class
from infra import costs

ROOT = Path(__file__).parents[2]


def words(name: str) -> str:
    return ' '.join((ROOT / name).read_text().split())


def test_readme_says_what_an_idle_stage_and_requests_cost():
    per_million = sum(simulate.request_costs().values()) * 1_000_000
    users = simulate.simulate(simulate.People(1_000)).cost_per_thousand - sum(cost.dollars for cost in costs.idle())
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


def test_each_class_of_routes_has_a_metric():
    assert len({_route_class(path) for path in app.routes}) == costs.ROUTE_CLASSES


@pytest.mark.parametrize(('table', 'own_nodes'), [(0, False), (1, True)], ids=['without keys', 'own nodes'])
def test_the_table_of_growth_is_what_the_simulation_gives(table: int, own_nodes: bool):
    section = (ROOT / 'docs' / 'scaling.md').read_text().split('## Growth')[1]
    rows = [row.strip('| ').split(' | ') for row in section.split('| users |')[table + 1].splitlines() if re.match(r'\| \d', row)]

    for users, people in zip(simulate.SIZES, map(simulate.People, simulate.SIZES), strict=True):
        limits = simulate.grown_limits(people) if own_nodes else simulate.LIMITS
        result = simulate.simulate(people, own_nodes=own_nodes, limits=limits)
        assert [(row[0], row[-1]) for row in rows if row[0] == f'{users:,}'] == [(f'{users:,}', f'{result.cost_per_thousand:.2f}')]
