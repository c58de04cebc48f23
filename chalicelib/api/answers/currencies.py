"""Currencies, in short form and as the catalogue has them."""

from typing import Annotated, TypedDict

from msgspec import Meta

from chalicelib.api.answers.scalars import CurrencyCode, Id, Instant, Number, SumSource, Updated


class CurrencyRef(TypedDict):
    """A currency, in short form."""

    title: Annotated[str, Meta(description='The name of the currency.', examples=['Bitcoin'])]
    code: Annotated[CurrencyCode, Meta(description='The code of the currency, in lower case.')]


CurrencyField = Annotated[CurrencyRef, Meta(description='The currency.')]
CodeOrCurrency = Annotated[
    CurrencyCode | CurrencyRef, Meta(description='The code of the currency; the currency as an object if `expand` asks for it.')
]
Code = Annotated[CurrencyCode, Meta(description='The code of the currency, in lower case.')]


class Currency(TypedDict):
    """A currency in the catalogue, of exactly one kind."""

    id: Annotated[Id, Meta(description='Its number in the catalogue.')]
    code: Code
    title: Annotated[str, Meta(description='The name of the currency.', examples=['Bitcoin'])]
    created_at: Annotated[Instant, Meta(description='When it was added to the catalogue.')]
    updated_at: Updated
    is_cryptocurrency: Annotated[bool, Meta(description='False for tokens.', examples=[True])]
    is_fiat: Annotated[bool, Meta(description='True for government-issued money.', examples=[False])]
    is_ethereum_token: Annotated[bool, Meta(description='True for every token, whatever chain it is on.', examples=[False])]
    ethereum_contract_address: Annotated[
        str | None,
        Meta(description="The contract of a token on Ethereum's main network, in EIP-55; null for all others.", examples=[None]),
    ]
    source: SumSource


class Currencies(TypedDict):
    """A page of a list of currencies, and the length of the whole list."""

    count: Annotated[Number, Meta(description='How many currencies the whole list has.', examples=[1])]
    currencies: Annotated[list[Currency], Meta(description='This page of the list, by id.')]
