"""Bitstamp: the last trades of all its markets, in one answer, and daily prices since 2011.

https://www.bitstamp.net/api/: no key, 400 requests a second, 10,000 in ten minutes. Terms: https://www.bitstamp.net/terms-of-use/.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from chalicelib.domain import money, rates
from chalicelib.domain.rates import DailyClose, Observation
from chalicelib.errors import Upstream
from chalicelib.providers.rates.source import SYMBOLS, Page, instant, part, reached, sound
from chalicelib.providers.transport import Http
from chalicelib.providers.upstream import Endpoint, UpstreamInfo

_FIRST_DAY = date(2011, 8, 18)
_BARS = 1_000  # in one answer
# Which markets against the dollar there are: asking for others would count as its failure.
_MARKETS = frozenset(
    {*('btc', 'eth', 'ltc', 'bch', 'xrp', 'xlm', 'ada', 'sol', 'doge', 'avax', 'dot', 'pol', 'near', 'algo', 'hbar', 'sui')}
)


@dataclass(frozen=True)
class Bitstamp:
    """Names markets `BTC/USD`; a day's close is the price at which its bar opens, at 00:00 UTC."""

    endpoint: Endpoint
    info: UpstreamInfo
    codes: frozenset[str] = frozenset(SYMBOLS.values())
    daily: frozenset[str] = _MARKETS

    def earliest(self, today: date) -> date:
        return _FIRST_DAY

    def latest(self, http: Http, codes: Collection[str], now: int) -> list[Observation]:
        """See Source; a market in which nothing was traded for a day has no price."""
        wanted = {f'{code.upper()}/USD': code for code in self.codes & {*codes}}
        if not wanted:
            return []
        markets = http.get(self.endpoint, '/ticker/').json()
        if not isinstance(markets, list):
            raise Upstream(self.endpoint.key, 'answered no list of markets')

        def read(market: dict[str, Any]) -> Observation | None:
            if market['pair'] not in wanted or not rates.is_traded(market['volume']):
                return None
            return Observation(
                wanted[market['pair']], 'usd', rates.price(market['last']), instant(market['timestamp'], now), self.endpoint.key
            )

        return sound(self.endpoint, 'markets', markets, read)

    def closes(self, http: Http, code: str, since: date, today: date) -> Page:
        """See Source; 1,000 days at a time. Days before a market opened have none."""
        through = min(since + timedelta(days=_BARS - 1), today)
        params = {'step': '86400', 'limit': str(_BARS), 'start': str(rates.midnight(since)), 'end': str(rates.midnight(through))}
        answer = http.get(self.endpoint, f'/ohlc/{code}usd/', params)
        if answer.status == 404:  # no such market any more
            return Page([], today)
        bars = part(self.endpoint, part(self.endpoint, answer.json(), 'data', dict), 'ohlc', list)

        def read(bar: dict[str, Any]) -> DailyClose | None:
            stamp = money.whole(bar['timestamp'])
            if not rates.midnight(since) <= stamp <= rates.midnight(through) or stamp % 86_400:
                return None
            return DailyClose(rates.day_of(stamp), code, 'usd', rates.price(bar['open']), self.endpoint.key)

        closes = sound(self.endpoint, 'daily prices', bars, read)
        return Page(closes, reached(closes, through), more=through < today)
