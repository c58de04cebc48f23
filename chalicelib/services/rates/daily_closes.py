"""Daily closes of currencies: read to convert the past, recorded from the rates that jobs fetch."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import cached_property

from chalicelib import messages
from chalicelib.domain import rates
from chalicelib.domain.conversion import Pair, Rate, Rates
from chalicelib.domain.rates import BackfillProgress, DailyClose
from chalicelib.messages import BackfillRates
from chalicelib.models import DownloadProgress, PairDailyCloses, add_daily_closes, read_daily_closes
from chalicelib.services.rates import policy


class DailyCloses:
    """Daily closes of some pairs, as they were when they were read."""

    def __init__(self, of_pairs: Mapping[Pair, PairDailyCloses]) -> None:
        self._of_pairs = of_pairs
        self.versions = {rates.text_of(pair): closes.state.version for pair, closes in of_pairs.items()}

    @cached_property
    def first_day(self) -> date | None:
        """The earliest day of which there is a close, None when there is none."""
        return min((day for closes in self._of_pairs.values() for day in closes.by_day), default=None)

    @property
    def progress(self) -> list[BackfillProgress]:
        """How far the closes of each currency have been downloaded, by code."""
        states = {rates.code_of(pair): closes.state for pair, closes in self._of_pairs.items()}
        return [
            BackfillProgress(code, rates.parse_day(state.earliest), rates.parse_day(state.until), state.done)
            for code, state in sorted(states.items())
        ]

    def on(self, day: date) -> Rates:
        """Return the closes that were to be had when a day began as rates, each the last one of the week before.

        A rate is lacking, and comes later, while it is not known whether there is a newer one: what is told of a day never changes.
        """
        settled = (rate for pair, rate in self._carried(day) if rate is not None and self._is_settled(pair, rate, day))
        return Rates(rates.midnight(day), settled)

    def awaits(self, day: date) -> bool:
        """Whether prices of coins at the midnight that begins a day are still to be stored, which is done within minutes."""
        return any(
            rate is not None and not rates.is_of_fiat(pair) and not self._is_settled(pair, rate, day) for pair, rate in self._carried(day)
        )

    def _carried(self, day: date) -> Iterator[tuple[Pair, Rate | None]]:
        for pair, closes in self._of_pairs.items():
            yield pair, rates.carry_forward(closes.by_day, pair, day)

    def _is_settled(self, pair: Pair, rate: Rate, day: date) -> bool:
        """Whether no close between that of a rate and a day will be stored any more."""
        newest = rates.newest_close_day(pair, day)
        state = self._of_pairs[pair].state
        is_all = state.done and (state.until or '') >= newest.isoformat()
        return day < rates.AS_PUBLISHED or rates.day_of(rate.at) >= newest or is_all

    def changed_since(self, versions: Mapping[str, int]) -> date | None:
        """Return the earliest day whose closes were added after `versions` were read, date.min if that is no longer known.

        A pair that is not in `versions` counts as of version 0. None when nothing was added.
        """
        states = {rates.text_of(pair): closes.state for pair, closes in self._of_pairs.items()}
        days = (state.changed_since(versions.get(name, 0)) for name, state in states.items())
        return min((day for day in days if day is not None), default=None)


def read(codes: Collection[str], first: date, last: date) -> DailyCloses:
    """Return the daily closes that convert these currencies, and btc, eth, usd and eur, on each day from `first` to `last`."""
    years = range((first - timedelta(days=rates.CARRIED_DAYS)).year, last.year + 1)
    return DailyCloses(read_daily_closes(rates.pairs_of(codes), years))


def record_closes(latest: Sequence[Rate], requested: Collection[str], made: int) -> None:
    """Store those rates of a set made at `made` that are daily closes, and enqueue a backfill of each currency that lacks closes."""
    expected: dict[Pair, date] = {}  # the last day of which there must be a close by now
    for rate in latest:
        pair = (rate.base, rate.quote)
        close = _as_close(rate, made)
        if close is not None:
            expected[pair] = close.day
            progress = DownloadProgress(close.day, done=False, after=rates.day_before(pair, close.day))
            add_daily_closes(pair, [close], made, progress)
    late = []
    for pair, closes in read_daily_closes(rates.pairs_of(requested), ()).items():
        day = expected.get(pair) or rates.last_day_with_close(pair, rates.day_of(made))
        if not closes.state.done or (closes.state.until or '') < day.isoformat():
            late.append(rates.code_of(pair))
    messages.send(*map(BackfillRates, late))


def _as_close(rate: Rate, made: int) -> DailyClose | None:
    """Return the close that a rate is, None for none.

    Each rate that the ECB publishes is the close of the day it was fixed on, others only within the first hour of a day. What others
    publish about a day is complete after that day.
    """
    if rates.is_ecb((rate.base, rate.quote)) or rate.sources in rates.DATED:
        if rate.sources != rates.ECB:
            return None
        return DailyClose(rates.day_of(rate.at), rate.base, rate.quote, rate.price, rate.sources, rate.disputed)
    if not rate.is_fresh(made) or made % 86_400 >= policy.CLOSE_WITHIN_SECONDS:
        return None
    return DailyClose(rates.day_of(made), rate.base, rate.quote, rate.price, rate.sources, rate.disputed)
