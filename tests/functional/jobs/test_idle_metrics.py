"""Which metrics arrive of a stage that nobody uses: each of them costs something, as infra/costs.py counts."""

import pytest

from chalicelib.config import settings
from chalicelib.jobs import histories, rates
from infra import costs
from tests.support.jobs import CONTEXT, SCHEDULED, Queue, run_sweep
from tests.support.logs import Lines
from tests.support.rate_sources import sources


def test_the_schedules_alone_send_the_metrics_that_are_counted(
    monkeypatch: pytest.MonkeyPatch, queues: dict[str, str], lines: Lines
) -> None:
    run_sweep()
    with sources():
        rates.update_rates(SCHEDULED, CONTEXT)
    histories.snapshot_portfolios(SCHEDULED, CONTEXT)
    Queue(queues[settings().history_queue], histories.refresh_histories).deliver()

    sent = {line['Service']: names for line in lines() if (names := _metrics(line))}
    assert sent == {service: set(names) for service, names in costs.IDLE_METRICS.items()}
    [sweep] = [line for line in lines() if line.get('Service') == 'sweep_due']
    assert sweep['dynamodb_requests'] == 32 + 1  # as costs counts for its shards and the note that it ran


def _metrics(line: dict[str, object]) -> set[str]:
    """Return the names of the metrics in a line that CloudWatch makes of it."""
    embedded = line.get('_aws', {'CloudWatchMetrics': []})
    return {metric['Name'] for directive in embedded['CloudWatchMetrics'] for metric in directive['Metrics']}  # type: ignore[index]
