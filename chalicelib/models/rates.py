"""Exchange rates as they are stored: the latest, one set per hour, and which currencies are tracked.

Lists of prices are compressed: all latest observations are one small item.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from chalicelib.domain import instants
from chalicelib.domain.consensus import AgreedPrice
from chalicelib.domain.conversion import Rate
from chalicelib.domain.rates import Observation, parse_published
from chalicelib.models.attributes import IntegerAttribute, PackedAttribute
from chalicelib.models.item import Item
from chalicelib.models.writes import unchanged

TRACKED_SECONDS = 8 * 86_400
_TRACKED = 'RATES#WANTED'


class LatestRates(Item, discriminator='latest-rates'):
    """pk=RATES  sk=LATEST

    find: get   store: put on condition of `version`
    `agreed` are the prices that were last believed of each pair. `requested` maps each currency that the sources were asked for to
    when (epoch seconds) it stops being tracked, `unanswered` those of which none told a price and one failed to when they were first asked
    in vain.
    """

    at = IntegerAttribute(default=0)
    version = IntegerAttribute(default=0)
    packed_observations = PackedAttribute(default=list)
    packed_rates = PackedAttribute(default=list)
    packed_agreed = PackedAttribute(default=list)
    requested = PackedAttribute(default=dict, attr_name='asked')
    unanswered = PackedAttribute(default=dict)

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
        return [_observation(*packed) for packed in self.packed_observations]

    @property
    def agreed(self) -> list[AgreedPrice]:
        return [AgreedPrice(base, quote, Decimal(price), at, tuple(outvoted)) for base, quote, price, at, outvoted in self.packed_agreed]

    def store(
        self,
        at: int,
        observations: Iterable[Observation],
        rates: Iterable[Rate],
        requested: Mapping[str, int],
        agreed: Iterable[AgreedPrice] = (),
        unanswered: Mapping[str, int] | None = None,
    ) -> bool:
        """Replace what was found; False when another run did meanwhile."""
        condition = unchanged(LatestRates.version, self.version)
        self.at = at
        self.version += 1
        self.packed_observations = [
            [one.base, one.quote, one.published or f'{one.price:f}', one.at, one.source, *([f'{one.error:f}'] if one.error else [])]
            for one in observations
        ]
        self.packed_rates = _packed(rates)
        self.packed_agreed = [[one.base, one.quote, f'{one.price:f}', one.at, one.outvoted] for one in agreed]
        self.requested = dict(requested)
        self.unanswered = dict(unanswered or {})
        return self.put_if(condition)


class HourlyRates(Item, discriminator='hourly-rates'):
    """pk=RATES#<yyyy-mm>  sk=<its hour, ISO 8601>   one set of each hour, never changed

    store: conditional put   before: one query, two at the beginning of a month   between: a query for each month
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

    @classmethod
    def between(cls, first: int, last: int) -> 'list[HourlyRates]':
        """Return the sets of the hours from that of one instant to that of another, oldest first."""
        (pk, start), (last_pk, end) = _hour(first), _hour(last)
        found: list[HourlyRates] = []
        while pk <= last_pk:
            found += cls.query(pk, cls.sk.between(start, end), consistent_read=True)
            pk = _month_after(pk)
        return found

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


def _observation(base: str, quote: str, text: str, at: int, source: str, error: str = '0') -> Observation:
    published = text if '/' in text else ''
    return Observation(base, quote, parse_published(text), at, source, Decimal(error), published)


def _hour(instant: int) -> tuple[str, str]:
    """Return the key of the set of an instant's hour."""
    hour = instants.sortable(instant - instant % 3600)
    return f'RATES#{hour[:7]}', hour


def _month_before(pk: str) -> str:
    year, month = map(int, pk.removeprefix('RATES#').split('-'))
    return f'RATES#{year if month > 1 else year - 1:04}-{month - 1 or 12:02}'


def _month_after(pk: str) -> str:
    year, month = map(int, pk.removeprefix('RATES#').split('-'))
    return f'RATES#{year if month < 12 else year + 1:04}-{month % 12 + 1:02}'


def _packed(rates: Iterable[Rate]) -> list[Any]:
    return [[rate.base, rate.quote, f'{rate.price:f}', rate.at, rate.sources, rate.disputed] for rate in rates]


def _rates(packed: list[Any]) -> list[Rate]:
    return [Rate(base, quote, Decimal(price), at, sources, disputed) for base, quote, price, at, sources, disputed in packed]
