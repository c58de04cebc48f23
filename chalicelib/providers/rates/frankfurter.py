"""Frankfurter: what central banks publish about 200 currencies, averaged, with daily rates since 1999.

https://frankfurter.dev: no API key, no limit beyond fair use; free to use, also commercially. MIT licence; it can be self-hosted.
Its software: https://github.com/lineofflight/frankfurter.

It is asked with the base usd only: in the price of a small unit most digits would be rounded away. `quotes` that it does not know make
it refuse the whole request, so current rates are requested without.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from chalicelib.domain import currencies, rates
from chalicelib.domain.conversion import Pair
from chalicelib.domain.rates import DailyClose, Observation
from chalicelib.errors import Upstream
from chalicelib.providers.rates.rate_source import ClosesPage, parse_entries
from chalicelib.providers.transport import Http
from chalicelib.providers.upstream import Endpoint, UpstreamInfo

_FIRST_DAY = date(1999, 1, 4)
_DAY = timedelta(days=1)
_PUBLISHED_SECONDS = 15 * 3600  # most banks have published a day's rate by then
_UNKNOWN = (404, 422)  # it has none of the requested rates, or does not know the currency

Row = tuple[date, str, Any]


def _codes() -> frozenset[str]:
    return frozenset(currency.code for currency in currencies.of_kind('fiat')) - rates.UNPRICED


@dataclass(frozen=True)
class Frankfurter:
    """A rate per euro is the quotient of two of its rates of one day. Rates of a day are complete when it is over."""

    endpoint: Endpoint
    info: UpstreamInfo
    codes: frozenset[str] = field(default_factory=_codes)
    daily_codes: frozenset[str] = field(default_factory=_codes)

    def first_day(self, today: date) -> date:
        return _FIRST_DAY

    def latest(self, http: Http, codes: Collection[str], now: int) -> list[Observation]:
        """See RateSource. A row has the date of the newest rates in it, which may be days ago."""
        pairs = sorted({rates.pair_of(code) for code in self.codes & {*codes}})
        if not pairs:
            return []
        closes = self._crossed(pairs, self._rows(http.get(self.endpoint, '/v2/rates', {'base': 'USD'}).json()))
        return [
            Observation(
                *(close.base, close.quote, close.price, min(rates.midnight(close.day) + _PUBLISHED_SECONDS, now), close.source),
                published=close.published,
            )
            for close in closes
        ]

    def daily_closes(self, http: Http, code: str, since: date, today: date) -> ClosesPage:
        """See RateSource. One request returns all days that are over."""
        last = today - _DAY
        pair = rates.pair_of(code)
        if since > last:
            return ClosesPage([], last)
        quotes = ','.join(sorted({one.upper() for one in pair} - {'USD'}))
        answer = http.get(self.endpoint, '/v2/rates', {'base': 'USD', 'quotes': quotes, 'from': str(since), 'to': str(last)})
        if answer.status in _UNKNOWN:
            return ClosesPage([], last)
        closes = [close for close in self._crossed([pair], self._rows(answer.json())) if since <= close.day <= last]
        working_day = last - timedelta(days=max(last.weekday() - 4, 0))
        newest = max((close.day for close in closes), default=last)
        return ClosesPage(closes, last if newest >= working_day else newest)

    def _rows(self, body: Any) -> list[Row]:
        if not isinstance(body, list):
            raise Upstream(self.endpoint.key, 'returned no list of rates')

        def parse(row: dict[str, Any]) -> Row | None:
            rates.parse_price(row['rate'])
            return (date.fromisoformat(row['date']), row['quote'], row['rate']) if row['base'] == 'USD' else None

        return parse_entries(self.endpoint, 'rates', body, parse)

    def _crossed(self, pairs: Collection[Pair], rows: Collection[Row]) -> list[DailyClose]:
        """Return the prices of pairs on each day of which there are rates of both currencies; a rate of usd is one."""
        per_dollar: dict[tuple[date, str], Any] = {(day, symbol): rate for day, symbol, rate in rows}
        days = sorted({day for day, _ in per_dollar})
        per_dollar |= {(day, 'USD'): 1 for day in days}
        return [
            self._close(day, pair, per_dollar[day, pair[1].upper()], per_dollar[day, pair[0].upper()])
            for pair in pairs
            for day in days
            if {(day, code.upper()) for code in pair} <= per_dollar.keys()
        ]

    def _close(self, day: date, pair: Pair, quoted: Any, per_base: Any) -> DailyClose:
        price, published = rates.crossed(quoted, per_base)
        return DailyClose(day, *pair, price, self.endpoint.key, published=published if pair[0] != 'usd' else '')
