"""Coinbase: what one bitcoin costs in everything else, in one answer.

https://docs.cdp.coinbase.com/coinbase-app/track-apis/exchange-rates: no key, about 10,000 requests an hour. Terms:
https://www.coinbase.com/legal/user_agreement. It names fiat currencies by their ISO 4217 codes, those too that the ECB does not know.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date

from chalicelib.domain import currencies, rates
from chalicelib.domain.rates import Observation
from chalicelib.errors import Upstream
from chalicelib.providers.rates.source import SYMBOLS, Page, part, sound
from chalicelib.providers.transport import Http
from chalicelib.providers.upstream import Endpoint, UpstreamInfo

# Also the symbols of coins that it trades: Mantle, Ethernity, BOB.
_AMBIGUOUS = frozenset({'mnt', 'ern', 'bob'})


def _fiat() -> frozenset[str]:
    return frozenset(currency.code for currency in currencies.of_kind('fiat') if 'ecb' not in currency.prices) - _AMBIGUOUS


@dataclass(frozen=True)
class Coinbase:
    """Prices are quotients of two of its rates, at 34 digits; it does not say when they were observed."""

    endpoint: Endpoint
    info: UpstreamInfo
    codes: frozenset[str] = field(default_factory=lambda: frozenset(SYMBOLS.values()) | _fiat())
    daily: frozenset[str] = frozenset()

    def earliest(self, today: date) -> date:
        return today

    def latest(self, http: Http, codes: Collection[str], now: int) -> list[Observation]:
        """See Source."""
        wanted = sorted(self.codes & {*codes})
        if not wanted:
            return []
        data = part(self.endpoint, http.get(self.endpoint, '/v2/exchange-rates', {'currency': 'BTC'}).json(), 'data', dict)
        if data.get('currency') != 'BTC':
            raise Upstream(self.endpoint.key, 'answered about another currency')
        per_btc = {str(symbol): price for symbol, price in part(self.endpoint, data, 'rates', dict).items()} | {'BTC': '1'}

        def read(code: str) -> Observation | None:
            if code.upper() not in per_btc:
                return None
            dollars, units = rates.price(per_btc['USD']), rates.price(per_btc[code.upper()])
            if currencies.get(code).kind == 'fiat':
                return Observation('usd', code, rates.quotient(units, dollars), now, self.endpoint.key)
            return Observation(code, 'usd', rates.quotient(dollars, units), now, self.endpoint.key)

        return sound(self.endpoint, 'rates', wanted, read)

    def closes(self, http: Http, code: str, since: date, today: date) -> Page:
        """It is not asked for any: it would take a request for each day."""
        return Page([], today)
