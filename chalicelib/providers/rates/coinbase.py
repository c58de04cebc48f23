"""Coinbase: the price of one bitcoin in every other currency it knows.

https://docs.cdp.coinbase.com/coinbase-app/track-apis/exchange-rates: no API key; about 10,000 requests an hour.
Terms: https://www.coinbase.com/legal/user_agreement. Fiat currencies have their ISO 4217 codes, including those the ECB lacks.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date

from chalicelib.domain import currencies, rates
from chalicelib.domain.rates import Observation
from chalicelib.errors import Upstream
from chalicelib.providers.rates.rate_source import SYMBOLS, ClosesPage, member, parse_entries
from chalicelib.providers.transport import Http
from chalicelib.providers.upstream import Endpoint, UpstreamInfo

# Also symbols of coins that it trades: Mantle, Ethernity, BOB.
_AMBIGUOUS = frozenset({'mnt', 'ern', 'bob'})


def _codes() -> frozenset[str]:
    fiat = {currency.code for currency in currencies.of_kind('fiat')}
    return frozenset({*SYMBOLS.values(), *fiat} - _AMBIGUOUS - rates.UNPRICED)


@dataclass(frozen=True)
class Coinbase:
    """A price is the quotient of two of its rates, to 34 digits. It does not state when a price was observed."""

    endpoint: Endpoint
    info: UpstreamInfo
    codes: frozenset[str] = field(default_factory=_codes)
    daily_codes: frozenset[str] = frozenset()

    def first_day(self, today: date) -> date:
        return today

    def latest(self, http: Http, codes: Collection[str], now: int) -> list[Observation]:
        """See RateSource."""
        requested = sorted(self.codes & {*codes})
        if not requested:
            return []
        data = member(self.endpoint, http.get(self.endpoint, '/v2/exchange-rates', {'currency': 'BTC'}).json(), 'data', dict)
        if data.get('currency') != 'BTC':
            raise Upstream(self.endpoint.key, 'returned rates of another currency')
        per_btc = {str(symbol): price for symbol, price in member(self.endpoint, data, 'rates', dict).items()} | {'BTC': '1'}

        def parse(code: str) -> Observation | None:
            base, quote = rates.pair_of(code)
            if code.upper() not in per_btc:
                return None
            price, published = rates.crossed(per_btc[quote.upper()], per_btc[base.upper()])
            return Observation(base, quote, price, now, self.endpoint.key, published=published)

        return sorted({*parse_entries(self.endpoint, 'rates', requested, parse)})

    def daily_closes(self, http: Http, code: str, since: date, today: date) -> ClosesPage:
        """Return nothing: it would take one request for each day."""
        return ClosesPage([], today)
