"""Rates of the past: of an hour of which a set was kept, otherwise the closes of the day.

Midnight is what daily closes are of, so these are used then. At any other instant a set counts that was made before it, in its hour or the
one before. The same is used for a single instant and in histories by the hour; those by the day have the closes stored in them.
"""

from bisect import bisect_right
from collections.abc import Collection
from typing import NamedTuple

from chalicelib.domain.conversion import Rates
from chalicelib.domain.rates import day_of, midnight
from chalicelib.domain.timeline import DAY, HOUR
from chalicelib.models import HourlyRates
from chalicelib.services.rates import daily_closes


class PastRates(NamedTuple):
    """The rates of an instant of the past, and when their set was made, 0 where none are known; closes of its day if not `is_hourly`."""

    rates: Rates
    made_at: int
    is_hourly: bool


def at(instant: int, codes: Collection[str]) -> PastRates:
    """Return the rates that convert these currencies at an instant of the past.

    Makes one request for a set of the hour, two at the beginning of a month, and one more for the closes of a day.
    """
    kept = None if instant % DAY == 0 else HourlyRates.before(instant)
    if kept is not None and kept.at >= _earliest(instant):
        return PastRates(Rates.usable(instant, kept.rates), kept.at, is_hourly=True)
    day = day_of(instant)
    closes = daily_closes.read(codes, day, day).on(day)
    return PastRates(closes, midnight(day) if closes.by_pair else 0, is_hourly=False)


class HourlySets:
    """The sets that were kept for the hours of a page, read when one is asked for: as many hours on as a page has, back if negative."""

    def __init__(self, hours: int) -> None:
        self._ahead = hours * HOUR
        self._read = range(0)
        self._kept: list[HourlyRates] = []

    def at(self, instant: int) -> Rates | None:
        """Return the set of an instant; None at midnight, and where none was kept."""
        if instant % DAY == 0:
            return None
        if instant not in self._read:
            first, last = sorted((instant, instant + self._ahead))
            self._read, self._kept = range(first, last + 1), HourlyRates.between(_earliest(first), last)
        before = self._kept[: bisect_right(self._kept, instant, key=lambda one: one.at)][-1:]
        return Rates.usable(instant, before[0].rates) if before and before[0].at >= _earliest(instant) else None


def _earliest(instant: int) -> int:
    return instant // HOUR * HOUR - HOUR
