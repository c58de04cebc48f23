"""Types of attributes that PynamoDB lacks or gets wrong."""

import json
import zlib
from decimal import Decimal
from typing import Any

from pynamodb.attributes import Attribute, ListAttribute, UnicodeAttribute
from pynamodb.constants import BINARY, NUMBER, STRING

from chalicelib.domain.changelog import Changelog


class DecimalAttribute(Attribute[Decimal]):
    """An exact amount, kept as text: a DynamoDB number ends at 38 digits, a token's uint256 may have 78."""

    attr_type = STRING

    def serialize(self, value: Decimal) -> str:
        return f'{value:f}'

    def deserialize(self, value: str) -> Decimal:
        return Decimal(value)


class IntegerAttribute(Attribute[int]):
    """A whole number or an instant in epoch seconds. PynamoDB's NumberAttribute would also take and give floats."""

    attr_type = NUMBER

    def serialize(self, value: int) -> str:
        return str(int(value))

    def deserialize(self, value: str) -> int:
        return int(value)


class ChangelogAttribute(Attribute[Changelog]):
    """A Changelog, as its version and then its instants."""

    attr_type = STRING

    def serialize(self, value: Changelog) -> str:
        return ' '.join(map(str, (value.version, *value.latest)))

    def deserialize(self, value: str) -> Changelog:
        version, *latest = map(int, value.split())
        return Changelog(version, tuple(latest))


class PackedAttribute(Attribute[Any]):
    """Anything that JSON can say, amounts as texts, compressed: lists of prices and histories repeat themselves."""

    attr_type = BINARY

    def serialize(self, value: Any) -> bytes:
        return zlib.compress(json.dumps(value, separators=(',', ':')).encode())

    def deserialize(self, value: bytes) -> Any:
        return json.loads(zlib.decompress(value))


def string_list(**kwargs: Any) -> ListAttribute[str]:
    """Return an attribute for a list of texts; PynamoDB's own annotations cannot say this."""
    return ListAttribute(of=UnicodeAttribute, **kwargs)  # type: ignore[arg-type]
