"""The types of the API's answers, for the type checker and for the description of the API alike.

Names and order are the specification's. Types only: api/presenters builds answers.
"""

from typing import Annotated, Any, Literal, NotRequired, TypedDict

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
_Number = Annotated[int, Meta(ge=0)]
_Nothing = Annotated[Amount, Meta(examples=['0.0'])]
_Held = Annotated[Amount, Meta(examples=['10.0'])]
_Delta = Annotated[
    Amount, Meta(description='Positive for incoming amounts, negative for outgoing ones; includes any fee paid.', examples=['50.0'])
]
_PortfolioTitle = Annotated[str, Meta(examples=['My portfolio'])]
_AddressTitle = Annotated[str, Meta(examples=['My address'])]
_OffsetTitle = Annotated[str, Meta(examples=['My offset'])]
_OwnSource = Annotated[str, Meta(description='Where the value comes from.', examples=['private-api'])]
_SumSource = Annotated[str, Meta(description='Where the value comes from.', examples=['cryptfolio'])]
_LedgerSource = Annotated[
    str, Meta(description='Where the value comes from: the key of an upstream, see /api/sources.', examples=['blockstream'])
]
_Changed = Annotated[Instant, Meta(examples=['2017-11-23T23:01:44+00:00'])]
_Complete = Annotated[bool, Meta(description='False if anything is known to be missing.', examples=[True])]


class CurrencyRef(TypedDict):
    """A currency, in short form."""

    title: Annotated[str, Meta(examples=['Bitcoin'])]
    code: CurrencyCode


class User(TypedDict):
    """The user the token was issued for."""

    name: Annotated[str | None, Meta(examples=['Test user'])]
    email: Annotated[str, Meta(examples=['test@openclerk.org'])]
    created_at: Instant


class PortfolioHeader(TypedDict):
    """The properties of a portfolio that all representations of it share."""

    id: Id
    title: _PortfolioTitle
    created_at: Instant
    updated_at: _Changed
    balances_last_updated: _Changed | None
    histories_last_updated: _Changed | None
    converted_balances_last_updated: _Changed | None
    converted_histories_last_updated: _Changed | None


class PortfolioSummary(PortfolioHeader):
    """A portfolio as an entry of a list, with the counts of its contents."""

    currencies: Annotated[_Number, Meta(examples=[3])]
    accounts: Annotated[_Number, Meta(examples=[4])]
    addresses: Annotated[_Number, Meta(examples=[5])]
    offsets: Annotated[_Number, Meta(examples=[0])]


class AddressSummary(TypedDict):
    """An address of a portfolio as an entry of a list."""

    id: Id
    title: _AddressTitle
    address: Annotated[
        str,
        Meta(
            description='In the notation of its currency; of an extended public key or descriptor, only the ends of its keys.',
            examples=['1JfbZRwdDHKZmuiZgYArJZhcuuzuw2HuMu'],
        ),
    ]
    currency: CurrencyRef


class OffsetSummary(TypedDict):
    """An offset of a portfolio as an entry of a list."""

    id: Id
    title: _OffsetTitle
    created_at: Instant
    updated_at: _Changed


class WalletRef(TypedDict):
    """An exchange, in short form."""

    title: Annotated[str, Meta(examples=['Bittrex'])]
    code: Annotated[str, Meta(examples=['bittrex'])]


class WalletCredential(TypedDict):
    """One of the credentials of an account at an exchange."""

    name: Annotated[str, Meta(examples=['key'])]
    required: bool


_Parts = list[Annotated[str, Meta(examples=['spot'])]]


class Wallet(WalletRef):
    """An exchange whose accounts are supported, or another server that tells balances."""

    url: (
        Annotated[
            str, Meta(description='Where it says how to make an API key.', examples=['https://support.kraken.com/articles/360000919966'])
        ]
        | None
    )
    credentials: list[WalletCredential]
    permissions: Annotated[
        list[Annotated[str, Meta(examples=['Query funds'])]], Meta(description='What the API key must be allowed to do. More is refused.')
    ]
    covers: Annotated[_Parts, Meta(description='The parts of an account that are counted.')]
    lacks: Annotated[_Parts, Meta(description='The parts of an account that are not counted.')]
    history: Annotated[
        str,
        Meta(
            description='How far back transactions of all parts are listed: `whole`; so many years, months or days; `partial` where no '
            'list has all of them, so that what is missing is said of its currency; or `none`: histories then begin with the account.',
            examples=['whole'],
        ),
    ]
    experimental: Annotated[
        bool,
        Meta(
            description='Whether nobody has compared what is read of its accounts with anything: their balances are `complete: false`, and '
            'nothing tells whether an API key may do more than read. The operator decides which of these are offered.',
            examples=[False],
        ),
    ]


class AccountSummary(TypedDict):
    """An account of a portfolio at an exchange as an entry of a list, without its credentials."""

    id: Id
    title: Annotated[str, Meta(examples=['My account'])]
    wallet: WalletRef
    valid: Annotated[bool, Meta(description='False while it cannot be read with the credentials that it has.')]
    created_at: Instant
    updated_at: _Changed
    last_updated: Annotated[_Changed, Meta(description='When its balances were last observed.')] | None
    txns_last_updated: _Changed | None
    history_last_updated: _Changed | None


class Problem(TypedDict):
    """Why an account cannot be read, and what to do about it."""

    reason: Annotated[str, Meta(description='In snake_case.', examples=['wrong_secret'])]
    message: Annotated[
        str, Meta(examples=['Kraken refuses the signature: the secret is not that of this API key, or was not copied whole'])
    ]


class Account(AccountSummary):
    """An account of a portfolio at an exchange, without its credentials."""

    source: _OwnSource
    problem: Annotated[Problem | None, Meta(description='Null while it is valid.')]


class Portfolio(PortfolioHeader):
    """A portfolio with its contents; `currencies` are its reporting currencies."""

    currencies: list[CurrencyRef]
    accounts: list[AccountSummary]
    addresses: list[AddressSummary]
    offsets: list[OffsetSummary]
    source: _OwnSource


class Missing(TypedDict):
    """An account or address of a portfolio whose balance is missing from the sum, wholly or in part."""

    type: Literal['account', 'address']
    id: Id
    title: _AddressTitle
    reason: Annotated[str, Meta(description='In snake_case.', examples=['not_ready'])]


class Coverage(TypedDict):
    """Whether a sum covers everything, and what is missing if it does not."""

    complete: _Complete
    missing: NotRequired[list[Missing]]


class _Summed(TypedDict):
    currency: CurrencyCode | CurrencyRef
    balance_at: Annotated[
        Instant, Meta(description='When the oldest of the balances in the sum was observed; for a past balance, the instant requested.')
    ]
    source: _SumSource


class _SummedBalance(_Summed):
    balance: _Held


class PortfolioBalance(_SummedBalance, Coverage):
    """The balance of a portfolio in one currency, summed over its contents."""


class Unconverted(TypedDict):
    """A balance that is missing from a converted total because no rate is known, or sources contradict each other about it."""

    currency: CurrencyCode
    balance: Amount
    reason: Annotated[str, Meta(description='In snake_case: `no_rate`, `disputed`.', examples=['no_rate'])]


class NotInTotal(TypedDict):
    """What is missing from a converted total: a balance without a rate, or an account or address of the portfolio, as in its balances."""

    currency: NotRequired[CurrencyCode]
    balance: NotRequired[Amount]
    type: NotRequired[Literal['account', 'address']]
    id: NotRequired[Id]
    title: NotRequired[_AddressTitle]
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
    observed_at: Instant
    disputed: Annotated[bool, Meta(description='Always false: nothing is converted by a disputed rate.', examples=[False])]
    stale: Annotated[bool, Meta(description='Whether it is older than it should be.', examples=[False])]


class Explained(TypedDict):
    """How one currency of a portfolio was converted: `value` is `balance` multiplied and divided by the rates of `route`."""

    currency: CurrencyCode
    balance: Amount
    value: Annotated[str, Meta(description='Exact, except that a division is rounded to 50 digits.', examples=['117753.6'])]
    route: Annotated[list[Hop], Meta(description='Empty for the reporting currency itself.')]


class _SummedValue(_Summed):
    balance: Annotated[
        str,
        Meta(
            description="Rounded half-even to the currency's decimals; fiat amounts always have all of them.",
            pattern=r'^-?(0|[1-9][0-9]*)\.[0-9]+$',
            examples=['117753.60'],
        ),
    ]
    complete: _Complete


class ConvertedBalance(_SummedValue):
    """The balances of a portfolio as if all were converted into one currency."""

    missing: NotRequired[list[NotInTotal]]
    explain: NotRequired[list[Explained]]


class RateSet(TypedDict, total=False):
    """The rates by which all rows were converted."""

    rates: Annotated[Instant | None, Meta(description='When the set of rates was made, which identifies it. Null before the first set.')]
    rates_kind: Annotated[
        str,
        Meta(
            description='Of a past instant: `hourly` for rates that were kept for its hour, `close` for the closing rates of its day.',
            examples=['hourly'],
            extra_json_schema={'enum': ['hourly', 'close']},
        ),
    ]


_Day = Annotated[str, Meta(pattern='^[0-9]{4}-[0-9]{2}-[0-9]{2}$', examples=['2017-11-23'])]
# In this form, as `from` is a word of Python's.
Backfill = TypedDict('Backfill', {'currency': CurrencyCode, 'from': _Day | None, 'until': _Day | None, 'done': bool})
Backfill.__doc__ = """How far the daily closing rates of a currency have been fetched: from the first day until the last."""


class HistoryState(TypedDict, total=False):
    """What a history as a whole lacks; repeated on every page."""

    complete: _Complete
    reason: Annotated[str, Meta(description='Why it is incomplete, in snake_case; only if it is.', examples=['history_pending'])]
    backfill: Annotated[list[Backfill], Meta(description='Daily closing rates that are still being fetched.')]
    changed: Annotated[
        bool,
        Meta(
            description='True if rows of this page are others than they were when the first page was read: the history was computed anew.',
            examples=[True],
        ),
    ]


class _AtInstant(TypedDict):
    covered: Annotated[
        _Number, Meta(description='How many of its accounts, addresses and offsets have a known balance at that instant.', examples=[5])
    ]
    total: Annotated[_Number, Meta(description='How many accounts, addresses and offsets it has.', examples=[5])]


class HistoricBalance(_SummedBalance, _AtInstant):
    """The balance of a portfolio in one currency at a past instant."""

    complete: _Complete


class HistoricValue(_SummedValue, _AtInstant):
    """What a portfolio was worth in one currency at a past instant, at the rates kept for that hour or the closing rates of that day."""

    missing: NotRequired[list[Unconverted]]


class Completeness(TypedDict, total=False):
    """Whether the balances or transactions of an address or account are complete; stated on the first page of a list."""

    complete: _Complete
    reason: Annotated[str, Meta(description='Why it is incomplete, in snake_case; only if it is.', examples=['not_ready'])]


class UnreadableRow(TypedDict):
    """What an upstream lists of an address or account and nobody can read, so that its effect is unknown."""

    currency: CurrencyRef
    reference: Annotated[str, Meta(description='The id of the transaction, or the contract of a token whose balance it is.')]
    reason: Annotated[str, Meta(description='In a few words.', examples=['no block time'])]
    txn_at: Instant | None


class UnreadableRows(TypedDict, total=False):
    """The newest rows that could not be read, and how many there are; on the first page, if there are any."""

    unreadable: list[UnreadableRow]
    unreadable_count: Annotated[_Number, Meta(examples=[1])]


class TransactionsState(Completeness, UnreadableRows):
    """Whether the transactions of an address or account are complete, and what could not be read; stated on the first page of a list."""


class Agreement(TypedDict):
    """Whether two explorers agreed about an address when they were last compared."""

    status: Annotated[Literal['agreed', 'disputed'], Meta(examples=['agreed'])]
    sources: list[SourceKey]
    checked_at: Instant


class WalletOfAddress(TypedDict):
    """The HD wallet that an address is part of, an address of the same portfolio too."""

    id: Id
    title: _AddressTitle


class Address(AddressSummary):
    """An address of a portfolio."""

    valid: Annotated[bool, Meta(description='False once an upstream has rejected the address as invalid.')]
    created_at: Instant
    updated_at: _Changed
    txns_last_updated: _Changed | None
    source: _OwnSource
    agreement: Annotated[Agreement | None, Meta(description='Null until the first cross-check with a second explorer.')]
    gap_limit: NotRequired[
        Annotated[int, Meta(description='Of an HD wallet: how many unused addresses in a row end the search.', ge=1, le=1_000)]
    ]
    script_types: NotRequired[
        Annotated[
            list[str],
            Meta(
                description='Of an HD wallet: the kinds of script that its used addresses have, `p2pkh`, `p2sh-p2wpkh`, `p2wpkh` or `p2tr` '
                'of one key, `p2sh`, `p2sh-p2wsh` or `p2wsh` of several.'
            ),
        ]
    ]
    part_of: NotRequired[
        Annotated[WalletOfAddress, Meta(description='The HD wallet that counts this address, which is not counted by itself.')]
    ]


class AddressBalance(TypedDict):
    """The confirmed balance of an address or account in one currency; null where the upstream does not provide a value that can be read."""

    currency: CurrencyRef
    balance: Amount | None
    unconfirmed: (
        Annotated[_Nothing, Meta(description='The net change by transactions that are not in a block yet; not included in `balance`.')]
        | None
    )
    transactions: Annotated[_Number, Meta(examples=[3])] | None
    sent: _Nothing | None
    received: Amount | None
    created_at: Instant
    updated_at: Annotated[_Changed, Meta(description='When it was last observed.')]
    source: _LedgerSource
    complete: NotRequired[
        Annotated[bool, Meta(description='False, and there, only if something of this currency is missing.', examples=[False])]
    ]
    reason: NotRequired[
        Annotated[str, Meta(description='Why it is incomplete, in snake_case; only if it is.', examples=['transactions_missing'])]
    ]


class Transaction(TypedDict):
    """The net effect of one confirmed transaction on an address in one currency, or one entry of an account."""

    currency: CurrencyRef
    delta: _Delta
    txn_at: Instant
    fee: _Nothing | None
    reference: Annotated[str | None, Meta(description='The id of the transaction in its network.', examples=['abc123'])]
    created_at: Instant
    updated_at: _Changed
    source: _LedgerSource


class PartOfPortfolio(TypedDict):
    """The account or address of a portfolio that a transaction is of."""

    id: Id
    title: _AddressTitle


class PortfolioTransaction(Transaction):
    """A transaction of an account or address of a portfolio."""

    account: NotRequired[PartOfPortfolio]
    address: NotRequired[PartOfPortfolio]
    internal: Annotated[
        bool,
        Meta(
            description='Whether another account or address of the portfolio has the other side of the same transaction.', examples=[False]
        ),
    ]


class OffsetBalance(TypedDict):
    """One currency of an offset."""

    currency: CurrencyCode | CurrencyRef
    balance: _Held
    created_at: Instant
    updated_at: _Changed
    source: _OwnSource


class Offset(OffsetSummary):
    """An offset: manually entered balances."""

    balances: list[OffsetBalance]
    since: Annotated[_Changed | None, Meta(description='Before this instant the offset does not count; null if it counts at all times.')]


class Currency(TypedDict):
    """A currency in the catalogue, of exactly one kind."""

    id: Id
    code: CurrencyCode
    title: Annotated[str, Meta(examples=['Bitcoin'])]
    created_at: Instant
    updated_at: _Changed
    is_cryptocurrency: Annotated[bool, Meta(description='False for tokens.', examples=[True])]
    is_fiat: Annotated[bool, Meta(examples=[False])]
    is_ethereum_token: Annotated[bool, Meta(description='True for every token, whatever chain it is on.', examples=[False])]
    ethereum_contract_address: Annotated[
        str | None,
        Meta(description="The contract of a token on Ethereum's main network, in EIP-55; null for all others.", examples=[None]),
    ]
    source: _SumSource


class Currencies(TypedDict):
    """A page of a list of currencies, and the length of the whole list."""

    count: Annotated[_Number, Meta(examples=[1])]
    currencies: list[Currency]


class FollowedChain(TypedDict):
    """What an upstream follows of a chain, which is named by its coin."""

    currency: CurrencyCode
    assets: Annotated[
        list[Annotated[str, Meta(extra_json_schema={'enum': ['coin', 'tokens']}, examples=['coin'])]],
        Meta(description='`coin`, and `tokens`: those of the catalogue on this chain. Nothing else is followed.'),
    ]
    key: Annotated[
        str,
        Meta(
            description='The API key that it requires for this chain: `none`, one that is `free`, or one of a `paid` plan.',
            extra_json_schema={'enum': ['none', 'free', 'paid']},
        ),
    ]


class Source(TypedDict):
    """An upstream that values come from: its capabilities and its recent health."""

    key: SourceKey
    title: Annotated[str, Meta(examples=['Blockstream Explorer'])]
    url: Annotated[
        str,
        Meta(description='Where its API is documented.', examples=['https://github.com/Blockstream/esplora/blob/master/API.md']),
    ]
    currencies: list[CurrencyCode]
    capabilities: list[Annotated[str, Meta(examples=['balances'])]]
    needs_key: Annotated[bool, Meta(description='Whether it requires an API key.')]
    own_server: Annotated[bool, Meta(description='Whether each operator runs a server of their own.')]
    history: Annotated[
        str,
        Meta(
            description='How far back it lists transactions: `whole` for the whole history, `none` if it lists none, or a limit.',
            examples=['whole'],
        ),
    ]
    chains: Annotated[list[FollowedChain], Meta(description='What it follows, chain by chain; empty for a source of rates.')]
    health: Annotated[str, Meta(extra_json_schema={'enum': ['ok', 'failing', 'unknown']})]
    last_success_at: _Changed | None
    last_failure_at: Instant | None
    remedy: Annotated[
        str | None,
        Meta(
            description='What the operator is to set where it lacks an API key or refuses the one it has; else null.',
            examples=['Set UPSTREAM_ETHERSCAN_KEY to an API key'],
        ),
    ]


class Tickers(TypedDict):
    """The rates of exchange: when they were last put together, and how many seconds ago; null before the first time."""

    updated_at: Instant | None
    age: Annotated[int, Meta(examples=[42], ge=0)] | None


class Job(TypedDict):
    """A job of the service, and when it last ran to its end; null before the first time. Some run only when there is work."""

    name: Annotated[str, Meta(examples=['sweep_due'])]
    last_run_at: Instant | None


class Status(TypedDict):
    """What works and what fails: the upstreams by key, `database`, `tickers` and `jobs`. What never ran does neither."""

    ok: list[Annotated[str, Meta(examples=['database'])]]
    failing: list[Annotated[str, Meta(examples=['mempool'])]]
    tickers: Tickers
    jobs: list[Job]
    version: Annotated[str, Meta(examples=['0.1.0'])]


class Failure(TypedDict):
    """An error: a sentence for humans, a code for programs. Errors raised by API Gateway have no `time`."""

    success: Annotated[bool, Meta(extra_json_schema={'const': False})]
    time: NotRequired[EpochSeconds]
    message: Annotated[str, Meta(examples=['Not found'])]
    code: Annotated[str, Meta(description='In snake_case.', examples=['not_found'])]
    request_id: Annotated[str, Meta(description='As in X-Request-Id.', examples=['c6af9ac6-7b61-11e6-9a41-93e8deadbeef'])]


class FieldFault(TypedDict):
    """A fault in one field of a request."""

    field: Annotated[str, Meta(description='Its path, such as `balances[0].currency`; empty for the whole body.', examples=['currencies'])]
    code: Annotated[str, Meta(description='In snake_case.', examples=['empty'])]
    message: Annotated[str, Meta(examples=['must have at least one reporting currency selected'])]


class InvalidRequest(Failure):
    """An invalid request, with all its faults at once: as sentences for humans, and for programs."""

    invalid: list[Annotated[str, Meta(examples=['must have at least one reporting currency selected'])]]
    fields: list[FieldFault]


class Unavailable(Failure):
    """No value is available at the moment; `try_again_at` is present while none has been known yet."""

    try_again_at: NotRequired[Instant]
    reason: NotRequired[
        Annotated[str, Meta(description='What must change before there can be a value, in snake_case.', examples=['explorers_need_key'])]
    ]
