"""Which instant the date of a page means."""

from datetime import UTC, datetime

import pytest

from chalicelib.web.days import parse_as_of
from tests.support.clock import StoppedClock

END = 1_709_251_200  # 2024-03-01T00:00:00+00:00, of a leap day


@pytest.mark.parametrize('text', ['2024-02-29', '20240229', '20240301T0000Z', '2024-03-01 01:00+01:00'])
def test_a_date_in_either_notation_means_its_end(stopped_clock: StoppedClock, text: str) -> None:
    assert parse_as_of(text) == (END, [])


@pytest.mark.parametrize('notation', ['%Y-%m-%d', '%Y%m%d'])
def test_today_means_now(stopped_clock: StoppedClock, notation: str) -> None:
    assert parse_as_of(datetime.fromtimestamp(stopped_clock.now(), UTC).strftime(notation)) == (None, [])
