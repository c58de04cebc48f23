"""Exchange rates as they are stored: the latest, one set per hour, daily closes for ever, and which currencies are tracked.

Lists of prices are compressed: a year of daily closes, or all latest observations, is one small item.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from pynamodb.attributes import Attribute, BooleanAttribute, UnicodeAttribute
from pynamodb.expressions.condition import Condition

from chalicelib import errors
from chalicelib.domain import instants, money
from chalicelib.domain.changelog import ALWAYS, Changelog
from chalicelib.domain.conversion import Pair, Rate
from chalicelib.domain.rates import DailyClose, Observation, day_of, midnight, text_of
from chalicelib.models.attributes import ChangelogAttribute, IntegerAttribute, PackedAttribute
from chalicelib.models.item import Item
from chalicelib.models.writes import Operation, Write, transact

TRACKED_SECONDS = 8 * 86_400
_STATE = 'STATE'
_TRACKED = 'RATES#WANTED'
_ATTEMPTS = 8


class LatestRates(Item, discriminator='latest-rates'):
    """pk=RATES  sk=LATEST

    find: get   store: put on condition of `version`
    `requested` maps each currency that the sources were asked for to when (epoch seconds) it stops being tracked.
    """

    at = IntegerAttribute(default=0)
    version = IntegerAttribute(default=0)
    packed_observations = PackedAttribute(default=list)
    packed_rates = PackedAttribute(default=list)
    requested = PackedAttribute(default=dict, attr_name='asked')

    @classmethod
    def find(cls) -> 'LatestRates':
        """Return the latest rates, an empty item before the first."""
        try:
            return cls.get('RATES', 'LATEST', consistent_read=True)
        except cls.DoesNotExist:
            return cls('RATES', 'LATEST')

    @property
    def rates(self) -> list[Rate]:
        return _rates(self.packed_rates)

    @property
    def observations(self) -> list[Observation]:
        return [Observation(base, quote, Decimal(price), at, source) for base, quote, price, at, source in self.packed_observations]

    def store(self, at: int, observations: Iterable[Observation], rates: Iterable[Rate], requested: Mapping[str, int]) -> bool:
        """Replace what was found; False when another run did meanwhile."""
        condition = _unchanged(LatestRates.version, self.version)
        self.at = at
        self.version += 1
        self.packed_observations = [[one.base, one.quote, f'{one.price:f}', one.at, one.source] for one in observations]
        self.packed_rates = _packed(rates)
        self.requested = dict(requested)
        return self.put_if(condition)


class HourlyRates(Item, discriminator='hourly-rates'):
    """pk=RATES#<yyyy-mm>  sk=<its hour, ISO 8601>   one set of each hour, never changed

    store: conditional put   before: one query, two at the beginning of a month
    """

    at = IntegerAttribute()
    packed_rates = PackedAttribute()

    @classmethod
    def store(cls, at: int, rates: Iterable[Rate]) -> bool:
        """Store these rates as those of their hour; False when the hour has some already."""
        return cls(*_hour(at), at=at, packed_rates=_packed(rates)).put_if(cls.pk.does_not_exist())

    @classmethod
    def before(cls, instant: int) -> 'HourlyRates | None':
        """Return the newest set that was made at or before an instant, of its month or the one before; None when there is none."""
        pk, sk = _hour(instant)
        found = [one for one in cls._newest(pk, sk) if one.at <= instant] or cls._newest(_month_before(pk), sk)
        return found[0] if found else None

    @property
    def rates(self) -> list[Rate]:
        return _rates(self.packed_rates)

    @classmethod
    def _newest(cls, pk: str, sk: str) -> 'list[HourlyRates]':
        return list(cls.query(pk, cls.sk <= sk, scan_index_forward=False, limit=2, page_size=2, consistent_read=True))


class TrackedCurrency(Item, discriminator='wanted-currency'):
    """pk=RATES#WANTED  sk=<code>   TTL

    register, renew: one update   every: query
    """

    @classmethod
    def every(cls, now: int) -> dict[str, int]:
        """Return the currencies that users hold or report, and until when each is tracked."""
        return {item.sk: item.expires_at for item in cls.query(_TRACKED, consistent_read=True) if (item.expires_at or 0) > now}

    @classmethod
    def register(cls, code: str, now: int) -> bool:
        """Track a currency; True when it was not tracked yet."""
        item = cls(_TRACKED, code, expires_at=now + TRACKED_SECONDS)
        return item.put_if(cls.pk.does_not_exist() | (cls.expires_at <= now))

    @classmethod
    def renew(cls, code: str, now: int) -> None:
        """Track a currency for another eight days."""
        cls(_TRACKED, code, expires_at=now + TRACKED_SECONDS).save()


class DailyClosesState(Item, discriminator='closes-state'):
    """pk=CLOSES#<base>/<quote>  sk=STATE   written in one transaction with the years it describes

    `earliest` (ISO 8601) is the first day with a close, `until` the day up to which all available closes are stored; `done` is
    False while older ones are being downloaded. `changes` records from which day on closes were added, each time some were.
    """

    earliest = UnicodeAttribute(null=True)
    until = UnicodeAttribute(null=True)
    done = BooleanAttribute(default=False)
    source = UnicodeAttribute(null=True)
    updated_at = IntegerAttribute(null=True)
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

    def note(self, earliest: date) -> None:
        """Count a version that adds closes from a day on."""
        self.changes = self.changes.noted(midnight(earliest))
        self.earliest = min(self.earliest or earliest.isoformat(), earliest.isoformat())


class YearOfDailyCloses(Item, discriminator='closes'):
    """pk=CLOSES#<base>/<quote>  sk=<yyyy>

    read_daily_closes: batch gets   add_daily_closes: a batch get and a transaction
    `packed` maps each day (ISO 8601) to its price and source. A stored close is never changed.
    """

    packed = PackedAttribute(default=dict)

    @property
    def closes(self) -> dict[date, tuple[Decimal, str]]:
        return {date.fromisoformat(day): (Decimal(price), source) for day, (price, source) in self.packed.items()}

    def add(self, closes: Iterable[DailyClose]) -> list[date]:
        """Add those of the closes whose days have none; return their days."""
        added = {}
        for close in closes:
            if close.day.isoformat() not in self.packed:
                added[close.day] = [money.canonical(close.price), close.source]
        self.packed = dict(sorted({**self.packed, **{day.isoformat(): value for day, value in added.items()}}.items()))
        return list(added)


class PairDailyCloses(NamedTuple):
    """The closes of one pair, day to price and source, and the state of their download; an empty one before it began."""

    by_day: dict[date, tuple[Decimal, str]]
    state: DailyClosesState


class DownloadProgress(NamedTuple):
    """How far a download of daily closes has come: all up to `until` are stored, and with `done` no older ones are missing.

    With `after` this only counts if the download had come up to that day before.
    """

    until: date
    done: bool = True
    after: date | None = None


def read_daily_closes(pairs: Iterable[Pair], years: Sequence[int]) -> dict[Pair, PairDailyCloses]:
    """Return the daily closes of pairs in some years, 100 items to a request, requests in parallel."""
    pair_of_pk = {_daily_closes_pk(pair): pair for pair in pairs}
    keys = [(pk, sk) for pk in pair_of_pk for sk in (_STATE, *map(str, years))]
    closes = {pair: PairDailyCloses({}, DailyClosesState(pk, _STATE)) for pk, pair in pair_of_pk.items()}
    for item in Item.get_many(keys):
        pair = pair_of_pk[item.pk]
        if isinstance(item, YearOfDailyCloses):
            closes[pair].by_day.update(item.closes)
        elif isinstance(item, DailyClosesState):
            closes[pair] = PairDailyCloses(closes[pair].by_day, item)
    return closes


def add_daily_closes(pair: Pair, closes: Sequence[DailyClose], now: int, progress: DownloadProgress | None = None) -> None:
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


def _add_daily_closes(pair: Pair, closes: Sequence[DailyClose], now: int, progress: DownloadProgress | None) -> None:
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
    if added:
        state.note(min(added))
        state.source = closes[-1].source
    moved = progress is not None and _record_progress(state, progress)
    if added or moved:
        condition = _unchanged(DailyClosesState.revision, state.revision)
        state.revision += 1
        state.updated_at = now
        transact(*writes, Write(Operation.PUT, state, condition))


def _record_progress(state: DailyClosesState, progress: DownloadProgress) -> bool:
    """Record how far a download has come; False when that changes nothing."""
    if progress.after is not None and (state.until is None or state.until < progress.after.isoformat()):
        return False
    before = (state.until, state.done)
    state.until = max(state.until or '', progress.until.isoformat())
    state.done = state.done or progress.done
    return (state.until, state.done) != before


def _daily_closes_pk(pair: Pair) -> str:
    return f'CLOSES#{text_of(pair)}'


def _hour(instant: int) -> tuple[str, str]:
    """Return the key of the set of an instant's hour."""
    hour = instants.sortable(instant - instant % 3600)
    return f'RATES#{hour[:7]}', hour


def _month_before(pk: str) -> str:
    year, month = map(int, pk.removeprefix('RATES#').split('-'))
    return f'RATES#{year if month > 1 else year - 1:04}-{month - 1 or 12:02}'


def _packed(rates: Iterable[Rate]) -> list[Any]:
    return [[rate.base, rate.quote, f'{rate.price:f}', rate.at, rate.sources, rate.disputed] for rate in rates]


def _rates(packed: list[Any]) -> list[Rate]:
    return [Rate(base, quote, Decimal(price), at, sources, disputed) for base, quote, price, at, sources, disputed in packed]


def _unchanged(attribute: Attribute[int], value: int) -> Condition:
    """Return the condition that an item is as it was read; one that was not there counts as 0."""
    return attribute == value if value else Item.pk.does_not_exist()
