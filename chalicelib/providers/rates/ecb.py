"""The European Central Bank: what a euro costs in 29 other currencies, once on each day that its payment system works.

https://www.ecb.europa.eu/stats/policy_and_exchange_rates/euro_reference_exchange_rates: fixed at about 14:15, published at about 16:00
in Frankfurt; nothing on weekends and holidays. No key, no limit; free to use when the source is named.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from xml.etree import ElementTree

from chalicelib.domain import currencies, rates
from chalicelib.domain.rates import DailyClose, Observation
from chalicelib.errors import Upstream
from chalicelib.providers.rates.source import Page, sound
from chalicelib.providers.transport import Http
from chalicelib.providers.upstream import Endpoint, UpstreamInfo

_FIRST_DAY = date(1999, 1, 4)
_RECENT = timedelta(days=85)  # told by the shorter of the two files of the past
_FIXED_SECONDS = 15 * 3600  # 15:00 UTC: after it was fixed, summer and winter
_CUBE = '{http://www.ecb.int/vocabulary/2002-08-01/eurofxref}Cube'


def _fixed() -> frozenset[str]:
    return frozenset(currency.code for currency in currencies.of_kind('fiat') if 'ecb' in currency.prices)


@dataclass(frozen=True)
class Ecb:
    """Rates are of (eur, other); the day's close is what is published with its date."""

    endpoint: Endpoint
    info: UpstreamInfo
    codes: frozenset[str] = field(default_factory=_fixed)
    daily: frozenset[str] = field(default_factory=_fixed)

    def earliest(self, today: date) -> date:
        return _FIRST_DAY

    def latest(self, http: Http, codes: Collection[str], now: int) -> list[Observation]:
        """See Source; the euro is priced in dollars, every other currency per euro."""
        wanted = {rates.pair_of(code)[1] for code in self.codes & {*codes}}
        if not wanted:
            return []
        found = self._read(http, '/eurofxref-daily.xml', wanted)
        return [
            Observation(close.base, close.quote, close.price, min(rates.midnight(close.day) + _FIXED_SECONDS, now), close.source)
            for close in found
        ]

    def closes(self, http: Http, code: str, since: date, today: date) -> Page:
        """See Source; ends with the last day that is published."""
        path = '/eurofxref-hist-90d.xml' if today - since <= _RECENT else '/eurofxref-hist.xml'
        quote = rates.pair_of(code)[1]
        found = self._read(http, path, {quote, 'usd'})
        closes = sorted(close for close in found if close.quote == quote and since <= close.day <= today)
        return Page(closes, max(close.day for close in found))

    def _read(self, http: Http, path: str, wanted: Collection[str]) -> list[DailyClose]:
        answer = http.get(self.endpoint, path)
        if answer.status != 200:
            raise Upstream(self.endpoint.key, f'answered {answer.status}')
        symbols = {currencies.get(code).prices['ecb']: code for code in wanted}

        def read(entry: tuple[str, str, str]) -> DailyClose | None:
            day, symbol, rate = entry
            if symbol not in symbols:
                return None
            return DailyClose(date.fromisoformat(day), 'eur', symbols[symbol], rates.price(rate), self.endpoint.key)

        found = sound(self.endpoint, 'rates', _entries(self.endpoint, answer.text), read)
        if not found:
            raise Upstream(self.endpoint.key, 'answered none of its rates')
        return found


def _entries(endpoint: Endpoint, text: str) -> Iterator[tuple[str, str, str]]:
    """Yield day, symbol and rate of each rate in one of the files. Raises Upstream.

    A document type is refused unread: it could make a few bytes expand without end, or name files. As text, it has no other encoding
    in which one could hide.
    """
    if '<!DOCTYPE' in text or '<!ENTITY' in text:
        raise Upstream(endpoint.key, 'answered XML with a document type')
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError:
        raise Upstream(endpoint.key, 'answered something that is not XML') from None
    days = [cube for cube in root.iter(_CUBE) if 'time' in cube.attrib]
    if not days:
        raise Upstream(endpoint.key, 'answered no rates')
    for day in days:
        for cube in day.iter(_CUBE):
            if 'currency' in cube.attrib:
                yield day.attrib['time'], cube.attrib['currency'], cube.attrib.get('rate', '')
