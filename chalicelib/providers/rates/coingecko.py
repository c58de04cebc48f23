"""CoinGecko: prices of coins and tokens, averaged over many exchanges.

https://docs.coingecko.com/v3.0.1/reference/introduction: 5 to 15 requests a minute without an API key; with that of a free demo
account 30 a minute and 10,000 a month. Daily prices of the last 365 days.
Terms: https://www.coingecko.com/en/api_terms, which require attribution.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from chalicelib.domain import currencies, rates
from chalicelib.domain.rates import DailyClose, Observation
from chalicelib.errors import Upstream
from chalicelib.providers.rates.rate_source import ClosesPage, complete_through, member, observed_at, parse_entries
from chalicelib.providers.transport import Http
from chalicelib.providers.upstream import Endpoint, UpstreamInfo

_MAX_IDS = 200  # in one request: more make its URL too long
_DAYS = 365
_DAY_MS = 86_400_000


def _codes() -> frozenset[str]:
    return frozenset(currency.code for currency in currencies.every() if 'coingecko' in currency.prices)


@dataclass(frozen=True)
class CoinGecko:
    """Identifies coins by ids, which are in the catalogue. Several currencies may have the same id."""

    endpoint: Endpoint
    info: UpstreamInfo
    codes: frozenset[str] = field(default_factory=_codes)
    daily_codes: frozenset[str] = field(default_factory=_codes)

    def first_day(self, today: date) -> date:
        return today - timedelta(days=_DAYS - 1)

    def latest(self, http: Http, codes: Collection[str], now: int) -> list[Observation]:
        """See RateSource. More than 200 coins take several requests."""
        codes_by_id: dict[str, list[str]] = {}
        for code in sorted(self.codes & {*codes}):
            codes_by_id.setdefault(_id(code), []).append(code)
        ids = sorted(codes_by_id)
        observations: list[Observation] = []
        for start in range(0, len(ids), _MAX_IDS):
            by_id = self._latest_by_id(http, ids[start : start + _MAX_IDS], now)
            observations += [observation._replace(base=code) for observation in by_id for code in codes_by_id[observation.base]]
        return observations

    def _latest_by_id(self, http: Http, ids: list[str], now: int) -> list[Observation]:
        """Return prices of coins, with ids in place of codes. The response lacks coins that CoinGecko does not know."""
        params = {'vs_currencies': 'usd', 'include_last_updated_at': 'true', 'precision': 'full'}
        body = http.get(self.endpoint, '/simple/price', {'ids': ','.join(ids), **params}).json()
        prices = {coin: price for coin, price in body.items() if coin in ids} if isinstance(body, dict) else {}
        if not isinstance(body, dict) or (body and not prices):
            raise Upstream(self.endpoint.key, 'returned no prices of the requested coins')

        def parse(entry: tuple[str, Any]) -> Observation:
            coin, price = entry
            at = observed_at(price.get('last_updated_at', now), now)
            return Observation(coin, 'usd', rates.parse_price(price['usd']), at, self.endpoint.key)

        return parse_entries(self.endpoint, 'prices', prices.items(), parse)

    def daily_closes(self, http: Http, code: str, since: date, today: date) -> ClosesPage:
        """See RateSource. The close of a day is the price at 00:00 UTC; the last price in a response is the current one."""
        days = min((today - since).days + 1, _DAYS)
        params = {'vs_currency': 'usd', 'days': str(days), 'interval': 'daily'}
        answer = http.get(self.endpoint, f'/coins/{_id(code)}/market_chart', params)
        if answer.status == 404:  # delisted
            return ClosesPage([], today)

        def parse(point: list[Any]) -> DailyClose | None:
            at_ms, price = point
            if not isinstance(at_ms, int) or at_ms % _DAY_MS:
                return None
            return DailyClose(rates.day_of(at_ms // 1000), code, 'usd', rates.parse_price(price), self.endpoint.key)

        parsed = parse_entries(self.endpoint, 'daily prices', member(self.endpoint, answer.json(), 'prices', list), parse)
        closes = [close for close in parsed if since <= close.day <= today]
        return ClosesPage(closes, complete_through(closes, today))


def _id(code: str) -> str:
    return currencies.get(code).prices['coingecko']
