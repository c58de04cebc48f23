"""The types of the API's answers, for the type checker and for the description of the API alike.

Names and order are the specification's. Types only: api/presenters builds the answers.
"""

from typing import Annotated, Any, Literal, NotRequired, TypedDict

from msgspec import Meta

Instant = Annotated[
    str,
    Meta(
        title='Instant',
        description='An instant in UTC, to the second.',
        pattern=r'^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\+00:00$',
        examples=['2017-11-06T04:54:54+00:00'],
        extra_json_schema={'format': 'date-time'},
    ),
]
Amount = Annotated[
    str,
    Meta(
        title='Amount',
        description='An exact amount in plain decimal notation: no exponent, at least one digit after the point, no zeros after that.',
        pattern=r'^-?(0|[1-9][0-9]*)\.([0-9]*[1-9]|0)$',
        examples=['50.00501'],
    ),
]
CurrencyCode = Annotated[
    str,
    Meta(
        title='CurrencyCode',
        description='The code of a currency of the catalogue, in lower case.',
        pattern=r'^[a-z0-9]+(-[a-z0-9]+)*$',
        examples=['btc'],
    ),
]
Id = Annotated[
    int,
    Meta(
        title='Id',
        description='Counts portfolios per user, and what is in them per portfolio. No id is given twice.',
        ge=1,
        le=999_999_999,
        examples=[1],
    ),
]
AnyCurrencyCode = Annotated[
    str,
    Meta(
        title='AnyCurrencyCode',
        description='The code of a currency of the catalogue, in any case.',
        pattern='^[A-Za-z0-9]+(-[A-Za-z0-9]+)*$',
        examples=['btc'],
    ),
]
EpochSeconds = Annotated[
    int,
    Meta(title='EpochSeconds', description='When this was answered, in seconds since 1970.', examples=[1512697998]),
]
SCALARS: tuple[Any, ...] = (Instant, Amount, CurrencyCode, Id, AnyCurrencyCode, EpochSeconds)

SourceKey = Annotated[str, Meta(description='Names an upstream.', pattern='^[a-z0-9_]+$', examples=['blockstream'])]
_Number = Annotated[int, Meta(ge=0)]
_Nothing = Annotated[Amount, Meta(examples=['0.0'])]
_Held = Annotated[Amount, Meta(examples=['10.0'])]
_Delta = Annotated[Amount, Meta(description='Incoming is positive, outgoing negative; a paid fee is part of it.', examples=['50.0'])]
_PortfolioTitle = Annotated[str, Meta(examples=['My portfolio'])]
_AddressTitle = Annotated[str, Meta(examples=['My address'])]
_OffsetTitle = Annotated[str, Meta(examples=['My offset'])]
_OwnSource = Annotated[str, Meta(description='Who says so.', examples=['private-api'])]
_SumSource = Annotated[str, Meta(description='Who says so.', examples=['cryptfolio'])]
_LedgerSource = Annotated[str, Meta(description='Who says so: the key of an upstream, see /api/sources.', examples=['blockstream'])]
_Changed = Annotated[Instant, Meta(examples=['2017-11-23T23:01:44+00:00'])]
_Complete = Annotated[bool, Meta(description='Whether nothing is known to be missing.', examples=[True])]


class CurrencyRef(TypedDict):
    """A currency, in short."""

    title: Annotated[str, Meta(examples=['Bitcoin'])]
    code: CurrencyCode


class User(TypedDict):
    """Who the token speaks for."""

    name: Annotated[str | None, Meta(examples=['Test user'])]
    email: Annotated[str, Meta(examples=['test@openclerk.org'])]
    created_at: Instant


class PortfolioHeader(TypedDict):
    """What a portfolio says of itself wherever it stands."""

    id: Id
    title: _PortfolioTitle
    created_at: Instant
    updated_at: _Changed
    balances_last_updated: _Changed | None
    histories_last_updated: _Changed | None
    converted_balances_last_updated: _Changed | None
    converted_histories_last_updated: _Changed | None


class PortfolioSummary(PortfolioHeader):
    """A portfolio as it stands in a list: how many of what it has."""

    currencies: Annotated[_Number, Meta(examples=[3])]
    accounts: Annotated[_Number, Meta(examples=[4])]
    addresses: Annotated[_Number, Meta(examples=[5])]
    offsets: Annotated[_Number, Meta(examples=[0])]


class AddressSummary(TypedDict):
    """An address of a portfolio as it stands in a list."""

    id: Id
    title: _AddressTitle
    address: Annotated[
        str,
        Meta(
            description='As its currency writes it; of an extended public key the beginning and the end.',
            examples=['1JfbZRwdDHKZmuiZgYArJZhcuuzuw2HuMu'],
        ),
    ]
    currency: CurrencyRef


class OffsetSummary(TypedDict):
    """An offset of a portfolio as it stands in a list."""

    id: Id
    title: _OffsetTitle
    created_at: Instant
    updated_at: _Changed


class WalletRef(TypedDict):
    """An exchange, in short."""

    title: Annotated[str, Meta(examples=['Bittrex'])]
    code: Annotated[str, Meta(examples=['bittrex'])]


class Account(TypedDict):
    """An account of a portfolio at an exchange; never with its credentials."""

    id: Id
    title: Annotated[str, Meta(examples=['My account'])]
    wallet: WalletRef
    valid: bool
    created_at: Instant
    updated_at: _Changed
    last_updated: _Changed | None
    txns_last_updated: _Changed | None
    history_last_updated: _Changed | None


class Portfolio(PortfolioHeader):
    """A portfolio with what is in it; its currencies are those in which it reports."""

    currencies: list[CurrencyRef]
    accounts: list[Account]
    addresses: list[AddressSummary]
    offsets: list[OffsetSummary]
    source: _OwnSource


class Missing(TypedDict):
    """A part of a portfolio whose balance is not, or not wholly, in the sum."""

    type: Literal['address']
    id: Id
    title: _AddressTitle
    reason: Annotated[str, Meta(description='In one snake_case word.', examples=['not_ready'])]


class Coverage(TypedDict):
    """Whether a sum is over everything, and what is missing if not."""

    complete: _Complete
    missing: NotRequired[list[Missing]]


class _Summed(TypedDict):
    currency: CurrencyCode | CurrencyRef
    balance_at: Annotated[Instant, Meta(description='The oldest of the balances that were summed; of the past, the instant itself.')]
    source: _SumSource


class _SummedBalance(_Summed):
    balance: _Held


class PortfolioBalance(_SummedBalance, Coverage):
    """The balance of a portfolio in one currency, summed over all that is in it."""


class Unconverted(TypedDict):
    """A balance that is not in a converted total, as no rate is known."""

    currency: CurrencyCode
    balance: Amount
    reason: Annotated[str, Meta(description='In one snake_case word.', examples=['no_rate'])]


class NotInTotal(TypedDict):
    """What is not, or not wholly, in a converted total: a balance without a rate, or a part of the portfolio as in its balances."""

    currency: NotRequired[CurrencyCode]
    balance: NotRequired[Amount]
    type: NotRequired[Literal['address']]
    id: NotRequired[Id]
    title: NotRequired[_AddressTitle]
    reason: Annotated[str, Meta(description='In one snake_case word.', examples=['no_rate'])]


class Hop(TypedDict):
    """One rate that an amount is multiplied by, or divided by if it is used turned round."""

    pair: Annotated[str, Meta(description='One of the first costs `rate` of the second.', examples=['btc/usd'])]
    rate: Annotated[str, Meta(description='Exact, in plain decimal notation.', examples=['11775.36'])]
    inverse: Annotated[bool, Meta(description='Whether to divide by it.', examples=[False])]
    source: Annotated[str, Meta(description='The upstreams that say so.', examples=['bitstamp,coingecko,kraken'])]
    observed_at: Instant
    disputed: Annotated[bool, Meta(description='Whether its sources differ, and no two of them agree.', examples=[False])]
    stale: Annotated[bool, Meta(description='Whether it is older than it should be.', examples=[False])]


class Explained(TypedDict):
    """How one currency of a portfolio was converted: the balance, multiplied and divided by the rates of its route, is the value."""

    currency: CurrencyCode
    balance: Amount
    value: Annotated[str, Meta(description='Not rounded but for one division, at 50 digits.', examples=['117753.6'])]
    route: Annotated[list[Hop], Meta(description='Empty for the reporting currency itself.')]


class _SummedValue(_Summed):
    balance: Annotated[
        str,
        Meta(
            description="Rounded half-even to the currency's decimals; fiat currencies show all of them.",
            pattern=r'^-?(0|[1-9][0-9]*)\.[0-9]+$',
            examples=['117753.60'],
        ),
    ]
    complete: _Complete


class ConvertedBalance(_SummedValue):
    """All that is in a portfolio as if it were converted into one currency."""

    missing: NotRequired[list[NotInTotal]]
    explain: NotRequired[list[Explained]]


class RateSet(TypedDict, total=False):
    """The rates by which all rows were converted."""

    rates: Annotated[Instant | None, Meta(description='Names the set: when it was made. Null before the first.')]


_Day = Annotated[str, Meta(pattern='^[0-9]{4}-[0-9]{2}-[0-9]{2}$', examples=['2017-11-23'])]
# In this form, as `from` is a word of Python's.
Backfill = TypedDict('Backfill', {'currency': CurrencyCode, 'from': _Day | None, 'until': _Day | None, 'done': bool})
Backfill.__doc__ = """How far the daily closing rates of a currency are here: from the first day that is, until the last one asked for."""


class HistoryState(TypedDict, total=False):
    """What a history lacks as a whole; said on every page."""

    complete: _Complete
    reason: Annotated[str, Meta(description='Why not, in one snake_case word; only when not complete.', examples=['history_pending'])]
    backfill: Annotated[list[Backfill], Meta(description='Daily closing rates that are still being fetched.')]


class _AtInstant(TypedDict):
    covered: Annotated[_Number, Meta(description='Of how many of its parts the portfolio knew what they held then.', examples=[5])]
    total: Annotated[_Number, Meta(description='How many parts it has.', examples=[5])]


class HistoricBalance(_SummedBalance, _AtInstant):
    """The balance of a portfolio in one currency at an instant of the past."""

    complete: _Complete


class HistoricValue(_SummedValue, _AtInstant):
    """What a portfolio was worth in one currency at an instant of the past, by the closing rates of that day."""

    missing: NotRequired[list[Unconverted]]


class Completeness(TypedDict, total=False):
    """Whether the balances or transactions of an address are all there; said on the first page of a list."""

    complete: _Complete
    reason: Annotated[str, Meta(description='Why not, in one snake_case word; only when not complete.', examples=['not_ready'])]


class Agreement(TypedDict):
    """Whether two explorers told the same of an address when they were last compared."""

    status: Annotated[Literal['agreed', 'disputed'], Meta(examples=['agreed'])]
    sources: list[SourceKey]
    checked_at: Instant


class Address(AddressSummary):
    """An address of a portfolio."""

    valid: Annotated[bool, Meta(description='False once an upstream said that it cannot exist.')]
    created_at: Instant
    updated_at: _Changed
    txns_last_updated: _Changed | None
    source: _OwnSource
    agreement: Annotated[Agreement | None, Meta(description='Null until a second explorer was asked for the first time.')]


class AddressBalance(TypedDict):
    """What an address holds of one currency, confirmed; null is what the upstream does not tell."""

    currency: CurrencyRef
    balance: Amount
    unconfirmed: Annotated[_Nothing, Meta(description='What transactions that are in no block yet would change; not in `balance`.')] | None
    transactions: Annotated[_Number, Meta(examples=[3])] | None
    sent: _Nothing | None
    received: Amount | None
    created_at: Instant
    updated_at: Annotated[_Changed, Meta(description='When it was last observed.')]
    source: _LedgerSource


class Transaction(TypedDict):
    """The whole effect of one confirmed transaction on an address in one currency."""

    currency: CurrencyRef
    delta: _Delta
    txn_at: Instant
    fee: _Nothing | None
    reference: Annotated[str | None, Meta(description="The network's id of the transaction.", examples=['abc123'])]
    created_at: Instant
    updated_at: _Changed
    source: _LedgerSource


class OffsetBalance(TypedDict):
    """One currency of an offset."""

    currency: CurrencyCode | CurrencyRef
    balance: _Held
    created_at: Instant
    updated_at: _Changed
    source: _OwnSource


class Offset(OffsetSummary):
    """An offset: balances that people put in themselves."""

    balances: list[OffsetBalance]


class Currency(TypedDict):
    """A currency of the catalogue, of exactly one kind."""

    id: Id
    code: CurrencyCode
    title: Annotated[str, Meta(examples=['Bitcoin'])]
    created_at: Instant
    updated_at: _Changed
    is_cryptocurrency: Annotated[bool, Meta(description='Tokens are none.', examples=[True])]
    is_fiat: Annotated[bool, Meta(examples=[False])]
    is_ethereum_token: Annotated[bool, Meta(examples=[False])]
    ethereum_contract_address: Annotated[str | None, Meta(description='Of a token, in EIP-55; null of all others.', examples=[None])]
    source: _SumSource


class Currencies(TypedDict):
    """A page of a list of currencies, and how many are in the whole list."""

    count: Annotated[_Number, Meta(examples=[1])]
    currencies: list[Currency]


class Source(TypedDict):
    """An upstream that values come from: what it can tell, how it did of late."""

    key: SourceKey
    title: Annotated[str, Meta(examples=['Blockstream Explorer'])]
    url: Annotated[
        str,
        Meta(description='Where its API is documented.', examples=['https://github.com/Blockstream/esplora/blob/master/API.md']),
    ]
    currencies: list[CurrencyCode]
    capabilities: list[Annotated[str, Meta(examples=['balances'])]]
    needs_key: Annotated[bool, Meta(description='Whether it answers nothing without a key.')]
    own_server: Annotated[bool, Meta(description='Whether it is a server that everybody runs for themselves.')]
    history: Annotated[
        str,
        Meta(
            description='How far back it lists transactions: `whole` for to the beginning, `none` at all, or a limit.', examples=['whole']
        ),
    ]
    health: Annotated[str, Meta(extra_json_schema={'enum': ['ok', 'failing', 'unknown']})]
    last_success_at: _Changed | None
    last_failure_at: Instant | None


class Status(TypedDict):
    """What works and what fails: the upstreams by key, and `database`."""

    ok: list[Annotated[str, Meta(examples=['database'])]]
    failing: list[Annotated[str, Meta(examples=['mempool'])]]


class Failure(TypedDict):
    """An error: a sentence for people, a code for programs. Those that API Gateway finds have no `time`."""

    success: Annotated[bool, Meta(extra_json_schema={'const': False})]
    time: NotRequired[EpochSeconds]
    message: Annotated[str, Meta(examples=['Not found'])]
    code: Annotated[str, Meta(description='In snake_case.', examples=['not_found'])]
    request_id: Annotated[str, Meta(description='As in X-Request-Id.', examples=['c6af9ac6-7b61-11e6-9a41-93e8deadbeef'])]


class FieldFault(TypedDict):
    """One thing that is wrong with one field of a request."""

    field: Annotated[str, Meta(description='Its path, such as `balances[0].currency`; empty for the whole body.', examples=['currencies'])]
    code: Annotated[str, Meta(description='In snake_case.', examples=['empty'])]
    message: Annotated[str, Meta(examples=['must have at least one reporting currency selected'])]


class InvalidRequest(Failure):
    """A request that cannot be carried out, with all that is wrong with it at once: for people, and the same for programs."""

    invalid: list[Annotated[str, Meta(examples=['must have at least one reporting currency selected'])]]
    fields: list[FieldFault]


class Unavailable(Failure):
    """Nothing can be told at this moment; `try_again_at` while no value was ever known."""

    try_again_at: NotRequired[Instant]
