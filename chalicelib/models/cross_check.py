"""What came of asking a second explorer about an address, as it is kept in ledgers and in the addresses that show them."""

from typing import Any

from pynamodb.attributes import MapAttribute, UnicodeAttribute

from chalicelib.models.attributes import IntegerAttribute, texts


class Agreement(MapAttribute[str, Any]):
    """`status` is `agreed` or `disputed`, `sources` are the keys of the two explorers, `checked_at` is when they were compared."""

    status = UnicodeAttribute()
    sources = texts()
    checked_at = IntegerAttribute()

    @property
    def is_disputed(self) -> bool:
        return bool(self.status == 'disputed')
