"""Bybit: https://bybit-exchange.github.io/docs/v5/account/transaction-log

The unified account and the funding account have a log each, which reach back two years. What moves from one to the other is in both.
Neither knows the profit of open positions, which is therefore no part of the balances.
"""

from collections.abc import Callable, Collection, Mapping
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
    amount_or_blank,
    info_of,
    number_of,
    read_balances,
    read_rows,
    reference_of,
    refuse_harmful,
)
from chalicelib.providers.exchanges.signing import SignedExchange, SigningClient
from chalicelib.providers.exchanges.windows import Rows, Window, WindowPosition, read_pages, windows_back
from chalicelib.providers.explorers.explorer import AddressReport, expected_shape
from chalicelib.providers.transport import Http
from chalicelib.providers.upstream import Endpoint

ENDPOINT = Endpoint('bybit_accounts', 'https://api.bybit.com', 50, server='bybit')
_DOCUMENTATION = 'https://bybit-exchange.github.io/docs/v5/account/transaction-log'
INFO = info_of('bybit', _DOCUMENTATION)

_EXCHANGE = SignedExchange(
    'bybit',
    ENDPOINT,
    meanings=(
        ('"retCode":10002,', 'clock_differs'),
        ('"retCode":10004,', 'wrong_secret'),
        ('"retCode":10010,', 'address_not_allowed'),
        ('"retCode":10018,', 'throttled'),  # counted by address
        ('"retCode":10000,', 'out'),
        ('"retCode":10016,', 'out'),
    ),
    needed='Unified Trading, Assets (Wallet), read-only',
    wants_time=True,
)
_DAY = 86_400
_WINDOW_SECONDS = 7 * _DAY  # at most
_LISTED_SECONDS = 2 * 365 * _DAY - _DAY  # more is refused
_LOG_PAGE, _FUNDING_PAGE = 50, 100  # at most
_IS_INCOMING = {'I': True, 'O': False}


class BybitReader:
    """One unified trading account at Bybit."""

    endpoint = ENDPOINT
    info = INFO
    counts_p2pk = True

    def __init__(self, credentials: Mapping[str, Any]) -> None:
        self._client = SigningClient(_EXCHANGE, {'apiKey': credentials['key'], 'secret': credentials['secret']})

    def check(self, http: Http) -> str:
        """See AccountReader. An account that is not unified is refused."""
        answer = self._ask(http, 'v5/user/query-api')
        with expected_shape(ENDPOINT, 'the rights of a key'):
            is_read_only = int(answer['readOnly']) == 1
            is_unified = int(answer['uta']) == 1
            user_id = str(answer['userID'])
            rights = {str(right) for granted in answer['permissions'].values() for right in granted}
        refuse_harmful(ENDPOINT, set() if is_read_only else rights or {'Read-Write'})
        if not is_unified:
            raise AccountRefused(ENDPOINT.key, 'account_unsupported', account_problems.NOT_UNIFIED)
        return user_id

    def read(self, http: Http, address: str, resume: str | None = None, held_codes: Collection[str] = ()) -> AddressReport:
        """See AccountReader. What orders hold back is in the balances, what is borrowed is not."""
        position = WindowPosition.parse(resume, clock.now())
        unified = self._ask(http, 'v5/account/wallet-balance', accountType='UNIFIED')
        funding = self._ask(http, 'v5/asset/transfer/query-account-coins-balance', accountType='FUND')
        with expected_shape(ENDPOINT, 'balances'):
            [account] = unified['list']
            balances = read_balances(
                BalanceList(account['coin'], _coin, _without_profit),
                BalanceList(funding['balance'], _coin, lambda row: amount(row['walletBalance'])),
            )
        oldest = clock.now() - _LISTED_SECONDS  # not of `until`: a download may be resumed days later
        windows = windows_back(position.until, _WINDOW_SECONDS, oldest)
        sources = (partial(self._unified_log, http), partial(self._funding_log, http))
        pages = read_pages(sources, windows, position)
        # A day later for certain.
        return AddressReport(balances.holdings, pages, balances.unreadable, listed_up_to=position.until, listed_from=oldest + _DAY)

    def _unified_log(self, http: Http, window: Window, cursor: str | None) -> Rows:
        times = {'startTime': str(window.begin * 1_000), 'endTime': str(window.end * 1_000)}
        answer = self._ask(http, 'v5/account/transaction-log', accountType='UNIFIED', limit=str(_LOG_PAGE), **times, **_page(cursor))
        return _rows(answer, _unified_entry, _UNIFIED_FIELDS)

    def _funding_log(self, http: Http, window: Window, cursor: str | None) -> Rows:
        times = {'createTimeFrom': str(window.begin), 'createTimeTo': str(window.end)}
        answer = self._ask(http, 'v5/asset/fundinghistory', limit=str(_FUNDING_PAGE), **times, **_page(cursor))
        return _rows(answer, _funding_entry, _FUNDING_FIELDS)

    def _ask(self, http: Http, path: str, **params: str) -> Any:
        answer = self._client.ask(http, 'GET', path, params)
        with expected_shape(ENDPOINT, 'an answer'):
            return answer['result']


def _page(cursor: str | None) -> dict[str, str]:
    return {} if cursor is None else {'cursor': cursor}


def _rows(answer: Any, entry_of: Callable[[Any], Entry], fields: RowFields) -> Rows:
    with expected_shape(ENDPOINT, 'a log'):
        listed = list(answer['list'] or ())
        cursor = answer.get('nextPageCursor') or None
        entries, unreadable = read_rows(listed, lambda row: [entry_of(row)], fields.unreadable)
    return Rows(entries, unreadable, cursor if listed else None)


def _unified_entry(row: Mapping[str, Any]) -> Entry:
    """Return one change of a balance, fee and funding included. A trade has two, one for each currency, with the same reference."""
    at = _unified_time(row)
    return Entry(
        reference=reference_of(row.get('tradeId') or row['id']),
        n=number_of(f'{row["id"]} {row["currency"]}'),
        currency=_code(row['currency']),
        delta=amount(row['change']),
        fee=amount_or_blank(row['fee']),
        at=at,
        height=at,
    )


def _funding_entry(row: Mapping[str, Any]) -> Entry:
    at = _funding_time(row)
    moved = amount(row['txnAmt'])
    reference = reference_of(row['currcCursor'])
    return Entry(
        reference=reference,
        n=number_of(reference),
        currency=_code(row['currency']),
        delta=moved if _IS_INCOMING[row['ioDirection']] else money.negate(moved),
        fee=money.ZERO,
        at=at,
        height=at,
    )


def _without_profit(row: Mapping[str, Any]) -> Decimal:
    """Return what the unified account holds of a coin, less its debts and without the profit of open positions."""
    if amount_or_blank(row['spotBorrow']):
        return money.subtract(amount(row['equity']), amount(row['unrealisedPnl']))
    return amount(row['walletBalance'])


def _unified_time(row: Mapping[str, Any]) -> int:
    return int(row['transactionTime']) // 1_000


def _funding_time(row: Mapping[str, Any]) -> int:
    return int(row['createTime'])


def _coin(row: Mapping[str, Any]) -> str:
    return _code(row['coin'])


def _code(symbol: Any) -> str:
    return exchanges.code_of('bybit', str(symbol).upper())


_UNIFIED_FIELDS = RowFields(('id',), ('currency',), _code, _unified_time)
_FUNDING_FIELDS = RowFields(('currcCursor',), ('currency',), _code, _funding_time)
