"""Gemini: https://docs.gemini.com/rest-api/#get-past-trades

There is no ledger: trades, transfers and what staking earns are listed apart, each from an instant on. What is staked is in no other
balance. A key is of one account; one of a whole group (`master-…`) is of a kind that ccxt does not sign with.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any

from chalicelib import clock
from chalicelib.domain import account_problems, exchanges, money
from chalicelib.domain.ledgers import Entry
from chalicelib.errors import AccountRefused
from chalicelib.providers.exchanges.account_reader import (
    BalanceList,
    RowFields,
    amount,
    crowded,
    info_of,
    number_of,
    read_balances,
    read_rows,
    reference_of,
    refuse_harmful,
)
from chalicelib.providers.exchanges.signing import SignedExchange, SigningClient
from chalicelib.providers.exchanges.windows import Rows, Window, WindowPosition, read_pages
from chalicelib.providers.explorers.explorer import ODD_SHAPE, AddressReport, expected_shape
from chalicelib.providers.transport import Http
from chalicelib.providers.upstream import Endpoint

ENDPOINT = Endpoint('gemini_accounts', 'https://api.gemini.com', 200, server='gemini')
INFO = info_of('gemini', 'https://docs.gemini.com/rest-api/#get-past-trades')

# The role that may only read; it cannot be given along with others.
_READS = 'isAuditor'
_OF_ONE_ACCOUNT = 'account-'
_EXCHANGE = SignedExchange(
    'gemini',
    ENDPOINT,
    meanings=(
        ('"InvalidSignature"', 'wrong_secret'),
        ('"InvalidApiKey"', 'wrong_key'),
        ('"MissingRole"', 'permission_missing'),
        ('seconds of server time', 'permission_missing'),  # ours are milliseconds, which keys with a time-based nonce do not take
        ('"InvalidNonce"', 'wrong_nonce'),
        ('"RateLimit"', 'limited'),
        ('"Maintenance"', 'out'),
        ('"System"', 'out'),
    ),
    needed=account_problems.GEMINI_AUDITOR,
)
_BEGAN = 1_443_657_600  # 2015-10-01
_RECENT_SECONDS = 14 * 86_400  # more than the week that is read again at each refresh
_TRADES, _TRANSFERS, _REWARDS = 500, 50, 500  # to a page, at most
_IS_INCOMING = {'Deposit': True, 'Reward': True, 'AdminCredit': True, 'Withdrawal': False, 'AdminDebit': False}
_IS_PURCHASE = {'Buy': True, 'Sell': False}
_COUNTS = {'Complete': True, 'Advanced': True, 'Pending': False}


class GeminiReader:
    """One account at Gemini."""

    endpoint = ENDPOINT
    info = INFO
    counts_p2pk = True

    def __init__(self, credentials: Mapping[str, Any]) -> None:
        if not credentials['key'].startswith(_OF_ONE_ACCOUNT):
            raise AccountRefused(ENDPOINT.key, 'permission_missing', account_problems.NOT_OF_ONE_ACCOUNT)
        self._client = SigningClient(_EXCHANGE, {'apiKey': credentials['key'], 'secret': credentials['secret']})

    def check(self, http: Http) -> str | None:
        """See AccountReader. Only a key of the role Auditor may do nothing but read."""
        answer = self._client.ask(http, 'POST', 'v1/roles')
        with expected_shape(ENDPOINT, 'the roles of a key'):
            is_auditor = bool(answer[_READS])
            harmful = {name.removeprefix('is') for name, given in answer.items() if name.startswith('is') and given and name != _READS}
        if not is_auditor and not harmful:
            raise AccountRefused(ENDPOINT.key, 'permission_missing', account_problems.GEMINI_AUDITOR)
        refuse_harmful(ENDPOINT, harmful)
        return str(answer['counterparty_id']) if answer.get('counterparty_id') else None

    def read(self, http: Http, address: str, resume: str | None = None, held_codes: Collection[str] = ()) -> AddressReport:
        """See AccountReader. What is reserved for orders is in the balances."""
        position = WindowPosition.parse(resume, clock.now())
        traded = self._client.ask(http, 'POST', 'v1/balances')
        staked = self._client.ask(http, 'POST', 'v1/balances/staking')
        with expected_shape(ENDPOINT, 'balances'):
            balances = read_balances(
                BalanceList(traded, _currency, lambda row: amount(row['amount'])),
                BalanceList(staked, _currency, lambda row: amount(row['balance'])),
            )
        recent = position.until - _RECENT_SECONDS
        windows = (Window(recent, position.until), Window(_BEGAN, recent))
        sources = (partial(self._trades, http), partial(self._transfers, http), partial(self._rewards, http))
        return AddressReport(balances.holdings, read_pages(sources, windows, position), balances.unreadable, listed_up_to=position.until)

    def _trades(self, http: Http, window: Window, cursor: str | None) -> Rows:
        since = int(cursor or window.begin * 1_000)
        answer = self._client.ask(http, 'POST', 'v1/mytrades', {'timestamp': since, 'limit_trades': _TRADES})
        with expected_shape(ENDPOINT, 'trades'):
            rows = [_with_base(row) for row in answer]
        return _page(rows, window, since, _TRADES, _trade, _TRADE_FIELDS)

    def _transfers(self, http: Http, window: Window, cursor: str | None) -> Rows:
        since = int(cursor or window.begin * 1_000)
        answer = self._client.ask(http, 'POST', 'v1/transfers', {'timestamp': since, 'limit_transfers': _TRANSFERS})
        return _page(answer, window, since, _TRANSFERS, _transfer, _TRANSFER_FIELDS)

    def _rewards(self, http: Http, window: Window, cursor: str | None) -> Rows:
        """Return what staking earned; what is put in and taken out stays in the account."""
        since = int(cursor or window.begin * 1_000)
        params = {'since': _iso(since), 'limit': _REWARDS, 'interestOnly': True, 'sortAsc': True}
        answer = self._client.ask(http, 'POST', 'v1/staking/history', params)
        with expected_shape(ENDPOINT, 'rewards'):
            rows = [_with_milliseconds(row) for provider in answer for row in provider['transactions']]
        return _page(rows, window, since, _REWARDS, _reward, _REWARD_FIELDS)


def _page(rows: Any, window: Window, since: int, most: int, entries_of: Callable[[Any], list[Entry]], fields: RowFields) -> Rows:
    """Return what belongs to a window of the first rows since an instant (in milliseconds), of which there are `most` if there may be more.

    The next page begins with the instant that this one ends with, as there may be more rows of that.
    A row whose time cannot be read belongs to whichever window lists it.
    """
    with expected_shape(ENDPOINT, 'entries'):
        dated = [(row, fields.time(row)) for row in rows]
        newest = max((int(row['timestampms']) for row, at in dated if at is not None), default=since)
    within = [row for row, at in dated if at is None or at <= window.end]
    goes_on = len(dated) >= most and newest // 1_000 <= window.end
    entries, unreadable = read_rows(within, entries_of, fields.unreadable)
    if goes_on and newest <= since:
        unreadable += crowded(since, within, fields)
        newest = since + 1
    return Rows(entries, unreadable, str(newest) if goes_on else None)


def _with_base(row: Any) -> Any:
    """Return a trade with the currency that is traded; without it if the row does not name it."""
    try:
        return {**row, 'base': _base(row)}
    except ODD_SHAPE:
        return row


def _base(row: Mapping[str, Any]) -> str:
    """Return the currency that is traded. A fee is in the currency of the price, with which the name of the market ends."""
    market, quote = str(row['symbol']).upper(), str(row['fee_currency']).upper()
    if not market.endswith(quote) or market == quote:
        raise ValueError('unknown market')
    return market.removesuffix(quote)


def _trade(row: Mapping[str, Any]) -> list[Entry]:
    """Return the changes by a trade."""
    moved = amount(row['amount'])
    bought = moved if _IS_PURCHASE[row['type']] else money.negate(moved)
    paid = money.multiply(bought, amount(row['price']))
    return [
        _entry(row, 'tid', row['base'], bought),
        _entry(row, 'tid', str(row['fee_currency']).upper(), money.negate(paid), amount(row['fee_amount'])),
    ]


def _transfer(row: Mapping[str, Any]) -> list[Entry]:
    if not _COUNTS[row['status']]:
        return []
    moved = amount(row['amount'])
    return [_entry(row, 'eid', row['currency'], moved if _IS_INCOMING[row['type']] else money.negate(moved), _transfer_fee(row))]


def _transfer_fee(row: Mapping[str, Any]) -> Decimal:
    """Return the fee of a transfer; rows of those without one do not have the field. Raises ValueError for one in another currency."""
    if 'feeAmount' not in row:
        return money.ZERO
    if row.get('feeCurrency', row['currency']) != row['currency']:
        raise ValueError('a fee in another currency')
    return amount(row['feeAmount'])


def _reward(row: Mapping[str, Any]) -> list[Entry]:
    if row['transactionType'] != 'Interest':
        raise ValueError('not a reward')
    return [_entry(row, 'transactionId', row['amountCurrency'], amount(row['amount']))]


def _entry(row: Mapping[str, Any], id_field: str, symbol: str, delta: Decimal, fee: Decimal = money.ZERO) -> Entry:
    reference, at = reference_of(row[id_field]), _time(row)
    return Entry(reference, number_of(f'{id_field} {reference} {symbol}'), _code(symbol), money.subtract(delta, fee), fee, at, at)


def _iso(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds // 1_000, UTC).strftime('%Y-%m-%dT%H:%M:%S') + f'.{milliseconds % 1_000:03}Z'


def _milliseconds(instant: str) -> int:
    at = datetime.fromisoformat(instant)
    return int(at.timestamp()) * 1_000 + at.microsecond // 1_000


def _with_milliseconds(row: Any) -> Any:
    """Return a reward with its time as the other rows have it; without one if it has none."""
    try:
        return {**row, 'timestampms': _milliseconds(row['dateTime'])}
    except ODD_SHAPE:
        return row


def _time(row: Mapping[str, Any]) -> int:
    return int(row['timestampms']) // 1_000


def _currency(row: Mapping[str, Any]) -> str:
    return _code(row['currency'])


def _code(symbol: Any) -> str:
    return exchanges.code_of('gemini', str(symbol).upper())


_TRADE_FIELDS = RowFields(('tid',), ('base', 'fee_currency'), _code, _time)
_TRANSFER_FIELDS = RowFields(('eid',), ('currency',), _code, _time)
_REWARD_FIELDS = RowFields(('transactionId',), ('amountCurrency',), _code, _time)
