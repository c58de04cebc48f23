"""The outcome of comparing two explorers about an address, as stored in ledgers and in the children that show them."""

from typing import Any

from pynamodb.attributes import MapAttribute, UnicodeAttribute

from chalicelib.models.attributes import IntegerAttribute, string_list


class CrossCheck(MapAttribute[str, Any]):
    """`status` is `agreed` or `disputed`, `sources` are the keys of the two explorers, `checked_at` is when they were compared."""

    status = UnicodeAttribute()
    sources = string_list()
    checked_at = IntegerAttribute()

    @property
    def is_disputed(self) -> bool:
        return bool(self.status == 'disputed')
