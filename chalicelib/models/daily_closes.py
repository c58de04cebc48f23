"""Daily closes as they are stored: for ever, a small compressed item for each pair and year."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, NamedTuple

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute

from chalicelib import errors
from chalicelib.domain import money
from chalicelib.domain.changelog import ALWAYS, Changelog
from chalicelib.domain.conversion import Pair
from chalicelib.domain.rates import DailyClose, day_of, midnight, parse_published, text_of
from chalicelib.models.attributes import ChangelogAttribute, IntegerAttribute, PackedAttribute
from chalicelib.models.item import Item
from chalicelib.models.writes import Operation, Write, transact, unchanged

_STATE = 'STATE'
_CLOSES = 'CLOSES#'
_ATTEMPTS = 8


class DailyClosesState(Item, discriminator='closes-state'):
    """pk=CLOSES#<base>/<quote>  sk=STATE   written in one transaction with the years it describes

    `earliest` (ISO 8601) is the first day with a close, `until` the day up to which all available closes are stored; `done` is
    False while older ones are being downloaded. `searched` maps sources that fill gaps to the day up to which they did.
    `changes` records from which day on closes were added, or are no longer expected, each time that changed.
    """

    earliest = UnicodeAttribute(null=True)
    until = UnicodeAttribute(null=True)
    done = BooleanAttribute(default=False)
    source = UnicodeAttribute(null=True)
    updated_at = IntegerAttribute(null=True)
    searched = PackedAttribute(default=dict)
    changes = ChangelogAttribute(default=Changelog())
    revision = IntegerAttribute(default=0)

    @property
    def version(self) -> int:
        """How often closes were added."""
        return self.changes.version

    def changed_since(self, version: int) -> date | None:
        """Return the earliest day whose close was added after `version`; None when nothing was.

        date.min where that is so long ago that it is no longer known.
        """
        since = self.changes.changed_since(version)
        return None if since is None else date.min if since == ALWAYS else day_of(since)

    def note(self, added: Sequence[date], settled_since: int | None) -> None:
        """Count a version that adds closes of some days, and by which those from an instant on that lack closes will get none."""
        instants = [*(midnight(day) for day in added), *([] if settled_since is None else [settled_since])]
        self.changes = self.changes.noted(min(instants))
        if added:
            self.earliest = min(self.earliest or min(added).isoformat(), min(added).isoformat())


class YearOfDailyCloses(Item, discriminator='closes'):
    """pk=CLOSES#<base>/<quote>  sk=<yyyy>

    read_daily_closes: batch gets   add_daily_closes: a batch get and a transaction
    `packed` maps each day (ISO 8601) to its price as it was published and its source, and True after these where the price is
    disputed. A stored close is never changed.
    """

    packed = PackedAttribute(default=dict)

    @property
    def closes(self) -> list[DailyClose]:
        base, quote = self.pk.removeprefix(_CLOSES).split('/')
        return [
            DailyClose(date.fromisoformat(day), base, quote, parse_published(price), source, *disputed)
            for day, (price, source, *disputed) in self.packed.items()
        ]

    def add(self, closes: Iterable[DailyClose]) -> list[date]:
        """Add those of the closes whose days have none; return their days."""
        added = {}
        for close in closes:
            if close.day.isoformat() not in self.packed:
                added[close.day] = [close.published or money.canonical(close.price), close.source, *([True] if close.disputed else [])]
        self.packed = dict(sorted({**self.packed, **{day.isoformat(): value for day, value in added.items()}}.items()))
        return list(added)


class PairDailyCloses(NamedTuple):
    """The closes of one pair, and the state of their download; an empty one before it began."""

    by_day: dict[date, DailyClose]
    state: DailyClosesState


class DownloadProgress(NamedTuple):
    """How far a download of daily closes has come: all up to `until` are stored, and with `done` no older ones are missing.

    With `after` this only counts if the download had come up to that day before.
    """

    until: date
    done: bool = True
    after: date | None = None


class GapProgress(NamedTuple):
    """Up to which day a source was searched for the closes that another one lacks."""

    source: str
    through: date


Progress = DownloadProgress | GapProgress


def read_daily_closes(pairs: Iterable[Pair], years: Sequence[int]) -> dict[Pair, PairDailyCloses]:
    """Return the daily closes of pairs in some years, 100 items to a request, requests in parallel."""
    pair_of_pk = {_daily_closes_pk(pair): pair for pair in pairs}
    keys = [(pk, sk) for pk in pair_of_pk for sk in (_STATE, *map(str, years))]
    closes = {pair: PairDailyCloses({}, DailyClosesState(pk, _STATE)) for pk, pair in pair_of_pk.items()}
    for item in Item.get_many(keys):
        pair = pair_of_pk[item.pk]
        if isinstance(item, YearOfDailyCloses):
            closes[pair].by_day.update((close.day, close) for close in item.closes)
        elif isinstance(item, DailyClosesState):
            closes[pair] = PairDailyCloses(closes[pair].by_day, item)
    return closes


def add_daily_closes(pair: Pair, closes: Sequence[DailyClose], now: int, progress: Progress | None = None) -> None:
    """Add closes of a pair on days that have none, and record the progress.

    Raises Conflict when other writers came first at every attempt.
    """
    for attempt in range(_ATTEMPTS):
        try:
            _add_daily_closes(pair, closes, now, progress)
        except errors.Conflict:
            if attempt == _ATTEMPTS - 1:
                raise
        else:
            return


def _add_daily_closes(pair: Pair, closes: Sequence[DailyClose], now: int, progress: Progress | None) -> None:
    years = sorted({close.day.year for close in closes})
    pk = _daily_closes_pk(pair)
    found: dict[str, Any] = {item.sk: item for item in Item.get_many((pk, sk) for sk in (_STATE, *map(str, years)))}
    state = found.get(_STATE) or DailyClosesState(pk, _STATE)
    added: list[date] = []
    writes = []
    for year in years:
        item = found.get(str(year)) or YearOfDailyCloses(pk, str(year))
        days = item.add(close for close in closes if close.day.year == year)
        added += days
        writes += [Write(Operation.PUT, item)] if days else []
    before = (state.until, state.done)
    moved = progress is not None and _record_progress(state, progress)
    settled_since = _settled_since(before, (state.until, state.done))
    if added or settled_since is not None:
        state.note(added, settled_since)
    if added:
        state.source = closes[-1].source
    if added or moved:
        condition = unchanged(DailyClosesState.revision, state.revision)
        state.revision += 1
        state.updated_at = now
        transact(*writes, Write(Operation.PUT, state, condition))


def _settled_since(before: tuple[str | None, bool], after: tuple[str | None, bool]) -> int | None:
    """Return from when on days that lack closes will get none now, None if nothing was settled: `until` and `done` before and after."""
    until, done = after
    if not done or until is None or before == after:
        return None
    return midnight(date.fromisoformat(before[0])) if before[0] and before[1] else ALWAYS


def _record_progress(state: DailyClosesState, progress: Progress) -> bool:
    """Record how far a download has come; False when that changes nothing."""
    if isinstance(progress, GapProgress):
        searched = state.searched | {progress.source: progress.through.isoformat()}
        changed, state.searched = searched != state.searched, searched
        return bool(changed)
    if progress.after is not None and (state.until is None or state.until < progress.after.isoformat()):
        return False
    before = (state.until, state.done)
    state.until = max(state.until or '', progress.until.isoformat())
    state.done = state.done or progress.done
    return (state.until, state.done) != before


def _daily_closes_pk(pair: Pair) -> str:
    return f'{_CLOSES}{text_of(pair)}'
