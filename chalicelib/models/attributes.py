"""Types of attributes that PynamoDB lacks or gets wrong."""

import json
import zlib
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar, get_args, get_type_hints

from pynamodb.attributes import Attribute, ListAttribute, UnicodeAttribute
from pynamodb.constants import BINARY, BOOLEAN, LIST, MAP, NUMBER, STRING

from chalicelib.domain.changelog import Changelog
from chalicelib.domain.ledger_keys import DIGEST_BYTES
from chalicelib.domain.marks import Mark


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


class MarkAttribute(Attribute[Mark]):
    """A Mark, as its numbers and then its text; `-` stands for no position."""

    attr_type = STRING

    def serialize(self, value: Mark) -> str:
        return f'{value.since} {"-" if value.position is None else value.position} {value.text}'

    def deserialize(self, value: str) -> Mark:
        since, position, text = value.split(' ', 2)
        return Mark(text, int(since), None if position == '-' else int(position))


class DigestsAttribute(Attribute[frozenset[bytes]]):
    """A set of digests of DIGEST_BYTES each, one after the other: a binary set would not say whether it is empty or absent."""

    attr_type = BINARY

    def serialize(self, value: Iterable[bytes]) -> bytes:
        return b''.join(sorted(value))

    def deserialize(self, value: bytes) -> frozenset[bytes]:
        return frozenset(value[start : start + DIGEST_BYTES] for start in range(0, len(value), DIGEST_BYTES))


class PackedAttribute(Attribute[Any]):
    """Anything that JSON can say, amounts as texts, compressed: lists of prices and histories repeat themselves."""

    attr_type = BINARY

    def serialize(self, value: Any) -> bytes:
        return zlib.compress(json.dumps(value, separators=(',', ':')).encode())

    def deserialize(self, value: bytes) -> Any:
        return json.loads(zlib.decompress(value))


class _Field(NamedTuple):
    """How a field of a row is stored: under which type of DynamoDB's, and how a value becomes that and back."""

    attr_type: str
    serialize: Callable[[Any], Any]
    deserialize: Callable[[Any], Any]


_FIELDS = {
    str: _Field(STRING, str, str),
    int: _Field(NUMBER, str, int),
    bool: _Field(BOOLEAN, bool, bool),
    Decimal: _Field(STRING, '{:f}'.format, Decimal),
}
Row = TypeVar('Row', bound=NamedTuple)


class RowsAttribute(Attribute[list[Row]]):
    """A list of NamedTuples of strings, integers, booleans and amounts, each stored as a map of its fields that are not None.

    It is stored as PynamoDB's `ListAttribute(of=MapAttribute)` would be, which takes longer than all else in reading an item, since it
    copies the description of its maps for each list.
    """

    attr_type = LIST

    def __init__(self, kind: type[Row], attr_name: str | None = None) -> None:
        super().__init__(default=list, attr_name=attr_name)
        self._kind = kind
        self._fields = [(name, _FIELDS[_without_none(hint)]) for name, hint in get_type_hints(kind).items()]
        self._required = {
            name for name, hint in get_type_hints(kind).items() if name not in kind._field_defaults and type(None) not in get_args(hint)
        }

    def serialize(self, value: Iterable[Row]) -> list[dict[str, Any]]:
        return [{MAP: {name: {field.attr_type: field.serialize(cell)} for name, field, cell in self._cells(row)}} for row in value]

    def deserialize(self, value: list[dict[str, Any]]) -> list[Row]:
        return [self._row(stored[MAP]) for stored in value]

    def _cells(self, row: Row) -> list[tuple[str, _Field, Any]]:
        return [(name, field, cell) for (name, field), cell in zip(self._fields, row, strict=True) if cell is not None]

    def _row(self, stored: dict[str, dict[str, Any]]) -> Row:
        """Raises ValueError for a row without a field that has no default and must not be None."""
        if not self._required <= stored.keys():
            raise ValueError(f'{self._kind.__name__} lacks {", ".join(sorted(self._required - stored.keys()))}')
        return self._kind._make(
            field.deserialize(stored[name][field.attr_type]) if name in stored else self._kind._field_defaults.get(name)
            for name, field in self._fields
        )


def _without_none(hint: Any) -> Any:
    """Return the type that a field has when it is not None."""
    return next((part for part in get_args(hint) if part is not type(None)), hint)


def string_list(**kwargs: Any) -> ListAttribute[str]:
    """Return an attribute for a list of texts; PynamoDB's own annotations cannot say this."""
    return ListAttribute(of=UnicodeAttribute, **kwargs)  # type: ignore[arg-type]
