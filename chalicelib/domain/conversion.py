"""Converts amounts between currencies by one set of rates. Pure: no clock, no network.

Pegs hold in every set of rates, whatever was observed, and a currency that was replaced is converted by the fixed ratio into its
successor. Between that and the other end a route through the rates has at most three hops: none for the same currency,
a rate or its inverse, or a path through usd, btc, eth and eur. Along a route prices are multiplied exactly, then divided once.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal, DivisionByZero, Inexact, InvalidOperation
from itertools import pairwise, product
from typing import NamedTuple

from chalicelib.domain import currencies, money, pegs, successions

INTERMEDIATES = ('usd', 'btc', 'eth', 'eur')
_DAY = 86_400
_USABLE = {True: 7 * _DAY, False: _DAY}  # by whether both currencies are fiat
_USABLE_WEEKLY = {'nbp': 9 * _DAY}  # of a source that publishes once a week, later where a holiday is in the way
_FRESH = {True: 3 * _DAY, False: 900}
_DIVISION = Context(prec=50, rounding=ROUND_HALF_EVEN)
_EXACT = Context(prec=1_000, traps=[InvalidOperation, DivisionByZero, Inexact])  # sums of three prices and an amount, 78 digits each

NO_RATE, DISPUTED = 'no_rate', 'disputed'

# Currencies that are converted without a rate of their own: by a peg or a fixed ratio.
_TIED = frozenset(code for each in successions.SUCCESSIONS.values() for code in (each.old, each.new)).union(
    code for pegged, peg in pegs.PEGS.items() for code in (pegged, peg.anchor)
)

Pair = tuple[str, str]


class Rate(NamedTuple):
    """The price of one `base` in `quote`, observed at `at` (epoch seconds) by `sources`, upstreams' keys joined by commas.

    `disputed`: its sources contradict each other, or what was agreed on before. Nothing is converted by it.
    """

    base: str
    quote: str
    price: Decimal
    at: int
    sources: str
    disputed: bool = False

    @property
    def is_fiat(self) -> bool:
        """Whether both currencies are."""
        return currencies.get(self.base).kind == 'fiat' and currencies.get(self.quote).kind == 'fiat'

    def in_current_units(self) -> 'Rate':
        """Return the rate in the units of today, if its quote was redenominated after it was observed."""
        if self.quote not in successions.REDENOMINATIONS:
            return self
        return self._replace(price=successions.in_current_units(self.price, self.quote, _day_of(self.at)))

    def is_usable(self, at: int) -> bool:
        """Whether the rate may still be used at an instant: for a day; between fiat currencies for a week, as banks have holidays."""
        return at - self.at <= self.usable_seconds

    @property
    def usable_seconds(self) -> int:
        """For how long it may be used."""
        return _USABLE_WEEKLY.get(self.sources, _USABLE[self.is_fiat])

    def is_fresh(self, at: int) -> bool:
        """Whether the rate is current at an instant: for 15 minutes; between fiat currencies for three days."""
        return at - self.at <= self.fresh_seconds

    @property
    def fresh_seconds(self) -> int:
        """For how long it is fresh."""
        return _FRESH[self.is_fiat]


class Hop(NamedTuple):
    """One step of a route: a rate, or its inverse."""

    rate: Rate
    inverse: bool


Route = tuple[Hop, ...]


class Rates:
    """One set of rates as of `at` (epoch seconds). It never changes, so all conversions by it are consistent.

    >>> rates = Rates(0, [Rate('btc', 'usd', Decimal('11775.36'), 0, 'kraken'), Rate('eur', 'usd', Decimal('1.25'), 0, 'ecb')])
    >>> rates.convert(Decimal(2), 'btc', 'usd'), rates.convert(Decimal(2), 'btc', 'eur')
    (Decimal('23550.72'), Decimal('18840.576'))
    """

    def __init__(self, at: int, rates: Iterable[Rate]) -> None:
        self.at = at
        self._day = _day_of(at)
        self._successions = successions.successions_by(self._day)
        self.by_pair: Mapping[Pair, Rate] = {(rate.base, rate.quote): rate.in_current_units() for rate in rates}
        self._codes = _TIED.union(code for pair in self.by_pair for code in pair)
        self._has_disputed = any(rate.disputed for rate in self.by_pair.values())
        self._routes: dict[tuple[str, str, bool], Route | None] = {}
        self._hops: dict[tuple[str, str, bool], Hop | None] = {}

    @classmethod
    def usable(cls, at: int, rates: Iterable[Rate]) -> 'Rates':
        """Return the set of those `rates` that may be used at an instant."""
        return cls(at, (rate for rate in rates if rate.is_usable(at)))

    def route(self, base: str, quote: str) -> Route | None:
        """Return the hops from `base` to `quote`, an empty route for the same currency, or None if there is no route.

        Of several routes, the shortest through the first of INTERMEDIATES. None leads over a disputed rate.
        """
        return self._route(base, quote, over_disputed=False)

    def reason_without_route(self, base: str, quote: str) -> str:
        """Return why there is no route: a code, DISPUTED or NO_RATE."""
        return DISPUTED if self._has_disputed and self._route(base, quote, over_disputed=True) is not None else NO_RATE

    def convert(self, amount: Decimal, base: str, quote: str) -> Decimal | None:
        """Return the value of `amount` of `base` in `quote`, or None without a route.

        It is exact, except that one division may round to 50 digits.
        """
        route = self.route(base, quote)
        return None if route is None else along(route, amount)

    def _route(self, base: str, quote: str, *, over_disputed: bool) -> Route | None:
        key = base, quote, over_disputed
        if key not in self._routes:
            self._routes[key] = self._find_route(*key)
        return self._routes[key]

    def _find_route(self, base: str, quote: str, over_disputed: bool) -> Route | None:
        """Return the route from the successor of `base` to that of `quote`, and the ratios that lead to these and back."""
        if base == quote:
            return ()
        start, end = self._successors(base), self._successors(quote)
        between = self._between(start[-1], end[-1], over_disputed)
        if between is None:
            return None
        hops = *self._along(start, over_disputed), *between, *self._along(end[::-1], over_disputed)
        return tuple(hop for hop in hops if hop is not None) if None not in hops else None

    def _between(self, base: str, quote: str, over_disputed: bool) -> Route | None:
        """Return the shortest route by observed rates, through the first of INTERMEDIATES; an empty one for the same currency."""
        if base == quote:
            return ()
        if base not in self._codes or quote not in self._codes:  # as most are before their first rate, on thousands of days of a history
            return None
        direct = self._hop(base, quote, over_disputed)
        if direct is not None:
            return (direct,)
        firsts = {code: hop for code in INTERMEDIATES if (hop := self._hop(base, code, over_disputed))}
        lasts = {code: hop for code in INTERMEDIATES if (hop := self._hop(code, quote, over_disputed))}
        for code, first in firsts.items():
            if code in lasts:
                return first, lasts[code]
        for (code, first), (other, last) in product(firsts.items(), lasts.items()):
            middle = self._hop(code, other, over_disputed)
            if middle is not None:
                return first, middle, last
        return None

    def _along(self, codes: Sequence[str], over_disputed: bool) -> list[Hop | None]:
        return [self._hop(base, quote, over_disputed) for base, quote in pairwise(codes)]

    def _hop(self, base: str, quote: str, over_disputed: bool) -> Hop | None:
        """Return the hop between two currencies; it is part of many routes, and looked for once."""
        key = base, quote, over_disputed
        if key not in self._hops:
            self._hops[key] = self._find_hop(*key)
        return self._hops[key]

    def _find_hop(self, base: str, quote: str, over_disputed: bool) -> Hop | None:
        for pair, inverse in (((base, quote), False), ((quote, base), True)):
            rate = self._known(*pair)
            if rate is not None and rate.price > 0 and (over_disputed or not rate.disputed):
                return Hop(rate, inverse)
        return None

    def _successors(self, code: str) -> list[str]:
        """Return a currency, and what took its place by now if anything did."""
        codes = [code]
        while succession := self._successions.get(codes[-1]):
            codes.append(succession.new)
        return codes

    def _known(self, base: str, quote: str) -> Rate | None:
        if succession := self._successions.get(quote):
            return Rate(base, quote, succession.ratio, self.at, successions.SOURCE) if succession.new == base else None
        if base in self._successions:
            return None
        return self._pegged(base, quote) or self.by_pair.get((base, quote))

    def _pegged(self, base: str, quote: str) -> Rate | None:
        """Return the rate that follows from a peg: in its anchor, or by the rate of that in what its rate is known in."""
        peg = pegs.PEGS.get(quote)
        if peg is None or peg.since > self._day:
            return None
        if base == peg.anchor:
            return Rate(base, quote, peg.price, self.at, pegs.SOURCE)
        rate = self.by_pair.get((base, peg.anchor))
        if rate is None:
            return None
        return rate._replace(quote=quote, price=_EXACT.multiply(rate.price, peg.price), sources=f'{pegs.SOURCE},{rate.sources}')


class Unconverted(NamedTuple):
    """A balance that could not be converted; `reason` is a code."""

    currency: str
    balance: Decimal
    reason: str


class Share(NamedTuple):
    """What the balance of one currency contributes to a converted total."""

    currency: str
    balance: Decimal
    value: Decimal
    route: Route


class Total(NamedTuple):
    """The value of several balances in one currency: the sum of `shares`, without the balances in `missing`."""

    currency: str
    value: Decimal
    shares: tuple[Share, ...]
    missing: tuple[Unconverted, ...]


def total(balances: Mapping[str, Decimal], quote: str, rates: Rates) -> Total:
    """Return the total value of `balances`, by currency code, in `quote`. A balance of zero needs no rate."""
    shares: list[Share] = []
    missing: list[Unconverted] = []
    for code, balance in sorted(balances.items()):
        route = rates.route(code, quote)
        if route is not None:
            shares.append(Share(code, balance, along(route, balance), route))
        elif balance:
            missing.append(Unconverted(code, balance, rates.reason_without_route(code, quote)))
    value = money.ZERO
    for share in shares:
        value = _EXACT.add(value, share.value)
    return Total(quote, value, tuple(shares), tuple(missing))


def along(route: Route, amount: Decimal) -> Decimal:
    """Return `amount` converted along a route: multiplied by its rates, then divided once by its inverse rates."""
    divisor = Decimal(1)
    for hop in route:
        if hop.inverse:
            divisor = _EXACT.multiply(divisor, hop.rate.price)
        else:
            amount = _EXACT.multiply(amount, hop.rate.price)
    return amount if divisor == 1 else _DIVISION.divide(amount, divisor)


def _day_of(at: int) -> date:
    return datetime.fromtimestamp(at, UTC).date()
