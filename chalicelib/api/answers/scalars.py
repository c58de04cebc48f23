"""What the values of answers are: the named scalars, and the fields that answers of several resources have."""

from typing import Annotated, Any

from msgspec import Meta

Instant = Annotated[
    str,
    Meta(
        title='Instant',
        description='A timestamp in UTC, to the second.',
        pattern=r'^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\+00:00$',
        examples=['2017-11-06T04:54:54+00:00'],
        extra_json_schema={'format': 'date-time'},
    ),
]
Amount = Annotated[
    str,
    Meta(
        title='Amount',
        description='An exact amount in plain decimal notation: no exponent, at least one fractional digit, no trailing zeros after it.',
        pattern=r'^-?(0|[1-9][0-9]*)\.([0-9]*[1-9]|0)$',
        examples=['50.00501'],
    ),
]
CurrencyCode = Annotated[
    str,
    Meta(
        title='CurrencyCode',
        description='The code of a currency in the catalogue, in lower case.',
        pattern=r'^[a-z0-9]+(-[a-z0-9]+)*$',
        examples=['btc'],
    ),
]
Id = Annotated[
    int,
    Meta(
        title='Id',
        description='Portfolios are numbered per user, and their contents per portfolio. An id is never reused.',
        ge=1,
        le=999_999_999,
        examples=[1],
    ),
]
AnyCurrencyCode = Annotated[
    str,
    Meta(
        title='AnyCurrencyCode',
        description='The code of a currency in the catalogue, in any case.',
        pattern='^[A-Za-z0-9]+(-[A-Za-z0-9]+)*$',
        examples=['btc'],
    ),
]
EpochSeconds = Annotated[
    int,
    Meta(title='EpochSeconds', description='The time of the response, in seconds since 1970.', examples=[1512697998]),
]
SCALARS: tuple[Any, ...] = (Instant, Amount, CurrencyCode, Id, AnyCurrencyCode, EpochSeconds)

SourceKey = Annotated[str, Meta(description='The key of an upstream.', pattern='^[a-z0-9_]+$', examples=['blockstream'])]
Number = Annotated[int, Meta(ge=0)]
Nothing = Annotated[Amount, Meta(examples=['0.0'])]
Held = Annotated[Amount, Meta(description='The amount of the currency.', examples=['10.0'])]
ChildId = Annotated[Id, Meta(description='Its number among the contents of the same kind of its portfolio; never reused.')]
OwnSource = Annotated[str, Meta(description='Where the value comes from.', examples=['private-api'])]
SumSource = Annotated[str, Meta(description='Where the value comes from.', examples=['cryptfolio'])]
LedgerSource = Annotated[
    str, Meta(description='Where the value comes from: the key of an upstream, see /api/sources.', examples=['blockstream'])
]
Later = Annotated[Instant, Meta(examples=['2017-11-23T23:01:44+00:00'])]
Created = Annotated[Instant, Meta(description='When it was created.')]
Updated = Annotated[Later, Meta(description='When it last changed.')]
Stored = Annotated[Instant, Meta(description='When it was first stored here, for this address or account.')]
Complete = Annotated[bool, Meta(description='False if anything is known to be missing.', examples=[True])]
