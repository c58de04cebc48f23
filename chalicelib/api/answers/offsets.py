"""Offsets."""

from typing import Annotated, TypedDict

from msgspec import Meta

from chalicelib.api.answers.currencies import CodeOrCurrency
from chalicelib.api.answers.scalars import ChildId, Created, Held, Later, OwnSource, Updated

_OffsetTitle = Annotated[str, Meta(description='What its user calls it.', examples=['My offset'])]


class OffsetSummary(TypedDict):
    """An offset of a portfolio as an entry of a list."""

    id: ChildId
    title: _OffsetTitle
    created_at: Created
    updated_at: Updated


class OffsetBalance(TypedDict):
    """One currency of an offset."""

    currency: CodeOrCurrency
    balance: Held
    created_at: Created
    updated_at: Updated
    source: OwnSource


class Offset(OffsetSummary):
    """An offset: manually entered balances."""

    balances: Annotated[list[OffsetBalance], Meta(description='Its amounts, one for each currency.')]
    since: Annotated[Later | None, Meta(description='Before this instant the offset does not count; null if it counts at all times.')]
