"""Bitstamp: the last trade in each of its markets, and daily prices since 2011.

https://www.bitstamp.net/api/: no API key; 400 requests a second, 10,000 in ten minutes.
Terms: https://www.bitstamp.net/terms-of-use/.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from chalicelib.domain import money, rates
from chalicelib.domain.rates import DailyClose, Observation
from chalicelib.errors import Upstream
from chalicelib.providers.rates.rate_source import SYMBOLS, ClosesPage, complete_through, member, observed_at, parse_entries
from chalicelib.providers.transport import Http
from chalicelib.providers.upstream import Endpoint, UpstreamInfo

_FIRST_DAY = date(2011, 8, 18)
_MAX_BARS = 1_000  # in one response
# Its markets against the dollar. A request for any other would count as a failure of Bitstamp.
_MARKETS = frozenset(
    {*('btc', 'eth', 'ltc', 'bch', 'xrp', 'xlm', 'ada', 'sol', 'doge', 'avax', 'dot', 'pol', 'near', 'algo', 'hbar', 'sui')}
)


@dataclass(frozen=True)
class Bitstamp:
    """Calls a market `BTC/USD`. The close of a day is the price at which its bar opens, at 00:00 UTC."""

    endpoint: Endpoint
    info: UpstreamInfo
    codes: frozenset[str] = frozenset(SYMBOLS.values())
    daily_codes: frozenset[str] = _MARKETS

    def first_day(self, today: date) -> date:
        return _FIRST_DAY

    def latest(self, http: Http, codes: Collection[str], now: int) -> list[Observation]:
        """See RateSource. A market without a trade in the last 24 hours has no price."""
        code_by_market = {f'{code.upper()}/USD': code for code in self.codes & {*codes}}
        if not code_by_market:
            return []
        markets = http.get(self.endpoint, '/ticker/').json()
        if not isinstance(markets, list):
            raise Upstream(self.endpoint.key, 'returned no list of markets')

        def parse(market: dict[str, Any]) -> Observation | None:
            code = code_by_market.get(market['pair'])
            if code is None or not rates.is_traded(market['volume']):
                return None
            at = observed_at(market['timestamp'], now)
            return Observation(code, 'usd', rates.parse_price(market['last']), at, self.endpoint.key)

        return parse_entries(self.endpoint, 'markets', markets, parse)

    def daily_closes(self, http: Http, code: str, since: date, today: date) -> ClosesPage:
        """See RateSource. Returns up to 1,000 days; those before a market opened have no close."""
        through = min(since + timedelta(days=_MAX_BARS - 1), today)
        start, end = rates.midnight(since), rates.midnight(through)
        params = {'step': '86400', 'limit': str(_MAX_BARS), 'start': str(start), 'end': str(end)}
        answer = http.get(self.endpoint, f'/ohlc/{code}usd/', params)
        if answer.status == 404:  # the market was closed
            return ClosesPage([], today)
        bars = member(self.endpoint, member(self.endpoint, answer.json(), 'data', dict), 'ohlc', list)

        def parse(bar: dict[str, Any]) -> DailyClose | None:
            opened_at = money.whole(bar['timestamp'])
            if not start <= opened_at <= end or opened_at % 86_400:
                return None
            return DailyClose(rates.day_of(opened_at), code, 'usd', rates.parse_price(bar['open']), self.endpoint.key)

        closes = parse_entries(self.endpoint, 'daily prices', bars, parse)
        return ClosesPage(closes, complete_through(closes, through), has_more=through < today)
