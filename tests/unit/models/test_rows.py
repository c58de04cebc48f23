"""Rows are stored as PynamoDB's lists of maps are: data outlives a release."""

from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from pynamodb.attributes import BooleanAttribute, ListAttribute, MapAttribute, UnicodeAttribute

from chalicelib.models.attributes import DecimalAttribute, IntegerAttribute, RowsAttribute


class Row(NamedTuple):
    name: str
    amount: Decimal
    number: int | None
    flag: bool = False


class StoredRow(MapAttribute[str, Any]):
    name = UnicodeAttribute()
    amount = DecimalAttribute()
    number = IntegerAttribute(null=True)
    flag = BooleanAttribute(null=True)


@pytest.mark.parametrize(
    'row', [Row('a', Decimal('1E+3'), 5, True), Row('', Decimal('0.000000000000000000000000000000000000000000001'), None)]
)
def test_rows_are_stored_as_a_list_of_maps_is(row: Row) -> None:
    stored = RowsAttribute(Row).serialize([row])

    assert stored == ListAttribute(of=StoredRow).serialize([StoredRow(**row._asdict())])
    assert RowsAttribute(Row).deserialize(stored) == [row]


def test_a_row_without_a_field_that_it_must_have_is_an_error() -> None:
    with pytest.raises(ValueError, match=r'^Row lacks amount$'):
        RowsAttribute(Row).deserialize([{'M': {'name': {'S': 'a'}, 'flag': {'BOOL': True}}}])


def test_a_field_that_an_earlier_release_did_not_store_has_its_default_or_is_none() -> None:
    stored = [{'M': {'name': {'S': 'a'}, 'amount': {'S': '1'}}}]

    assert RowsAttribute(Row).deserialize(stored) == [Row('a', Decimal(1), None, False)]
