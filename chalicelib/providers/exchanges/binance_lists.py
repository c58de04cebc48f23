"""What Binance lists of the past of an account, kind by kind: https://developers.binance.com/docs/wallet/capital/deposite-history

Trades are listed market by market: those are asked for in which something that is held, or has an entry, may have been traded. What is in
none of these lists, such as transfers to margin and futures, payments between users, and what was bought and sold without a trace, is
missing from its currencies.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from chalicelib.domain import exchanges, money
from chalicelib.domain.ledgers import Entry
from chalicelib.providers.exchanges.account_reader import RowFields, amount, crowded, number_of, read_rows, reference_of
from chalicelib.providers.exchanges.windows import Rows, Window
from chalicelib.providers.explorers.explorer import ODD_SHAPE

Ask = Callable[[str, str, Mapping[str, Any]], Any]  # of an API of Binance, a path and parameters, to the JSON of the answer

KEY = 'binance'
BEGAN = 1_499_990_400  # 2017-07-14
_DAY = 86_400
_EVER = 100 * 365
_CONVERT_BEGAN, _EARN_BEGAN = 1_606_780_800, 1_661_990_400  # 2020-12, 2022-09
_TRADES = 1_000
_NEWEST = '-'  # in the place of the id that a page of trades begins with
# What most markets are priced in.
_PRICED_IN = ('USDT', 'FDUSD', 'USDC', 'BUSD', 'TUSD', 'BTC', 'ETH', 'BNB', 'EUR', 'TRY', 'GBP', 'BRL')


class Listing(NamedTuple):
    """One kind of what is listed: where, for how many days at most in one request, and how many rows at most are on a page.

    `rows` is the field with the rows, None if they are the answer; `entries_of` makes entries of a row, and `at` is the field with its
    time. `ids` and `symbols` are fields that name a row and its currencies. `times` are the parameters with the window. `page` returns
    those with the number of a page, from 0; without it, a full page is followed by what is older than its oldest row.
    `began` is before the first of them anybody can have, `pause_seconds` how long to wait between two requests.
    """

    path: str
    days: int
    size: int
    rows: str | None
    entries_of: Callable[[Any], list[Entry]]
    at: str
    ids: tuple[str, ...]
    symbols: tuple[str, ...]
    fixed: Mapping[str, Any] = {}
    times: tuple[str, str] = ('startTime', 'endTime')
    page: Callable[[int], Mapping[str, Any]] | None = None
    began: int = BEGAN
    pause_seconds: int = 0

    def read(self, ask: Ask, window: Window, cursor: str | None) -> Rows:
        """Return a page. A cursor is the end of what is left of the window, and the number of the page.

        Raises ValueError and the like for an answer of another shape.
        """
        end, number = (int(part) for part in (cursor or f'{window.end} 0').split())
        earliest = max(window.begin, self.began)
        if end <= earliest:
            return Rows([], [], None)
        begin = max(end - self.days * _DAY, earliest)
        times = zip(self.times, (begin * 1_000, end * 1_000 + 999), strict=True)
        answer = ask('sapi', self.path, {**self.fixed, **dict(times), **(self.page(number) if self.page else {})})
        rows: Sequence[Any] = list(answer if self.rows is None else answer.get(self.rows) or ())
        entries, unreadable = read_rows(rows, self.entries_of, self._row_fields.unreadable)
        if self._is_crowded(rows, end):
            return Rows(entries, [*unreadable, *crowded(end, rows, self._row_fields)], f'{end - 1} 0')
        return Rows(entries, unreadable, self._following(rows, Window(begin, end), earliest, number))

    @property
    def _row_fields(self) -> RowFields:
        return RowFields(self.ids, self.symbols, _code, lambda row: _seconds(row[self.at]))

    def _following(self, rows: Sequence[Any], part: Window, earliest: int, number: int) -> str | None:
        if len(rows) < self.size:
            return f'{part.begin} 0' if part.begin > earliest else None
        if self.page:
            return f'{part.end} {number + 1}'
        return f'{self._oldest(rows)} 0'

    def _is_crowded(self, rows: Sequence[Any], end: int) -> bool:
        """Whether rows of the last second of a window are a full page, behind which there may be more of that second."""
        return len(rows) >= self.size and self.page is None and self._oldest(rows) >= end

    def _oldest(self, rows: Sequence[Any]) -> int:
        return min(at for row in rows if (at := self._row_fields.time(row)) is not None)


class Pace:
    """How long to wait before a list is asked for again: what is allowed in a minute is counted for each account.

    Whoever resumes a reading does not know what was asked for last, and waits before the first time too.
    """

    def __init__(self, *, is_resumed: bool) -> None:
        self._asked = {listing.path for listing in LISTINGS} if is_resumed else set[str]()

    def seconds_before(self, listing: Listing) -> int:
        seconds = listing.pause_seconds if listing.path in self._asked else 0
        self._asked.add(listing.path)
        return seconds


def read_trades(ask: Ask, markets: Mapping[str, tuple[str, str]], window: Window, cursor: str | None) -> Rows:
    """Return a page of trades. Of a window that does not go back to the beginning, only each market's newest page is listed.

    `markets` are pairs of what is traded and what it is priced in. A cursor is a market and the id that the page begins with.
    """
    market, first_id = (cursor or f'0 {_NEWEST}').split()
    left = sorted(name for name in markets if name >= market)
    if not left:
        return Rows([], [], None)
    from_id = first_id if left[0] == market and first_id != _NEWEST else None
    params = {'symbol': left[0], 'limit': _TRADES} | ({} if from_id is None else {'fromId': from_id})
    base, quote = markets[left[0]]
    answer = ask('private', 'myTrades', params)
    rows = [{**row, 'base': base, 'quote': quote} if isinstance(row, dict) else row for row in answer]
    entries, unreadable = read_rows(rows, lambda row: _trade(row, base, quote), _TRADE_FIELDS.unreadable)
    is_full = len(rows) >= _TRADES
    if is_full and from_id is not None:
        following: str | None = f'{left[0]} {max(_trade_ids(rows)) + 1}'
    elif is_full and window.begin == BEGAN:
        following = f'{left[0]} 0'
    else:
        following = f'{left[1]} {_NEWEST}' if len(left) > 1 else None
    return Rows(entries, unreadable, following)


def _trade_ids(rows: Sequence[Any]) -> Iterator[int]:
    """Yield the ids of trades, as far as they can be read."""
    for row in rows:
        with suppress(*ODD_SHAPE):
            yield int(row['id'])


def markets_of(symbols: Collection[str], names: Collection[str]) -> dict[str, tuple[str, str]]:
    """Return the markets of some currencies: pairs of what is traded and what it is priced in, by the names that there are.

    >>> markets_of(['BTC', 'EUR'], ['BTCEUR', 'BTCUSDT', 'ETHUSDT', 'EURUSDT'])
    {'BTCEUR': ('BTC', 'EUR'), 'BTCUSDT': ('BTC', 'USDT'), 'EURUSDT': ('EUR', 'USDT')}
    """
    listed = set(names)
    quotes = list(dict.fromkeys((*sorted(symbols), *_PRICED_IN)))
    pairs = [(base, quote) for base in sorted(symbols) for quote in quotes if base + quote in listed]
    written = Counter(base + quote for base, quote in pairs)
    # A name that two pairs are written as is of neither: what was traded there is missing.
    return {base + quote: (base, quote) for base, quote in pairs if written[base + quote] == 1}


def _trade(row: Mapping[str, Any], base: str, quote: str) -> list[Entry]:
    """Return the changes by a trade, whose fee is in any currency."""
    sign = {True: 1, False: -1}[row['isBuyer']]
    moved = {base: money.multiply(amount(row['qty']), Decimal(sign)), quote: money.multiply(amount(row['quoteQty']), Decimal(-sign))}
    fee, paid_in = amount(row['commission']), str(row['commissionAsset'])
    if fee:
        moved.setdefault(paid_in, money.ZERO)
    reference, at = f'{base}{quote}:{row["id"]}', _seconds(row['time'])
    return [_entry('trade', reference, symbol, delta, at, fee if symbol == paid_in else money.ZERO) for symbol, delta in moved.items()]


def _deposit(row: Mapping[str, Any]) -> list[Entry]:
    is_credited = {0: False, 1: True, 2: False, 6: True, 7: False, 8: False}[int(row['status'])]
    return [_entry('deposit', row['id'], row['coin'], amount(row['amount']), _seconds(row['insertTime']))] if is_credited else []


def _withdrawal(row: Mapping[str, Any]) -> list[Entry]:
    """Return a withdrawal that has left; until then it is in the balances."""
    if int(row['status']) != 6:
        return []
    at = _seconds(row.get('completeTime') or row['applyTime'])
    return [_entry('withdrawal', row['id'], row['coin'], money.negate(amount(row['amount'])), at, amount(row['transactionFee']))]


def _dividend(row: Mapping[str, Any]) -> list[Entry]:
    return [_entry('dividend', row['id'], row['asset'], amount(row['amount']), _seconds(row['divTime']))]


def _dust(row: Mapping[str, Any]) -> list[Entry]:
    """Return what small balances were turned into, and from. The fee is taken off already."""
    entries = []
    for number, part in enumerate(row['userAssetDribbletDetails']):
        reference, at = row['transId'], _seconds(row['operateTime'])
        entries.append(_entry(f'dust {number}', reference, part['fromAsset'], money.negate(amount(part['amount'])), at))
        got, fee = amount(part['transferedAmount']), amount(part['serviceChargeAmount'])
        entries.append(_entry(f'dust {number}', reference, part.get('targetAsset') or 'BNB', money.add(got, fee), at, fee))
    return entries


def _conversion(row: Mapping[str, Any]) -> list[Entry]:
    if row['orderStatus'] != 'SUCCESS':
        return []
    at = _seconds(row['createTime'])
    paid = _entry('conversion', row['orderId'], row['fromAsset'], money.negate(amount(row['fromAmount'])), at)
    return [paid, _entry('conversion', row['orderId'], row['toAsset'], amount(row['toAmount']), at)]


def _interest(row: Mapping[str, Any]) -> list[Entry]:
    """Return what a position earned, which has no name of its own."""
    at = _seconds(row['time'])
    return [_entry('interest', f'{row["asset"]}-{row["time"]}', row['asset'], amount(row['rewards']), at)]


def _fiat_deposit(row: Mapping[str, Any]) -> list[Entry]:
    """Return money that came in; its fee is taken off already."""
    if row['status'] != 'Successful':
        return []
    return [_entry('fiat', row['orderNo'], row['fiatCurrency'], amount(row['amount']), _seconds(row['createTime']))]


def _fiat_withdrawal(row: Mapping[str, Any]) -> list[Entry]:
    if row['status'] != 'Successful':
        return []
    fee = amount(row['totalFee'])
    return [_entry('fiat', row['orderNo'], row['fiatCurrency'], money.negate(amount(row['amount'])), _seconds(row['createTime']), fee)]


def _purchase(row: Mapping[str, Any]) -> list[Entry]:
    """Return what was bought with a card, or with money that is in the account."""
    if row['status'] != 'Completed':
        return []
    at = _seconds(row['createTime'])
    got = _entry('purchase', row['orderNo'], row['cryptoCurrency'], amount(row['obtainAmount']), at)
    if row.get('paymentMethod') != 'Cash Balance':
        return [got]
    return [got, _entry('purchase', row['orderNo'], row['fiatCurrency'], money.negate(amount(row['sourceAmount'])), at)]


def _entry(kind: str, name: Any, symbol: Any, delta: Decimal, at: int, fee: Decimal = money.ZERO) -> Entry:
    """Return an entry; `delta` is before the fee."""
    reference = reference_of(name)
    return Entry(reference, number_of(f'{kind} {reference} {symbol}'), _code(symbol), money.subtract(delta, fee), fee, at, at)


def _code(symbol: Any) -> str:
    return exchanges.code_of(KEY, str(symbol))


def _seconds(value: Any) -> int:
    """Return an instant from milliseconds, or from `2019-10-12 11:12:02`, which is in UTC."""
    if isinstance(value, str) and not value.isdecimal():
        return int(datetime.fromisoformat(value).replace(tzinfo=UTC).timestamp())
    return int(value) // 1_000


# Of one that cannot be read, both sides of the market are missing, which the row itself does not name.
_TRADE_FIELDS = RowFields(('id',), ('base', 'quote', 'commissionAsset'), _code, lambda row: _seconds(row['time']))


def _fiat_orders(direction: int, entries_of: Callable[[Any], list[Entry]]) -> Listing:
    return Listing(
        'fiat/orders', _EVER, 500, 'data', entries_of, 'createTime', ids=('orderNo',), symbols=('fiatCurrency',), pause_seconds=30,
        fixed={'transactionType': direction, 'rows': 500}, times=('beginTime', 'endTime'), page=lambda number: {'page': number + 1},
    )  # fmt: skip


LISTINGS = (
    Listing(
        'capital/deposit/hisrec', 90, 1_000, None, _deposit, 'insertTime', ids=('id',), symbols=('coin',), fixed={'limit': 1_000},
        page=lambda number: {'offset': number * 1_000},
    ),
    Listing(
        'capital/withdraw/history', 90, 1_000, None, _withdrawal, 'applyTime', ids=('id',), symbols=('coin',), fixed={'limit': 1_000},
        page=lambda number: {'offset': number * 1_000}, pause_seconds=6,
    ),
    Listing('asset/assetDividend', 180, 500, 'rows', _dividend, 'divTime', ids=('id',), symbols=('asset',), fixed={'limit': 500}),
    Listing('asset/dribblet', _EVER, 100, 'userAssetDribblets', _dust, 'operateTime', ids=('transId',), symbols=()),
    Listing(
        'convert/tradeFlow', 30, 1_000, 'list', _conversion, 'createTime', ids=('orderId',), symbols=('fromAsset', 'toAsset'),
        fixed={'limit': 1_000}, began=_CONVERT_BEGAN, pause_seconds=1,
    ),
    Listing(
        'simple-earn/flexible/history/rewardsRecord', 30, 100, 'rows', _interest, 'time', ids=('time',), symbols=('asset',),
        fixed={'type': 'REALTIME', 'size': 100}, page=lambda number: {'current': number + 1}, began=_EARN_BEGAN,
        pause_seconds=1,
    ),
    _fiat_orders(0, _fiat_deposit),
    _fiat_orders(1, _fiat_withdrawal),
    Listing(
        'fiat/payments', _EVER, 500, 'data', _purchase, 'createTime', ids=('orderNo',), symbols=('cryptoCurrency', 'fiatCurrency'),
        fixed={'transactionType': 0, 'rows': 500}, times=('beginTime', 'endTime'), page=lambda number: {'page': number + 1},
    ),
)  # fmt: skip
