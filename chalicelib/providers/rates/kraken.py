"""Kraken: the last trades of all its markets, in one answer.

https://docs.kraken.com/api/docs/rest-api/get-ticker-information: no key, about a request a second. Terms: https://www.kraken.com/legal;
commercial use of its data needs its permission. Errors come with status 200.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any

from chalicelib.domain import rates
from chalicelib.domain.rates import Observation
from chalicelib.errors import Upstream
from chalicelib.providers.rates.source import SYMBOLS, Page, part, sound
from chalicelib.providers.transport import Http
from chalicelib.providers.upstream import Endpoint, UpstreamInfo


@dataclass(frozen=True)
class Kraken:
    """Names markets `BTC/USD` when asked for the version 1 of names; does not say when it last traded, but how much today."""

    endpoint: Endpoint
    info: UpstreamInfo
    codes: frozenset[str] = frozenset(SYMBOLS.values())
    daily: frozenset[str] = frozenset()

    def earliest(self, today: date) -> date:
        return today

    def latest(self, http: Http, codes: Collection[str], now: int) -> list[Observation]:
        """See Source; a market in which nothing was traded today has no price."""
        wanted = {f'{code.upper()}/USD': code for code in self.codes & {*codes}}
        if not wanted:
            return []
        answer = http.get(self.endpoint, '/0/public/Ticker', {'assetVersion': '1'}).json()
        if part(self.endpoint, answer, 'error', list):
            raise Upstream(self.endpoint.key, 'answered an error')
        markets = part(self.endpoint, answer, 'result', dict)

        def read(entry: tuple[str, Any]) -> Observation | None:
            name, market = entry
            if name not in wanted or not rates.is_traded(market['v'][0]):
                return None
            return Observation(wanted[name], 'usd', rates.price(market['c'][0]), now, self.endpoint.key)

        return sound(self.endpoint, 'markets', sorted((name, markets[name]) for name in markets.keys() & wanted.keys()), read)

    def closes(self, http: Http, code: str, since: date, today: date) -> Page:
        """It is not asked for any: it tells only of the last 720 days, and Bitstamp of more."""
        return Page([], today)
