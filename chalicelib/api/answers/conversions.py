"""What a portfolio is worth, and how it was converted."""

from typing import Annotated, NotRequired, TypedDict

from msgspec import Meta

from chalicelib.api.answers.addresses import AddressTitle
from chalicelib.api.answers.balances import KindOfPart, Summed
from chalicelib.api.answers.currencies import Code
from chalicelib.api.answers.scalars import Amount, Complete, CurrencyCode, Id, Instant


class Unconverted(TypedDict):
    """A balance that is missing from a converted total because no rate is known, or sources contradict each other about it."""

    currency: Code
    balance: Annotated[Amount, Meta(description='The amount that is missing from the total.')]
    reason: Annotated[str, Meta(description='In snake_case: `no_rate`, `disputed`.', examples=['no_rate'])]


class NotInTotal(TypedDict):
    """What is missing from a converted total: a balance without a rate, or an account or address of the portfolio, as in its balances."""

    currency: NotRequired[Annotated[CurrencyCode, Meta(description='For a balance without a rate: its currency.')]]
    balance: NotRequired[Annotated[Amount, Meta(description='For a balance without a rate: its amount.')]]
    type: NotRequired[KindOfPart]
    id: NotRequired[Annotated[Id, Meta(description='The id of the account or address.')]]
    title: NotRequired[AddressTitle]
    reason: Annotated[str, Meta(description='In snake_case.', examples=['no_rate'])]


class Hop(TypedDict):
    """One rate of a conversion: the amount is multiplied by it, or divided by it if `inverse`."""

    pair: Annotated[str, Meta(description='One unit of the first costs `rate` units of the second.', examples=['btc/usd'])]
    rate: Annotated[str, Meta(description='Exact, in plain decimal notation.', examples=['11775.36'])]
    inverse: Annotated[bool, Meta(description='Whether the amount is divided by the rate.', examples=[False])]
    source: Annotated[
        str,
        Meta(
            description='The keys of the upstreams that it comes from, separated by commas; `peg` and `successor` for what is fixed.',
            examples=['bitstamp,coingecko,kraken'],
        ),
    ]
    observed_at: Annotated[Instant, Meta(description='When the rate was observed; of several, the oldest.')]
    disputed: Annotated[bool, Meta(description='Always false: nothing is converted by a disputed rate.', examples=[False])]
    stale: Annotated[bool, Meta(description='Whether it is older than it should be.', examples=[False])]


class Explained(TypedDict):
    """How one currency of a portfolio was converted: `value` is `balance` multiplied and divided by the rates of `route`."""

    currency: Code
    balance: Annotated[Amount, Meta(description='The amount that was converted.')]
    value: Annotated[str, Meta(description='Exact, except that a division is rounded to 50 digits.', examples=['117753.6'])]
    route: Annotated[list[Hop], Meta(description='Empty for the reporting currency itself.')]


class SummedValue(Summed):
    """A sum of balances that were converted into one currency."""

    balance: Annotated[
        str,
        Meta(
            description="Rounded half-even to the currency's decimals; fiat amounts always have all of them.",
            pattern=r'^-?(0|[1-9][0-9]*)\.[0-9]+$',
            examples=['117753.60'],
        ),
    ]
    complete: Complete


class ConvertedBalance(SummedValue):
    """The balances of a portfolio as if all were converted into one currency."""

    missing: NotRequired[Annotated[list[NotInTotal], Meta(description='What is missing from the total, if it is incomplete.')]]
    explain: NotRequired[Annotated[list[Explained], Meta(description='With `explain=true`: how each balance was converted.')]]


class RateSet(TypedDict, total=False):
    """The rates by which all rows were converted."""

    rates: Annotated[Instant | None, Meta(description='When the set of rates was compiled, which identifies it; null before the first.')]
    rates_kind: Annotated[
        str,
        Meta(
            description='For a past instant: `hourly` for rates that were kept for its hour, `close` for the closing rates of its day.',
            examples=['hourly'],
            extra_json_schema={'enum': ['hourly', 'close']},
        ),
    ]
