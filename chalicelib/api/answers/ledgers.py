"""What addresses and accounts both have: balances, transactions, and how complete these are."""

from typing import Annotated, NotRequired, TypedDict

from msgspec import Meta

from chalicelib.api.answers.currencies import CurrencyField
from chalicelib.api.answers.scalars import Amount, Complete, Instant, Later, LedgerSource, Nothing, Number, Stored

_Delta = Annotated[
    Amount, Meta(description='Positive for incoming amounts, negative for outgoing ones; includes any fee paid.', examples=['50.0'])
]


class Completeness(TypedDict, total=False):
    """Whether the balances or transactions of an address or account are complete; stated on the first page of a list."""

    complete: Complete
    reason: Annotated[str, Meta(description='Why it is incomplete, in snake_case; only if it is.', examples=['not_ready'])]


class UnreadableRow(TypedDict):
    """A row that an upstream lists for an address or account and that cannot be read, so that its effect is unknown."""

    currency: CurrencyField
    reference: Annotated[str, Meta(description='The id of the transaction, or the contract of a token whose balance it is.')]
    reason: Annotated[str, Meta(description='In a few words.', examples=['no block time'])]
    txn_at: Annotated[Instant | None, Meta(description='When the transaction took place; null if that is unknown.')]


class UnreadableRows(TypedDict, total=False):
    """The newest rows that could not be read, and how many there are; on the first page, if there are any."""

    unreadable: Annotated[list[UnreadableRow], Meta(description='The newest of them.')]
    unreadable_count: Annotated[Number, Meta(description='How many there are.', examples=[1])]


class TransactionsState(Completeness, UnreadableRows):
    """Whether the transactions of an address or account are complete, and what could not be read; stated on the first page of a list."""


class AddressBalance(TypedDict):
    """The confirmed balance of an address or account in one currency; null where the upstream does not provide a value that can be read."""

    currency: CurrencyField
    balance: Annotated[Amount | None, Meta(description='The confirmed amount; null where it cannot be read.')]
    unconfirmed: Annotated[
        Nothing | None,
        Meta(
            description='The net change from transactions that are not in a block yet; not included in `balance`. Null where it is unknown.'
        ),
    ]
    transactions: Annotated[
        Annotated[Number, Meta(examples=[3])] | None,
        Meta(description='How many confirmed transactions there are; null where it is unknown.'),
    ]
    sent: Annotated[Nothing | None, Meta(description='The total amount sent; null where the upstream does not provide it.')]
    received: Annotated[Amount | None, Meta(description='The total amount received; null where the upstream does not provide it.')]
    created_at: Stored
    updated_at: Annotated[Later, Meta(description='When it was last observed.')]
    source: LedgerSource
    complete: NotRequired[
        Annotated[bool, Meta(description='Present, and false, only if something in this currency is missing.', examples=[False])]
    ]
    reason: NotRequired[
        Annotated[str, Meta(description='Why it is incomplete, in snake_case; only if it is.', examples=['transactions_missing'])]
    ]


class Transaction(TypedDict):
    """The net effect of one confirmed transaction on an address in one currency, or one entry of an account."""

    currency: CurrencyField
    delta: _Delta
    txn_at: Annotated[Instant, Meta(description='When it took place: the time of its block or of the entry.')]
    fee: Annotated[
        Nothing | None, Meta(description='The fee paid, included in `delta`; `0.0` if there was none, null where it is unknown.')
    ]
    reference: Annotated[str | None, Meta(description='The id of the transaction in its network.', examples=['abc123'])]
    created_at: Stored
    updated_at: Annotated[Later, Meta(description='When it was last stored.')]
    source: LedgerSource
