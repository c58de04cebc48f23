"""When a history is recomputed."""

import pytest

from chalicelib.services.histories import policy

HOUR, DAY = 3_600, 86_400
NOW = 20_000 * DAY + 10 * HOUR + 1


@pytest.mark.parametrize('looked_at', [NOW, NOW - 30 * DAY + 1])
def test_a_portfolio_viewed_within_a_month_is_due_at_the_next_full_hour(looked_at: int) -> None:
    assert policy.next_due(looked_at, NOW) == 20_000 * DAY + 11 * HOUR


@pytest.mark.parametrize('looked_at', [None, NOW - 30 * DAY])
def test_a_portfolio_not_viewed_for_a_month_is_not_due(looked_at: int | None) -> None:
    assert policy.next_due(looked_at, NOW) is None


def test_retries_for_pending_rates_wait_twice_as_long_each_time_up_to_a_quarter_of_an_hour_and_end_after_ten() -> None:
    assert [policy.retry_delay_seconds(retries) for retries in range(11)] == [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, None]
