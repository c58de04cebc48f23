"""The European Central Bank: the price of a euro in 29 other currencies, once on each of its working days.

https://www.ecb.europa.eu/stats/policy_and_exchange_rates/euro_reference_exchange_rates: fixed at about 14:15 and published at
about 16:00 in Frankfurt, except on weekends and holidays. No API key, no limit; free to use if the source is named.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from xml.etree import ElementTree

from chalicelib.domain import currencies, rates
from chalicelib.domain.rates import DailyClose, Observation
from chalicelib.errors import Upstream
from chalicelib.providers.rates.rate_source import ClosesPage, parse_entries
from chalicelib.providers.transport import Http
from chalicelib.providers.upstream import Endpoint, UpstreamInfo

_FIRST_DAY = date(1999, 1, 4)
_RECENT = timedelta(days=85)  # within the shorter of the two history files
_FIXED_SECONDS = 15 * 3600  # 15:00 UTC is after the fixing, in summer and in winter
_CUBE = '{http://www.ecb.int/vocabulary/2002-08-01/eurofxref}Cube'


def _codes() -> frozenset[str]:
    return frozenset(currency.code for currency in currencies.of_kind('fiat') if 'ecb' in currency.prices)


@dataclass(frozen=True)
class Ecb:
    """Its rates have the base eur. The close of a day is the rate published under that date."""

    endpoint: Endpoint
    info: UpstreamInfo
    codes: frozenset[str] = field(default_factory=_codes)
    daily_codes: frozenset[str] = field(default_factory=_codes)

    def first_day(self, today: date) -> date:
        return _FIRST_DAY

    def latest(self, http: Http, codes: Collection[str], now: int) -> list[Observation]:
        """See RateSource. The euro is priced in dollars, every other currency per euro."""
        quotes = {rates.pair_of(code)[1] for code in self.codes & {*codes}}
        if not quotes:
            return []
        closes = self._read(http, '/eurofxref-daily.xml', quotes)
        return [
            Observation(close.base, close.quote, close.price, min(rates.midnight(close.day) + _FIXED_SECONDS, now), close.source)
            for close in closes
        ]

    def daily_closes(self, http: Http, code: str, since: date, today: date) -> ClosesPage:
        """See RateSource. They are complete through the last published day."""
        path = '/eurofxref-hist-90d.xml' if today - since <= _RECENT else '/eurofxref-hist.xml'
        quote = rates.pair_of(code)[1]
        published = self._read(http, path, {quote, 'usd'})
        closes = sorted(close for close in published if close.quote == quote and since <= close.day <= today)
        return ClosesPage(closes, max(close.day for close in published))

    def _read(self, http: Http, path: str, quotes: Collection[str]) -> list[DailyClose]:
        answer = http.get(self.endpoint, path)
        if answer.status != 200:
            raise Upstream(self.endpoint.key, f'returned {answer.status}')
        code_by_symbol = {currencies.get(code).prices['ecb']: code for code in quotes}

        def parse(entry: tuple[str, str, str]) -> DailyClose | None:
            day, symbol, rate = entry
            if symbol not in code_by_symbol:
                return None
            return DailyClose(date.fromisoformat(day), 'eur', code_by_symbol[symbol], rates.parse_price(rate), self.endpoint.key)

        closes = parse_entries(self.endpoint, 'rates', _entries(self.endpoint, answer.text), parse)
        if not closes:
            raise Upstream(self.endpoint.key, 'returned none of its rates')
        return closes


def _entries(endpoint: Endpoint, xml: str) -> Iterator[tuple[str, str, str]]:
    """Yield day, symbol and rate of each rate in one of the files. Raises Upstream.

    A document type is refused before parsing: entities can expand a few bytes without limit, and name files. `xml` is decoded
    text, so no other encoding can hide one.
    """
    if '<!DOCTYPE' in xml or '<!ENTITY' in xml:
        raise Upstream(endpoint.key, 'returned XML with a document type')
    try:
        root = ElementTree.fromstring(xml)
    except ElementTree.ParseError:
        raise Upstream(endpoint.key, 'returned something that is not XML') from None
    days = [cube for cube in root.iter(_CUBE) if 'time' in cube.attrib]
    if not days:
        raise Upstream(endpoint.key, 'returned no rates')
    for day in days:
        for cube in day.iter(_CUBE):
            if 'currency' in cube.attrib:
                yield day.attrib['time'], cube.attrib['currency'], cube.attrib.get('rate', '')
