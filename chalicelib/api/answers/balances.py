"""The balances and transactions of a portfolio as a whole."""

from typing import Annotated, Literal, NotRequired, TypedDict

from msgspec import Meta

from chalicelib.api.answers.addresses import AddressTitle
from chalicelib.api.answers.currencies import CodeOrCurrency
from chalicelib.api.answers.ledgers import Transaction
from chalicelib.api.answers.scalars import ChildId, Complete, Held, Id, Instant, SumSource

KindOfPart = Annotated[Literal['account', 'address'], Meta(description='Whether it is an account or an address.')]


class Missing(TypedDict):
    """An account or address of a portfolio whose balance is missing from the sum, wholly or in part."""

    type: KindOfPart
    id: Annotated[Id, Meta(description='The id of the account or address.')]
    title: AddressTitle
    reason: Annotated[str, Meta(description='In snake_case.', examples=['not_ready'])]


class Coverage(TypedDict):
    """Whether a sum covers everything, and what is missing if it does not."""

    complete: Complete
    missing: NotRequired[Annotated[list[Missing], Meta(description='What is missing, if it is incomplete.')]]


class Summed(TypedDict):
    """What all sums over the contents of a portfolio have."""

    currency: CodeOrCurrency
    balance_at: Annotated[
        Instant, Meta(description='When the oldest of the balances in the sum was observed; for a past balance, the instant requested.')
    ]
    source: SumSource


class SummedBalance(Summed):
    """A sum of balances in their own currency."""

    balance: Held


class PortfolioBalance(SummedBalance, Coverage):
    """The balance of a portfolio in one currency, summed over its contents."""


class PartOfPortfolio(TypedDict):
    """The account or address of a portfolio that a transaction is of."""

    id: ChildId
    title: AddressTitle


class PortfolioTransaction(Transaction):
    """A transaction of an account or address of a portfolio."""

    account: NotRequired[Annotated[PartOfPortfolio, Meta(description='The account that it belongs to, if any.')]]
    address: NotRequired[Annotated[PartOfPortfolio, Meta(description='The address that it belongs to, if any.')]]
    internal: Annotated[
        bool,
        Meta(
            description='Whether another account or address of the portfolio has the other side of the same transaction.', examples=[False]
        ),
    ]
