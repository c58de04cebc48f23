"""Kraken: the last trade in each of its markets.

https://docs.kraken.com/api/docs/rest-api/get-ticker-information: no API key; about one request a second.
Terms: https://www.kraken.com/legal; commercial use of its data requires permission. Errors have status 200.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any

from chalicelib.domain import rates
from chalicelib.domain.rates import Observation
from chalicelib.errors import Upstream
from chalicelib.providers.rates.rate_source import SYMBOLS, ClosesPage, member, parse_entries
from chalicelib.providers.transport import Http
from chalicelib.providers.upstream import Endpoint, UpstreamInfo


@dataclass(frozen=True)
class Kraken:
    """Calls a market `BTC/USD` if asset version 1 is requested. It states the day's volume, but not the time of the last trade."""

    endpoint: Endpoint
    info: UpstreamInfo
    codes: frozenset[str] = frozenset(SYMBOLS.values())
    daily_codes: frozenset[str] = frozenset()

    def first_day(self, today: date) -> date:
        return today

    def latest(self, http: Http, codes: Collection[str], now: int) -> list[Observation]:
        """See RateSource. A market without a trade today has no price."""
        code_by_market = {f'{code.upper()}/USD': code for code in self.codes & {*codes}}
        if not code_by_market:
            return []
        body = http.get(self.endpoint, '/0/public/Ticker', {'assetVersion': '1'}).json()
        if member(self.endpoint, body, 'error', list):
            raise Upstream(self.endpoint.key, 'returned an error')
        markets = member(self.endpoint, body, 'result', dict)

        def parse(name: str) -> Observation | None:
            market: Any = markets[name]
            if not rates.is_traded(market['v'][0]):
                return None
            return Observation(code_by_market[name], 'usd', rates.parse_price(market['c'][0]), now, self.endpoint.key)

        return parse_entries(self.endpoint, 'markets', sorted(markets.keys() & code_by_market.keys()), parse)

    def daily_closes(self, http: Http, code: str, since: date, today: date) -> ClosesPage:
        """Return nothing: it has only the last 720 days, and Bitstamp has more."""
        return ClosesPage([], today)
