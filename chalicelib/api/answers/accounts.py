"""Accounts at exchanges, and the exchanges."""

from typing import Annotated, TypedDict

from msgspec import Meta

from chalicelib.api.answers.scalars import ChildId, Created, Later, OwnSource, Updated


class WalletRef(TypedDict):
    """An exchange, in short form."""

    title: Annotated[str, Meta(description='The name of the exchange.', examples=['Bittrex'])]
    code: Annotated[str, Meta(description='The code of the exchange, as `wallet` in requests.', examples=['bittrex'])]


class WalletCredential(TypedDict):
    """One of the credentials of an account at an exchange."""

    name: Annotated[str, Meta(description='Its name in `credentials` of a request.', examples=['key'])]
    required: Annotated[bool, Meta(description='Whether it is required to create an account.')]


_Parts = list[Annotated[str, Meta(examples=['spot'])]]


class Wallet(WalletRef):
    """An exchange whose accounts are supported, or another server that provides balances."""

    url: Annotated[
        Annotated[str, Meta(examples=['https://support.kraken.com/articles/360000919966'])] | None,
        Meta(description='Where the exchange explains how to create an API key; null for your own server.'),
    ]
    credentials: Annotated[list[WalletCredential], Meta(description='What is needed to read an account.')]
    permissions: Annotated[
        list[Annotated[str, Meta(examples=['Query funds'])]], Meta(description='What the API key must be allowed to do. More is refused.')
    ]
    covers: Annotated[_Parts, Meta(description='The parts of an account that are counted.')]
    lacks: Annotated[_Parts, Meta(description='The parts of an account that are not counted.')]
    history: Annotated[
        str,
        Meta(
            description='How far back transactions of all parts are listed: `whole`; a number of years, months or days; `partial` if no '
            'list has all of them, so that each currency says what it is missing; or `none`: histories then begin with the account.',
            examples=['whole'],
        ),
    ]
    experimental: Annotated[
        bool,
        Meta(
            description='True if the balances of its accounts have never been verified: they are `complete: false`, and nothing checks '
            'whether an API key may do more than read. The operator decides which of these exchanges are offered.',
            examples=[False],
        ),
    ]


class AccountSummary(TypedDict):
    """An account of a portfolio at an exchange as an entry of a list, without its credentials."""

    id: ChildId
    title: Annotated[str, Meta(description='What its user calls it.', examples=['My account'])]
    wallet: Annotated[WalletRef, Meta(description='The exchange that the account is at.')]
    valid: Annotated[bool, Meta(description='False while it cannot be read with its current credentials.')]
    created_at: Created
    updated_at: Updated
    last_updated: Annotated[Later | None, Meta(description='When its balances were last observed; null before.')]
    txns_last_updated: Annotated[Later | None, Meta(description='When its transactions were last read; null before.')]
    history_last_updated: Annotated[Later | None, Meta(description='When its history was last computed; null before.')]


class Problem(TypedDict):
    """Why an account cannot be read, and what to do about it."""

    reason: Annotated[str, Meta(description='In snake_case.', examples=['wrong_secret'])]
    message: Annotated[
        str,
        Meta(
            description='What is wrong, and what to do.',
            examples=['Kraken refuses the signature: the secret is not that of this API key, or was not copied whole'],
        ),
    ]


class Account(AccountSummary):
    """An account of a portfolio at an exchange, without its credentials."""

    source: OwnSource
    problem: Annotated[Problem | None, Meta(description='Null while it is valid.')]
