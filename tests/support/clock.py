"""The application's clock, which stands still in functional tests unless a test moves it.

`CLOCK=2026-11-30T23:59:30+00:00 make test` lets them take place at another time.
"""

import os
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from chalicelib import clock

# Far from the end of an hour, a day or a month; in the future, so that DynamoDB finds expired only what a test lets expire.
START = int(datetime.fromisoformat(os.environ.get('CLOCK', '2030-05-15T10:20:30+00:00')).timestamp())


class StoppedClock:
    """Shows an instant, in epoch seconds, until it is moved; durations go on, and grow by what it is advanced."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Show START again."""
        self._now = START
        self._advanced = 0
        self._read_monotonic = _REAL_MONOTONIC

    def now(self) -> int:
        return self._now

    def now_ms(self) -> int:
        return self._now * 1000

    def monotonic(self) -> float:
        return self._read_monotonic() + self._advanced

    def advance(self, seconds: int) -> None:
        """Let seconds pass."""
        self._now += seconds
        self._advanced += seconds

    def move_to(self, instant: int) -> None:
        """Show another instant."""
        self._now = instant

    def stop_durations(self) -> None:
        """Let durations be what the clock is advanced by, and nothing more."""
        held = _REAL_MONOTONIC()
        self._read_monotonic = lambda: held


_REAL_MONOTONIC = clock.monotonic
CLOCK = StoppedClock()


class _Datetime(datetime):
    """What jose reads the time from."""

    @classmethod
    def now(cls, tz: object = None) -> datetime:
        return datetime.fromtimestamp(CLOCK.now(), UTC)


@pytest.fixture
def stopped_clock() -> Iterator[StoppedClock]:
    """The clock that the application, and its checks of tokens, go by during a test: `CLOCK`, at START."""
    CLOCK.reset()
    with pytest.MonkeyPatch.context() as patch:
        for name in ('now', 'now_ms', 'monotonic'):
            patch.setattr(clock, name, getattr(CLOCK, name))
        patch.setattr('jose.jwt.datetime', _Datetime)
        yield CLOCK
