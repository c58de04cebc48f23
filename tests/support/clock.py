"""The application's clock, which stands still in functional tests unless a test moves it.

`CLOCK=2026-11-30T23:59:30+00:00 make test` lets them take place at another time.
"""

import itertools
import os
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from chalicelib import clock

# Far from the end of an hour, a day or a month; in the future, so that DynamoDB finds expired only what a test lets expire.
START = int(datetime.fromisoformat(os.environ.get('CLOCK', '2030-05-15T10:20:30+00:00')).timestamp())


class StoppedClock:
    """Shows an instant, in epoch seconds, until it is moved.

    A duration is what the clock was advanced by meanwhile, and a millisecond for each time that it was read: however slow the
    machine is, nothing is late, and who waits for a deadline does not wait for ever.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Show START again."""
        self._now = START
        self._advanced = 0
        self._readings = itertools.count(1)

    def now(self) -> int:
        return self._now

    def now_ms(self) -> int:
        return self._now * 1000

    def monotonic(self) -> float:
        return self._advanced + next(self._readings) / 1000

    def advance(self, seconds: int) -> None:
        """Let seconds pass."""
        self._now += seconds
        self._advanced += seconds

    def move_to(self, instant: int) -> None:
        """Show another instant."""
        self._now = instant


CLOCK = StoppedClock()


class _Datetime(datetime):
    """What jose reads the time from."""

    @classmethod
    def now(cls, tz: object = None) -> datetime:
        return datetime.fromtimestamp(CLOCK.now(), UTC)


@pytest.fixture
def stopped_clock() -> Iterator[StoppedClock]:
    """The clock that the application, its checks of tokens, and fake upstreams go by during a test: `CLOCK`, at START."""
    CLOCK.reset()
    with pytest.MonkeyPatch.context() as patch:
        for name in ('now', 'now_ms', 'monotonic'):
            patch.setattr(clock, name, getattr(CLOCK, name))
        patch.setattr('jose.jwt.datetime', _Datetime)
        patch.setattr('infra.fake_upstreams.rates.now_ms', CLOCK.now_ms)
        for upstream in ('blocks', 'cardano', 'evm_nodes'):
            patch.setattr(f'infra.fake_upstreams.{upstream}.now', CLOCK.now)
        yield CLOCK
