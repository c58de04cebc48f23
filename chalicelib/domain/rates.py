"""Which price to believe when several sources name one: observations, their median, daily closes. Pure: no clock, no network."""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import NamedTuple

from chalicelib.domain import currencies, money
from chalicelib.domain.conversion import Pair, Rate

ALWAYS = frozenset({'btc', 'eth', 'usd', 'eur'})  # routes lead through them
CARRIED_DAYS = 7
MOST_DIGITS = 40
_MOST_EXPONENT = 30
_TWO, _TEN = Decimal(2), Decimal(10)
_DIVISION = Context(prec=34, rounding=ROUND_HALF_EVEN)
_COUNTING = Context(prec=MOST_DIGITS)


class Observation(NamedTuple):
    """One `base` cost `price` of `quote` at `at` (epoch seconds), says `source`, an upstream's key."""

    base: str
    quote: str
    price: Decimal
    at: int
    source: str

    @property
    def rate(self) -> Rate:
        """The rate that this source alone would make."""
        return Rate(self.base, self.quote, self.price, self.at, self.source)


class DailyClose(NamedTuple):
    """What one `base` cost in `quote` on a day, as `source` publishes it under that date.

    Prices of cryptocurrencies are those of 00:00 UTC, at which the day begins; the ECB fixes its own at about 14:15 in Frankfurt.
    """

    day: date
    base: str
    quote: str
    price: Decimal
    source: str


class _Choice(NamedTuple):
    rate: Rate
    outliers: list[Observation]


def price(value: object) -> Decimal:
    """Return a price as upstreams send it, a text or a number of JSON. Raises ValueError for what can be none.

    A price is finite, above zero, has at most 40 significant digits, and is within thirty powers of ten of one.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal) or (isinstance(value, str) and not value.isascii()):
        raise ValueError('not a price')
    try:
        found = Decimal(value)
    except ArithmeticError:
        raise ValueError('not a price') from None
    if not found.is_finite() or found <= 0 or abs(found.adjusted()) > _MOST_EXPONENT:
        raise ValueError('not a price')
    shortest = found.normalize(_COUNTING)
    if shortest != found:
        raise ValueError(f'more than {MOST_DIGITS} digits')
    return shortest


def quotient(dividend: Decimal, divisor: Decimal) -> Decimal:
    """Return a price derived from two others, at 34 digits."""
    return price(_DIVISION.divide(dividend, divisor))


def pair_of(code: str) -> Pair:
    """Return the pair under which a currency's price is kept: in usd, or per euro or dollar for fiat currencies."""
    currency = currencies.get(code)
    if currency.kind != 'fiat':
        return (code, 'usd')
    if code == 'eur':
        return ('eur', 'usd')
    return ('eur' if 'ecb' in currency.prices else 'usd', code)


def code_of(pair: Pair) -> str:
    """Return a currency that a pair is the price of; the reverse of `pair_of`."""
    base, quote = pair
    return quote if currencies.get(base).kind == 'fiat' else base


def is_ecb(pair: Pair) -> bool:
    """Whether a pair is one that the European Central Bank fixes."""
    return pair[0] == 'eur'


def text_of(pair: Pair) -> str:
    """Return a pair as it is named: `btc/usd`."""
    return '/'.join(pair)


def pairs_of(codes: Iterable[str]) -> list[Pair]:
    """Return the pairs that prices of these currencies, and routes to any other, are made of."""
    return sorted({pair_of(code) for code in {*codes, *ALWAYS}})


def day_of(instant: int) -> date:
    """Return the day in UTC."""
    return datetime.fromtimestamp(instant, UTC).date()


def day_before(pair: Pair, day: date) -> date:
    """Return the last day before that a pair should have a close of: the ECB fixes none on weekends."""
    before = day - timedelta(days=1)
    return before - timedelta(days=max(before.weekday() - 4, 0)) if is_ecb(pair) else before


def midnight(day: date) -> int:
    """Return the instant at which a day begins in UTC."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def choose(observations: Iterable[Observation], at: int) -> list[Rate]:
    """Return the rate of each pair as of an instant: the median of the sources that are fresh then, without those 10 % off it.

    Where none is fresh, the newest that are usable. A rate is `disputed` when it has several sources and no two of them agree; when
    none is within 10 % of the median, that is the price all the same. `at` is that of the oldest observation used.
    """
    return [choice.rate for choice in _choices(observations, at)]


def outliers(observations: Iterable[Observation], at: int) -> list[Observation]:
    """Return the observations that `choose` does not use for being more than 10 % off the median, or disputed."""
    return [observation for choice in _choices(observations, at) for observation in choice.outliers]


def merge(old: Iterable[Observation], new: Iterable[Observation], at: int) -> list[Observation]:
    """Return the newest observation of each pair by each source, in order, without those too old to be used at an instant."""
    newest: dict[tuple[str, str, str], Observation] = {}
    for observation in (*old, *new):
        key = (observation.base, observation.quote, observation.source)
        newest[key] = max(newest.get(key, observation), observation, key=lambda one: (one.at, one.price))
    return sorted(observation for observation in newest.values() if observation.rate.is_usable(at))


def _choices(observations: Iterable[Observation], at: int) -> list[_Choice]:
    by_pair: dict[Pair, list[Observation]] = {}
    for observation in merge(observations, (), at):
        by_pair.setdefault((observation.base, observation.quote), []).append(observation)
    return [_choice(_considered(found, at)) for found in by_pair.values()]


def _considered(usable: list[Observation], at: int) -> list[Observation]:
    fresh = [observation for observation in usable if observation.rate.is_fresh(at)]
    newest = max(observation.at for observation in usable)
    return fresh or [observation for observation in usable if observation.at == newest]


def _choice(considered: list[Observation]) -> _Choice:
    middle = _median(considered)
    agreeing = [observation for observation in considered if _agrees(observation.price, middle)]
    used = agreeing or considered
    base, quote, *_ = used[0]
    rate = Rate(
        base,
        quote,
        _median(used),
        min(observation.at for observation in used),
        ','.join(sorted(observation.source for observation in used)),
        disputed=len(considered) > 1 and len(agreeing) < 2,
    )
    return _Choice(rate, [observation for observation in considered if observation not in agreeing])


def _agrees(found: Decimal, middle: Decimal) -> bool:
    return money.EXACT.multiply(abs(money.EXACT.subtract(found, middle)), _TEN) <= middle


def _median(observations: Collection[Observation]) -> Decimal:
    prices = sorted(observation.price for observation in observations)
    half = len(prices) // 2
    if len(prices) % 2:
        return prices[half]
    return money.EXACT.divide(money.add(prices[half - 1], prices[half]), _TWO)


def in_current_task(closes: Mapping[date, tuple[Decimal, str]], pair: Pair, day: date) -> Rate | None:
    """Return a pair's rate on a day by its closes (price and source), carried forward for at most a week; None without."""
    for back in range(CARRIED_DAYS + 1):
        of = day - timedelta(days=back)
        if of in closes:
            found, source = closes[of]
            return Rate(*pair, found, midnight(of), source)
    return None


def is_traded(volume: object) -> bool:
    """Whether anything was traded, by the volume an exchange tells. Raises ValueError for what is no volume."""
    try:
        found = Decimal(volume) if isinstance(volume, str | int | Decimal) else Decimal('NaN')
    except ArithmeticError:
        found = Decimal('NaN')
    if not found.is_finite():
        raise ValueError('not a volume')
    return found > 0
