"""Which price to believe when several sources publish one: what most of them, and the price last agreed on, support.

Pure: no clock, no network.

Prices agree that differ by a tenth at most, those of one fiat currency in another by a fiftieth. An observation weighs less the
older it is: half for each further period in which it would have been fresh. The price that is last agreed on is a witness of its
own, which weighs half of a fresh observation. Among contradicting prices that one is believed which has most of the weight and at
least two witnesses; if none has, the rate is disputed: it is kept, and nothing is converted by it.

A source that has nobody beside it is believed, except where it jumps more than tenfold, or was outvoted before: then it is disputed
until another source agrees, or it comes back to the agreed price, or that is a month old. So an outlier does not become the price
because those who outvoted it fell silent.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from chalicelib.domain import money
from chalicelib.domain.conversion import Pair, Rate
from chalicelib.domain.rates import DailyClose, Observation, merge, midnight
from chalicelib.domain.successions import in_current_units

AGREED_SECONDS = 30 * 86_400  # for which an agreed price is a witness
_FRESH_WEIGHT = 1 << 128  # halved more than a hundred times it still counts
_AGREED_WEIGHT = _FRESH_WEIGHT // 2
_TOLERANCE = {True: Decimal('0.02'), False: Decimal('0.1')}  # by whether both currencies are fiat
# A price that moved while nobody agreed on it for a day is still told from one that is many times as high.
_DRIFT, _DRIFT_SECONDS = Decimal(2), 86_400
_JUMP = Decimal(10)
_CONFIRMING_DAYS = 3
_ONE, _TWO = Decimal(1), Decimal(2)
# Whose price of a fiat currency it is where several agree: a fixing before a blend, both before a market's price.
_FIAT_ORDER = ('ecb', 'frankfurter', 'nbp')


class AgreedPrice(NamedTuple):
    """The price of a pair that was last believed, when, and the sources that it was believed against."""

    base: str
    quote: str
    price: Decimal
    at: int
    outvoted: tuple[str, ...] = ()


class _Group(NamedTuple):
    """Observations that agree with each other, and their weight; `backed` if the agreed price does too."""

    members: Sequence[Observation]
    weight: int
    backed: bool = False

    @property
    def witnesses(self) -> int:
        return len(self.members) + self.backed

    @property
    def total(self) -> int:
        return self.weight + (_AGREED_WEIGHT if self.backed else 0)


class _Choice(NamedTuple):
    rate: Rate
    outliers: Sequence[Observation]


def choose(observations: Iterable[Observation], at: int, agreed: Iterable[AgreedPrice] = ()) -> list[Rate]:
    """Return the rate of each pair at an instant, `disputed` where its observations contradict each other without a majority.

    It is the median of those believed that weigh at least half as much as the heaviest of them; between fiat currencies the price of
    the most official one that is fresh. Its `at` is that of the oldest observation used.
    """
    return [choice.rate for choice in _choices(observations, at, agreed)]


def outliers(observations: Iterable[Observation], at: int, agreed: Iterable[AgreedPrice] = ()) -> list[Observation]:
    """Return the observations that contradict the rate of their pair."""
    return [observation for choice in _choices(observations, at, agreed) for observation in choice.outliers]


def agree(observations: Iterable[Observation], at: int, agreed: Iterable[AgreedPrice] = ()) -> list[AgreedPrice]:
    """Return the agreed prices after these observations: the rates that are not disputed, and what was agreed before of other pairs."""
    by_pair = _by_pair(agreed, at)
    for choice in _choices(observations, at, by_pair.values()):
        rate = choice.rate
        if not rate.disputed:
            before = by_pair.get((rate.base, rate.quote))
            outvoted = {*(before.outvoted if before else ()), *(one.source for one in choice.outliers)} - {*rate.sources.split(',')}
            by_pair[rate.base, rate.quote] = AgreedPrice(rate.base, rate.quote, rate.price, at, tuple(sorted(outvoted)))
    return sorted(by_pair.values())


def choose_closes(closes_by_source: Sequence[Iterable[DailyClose]], before: AgreedPrice | None = None) -> list[DailyClose]:
    """Return one close for each day on which a source has one of a pair: what is believed by the rules for current rates.

    The closes of the preferred source come first: it decides between prices that agree. `before` is what was agreed before the first
    day. A jump that nobody contradicts is believed where the next days confirm it.
    """
    by_day: dict[date, list[DailyClose]] = {}
    for close in (close for closes in closes_by_source for close in closes):
        by_day.setdefault(close.day, []).append(close)
    days = sorted(by_day)
    chosen: list[DailyClose] = []
    agreed = before
    for number, day in enumerate(days):
        close = _chosen_close(by_day[day], agreed)
        if close.disputed and len(by_day[day]) == 1:
            following = [by_day[later][0] for later in days[number + 1 : number + 1 + _CONFIRMING_DAYS]]
            lasts = len(following) == _CONFIRMING_DAYS and all(_is_within(_current(one), _current(close), _JUMP) for one in following)
            close = close._replace(disputed=not lasts)
        if not close.disputed:
            agreed = AgreedPrice(close.base, close.quote, _current(close), midnight(day))
        chosen.append(close)
    return chosen


def _chosen_close(closes: Sequence[DailyClose], agreed: AgreedPrice | None) -> DailyClose:
    at = midnight(closes[0].day)
    observations = [Observation(one.base, one.quote, _current(one), at, one.source, one.error) for one in closes]
    [rate] = choose(observations, at, () if agreed is None else (agreed,))
    believed = next((one for one in closes if one.source in rate.sources.split(',')), closes[0])
    return believed._replace(disputed=rate.disputed)


def _current(close: DailyClose) -> Decimal:
    """Return the price of a close in units of today, so that a redenomination is no jump."""
    return in_current_units(close.price, close.quote, close.day)


def _choices(observations: Iterable[Observation], at: int, agreed: Iterable[AgreedPrice]) -> list[_Choice]:
    agreed_by_pair = _by_pair(agreed, at)
    by_pair: dict[Pair, list[Observation]] = {}
    for observation in merge(observations, (), at):
        by_pair.setdefault((observation.base, observation.quote), []).append(observation)
    return [_choice(usable, at, agreed_by_pair.get(pair)) for pair, usable in by_pair.items()]


def _by_pair(agreed: Iterable[AgreedPrice], at: int) -> dict[Pair, AgreedPrice]:
    return {(one.base, one.quote): one for one in agreed if at - one.at <= AGREED_SECONDS}


def _choice(usable: Sequence[Observation], at: int, agreed: AgreedPrice | None) -> _Choice:
    weights = {one.source: _FRESH_WEIGHT >> max(0, at - one.at - 1) // one.rate.fresh_seconds for one in usable}
    groups = _backed(_groups(usable, weights), at, agreed)
    believed, *others = sorted(groups, key=lambda group: group.total, reverse=True)
    is_alone = len(believed.members) == 1
    if others:
        disputed = believed.witnesses < 2 or believed.total == others[0].total
    else:
        disputed = is_alone and agreed is not None and not _is_credible(believed.members[0], agreed)
    used = _used(believed.members, weights, at)
    rate = Rate(
        *(used[0].base, used[0].quote, _median(used), min(one.at for one in used)),
        ','.join(sorted(one.source for one in used)),
        disputed=disputed,
    )
    return _Choice(rate, [one for one in usable if one not in believed.members or (disputed and is_alone)])


def _groups(usable: Sequence[Observation], weights: Mapping[str, int]) -> list[_Group]:
    """Divide observations into those that agree with one of them, the heaviest such group first."""
    groups: list[_Group] = []
    rest = list(usable)
    while rest:
        around = [[other for other in rest if _agree(other, one.price, one.error)] for one in rest]
        largest = max(around, key=lambda group: (sum(weights[one.source] for one in group), [one.price for one in group]))
        middle = _median(largest)
        members = [one for one in largest if _agree(one, middle, money.ZERO)]
        groups.append(_Group(members, sum(weights[one.source] for one in members)))
        rest = [one for one in rest if one not in members]
    return groups


def _agree(one: Observation, price: Decimal, error: Decimal) -> bool:
    """Whether an observation is near a price; where one has few digits, within twice the error that comes from that."""
    tolerance = max(_TOLERANCE[one.rate.is_fiat], _TWO * max(one.error, error))
    return abs(money.EXACT.subtract(one.price, price)) <= money.EXACT.multiply(price, tolerance)


def _backed(groups: Sequence[_Group], at: int, agreed: AgreedPrice | None) -> list[_Group]:
    """Mark the group that the agreed price supports: the only one near it; where it is a day old, the only one within a factor of two."""
    if agreed is None:
        return list(groups)
    near = [group for group in groups if _is_within(_median(group.members), agreed.price, _near(group.members[0]))]
    if not near and at - agreed.at > _DRIFT_SECONDS:
        trusted = [group for group in groups if not {one.source for one in group.members} <= {*agreed.outvoted}]
        near = [group for group in trusted if _is_within(_median(group.members), agreed.price, _DRIFT)]
    return [group._replace(backed=len(near) == 1 and group is near[0]) for group in groups]


def _near(observation: Observation) -> Decimal:
    """Return the factor by which a price may differ from the agreed one that supports it."""
    return _ONE + _TOLERANCE[observation.rate.is_fiat]


def _is_credible(observation: Observation, agreed: AgreedPrice) -> bool:
    """Whether a price that nobody contradicts and nobody supports is believed after another was agreed on."""
    was_outvoted = observation.source in agreed.outvoted
    return _is_within(observation.price, agreed.price, _near(observation) if was_outvoted else _JUMP)


def _is_within(price: Decimal, other: Decimal, factor: Decimal) -> bool:
    return price <= money.EXACT.multiply(other, factor) and other <= money.EXACT.multiply(price, factor)


def _used(members: Sequence[Observation], weights: Mapping[str, int], at: int) -> list[Observation]:
    """Return whose price it is: of those that agree the weightiest, between fiat currencies one of them."""
    if members[0].rate.is_fiat:
        return [min(members, key=lambda one: (not one.rate.is_fresh(at), _fiat_rank(one.source), one))]
    heaviest = max(weights[one.source] for one in members)
    return [one for one in members if weights[one.source] * 2 >= heaviest]


def _fiat_rank(source: str) -> int:
    return _FIAT_ORDER.index(source) if source in _FIAT_ORDER else len(_FIAT_ORDER)


def _median(observations: Sequence[Observation]) -> Decimal:
    prices = sorted(observation.price for observation in observations)
    half = len(prices) // 2
    if len(prices) % 2:
        return prices[half]
    return money.EXACT.divide(money.add(prices[half - 1], prices[half]), _TWO)
