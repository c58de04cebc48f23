"""The addresses of an HD wallet that were derived, where that takes long."""

from collections.abc import Iterator, Sequence
from typing import Self

from pynamodb.attributes import UnicodeAttribute

from chalicelib.models.item import Item

_PREFIX = 'DERIVED#'


class DerivedAddresses(Item, discriminator='derived_addresses'):
    """pk=the HD wallet's ledger's  sk=DERIVED#<branch>#<000020>, the number of the first one

    write_many: batch write   rows, remove: query
    The next LENGTH addresses of a branch. They are what its key says, whoever stores them.
    """

    LENGTH = 20

    addresses = UnicodeAttribute()  # with a space between two

    @classmethod
    def of(cls, pk: str, branch: str, start: int, addresses: Sequence[str]) -> Self:
        """Return LENGTH addresses of a branch, of which the first has the number `start`, a multiple of LENGTH."""
        return cls(pk, f'{_PREFIX}{branch}#{start:06}', addresses=' '.join(addresses))

    @classmethod
    def rows(cls, pk: str) -> dict[str, list[str]]:
        """Return the addresses that are stored of an HD wallet, by branch, each up to the first that is missing."""
        rows: dict[str, list[str]] = {}
        for stored in cls._every(pk):
            branch, _, start = stored.sk.removeprefix(_PREFIX).rpartition('#')
            row = rows.setdefault(branch, [])
            if len(row) == int(start):
                row += stored.addresses.split(' ')
        return rows

    @classmethod
    def remove(cls, pk: str) -> None:
        """Delete all that are stored of an HD wallet."""
        cls.write_many(delete=cls._every(pk))

    @classmethod
    def _every(cls, pk: str) -> Iterator[Self]:
        return cls.query(pk, cls.sk.startswith(_PREFIX), consistent_read=True)
