"""The history of a portfolio."""

from typing import Annotated, NotRequired, TypedDict

from msgspec import Meta

from chalicelib.api.answers.balances import SummedBalance
from chalicelib.api.answers.conversions import SummedValue, Unconverted
from chalicelib.api.answers.currencies import Code
from chalicelib.api.answers.scalars import Complete, Number

_Day = Annotated[str, Meta(pattern='^[0-9]{4}-[0-9]{2}-[0-9]{2}$', examples=['2017-11-23'])]
# In this form, as `from` is a word of Python's.
Backfill = TypedDict(
    'Backfill',
    {
        'currency': Code,
        'from': Annotated[_Day | None, Meta(description='The first day that has been fetched; null before.')],
        'until': Annotated[_Day | None, Meta(description='The last day that has been fetched; null before.')],
        'done': Annotated[bool, Meta(description='Whether nothing is left to fetch.')],
    },
)
Backfill.__doc__ = """How far the daily closing rates of a currency have been fetched: from the first day until the last."""


class HistoryState(TypedDict, total=False):
    """What a history as a whole lacks; repeated on every page."""

    complete: Complete
    reason: Annotated[str, Meta(description='Why it is incomplete, in snake_case; only if it is.', examples=['history_pending'])]
    backfill: Annotated[list[Backfill], Meta(description='Daily closing rates that are still being fetched.')]
    changed: Annotated[
        bool,
        Meta(
            description='True if rows have changed since the first page was read, because the history was recomputed.',
            examples=[True],
        ),
    ]


class _AtInstant(TypedDict):
    covered: Annotated[
        Number, Meta(description='How many of its accounts, addresses and offsets have a known balance at that instant.', examples=[5])
    ]
    total: Annotated[Number, Meta(description='How many accounts, addresses and offsets it has.', examples=[5])]


class HistoricBalance(SummedBalance, _AtInstant):
    """The balance of a portfolio in one currency at a past instant."""

    complete: Complete


class HistoricValue(SummedValue, _AtInstant):
    """What a portfolio was worth in one currency at a past instant, at the rates kept for that hour or the closing rates of that day."""

    missing: NotRequired[Annotated[list[Unconverted], Meta(description='What is missing from the total, if it is incomplete.')]]
