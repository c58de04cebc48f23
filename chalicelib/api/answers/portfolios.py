"""Portfolios."""

from typing import Annotated, TypedDict

from msgspec import Meta

from chalicelib.api.answers.accounts import AccountSummary
from chalicelib.api.answers.addresses import AddressSummary
from chalicelib.api.answers.currencies import CurrencyRef
from chalicelib.api.answers.offsets import OffsetSummary
from chalicelib.api.answers.scalars import Created, Id, Later, Number, OwnSource, Updated

_PortfolioTitle = Annotated[str, Meta(description='What its user calls it.', examples=['My portfolio'])]
_PortfolioId = Annotated[Id, Meta(description='The number of the portfolio among those of its user; never reused.')]


class PortfolioHeader(TypedDict):
    """The properties of a portfolio that all representations of it share."""

    id: _PortfolioId
    title: _PortfolioTitle
    created_at: Created
    updated_at: Updated
    balances_last_updated: Annotated[Later | None, Meta(description='When one of its balances was last read; null before.')]
    histories_last_updated: Annotated[Later | None, Meta(description='When its history was last computed; null before.')]
    converted_balances_last_updated: Annotated[
        Later | None, Meta(description='When its balances were last converted, together with its history; null before.')
    ]
    converted_histories_last_updated: Annotated[
        Later | None, Meta(description='When its converted history was last computed; null before.')
    ]


class PortfolioSummary(PortfolioHeader):
    """A portfolio as an entry of a list, with the counts of its contents."""

    currencies: Annotated[Number, Meta(description='How many reporting currencies it has.', examples=[3])]
    accounts: Annotated[Number, Meta(description='How many accounts it has.', examples=[4])]
    addresses: Annotated[Number, Meta(description='How many addresses it has.', examples=[5])]
    offsets: Annotated[Number, Meta(description='How many offsets it has.', examples=[0])]


class Portfolio(PortfolioHeader):
    """A portfolio with its contents; `currencies` are its reporting currencies."""

    currencies: Annotated[list[CurrencyRef], Meta(description='Its reporting currencies.')]
    accounts: Annotated[list[AccountSummary], Meta(description='Its accounts at exchanges.')]
    addresses: Annotated[list[AddressSummary], Meta(description='Its addresses.')]
    offsets: Annotated[list[OffsetSummary], Meta(description='Its offsets: manually entered balances.')]
    source: OwnSource
