"""A fake Binance with one account: verifies signatures as Binance's documentation says, and answers in its format.

https://developers.binance.com/docs/binance-spot-api-docs/rest-api/request-security
"""

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlencode

from chalicelib import clock
from infra.fake_upstreams.answer import Answer, as_json
from infra.fake_upstreams.http_server import Request

CREDENTIALS = {'key': 'binance-key-of-a-test', 'secret': 'binance-secret-of-a-test'}
_ROUTES = {
    'GET': (
        '/sapi/v1/account/apiRestrictions',
        '/sapi/v1/simple-earn/flexible/position',
        '/sapi/v1/simple-earn/locked/position',
        '/api/v3/myTrades',
    ),
    'POST': ('/sapi/v3/asset/getUserAsset', '/sapi/v1/asset/get-funding-asset'),
}
MARKETS = ('BTCUSDT', 'BTCEUR', 'ETHBTC', 'ETHUSDT', 'BNBUSDT', 'BNBBTC', 'EURUSDT', 'SOLUSDT', 'DOGEUSDT', 'LTCUSDT')

Page = Callable[[Mapping[str, str]], tuple[int, int]]  # how many rows, and after how many


@dataclass(frozen=True)
class Kind:
    """How one kind of what happened is listed, as its documentation says."""

    days: int
    at: str
    field: str | None
    page: Page
    times: tuple[str, str] = ('startTime', 'endTime')
    name: Callable[[Mapping[str, str]], str] = lambda query: ''


def _by_offset(query: Mapping[str, str]) -> tuple[int, int]:
    return min(int(query['limit']), 1_000), int(query['offset'])


def _fiat(query: Mapping[str, str]) -> tuple[int, int]:
    return min(int(query['rows']), 500), (int(query['page']) - 1) * int(query['rows'])


_FIAT_TIMES = ('beginTime', 'endTime')
LISTS = {
    '/sapi/v1/capital/deposit/hisrec': Kind(90, 'insertTime', None, _by_offset, name=lambda query: 'deposits'),
    '/sapi/v1/capital/withdraw/history': Kind(90, 'applyTime', None, _by_offset, name=lambda query: 'withdrawals'),
    '/sapi/v1/asset/assetDividend': Kind(180, 'divTime', 'rows', lambda query: (int(query['limit']), 0), name=lambda query: 'dividends'),
    '/sapi/v1/asset/dribblet': Kind(99_999, 'operateTime', 'userAssetDribblets', lambda query: (100, 0), name=lambda query: 'dust'),
    '/sapi/v1/convert/tradeFlow': Kind(30, 'createTime', 'list', lambda query: (int(query['limit']), 0), name=lambda query: 'conversions'),
    '/sapi/v1/simple-earn/flexible/history/rewardsRecord': Kind(
        30, 'time', 'rows', lambda query: (int(query['size']), (int(query['current']) - 1) * int(query['size'])),
        name=lambda query: query['type'],
    ),
    '/sapi/v1/fiat/orders': Kind(
        99_999, 'createTime', 'data', _fiat, _FIAT_TIMES, lambda query: 'fiat ' + ('in', 'out')[int(query['transactionType'])]
    ),
    '/sapi/v1/fiat/payments': Kind(99_999, 'createTime', 'data', _fiat, _FIAT_TIMES, lambda query: 'purchases'),
}  # fmt: skip


@dataclass
class BinanceAccount:
    """`spot` and `funding` are rows of wallets, `flexible` and `locked` of Simple Earn, `rights` what the key may do besides reading.

    `lists` are the rows of what is listed, by path, `trades` those of each market.
    """

    spot: Sequence[Mapping[str, str]] = ()
    funding: Sequence[Mapping[str, str]] = ()
    flexible: Sequence[Mapping[str, Any]] = ()
    locked: Sequence[Mapping[str, Any]] = ()
    rights: Mapping[str, bool] = field(default_factory=dict)
    lists: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    trades: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    fault: Answer | None = None
    requests: list[Request] = field(default_factory=list)

    def respond(self, request: Request) -> Answer:
        self.requests.append(request)
        fault = self.fault or self._fault(request)
        if fault is not None:
            return fault
        if request.url == '/api/v3/ticker/price':
            return as_json([{'symbol': name, 'price': '1.00000000'} for name in MARKETS])
        if request.url == '/api/v3/myTrades':
            return as_json(self._trades(request.query))
        if request.url in LISTS:
            return self._listed(request)
        page = request.url.split('/')[-2:]
        if page[-1] == 'apiRestrictions':
            refused = dict.fromkeys(('enableWithdrawals', 'enableSpotAndMarginTrading', 'permitsUniversalTransfer'), False)
            return as_json({'ipRestrict': True, 'createTime': 1698645219000, 'enableReading': True} | refused | dict(self.rights))
        if page[-1] == 'position':
            rows = self.flexible if page[0] == 'flexible' else self.locked
            size = int(request.query['size'])
            first = (int(request.query['current']) - 1) * size
            return as_json({'rows': list(rows[first : first + size]), 'total': len(rows)})
        return as_json(list(self.spot if page[-1] == 'getUserAsset' else self.funding))

    def _trades(self, query: Mapping[str, str]) -> list[Any]:
        """Return the newest trades of a market, or those from an id on, oldest first."""
        rows, limit = self.trades.get(query['symbol'], ()), min(int(query.get('limit', '500')), 1_000)
        if 'fromId' in query:
            return [row for row in rows if int(row['id']) >= int(query['fromId'])][:limit]
        return list(rows[-limit:])

    def _listed(self, request: Request) -> Answer:
        """Return a page of what happened within a window, which may be so many days long; rows are newest first."""
        kind, query = LISTS[request.url], request.query
        begin, end = (int(query[name]) for name in kind.times)
        if end - begin >= (kind.days * 86_400 + 1) * 1_000:
            return refusal(-6021, 'The time range is too long.')
        rows = [row for row in self.lists.get(kind.name(query), ()) if begin <= _milliseconds(row[kind.at]) <= end]
        size, first = kind.page(query)
        page = rows[first : first + size]
        return as_json(page if kind.field is None else {kind.field: page or None, 'total': len(rows), 'code': '000000'})

    def _fault(self, request: Request) -> Answer | None:
        headers = {name.lower(): value for name, value in request.headers.items()}
        is_post = bool(request.raw)
        if request.url == '/api/v3/ticker/price':
            return None  # public
        if request.url not in _ROUTES['POST' if is_post else 'GET'] and request.url not in LISTS:
            return Answer(404, '<html>404</html>', 'text/html')
        if headers.get('x-mbx-apikey') != CREDENTIALS['key']:
            return refusal(-2015, 'Invalid API-key, IP, or permissions for action.', 401)
        sent = parse_qsl(request.raw) if is_post else list(request.query.items())
        name, signature = sent.pop()
        signed = urlencode(sent)
        if (name, signature) != ('signature', hmac.new(CREDENTIALS['secret'].encode(), signed.encode(), hashlib.sha256).hexdigest()):
            return refusal(-1022, 'Signature for this request is not valid.')
        if abs(int(dict(sent)['timestamp']) - clock.now() * 1_000) > 10_000:
            return refusal(-1021, 'Timestamp for this request is outside of the recvWindow.')
        return None


def _milliseconds(value: Any) -> int:
    return value if isinstance(value, int) else int(datetime.fromisoformat(value).replace(tzinfo=UTC).timestamp()) * 1_000


def refusal(code: int, message: str, status: int = 400) -> Answer:
    return as_json({'code': code, 'msg': message}, status)


def holding(asset: str, free: str, locked: str = '0', freeze: str = '0', withdrawing: str = '0') -> dict[str, str]:
    """Return a row of a wallet."""
    return {'asset': asset, 'free': free, 'locked': locked, 'freeze': freeze, 'withdrawing': withdrawing, 'btcValuation': '0'}


def trade(name: int, at: int, qty: str, price: str, fee: str, paid_in: str, *, buys: bool = True) -> dict[str, Any]:
    """Return a row of a market's trades."""
    return {
        'symbol': '', 'id': name, 'orderId': 1, 'price': price, 'qty': qty, 'quoteQty': str(Decimal(qty) * Decimal(price)),
        'commission': fee, 'commissionAsset': paid_in, 'time': at * 1_000, 'isBuyer': buys, 'isMaker': False, 'isBestMatch': True,
    }  # fmt: skip
