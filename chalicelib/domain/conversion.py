"""What an amount of one currency is worth in another, by one set of rates. Pure: no clock, no network.

A route through the rates is at most three hops long: the same currency, a rate, a rate turned round, or a path through
usd, btc, eth and eur. Along a route prices are multiplied exactly and divided once.
"""

from collections.abc import Iterable, Iterator, Mapping
from decimal import ROUND_HALF_EVEN, Context, Decimal, DivisionByZero, Inexact, InvalidOperation
from itertools import pairwise, permutations
from typing import NamedTuple

from chalicelib.domain import currencies, money

INTERMEDIATES = ('usd', 'btc', 'eth', 'eur')
_DAY = 86_400
_USABLE = {True: 7 * _DAY, False: _DAY}  # of rates between fiat currencies, of all others
_FRESH = {True: 3 * _DAY, False: 900}
_DIVISION = Context(prec=50, rounding=ROUND_HALF_EVEN)
_EXACT = Context(prec=1_000, traps=[InvalidOperation, DivisionByZero, Inexact])  # three prices and an amount, of 78 digits each, and sums

Pair = tuple[str, str]


class Rate(NamedTuple):
    """One `base` costs `price` of `quote`, as observed at `at` (epoch seconds) by `sources`, upstreams' keys joined by commas.

    `disputed` says that the sources differ and no two of them agree.
    """

    base: str
    quote: str
    price: Decimal
    at: int
    sources: str
    disputed: bool = False

    @property
    def _is_fiat(self) -> bool:
        return currencies.get(self.base).kind == 'fiat' and currencies.get(self.quote).kind == 'fiat'

    def is_usable(self, at: int) -> bool:
        """Whether it may still be used at an instant: a day long, a week between fiat currencies (banks have holidays)."""
        return at - self.at <= _USABLE[self._is_fiat]

    def is_fresh(self, at: int) -> bool:
        """Whether it says what things cost at an instant: for 15 minutes, three days between fiat currencies."""
        return at - self.at <= _FRESH[self._is_fiat]


class Hop(NamedTuple):
    """One step of a route: a rate, or the rate turned round."""

    rate: Rate
    inverse: bool


Route = tuple[Hop, ...]


class Rates:
    """One set of rates as of `at` (epoch seconds), never changed: all that is converted by it agrees with itself."""

    def __init__(self, at: int, rates: Iterable[Rate]) -> None:
        self.at = at
        self.by_pair: Mapping[Pair, Rate] = {(rate.base, rate.quote): rate for rate in rates}
        self._routes: dict[Pair, Route | None] = {}

    @classmethod
    def usable(cls, at: int, rates: Iterable[Rate]) -> 'Rates':
        """Return the set of those of `rates` that are not too old to be used at an instant."""
        return cls(at, (rate for rate in rates if rate.is_usable(at)))

    def route(self, base: str, quote: str) -> Route | None:
        """Return the hops from `base` to `quote`, none of them for the same currency; None when there is no way.

        The shortest path; of several those through the intermediates that come first.
        """
        if (base, quote) not in self._routes:
            self._routes[base, quote] = self._find(base, quote)
        return self._routes[base, quote]

    def convert(self, amount: Decimal, base: str, quote: str) -> Decimal | None:
        """Return what `amount` of `base` is worth in `quote`, not rounded but for one division at 50 digits; None without a route."""
        route = self.route(base, quote)
        return None if route is None else along(route, amount)

    def _find(self, base: str, quote: str) -> Route | None:
        if base == quote:
            return ()
        for path in _paths(base, quote):
            hops = [self._hop(start, end) for start, end in pairwise(path)]
            if None not in hops:
                return tuple(hop for hop in hops if hop is not None)
        return None

    def _hop(self, base: str, quote: str) -> Hop | None:
        for pair, inverse in (((base, quote), False), ((quote, base), True)):
            rate = self.by_pair.get(pair)
            if rate is not None and rate.price > 0:
                return Hop(rate, inverse)
        return None


class Unconverted(NamedTuple):
    """A balance that no rate converts, and why in one word."""

    currency: str
    balance: Decimal
    reason: str


class Share(NamedTuple):
    """What one currency's balance adds to a converted total."""

    currency: str
    balance: Decimal
    value: Decimal
    route: Route


class Total(NamedTuple):
    """What balances are worth in one currency together: `shares` sum to `value`; `missing` is in none of them."""

    currency: str
    value: Decimal
    shares: tuple[Share, ...]
    missing: tuple[Unconverted, ...]


NO_RATE = 'no_rate'


def total(balances: Mapping[str, Decimal], quote: str, rates: Rates) -> Total:
    """Return the sum of `balances` by currency code as if all were converted into `quote`. Zero needs no rate."""
    shares: list[Share] = []
    missing: list[Unconverted] = []
    for code, balance in sorted(balances.items()):
        route = rates.route(code, quote)
        if route is not None:
            shares.append(Share(code, balance, along(route, balance), route))
        elif balance:
            missing.append(Unconverted(code, balance, NO_RATE))
    value = money.ZERO
    for share in shares:
        value = _EXACT.add(value, share.value)
    return Total(quote, value, tuple(shares), tuple(missing))


def along(route: Route, amount: Decimal) -> Decimal:
    """Return `amount` carried along a route: multiplied by all rates, then divided once by those turned round."""
    divisor = Decimal(1)
    for hop in route:
        if hop.inverse:
            divisor = _EXACT.multiply(divisor, hop.rate.price)
        else:
            amount = _EXACT.multiply(amount, hop.rate.price)
    return amount if divisor == 1 else _DIVISION.divide(amount, divisor)


def _paths(base: str, quote: str) -> Iterator[tuple[str, ...]]:
    """Yield the paths between two currencies, the shortest first, none longer than three hops."""
    between = [code for code in INTERMEDIATES if code not in (base, quote)]
    for length in range(3):
        for through in permutations(between, length):
            yield (base, *through, quote)
