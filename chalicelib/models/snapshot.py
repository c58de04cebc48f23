"""What a ledger held at instants of the past, where no transactions tell."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import NamedTuple

from chalicelib.domain import instants
from chalicelib.domain.ledgers import Holding
from chalicelib.models.attributes import IntegerAttribute, RowsAttribute
from chalicelib.models.item import Item

_PREFIX = 'SNAPSHOT#'
_HOURLY_SECONDS = 30 * 86_400  # how long the snapshots of each hour are kept; those of each day are kept for ever


class HeldThen(NamedTuple):
    """One currency of a snapshot."""

    currency: str
    balance: Decimal


class Snapshot(Item, discriminator='snapshot'):
    """pk=the ledger's  sk=SNAPSHOT#<date> or SNAPSHOT#<date>T<hour>   TTL on those of hours

    store: batch write   every: query
    The last observation of each hour, and of each day, or of several alike the first.
    """

    holdings = RowsAttribute(HeldThen)
    observed_at = IntegerAttribute()

    @classmethod
    def store(cls, pk: str, holdings: Iterable[Holding], now: int) -> None:
        """Keep what a ledger holds now as the latest of its hour and of its day."""
        held = [HeldThen(row.currency, row.balance) for row in holdings]
        day, hour = instants.sortable(now)[:10], instants.sortable(now)[:13]
        of_day = cls(pk, _PREFIX + day, holdings=held, observed_at=now)
        of_hour = cls(pk, _PREFIX + hour, holdings=held, observed_at=now, expires_at=now + _HOURLY_SECONDS)
        cls.write_many(put=[of_day, of_hour])

    @classmethod
    def every(cls, pk: str) -> Iterator['Snapshot']:
        """Yield the snapshots of a ledger by day and hour; the last of a day stands twice."""
        return cls.query(pk, cls.sk.startswith(_PREFIX), consistent_read=True)

    @classmethod
    def remove(cls, pk: str) -> None:
        """Delete all snapshots of a ledger."""
        cls.write_many(delete=cls.every(pk))
