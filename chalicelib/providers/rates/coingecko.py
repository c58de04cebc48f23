"""CoinGecko: the prices of coins and tokens over many exchanges, with or without a key.

https://docs.coingecko.com/v3.0.1/reference/introduction: without a key 5 to 15 requests a minute, with that of a free demo account 30,
and 10,000 a month. Daily prices of the last 365 days. Terms: https://www.coingecko.com/en/api_terms, which ask for an attribution.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from chalicelib.domain import currencies, rates
from chalicelib.domain.rates import DailyClose, Observation
from chalicelib.errors import Upstream
from chalicelib.providers.rates.source import Page, instant, part, reached, sound
from chalicelib.providers.transport import Http
from chalicelib.providers.upstream import Endpoint, UpstreamInfo

_IDS = 200  # in one request: more make its URL too long
_DAYS = 365
_DAY_MS = 86_400_000


def _priced() -> frozenset[str]:
    return frozenset(currency.code for currency in currencies.every() if 'coingecko' in currency.prices)


@dataclass(frozen=True)
class CoinGecko:
    """Knows coins by ids, which the catalogue has; those of tokens were looked up by contract."""

    endpoint: Endpoint
    info: UpstreamInfo
    codes: frozenset[str] = field(default_factory=_priced)
    daily: frozenset[str] = field(default_factory=_priced)

    def earliest(self, today: date) -> date:
        return today - timedelta(days=_DAYS - 1)

    def latest(self, http: Http, codes: Collection[str], now: int) -> list[Observation]:
        """See Source; more than 200 coins take several requests."""
        by_id: dict[str, list[str]] = {}
        for code in sorted(self.codes & {*codes}):
            by_id.setdefault(_id(code), []).append(code)
        ids = sorted(by_id)
        found: list[Observation] = []
        for start in range(0, len(ids), _IDS):
            prices = self._prices(http, ids[start : start + _IDS], now)
            found += [one._replace(base=code) for one in prices for code in by_id[one.base]]
        return found

    def _prices(self, http: Http, ids: list[str], now: int) -> list[Observation]:
        """Return the prices of coins, with ids in place of codes. A coin that is not known there is not in the answer."""
        params = {'vs_currencies': 'usd', 'include_last_updated_at': 'true', 'precision': 'full'}
        answer = http.get(self.endpoint, '/simple/price', {'ids': ','.join(ids), **params}).json()
        told = {coin: price for coin, price in answer.items() if coin in ids} if isinstance(answer, dict) else {}
        if not isinstance(answer, dict) or (answer and not told):
            raise Upstream(self.endpoint.key, 'answered no prices of what it was asked about')

        def read(entry: tuple[str, Any]) -> Observation:
            coin, price = entry
            return Observation(coin, 'usd', rates.price(price['usd']), instant(price.get('last_updated_at', now), now), self.endpoint.key)

        return sound(self.endpoint, 'prices', told.items(), read)

    def closes(self, http: Http, code: str, since: date, today: date) -> Page:
        """See Source; the price at 00:00 UTC is the day's, the last one told is that of now."""
        days = min((today - since).days + 1, _DAYS)
        params = {'vs_currency': 'usd', 'days': str(days), 'interval': 'daily'}
        answer = http.get(self.endpoint, f'/coins/{_id(code)}/market_chart', params)
        if answer.status == 404:  # no longer listed
            return Page([], today)

        def read(point: list[Any]) -> DailyClose | None:
            stamp, price = point
            if not isinstance(stamp, int) or stamp % _DAY_MS:
                return None
            return DailyClose(rates.day_of(stamp // 1000), code, 'usd', rates.price(price), self.endpoint.key)

        found = sound(self.endpoint, 'daily prices', part(self.endpoint, answer.json(), 'prices', list), read)
        closes = [close for close in found if since <= close.day <= today]
        return Page(closes, reached(closes, today))


def _id(code: str) -> str:
    return currencies.get(code).prices['coingecko']
