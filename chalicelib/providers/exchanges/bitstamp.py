"""Bitstamp: https://www.bitstamp.net/api/#tag/Transactions-private

A row of `user_transactions` has a column for each currency, and one fee: of a trade in the currency that the other is priced in, else in
the one that moves. There is no way to ask what a key may do.
"""

from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from chalicelib.domain import exchanges, money
from chalicelib.domain.ledgers import Entry, Unreadable
from chalicelib.errors import Upstream
from chalicelib.providers.exchanges.account_reader import (
    BalanceList,
    RowFields,
    amount,
    info_of,
    number_of,
    read_balances,
    read_rows,
    reference_of,
)
from chalicelib.providers.exchanges.signing import SignedExchange, SigningClient
from chalicelib.providers.explorers.explorer import AddressReport, Page, expected_shape
from chalicelib.providers.transport import Http
from chalicelib.providers.upstream import Endpoint

ENDPOINT = Endpoint('bitstamp_accounts', 'https://www.bitstamp.net', 50, server='bitstamp')
INFO = info_of('bitstamp', 'https://www.bitstamp.net/api/#tag/Transactions-private')

_EXCHANGE = SignedExchange(
    'bitstamp',
    ENDPOINT,
    meanings=(
        ('API0005', 'wrong_secret'),
        ('Invalid signature', 'wrong_secret'),
        ('API key not found', 'wrong_key'),
        ('Authentication failed', 'wrong_key'),
        ('Invalid nonce', 'wrong_nonce'),
        ('timestamp', 'clock_differs'),
        ('IP address not allowed', 'address_not_allowed'),
        ('No permission found', 'permission_missing'),
        ('rate limit exceeded', 'limited'),
    ),
    needed='Account balance, User transactions',
)
_PAGE = 1_000
_TRADE = '2'
_NOT_CURRENCIES = {'id', 'datetime', 'type', 'fee', 'order_id', 'status', 'self_trade', 'self_trade_order_id'}


class BitstampReader:
    """One account at Bitstamp."""

    endpoint = ENDPOINT
    info = INFO
    counts_p2pk = True

    def __init__(self, credentials: Mapping[str, Any]) -> None:
        self._client = SigningClient(_EXCHANGE, {'apiKey': credentials['key'], 'secret': credentials['secret']})

    def check(self, http: Http) -> None:
        """Nothing tells what a key may do."""

    def read(self, http: Http, address: str, resume: str | None = None, held_codes: Collection[str] = ()) -> AddressReport:
        """See AccountReader. What is reserved for orders is in the balances."""
        answer = self._client.ask(http, 'POST', 'account_balances/')
        with expected_shape(ENDPOINT, 'balances'):
            balances = read_balances(BalanceList(answer, lambda row: _code(row['currency']), lambda row: amount(row['total'])))
        return AddressReport(balances.holdings, self._pages(http, int(resume or 0)), balances.unreadable)

    def _pages(self, http: Http, offset: int) -> Iterator[Page]:
        """Yield the pages from an offset on, newest first: what is added meanwhile makes rows come twice, and leaves none out."""
        while True:
            answer = self._client.ask(http, 'POST', 'user_transactions/', {'offset': offset, 'limit': _PAGE, 'sort': 'desc'})
            if not isinstance(answer, list):
                raise Upstream(ENDPOINT.key, 'returned transactions of an unexpected shape')
            offset += len(answer)
            is_last = len(answer) < _PAGE
            entries, unreadable = read_rows(answer, _entries, _unreadable)
            yield Page(entries, None if is_last else str(offset), unreadable)
            if is_last:
                return


def _entries(row: Mapping[str, Any]) -> list[Entry]:
    """Return the changes of balances that a row tells, one for each currency that moved."""
    moved = {symbol: amount(row[symbol]) for symbol in _symbols(row) if amount(row[symbol])}
    fee = amount(row['fee'])
    paid_in = _fee_symbol(row, moved) if fee else None
    if paid_in is not None:
        moved.setdefault(paid_in, Decimal(0))
    at = _time(row)
    return [_entry(row, symbol, delta, fee if symbol == paid_in else Decimal(0), at) for symbol, delta in sorted(moved.items())]


def _entry(row: Mapping[str, Any], symbol: str, delta: Decimal, fee: Decimal, at: int) -> Entry:
    reference = reference_of(row['id'])
    return Entry(reference, number_of(f'{reference} {symbol}'), _code(symbol), money.subtract(delta, fee), fee, at, at)


def _fee_symbol(row: Mapping[str, Any], moved: Mapping[str, Decimal]) -> str:
    """Return the currency of a fee. Raises ValueError when nothing says which."""
    if str(row['type']) == _TRADE:
        [pair] = [name for name in row if '_' in name and name not in _NOT_CURRENCIES and amount(row[name])]
        return pair.split('_')[1]
    [symbol] = moved
    return symbol


def _symbols(row: Mapping[str, Any]) -> list[str]:
    return [name for name in row if name not in _NOT_CURRENCIES and '_' not in name]


def _unreadable(row: Any, error: Exception) -> list[Unreadable]:
    """Return a row that cannot be read as missing from each currency that has a value in its column."""
    fields = row if isinstance(row, dict) else {}
    symbols = {symbol: symbol for symbol in _symbols(fields) if fields[symbol]}
    return RowFields(('id',), tuple(symbols), _code, _time).unreadable({**fields, **symbols}, error)


def _code(symbol: Any) -> str:
    return exchanges.code_of('bitstamp', str(symbol).upper())


def _time(row: Mapping[str, Any]) -> int:
    return int(datetime.fromisoformat(row['datetime']).replace(tzinfo=UTC).timestamp())
