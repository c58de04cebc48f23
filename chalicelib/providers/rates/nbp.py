"""The National Bank of Poland: table A, of some 30 currencies on each of its working days, and table B, of 116 others on Wednesdays.

https://api.nbp.pl/en.html: no API key; at most 93 days in a request. Both tables since 2002. A currency moves between them over the
years, so whole tables are requested.

Its prices are zlotys per unit. They are crossed with the dollar of table A of the very same day: on another day the zloty's own move
would be in them. A range without a table is a 404 and no fault.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from chalicelib.domain import currencies, pegs, rates
from chalicelib.domain.rates import DailyClose, Observation
from chalicelib.errors import Upstream
from chalicelib.providers.rates.rate_source import ClosesPage, member, parse_entries
from chalicelib.providers.transport import Http
from chalicelib.providers.upstream import Endpoint, UpstreamInfo

_FIRST_DAY = date(2002, 1, 2)
_MOST_DAYS = timedelta(days=92)
_RECENT = timedelta(days=9)  # in which even the weekly table has appeared
_PUBLISHED_SECONDS = 12 * 3600  # between 11:45 and 12:15 in Warsaw
_LACKING = frozenset({'kyd'})


class _Mid(NamedTuple):
    """The price of one currency in zlotys."""

    day: date
    symbol: str
    price: Decimal


def _codes() -> frozenset[str]:
    """Return what the ECB does not fix and nobody pegs."""
    fiat = {currency.code for currency in currencies.of_kind('fiat') if 'ecb' not in currency.prices}
    return frozenset(fiat - pegs.PEGS.keys() - rates.UNPRICED - _LACKING)


@dataclass(frozen=True)
class Nbp:
    """Its prices are dollars' quotients, each with the error that comes from its few digits: up to 3 % for a small unit."""

    endpoint: Endpoint
    info: UpstreamInfo
    codes: frozenset[str] = field(default_factory=_codes)
    daily_codes: frozenset[str] = field(default_factory=_codes)

    def first_day(self, today: date) -> date:
        return _FIRST_DAY

    def latest(self, http: Http, codes: Collection[str], now: int) -> list[Observation]:
        """See RateSource. Two requests: the tables of the last nine days."""
        requested = self.codes & {*codes}
        if not requested:
            return []
        today = rates.day_of(now)
        closes = self._read(http, requested, today - _RECENT, today)
        if not closes:
            raise Upstream(self.endpoint.key, 'returned none of its rates')
        newest = {close.quote: close for close in sorted(closes)}
        return [
            Observation(
                *(close.base, close.quote, close.price, min(rates.midnight(close.day) + _PUBLISHED_SECONDS, now), close.source),
                close.error,
                close.published,
            )
            for close in newest.values()
        ]

    def daily_closes(self, http: Http, code: str, since: date, today: date) -> ClosesPage:
        """See RateSource. The days of three months, two requests."""
        through = min(since + _MOST_DAYS, today)
        closes = self._read(http, {code}, since, through)
        if through < today:
            return ClosesPage(closes, through, has_more=True)
        return ClosesPage(closes, max((close.day for close in closes), default=since - timedelta(days=1)))

    def _read(self, http: Http, codes: Collection[str], first: date, last: date) -> list[DailyClose]:
        symbols = {'USD', *(code.upper() for code in codes)}
        mids = [mid for table in 'AB' for mid in self._table(http, table, symbols, first, last)]
        dollars = {mid.day: mid for mid in mids if mid.symbol == 'USD'}
        quoted = [mid for mid in mids if mid.symbol.lower() in codes and mid.day in dollars]
        return [self._close(mid, dollars[mid.day]) for mid in quoted]

    def _close(self, mid: _Mid, dollar: _Mid) -> DailyClose:
        price, published = rates.crossed(dollar.price, mid.price)
        error = rates.half_step(mid.price) + rates.half_step(dollar.price)
        return DailyClose(mid.day, 'usd', mid.symbol.lower(), price, self.endpoint.key, error=error, published=published)

    def _table(self, http: Http, table: str, symbols: Collection[str], first: date, last: date) -> list[_Mid]:
        answer = http.get(self.endpoint, f'/tables/{table}/{first}/{last}/', {'format': 'json'})
        if answer.status == 404:
            return []
        body = answer.json()
        if not isinstance(body, list):
            raise Upstream(self.endpoint.key, 'returned no list of tables')
        return [mid for entry in body for mid in self._mids(entry, symbols)]

    def _mids(self, entry: Any, symbols: Collection[str]) -> list[_Mid]:
        """Return the rates of a day, of which those of `symbols` are usable: a table has fifty, of which one or two are asked for."""
        try:
            day = date.fromisoformat(member(self.endpoint, entry, 'effectiveDate', str))
        except ValueError:
            raise Upstream(self.endpoint.key, 'returned a table of no day') from None

        def parse(row: dict[str, Any]) -> _Mid:
            if row['code'] in symbols:
                rates.parse_price(row['mid'])
            return _Mid(day, row['code'], Decimal(row['mid']))

        return parse_entries(self.endpoint, 'rates', member(self.endpoint, entry, 'rates', list), parse)
