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
Number = Annotated[int, Meta(ge=0)]
Nothing = Annotated[Amount, Meta(examples=['0.0'])]
Held = Annotated[Amount, Meta(description='The amount of the currency.', examples=['10.0'])]
_Delta = Annotated[
    Amount, Meta(description='Positive for incoming amounts, negative for outgoing ones; includes any fee paid.', examples=['50.0'])
]
_PortfolioTitle = Annotated[str, Meta(description='What its user calls it.', examples=['My portfolio'])]
AddressTitle = Annotated[str, Meta(description='What its user calls it.', examples=['My address'])]
_OffsetTitle = Annotated[str, Meta(description='What its user calls it.', examples=['My offset'])]
_PortfolioId = Annotated[Id, Meta(description='The number of the portfolio among those of its user; never reused.')]
ChildId = Annotated[Id, Meta(description='Its number among the contents of the same kind of its portfolio; never reused.')]
OwnSource = Annotated[str, Meta(description='Where the value comes from.', examples=['private-api'])]
SumSource = Annotated[str, Meta(description='Where the value comes from.', examples=['cryptfolio'])]
LedgerSource = Annotated[
    str, Meta(description='Where the value comes from: the key of an upstream, see /api/sources.', examples=['blockstream'])
]
Later = Annotated[Instant, Meta(examples=['2017-11-23T23:01:44+00:00'])]
Created = Annotated[Instant, Meta(description='When it was created.')]
Updated = Annotated[Later, Meta(description='When it last changed.')]
Stored = Annotated[Instant, Meta(description='When it was first stored here.')]
Complete = Annotated[bool, Meta(description='False if anything is known to be missing.', examples=[True])]


class CurrencyRef(TypedDict):
    """A currency, in short form."""

    title: Annotated[str, Meta(description='The name of the currency.', examples=['Bitcoin'])]
    code: Annotated[CurrencyCode, Meta(description='The code of the currency, in lower case.')]


CurrencyField = Annotated[CurrencyRef, Meta(description='The currency.')]
CodeOrCurrency = Annotated[
    CurrencyCode | CurrencyRef, Meta(description='The code of the currency; the currency as an object if `expand` asks for it.')
]
Code = Annotated[CurrencyCode, Meta(description='The code of the currency, in lower case.')]


class User(TypedDict):
    """The user the token was issued for."""

    name: Annotated[str | None, Meta(description='The name that the user gave; null if none.', examples=['Test user'])]
    email: Annotated[str, Meta(description='The confirmed email address of the user.', examples=['test@openclerk.org'])]
    created_at: Annotated[Instant, Meta(description='When the user signed up.')]


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


class AddressSummary(TypedDict):
    """An address of a portfolio as an entry of a list."""

    id: ChildId
    title: AddressTitle
    address: Annotated[
        str,
        Meta(
            description='In the notation of its currency; of an extended public key or descriptor, only the ends of its keys.',
            examples=['1JfbZRwdDHKZmuiZgYArJZhcuuzuw2HuMu'],
        ),
    ]
    currency: Annotated[CurrencyRef, Meta(description='The coin of its chain.')]


class OffsetSummary(TypedDict):
    """An offset of a portfolio as an entry of a list."""

    id: ChildId
    title: _OffsetTitle
    created_at: Created
    updated_at: Updated


class WalletRef(TypedDict):
    """An exchange, in short form."""

    title: Annotated[str, Meta(description='The name of the exchange.', examples=['Bittrex'])]
    code: Annotated[str, Meta(description='The code of the exchange, as `wallet` in requests.', examples=['bittrex'])]


class WalletCredential(TypedDict):
    """One of the credentials of an account at an exchange."""

    name: Annotated[str, Meta(description='Its name in `credentials` of a request.', examples=['key'])]
    required: Annotated[bool, Meta(description='Whether an account cannot be created without it.')]


_Parts = list[Annotated[str, Meta(examples=['spot'])]]


class Wallet(WalletRef):
    """An exchange whose accounts are supported, or another server that provides balances."""

    url: Annotated[
        Annotated[str, Meta(examples=['https://support.kraken.com/articles/360000919966'])] | None,
        Meta(description='Where it says how to make an API key; null for your own server.'),
    ]
    credentials: Annotated[list[WalletCredential], Meta(description='What an account needs so that it can be read.')]
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
            'nothing checks whether an API key may do more than read. The operator decides which of these are offered.',
            examples=[False],
        ),
    ]


class AccountSummary(TypedDict):
    """An account of a portfolio at an exchange as an entry of a list, without its credentials."""

    id: ChildId
    title: Annotated[str, Meta(description='What its user calls it.', examples=['My account'])]
    wallet: Annotated[WalletRef, Meta(description='The exchange that the account is at.')]
    valid: Annotated[bool, Meta(description='False while it cannot be read with the credentials that it has.')]
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


class Portfolio(PortfolioHeader):
    """A portfolio with its contents; `currencies` are its reporting currencies."""

    currencies: Annotated[list[CurrencyRef], Meta(description='Its reporting currencies.')]
    accounts: Annotated[list[AccountSummary], Meta(description='Its accounts at exchanges.')]
    addresses: Annotated[list[AddressSummary], Meta(description='Its addresses.')]
    offsets: Annotated[list[OffsetSummary], Meta(description='Its offsets: manually entered balances.')]
    source: OwnSource


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


class Unconverted(TypedDict):
    """A balance that is missing from a converted total because no rate is known, or sources contradict each other about it."""

    currency: Code
    balance: Annotated[Amount, Meta(description='The amount that is missing from the total.')]
    reason: Annotated[str, Meta(description='In snake_case: `no_rate`, `disputed`.', examples=['no_rate'])]


class NotInTotal(TypedDict):
    """What is missing from a converted total: a balance without a rate, or an account or address of the portfolio, as in its balances."""

    currency: NotRequired[Annotated[CurrencyCode, Meta(description='Of a balance without a rate: its currency.')]]
    balance: NotRequired[Annotated[Amount, Meta(description='Of a balance without a rate: its amount.')]]
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
            description='True if rows of this page are others than they were when the first page was read: the history was computed anew.',
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


class Completeness(TypedDict, total=False):
    """Whether the balances or transactions of an address or account are complete; stated on the first page of a list."""

    complete: Complete
    reason: Annotated[str, Meta(description='Why it is incomplete, in snake_case; only if it is.', examples=['not_ready'])]


class UnreadableRow(TypedDict):
    """What an upstream lists of an address or account and nobody can read, so that its effect is unknown."""

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


class Agreement(TypedDict):
    """Whether two explorers agreed about an address when they were last compared."""

    status: Annotated[Literal['agreed', 'disputed'], Meta(description='Whether both gave the same balance.', examples=['agreed'])]
    sources: Annotated[list[SourceKey], Meta(description='The two explorers, see /api/sources.')]
    checked_at: Annotated[Instant, Meta(description='When they were compared.')]


class WalletOfAddress(TypedDict):
    """The HD wallet that an address is part of, an address of the same portfolio too."""

    id: Annotated[Id, Meta(description='The id of the HD wallet among the addresses of the portfolio.')]
    title: AddressTitle


class Address(AddressSummary):
    """An address of a portfolio."""

    valid: Annotated[bool, Meta(description='False once an upstream has rejected the address as invalid.')]
    created_at: Created
    updated_at: Updated
    txns_last_updated: Annotated[Later | None, Meta(description='When its transactions were last read; null before.')]
    source: OwnSource
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

    currency: CurrencyField
    balance: Annotated[Amount | None, Meta(description='The confirmed amount; null where it cannot be read.')]
    unconfirmed: Annotated[
        Nothing | None,
        Meta(
            description='The net change by transactions that are not in a block yet; not included in `balance`. Null where it is unknown.'
        ),
    ]
    transactions: Annotated[
        Annotated[Number, Meta(examples=[3])] | None,
        Meta(description='How many confirmed transactions there are; null where it is unknown.'),
    ]
    sent: Annotated[Nothing | None, Meta(description='The sum of all that was sent; null where the upstream does not provide it.')]
    received: Annotated[Amount | None, Meta(description='The sum of all that was received; null where the upstream does not provide it.')]
    created_at: Stored
    updated_at: Annotated[Later, Meta(description='When it was last observed.')]
    source: LedgerSource
    complete: NotRequired[
        Annotated[bool, Meta(description='False, and there, only if something of this currency is missing.', examples=[False])]
    ]
    reason: NotRequired[
        Annotated[str, Meta(description='Why it is incomplete, in snake_case; only if it is.', examples=['transactions_missing'])]
    ]


class Transaction(TypedDict):
    """The net effect of one confirmed transaction on an address in one currency, or one entry of an account."""

    currency: CurrencyField
    delta: _Delta
    txn_at: Annotated[Instant, Meta(description='When it took place: the time of its block, or that of the entry.')]
    fee: Annotated[Nothing | None, Meta(description='The fee that was paid, part of `delta`; `0.0` if none was, null where it is unknown.')]
    reference: Annotated[str | None, Meta(description='The id of the transaction in its network.', examples=['abc123'])]
    created_at: Stored
    updated_at: Annotated[Later, Meta(description='When it was last stored.')]
    source: LedgerSource


class PartOfPortfolio(TypedDict):
    """The account or address of a portfolio that a transaction is of."""

    id: ChildId
    title: AddressTitle


class PortfolioTransaction(Transaction):
    """A transaction of an account or address of a portfolio."""

    account: NotRequired[Annotated[PartOfPortfolio, Meta(description='The account that it is of, if it is of one.')]]
    address: NotRequired[Annotated[PartOfPortfolio, Meta(description='The address that it is of, if it is of one.')]]
    internal: Annotated[
        bool,
        Meta(
            description='Whether another account or address of the portfolio has the other side of the same transaction.', examples=[False]
        ),
    ]


class OffsetBalance(TypedDict):
    """One currency of an offset."""

    currency: CodeOrCurrency
    balance: Held
    created_at: Created
    updated_at: Updated
    source: OwnSource


class Offset(OffsetSummary):
    """An offset: manually entered balances."""

    balances: Annotated[list[OffsetBalance], Meta(description='Its amounts, one for each currency.')]
    since: Annotated[Later | None, Meta(description='Before this instant the offset does not count; null if it counts at all times.')]


class Currency(TypedDict):
    """A currency in the catalogue, of exactly one kind."""

    id: Annotated[Id, Meta(description='Its number in the catalogue.')]
    code: Code
    title: Annotated[str, Meta(description='The name of the currency.', examples=['Bitcoin'])]
    created_at: Annotated[Instant, Meta(description='When it came into the catalogue.')]
    updated_at: Updated
    is_cryptocurrency: Annotated[bool, Meta(description='False for tokens.', examples=[True])]
    is_fiat: Annotated[bool, Meta(description='True for the money of countries.', examples=[False])]
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


class FollowedChain(TypedDict):
    """What an upstream follows of a chain, which is named by its coin."""

    currency: Annotated[CurrencyCode, Meta(description='The coin of the chain.')]
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
    title: Annotated[str, Meta(description='The name of the upstream.', examples=['Blockstream Explorer'])]
    url: Annotated[
        str,
        Meta(description='Where its API is documented.', examples=['https://github.com/Blockstream/esplora/blob/master/API.md']),
    ]
    currencies: Annotated[list[CurrencyCode], Meta(description='The currencies that it has something about.')]
    capabilities: Annotated[list[Annotated[str, Meta(examples=['balances'])]], Meta(description='What it provides, in snake_case.')]
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
    health: Annotated[
        str,
        Meta(
            description='Whether the last requests to it succeeded; `unknown` if there were none.',
            extra_json_schema={'enum': ['ok', 'failing', 'unknown']},
        ),
    ]
    last_success_at: Annotated[Later | None, Meta(description='When a request to it last succeeded; null before.')]
    last_failure_at: Annotated[Instant | None, Meta(description='When a request to it last failed; null before.')]
    remedy: Annotated[
        str | None,
        Meta(
            description='What the operator is to set where it lacks an API key or refuses the one it has; else null.',
            examples=['Set UPSTREAM_ETHERSCAN_KEY to an API key'],
        ),
    ]


class Tickers(TypedDict):
    """The rates of exchange: when they were last put together, and how many seconds ago; null before the first time."""

    updated_at: Annotated[Instant | None, Meta(description='When they were last put together.')]
    age: Annotated[Annotated[int, Meta(examples=[42], ge=0)] | None, Meta(description='How many seconds ago that was.')]


class Job(TypedDict):
    """A job of the service, and when it last ran to its end; null before the first time. Some run only when there is work."""

    name: Annotated[str, Meta(description='The name of the job.', examples=['sweep_due'])]
    last_run_at: Annotated[Instant | None, Meta(description='When it last ran to its end; null before.')]


class Status(TypedDict):
    """What works and what fails: the upstreams by key, `database`, `tickers` and `jobs`. What never ran does neither."""

    ok: Annotated[
        list[Annotated[str, Meta(examples=['database'])]], Meta(description='What works: keys of upstreams, `database`, `tickers`, `jobs`.')
    ]
    failing: Annotated[list[Annotated[str, Meta(examples=['mempool'])]], Meta(description='What fails, named likewise.')]
    tickers: Annotated[Tickers, Meta(description='How old the rates of exchange are.')]
    jobs: Annotated[list[Job], Meta(description='When each job last ran.')]
    version: Annotated[str, Meta(description='The release of the service.', examples=['0.1.0'])]


class Failure(TypedDict):
    """An error: a sentence for humans, a code for programs. Errors raised by API Gateway have no `time` and no `doc_url`."""

    success: Annotated[bool, Meta(description='False: this is an error.', extra_json_schema={'const': False})]
    time: NotRequired[Annotated[EpochSeconds, Meta(description='The time of the response, in seconds since 1970.')]]
    message: Annotated[str, Meta(description='What is wrong, in a sentence for humans.', examples=['Not found'])]
    code: Annotated[str, Meta(description='In snake_case.', examples=['not_found'])]
    request_id: Annotated[str, Meta(description='As in X-Request-Id.', examples=['c6af9ac6-7b61-11e6-9a41-93e8deadbeef'])]
    doc_url: NotRequired[
        Annotated[
            str,
            Meta(
                description='Where the code is explained, with what to do about it.',
                examples=['https://api.example.com/reference#error-not_found'],
                extra_json_schema={'format': 'uri'},
            ),
        ]
    ]


class FieldFault(TypedDict):
    """A fault in one field of a request."""

    field: Annotated[str, Meta(description='Its path, such as `balances[0].currency`; empty for the whole body.', examples=['currencies'])]
    code: Annotated[str, Meta(description='In snake_case.', examples=['empty'])]
    message: Annotated[
        str, Meta(description='What is wrong, in a sentence for humans.', examples=['must have at least one reporting currency selected'])
    ]


class InvalidRequest(Failure):
    """An invalid request, with all its faults at once: as sentences for humans, and for programs."""

    invalid: Annotated[
        list[Annotated[str, Meta(examples=['must have at least one reporting currency selected'])]],
        Meta(description='All faults, each in a sentence for humans.'),
    ]
    fields: Annotated[list[FieldFault], Meta(description='The same faults for programs, in the same order.')]


class Unavailable(Failure):
    """No value is available at the moment; `try_again_at` is present while none has been known yet."""

    try_again_at: NotRequired[Annotated[Instant, Meta(description='When to ask again.')]]
    reason: NotRequired[
        Annotated[str, Meta(description='What must change before there can be a value, in snake_case.', examples=['explorers_need_key'])]
    ]
