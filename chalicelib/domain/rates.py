"""What sources of rates publish: observations and daily closes, and of which pairs. Pure: no clock, no network."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from chalicelib.domain import currencies, money, pegs
from chalicelib.domain.conversion import Pair, Rate
from chalicelib.domain.successions import SUCCESSIONS

ALWAYS = frozenset({'btc', 'eth', 'usd', 'eur'})  # conversion routes lead through them
CARRIED_DAYS = 9
_CARRIED_DAYS_DAILY = 7
_CARRIED_DAYS_WEEKLY = {'nbp': CARRIED_DAYS}  # by source
UNPRICED = frozenset({'cup', 'kpw'})  # what sources name is an official price at which nobody trades, or the dollar's
AS_PUBLISHED = date(2026, 12, 1)  # the first day that is converted by what was published before it; earlier days stay as they were
FIRST_DAY = date(2009, 1, 1)  # nothing that is converted is older than Bitcoin
MOST_DIGITS = 40
_MOST_EXPONENT = 30
_LONGEST_HOLIDAYS = 5
_BANK_HOLIDAYS = {(1, 1), (5, 1), (12, 25), (12, 26)}  # beside Good Friday and Easter Monday
_DAY = timedelta(days=1)
ECB = 'ecb'
DATED = frozenset({ECB, 'frankfurter', 'nbp'})  # sources that publish rates of a day, not of a moment
_DIVISION = Context(prec=34, rounding=ROUND_HALF_EVEN)
_COUNTING = Context(prec=MOST_DIGITS)


class Observation(NamedTuple):
    """The price of one `base` in `quote` at `at` (epoch seconds), as published by `source`, an upstream's key.

    `error` is the share by which the price may be off as its source publishes few digits, zero where that does not matter.
    `published` is what the price follows from where it is not published itself, see `crossed`.
    """

    base: str
    quote: str
    price: Decimal
    at: int
    source: str
    error: Decimal = money.ZERO
    published: str = ''

    @property
    def rate(self) -> Rate:
        """The rate if this is the only observation."""
        return Rate(self.base, self.quote, self.price, self.at, self.source)


class BackfillProgress(NamedTuple):
    """How far the daily closes of a currency have been fetched: from the day `earliest` to the day `until`, None before there are any.

    `done` says that no download of older ones is under way.
    """

    currency: str
    earliest: date | None
    until: date | None
    done: bool


class DailyClose(NamedTuple):
    """The price of one `base` in `quote` on a day, as published by `source` under that date.

    For cryptocurrencies it is the price at 00:00 UTC, when the day begins. The ECB fixes its rates at about 14:15 in Frankfurt.
    `disputed`: sources contradicted each other on that day, and nothing is to be converted by it. `error` and
    `published` as in Observation.
    """

    day: date
    base: str
    quote: str
    price: Decimal
    source: str
    disputed: bool = False
    error: Decimal = money.ZERO
    published: str = ''


def parse_price(value: object) -> Decimal:
    """Return a price from an upstream's response, a string or a JSON number. Raises ValueError.

    A price is finite, positive, has at most 40 significant digits, and lies between 10^-30 and 10^31.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal) or (isinstance(value, str) and not value.isascii()):
        raise ValueError('not a price')
    try:
        price = Decimal(value)
    except ArithmeticError:
        raise ValueError('not a price') from None
    if not price.is_finite() or price <= 0 or abs(price.adjusted()) > _MOST_EXPONENT:
        raise ValueError('not a price')
    shortest = price.normalize(_COUNTING)
    if shortest != price:
        raise ValueError(f'more than {MOST_DIGITS} digits')
    return shortest


def crossed(dividend: Any, divisor: Any) -> tuple[Decimal, str]:
    """Return the price that is the quotient of two published ones, to 34 digits, and these as they are stored. Raises ValueError.

    >>> crossed('3.6056', '1.2')
    (Decimal('3.004666666666666666666666666666667'), '3.6056/1.2')
    """
    for price in (dividend, divisor):
        parse_price(price)
    published = f'{Decimal(dividend):f}/{Decimal(divisor):f}'
    return parse_published(published), published


def half_step(price: Decimal) -> Decimal:
    """Return half a unit of the last digit of a price, as a share of the price: how exact it can be at most.

    >>> half_step(Decimal('0.0016')), half_step(Decimal('4.0000'))
    (Decimal('0.03125'), Decimal('0.0000125'))
    """
    return _DIVISION.divide(Decimal('0.5').scaleb(int(price.as_tuple().exponent)), price)


def parse_published(text: str) -> Decimal:
    """Return a price that is stored as it was published: one number, or a dividend and a divisor. Raises ValueError."""
    dividend, slash, divisor = text.partition('/')
    return parse_price(_DIVISION.divide(Decimal(dividend), Decimal(divisor)) if slash else dividend)


def pair_of(code: str) -> Pair:
    """Return the pair under which a currency's price is stored: in usd; for fiat currencies per euro, or per dollar.

    One that is pegged has the base of what it is pegged to.

    >>> pair_of('btc'), pair_of('gbp'), pair_of('aed'), pair_of('xaf')
    (('btc', 'usd'), ('eur', 'gbp'), ('usd', 'aed'), ('eur', 'xaf'))
    """
    currency = currencies.get(code)
    if currency.kind != 'fiat':
        return (code, 'usd')
    if code == 'eur':
        return ('eur', 'usd')
    if code in pegs.PEGS:
        anchor = pegs.PEGS[code].anchor
        return (anchor if anchor in ALWAYS else pair_of(anchor)[0], code)
    return ('eur' if 'ecb' in currency.prices else 'usd', code)


def code_of(pair: Pair) -> str:
    """Return the currency whose price a pair is; the inverse of `pair_of`, except that (eur, usd) is the price of usd."""
    base, quote = pair
    return quote if is_of_fiat(pair) else base


@lru_cache(4_096)
def is_ecb(pair: Pair) -> bool:
    """Whether the European Central Bank fixes the pair."""
    return pair[0] == 'eur' and 'ecb' in currencies.get(pair[1]).prices


def text_of(pair: Pair) -> str:
    """Return a pair as a string: `btc/usd`."""
    return '/'.join(pair)


def with_related(codes: Iterable[str]) -> set[str]:
    """Return currencies with those without whose rates theirs are not known: what they are pegged to, and what took their place."""
    related: set[str] = set()
    rest = [*codes]
    while rest:
        code = rest.pop()
        if code not in related:
            related.add(code)
            rest += [pegs.PEGS[code].anchor] if code in pegs.PEGS else []
            rest += [SUCCESSIONS[code].new] if code in SUCCESSIONS else []
    return related


def pairs_of(codes: Iterable[str]) -> list[Pair]:
    """Return the pairs needed to convert between these currencies and any other."""
    return sorted({pair_of(code) for code in {*with_related(codes), *ALWAYS}})


def parse_day(text: str | None) -> date | None:
    """Return the day that a stored ISO 8601 date names, None for none."""
    return None if text is None else date.fromisoformat(text)


def day_of(instant: int) -> date:
    """Return the day in UTC."""
    return datetime.fromtimestamp(instant, UTC).date()


def day_before(pair: Pair, day: date) -> date:
    """Return the last day before `day` for which the pair should have a close: the ECB fixes none while banks are closed."""
    before = day - timedelta(days=1)
    while is_ecb(pair) and is_bank_holiday(before):
        before -= timedelta(days=1)
    return before


def is_bank_holiday(day: date) -> bool:
    """Whether the ECB fixes no rates on a day: https://www.ecb.europa.eu/ecb/contacts/working-hours, the same since 2002.

    >>> [is_bank_holiday(date(2026, 4, day)) for day in (2, 3, 4, 6, 7)]
    [False, True, True, True, False]
    """
    easter = _easter(day.year)
    return day.weekday() > 4 or (day.month, day.day) in _BANK_HOLIDAYS or day - easter in (-2 * _DAY, _DAY)


def _easter(year: int) -> date:
    """Return Easter Sunday by the method of Meeus, Jones and Butcher."""
    golden, century, rest = year % 19, *divmod(year, 100)
    moon = (19 * golden + century - century // 4 - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    weekday = (32 + 2 * (century % 4) + 2 * (rest // 4) - moon - rest % 4) % 7
    month, day = divmod(moon + weekday - 7 * ((golden + 11 * moon + 22 * weekday) // 451) + 114, 31)
    return date(year, month, day + 1)


def newest_close_day(pair: Pair, day: date) -> date:
    """Return the day of the last close of a pair that is to be had when `day` begins.

    Of a coin that is the day itself, as its close is the price of midnight. Rates between fiat currencies are published in the course of
    their day, so it is the last day before. Days before AS_PUBLISHED have the close of their own.
    """
    return day_before(pair, day) if _was_published_before(pair, day) else day


def _was_published_before(pair: Pair, day: date) -> bool:
    """Whether the close of a day is one that was published before it began."""
    return is_of_fiat(pair) and day >= AS_PUBLISHED


@lru_cache(4_096)  # asked of each pair on each day
def is_of_fiat(pair: Pair) -> bool:
    """Whether both currencies of a stored pair are fiat: coins are priced in dollars."""
    return currencies.get(pair[0]).kind == 'fiat'


def last_day_with_close(pair: Pair, today: date) -> date:
    """Return the last day for which closes of a pair should be available by now, whatever its sources last published.

    Of a coin that is today, as it is a price of midnight; of fiat currencies yesterday, for the ECB before any holidays; of what was
    replaced before its end.
    """
    code = code_of(pair)
    if code in SUCCESSIONS and SUCCESSIONS[code].since <= today:
        return SUCCESSIONS[code].since - timedelta(days=_LONGEST_HOLIDAYS)
    if not is_of_fiat(pair):
        return today
    return today - timedelta(days=_LONGEST_HOLIDAYS if is_ecb(pair) else 1)


def midnight(day: date) -> int:
    """Return the instant (epoch seconds) at which a day begins in UTC."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def merge(old: Iterable[Observation], new: Iterable[Observation], at: int) -> list[Observation]:
    """Return the newest observation of each pair by each source, sorted, without those too old to be used at `at`."""
    newest: dict[tuple[str, str, str], Observation] = {}
    for observation in (*old, *new):
        key = (observation.base, observation.quote, observation.source)
        newest[key] = max(newest.get(key, observation), observation, key=lambda each: (each.at, each.price))
    return sorted(observation for observation in newest.values() if observation.price > 0 and observation.rate.is_usable(at))


def carry_forward(closes: Mapping[date, DailyClose], pair: Pair, day: date) -> Rate | None:
    """Return the rate of a pair when a day begins, by its closes: the last one that is to be had then, and not too old, or None.

    It may be up to a week old, or as long as its source lets it be.
    """
    newest = day - _DAY if _was_published_before(pair, day) else day
    while day - newest <= timedelta(days=CARRIED_DAYS):
        close = closes.get(newest)
        if close is not None and (day - newest).days <= _CARRIED_DAYS_WEEKLY.get(close.source, _CARRIED_DAYS_DAILY):
            return Rate(close.base, close.quote, close.price, midnight(close.day), close.source, close.disputed)
        newest -= _DAY
    return None


def is_traded(volume: object) -> bool:
    """Whether an exchange's trading volume is above zero. Raises ValueError if it is no number."""
    try:
        amount = Decimal(volume) if isinstance(volume, str | int | Decimal) else Decimal('NaN')
    except ArithmeticError:
        amount = Decimal('NaN')
    if not amount.is_finite():
        raise ValueError('not a volume')
    return amount > 0
