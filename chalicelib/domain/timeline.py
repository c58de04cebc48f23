"""What a portfolio held, and was worth, at the instants of a grid. Pure: no clock, no AWS.

The past is replayed: a child contributes what it held at a start, and how that changed since. While nothing is known of a contribution
it is not covered, never zero.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from operator import itemgetter, neg
from types import MappingProxyType
from typing import NamedTuple

from chalicelib.domain import conversion, money
from chalicelib.domain.conversion import Rates, Total
from chalicelib.domain.replay import Balances, Contribution, Move, Scope, Span

HOUR, DAY, WEEK = 3_600, 86_400, 604_800
INTERVALS = {'hour': HOUR, 'day': DAY, 'week': WEEK}
_LEAST_VALUES = 2
_MONDAY = 4 * DAY  # 1970-01-05 was the first


class Point(NamedTuple):
    """A portfolio at an instant: the sum of what is known, of how many of its contributions that is, and what may be missing from it.

    Currencies of which nothing is held are not in `balances`. If not `complete`, something may be missing from the currencies in
    `incomplete`, from any if it is empty.
    """

    at: int
    balances: Balances
    covered: int
    total: int
    complete: bool
    incomplete: frozenset[str] = frozenset()


class PortfolioState(NamedTuple):
    """What a portfolio held and was worth, from one instant until the next state.

    `balances` are amounts by currency code, none of them zero; `values` is their sum as if converted into each reporting currency, not
    rounded, and empty where there were no rates; `unconverted` names the currencies that are not in a value, as they had no rate, and
    `disputed` those of them whose rate was disputed. `covered` of its `total` contributions are in the balances; `complete` says that
    nothing is missing from these. If not, something may be missing from the currencies in `incomplete`, from any if it is empty.
    """

    balances: Mapping[str, Decimal]
    values: Mapping[str, Decimal]
    unconverted: Mapping[str, tuple[str, ...]]
    covered: int
    total: int
    complete: bool
    disputed: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    incomplete: frozenset[str] = frozenset()


StateAt = tuple[int, PortfolioState]


def is_complete(portfolio: Point | PortfolioState, code: str) -> bool:
    """Whether nothing is known to be missing from the balance of one currency."""
    return portfolio.complete or (bool(portfolio.incomplete) and code not in portfolio.incomplete)


class _Shift(NamedTuple):
    """The begin (`by` is 1) or the end (-1) of a span of doubt about the currencies of a scope, and whether it is of knowing nothing."""

    scope: Scope
    by: int
    uncovers: bool


def points(contributions: Sequence[Contribution], start: int, end: int) -> Iterator[Point]:
    """Yield the portfolio at `start`, at each UTC midnight after it, and at each full hour by which something changed, to `end`.

    `start` is a full hour. A point has everything that happened up to its instant, and at it: it equals `point_at`.
    """
    held = _summed(each.base for each in contributions)
    moves: dict[int, list[Move]] = {}
    for move in (move for each in contributions for move in each.moves):
        moves.setdefault(max(_next_hour(move.at), start), []).append(move)
    shifts = _shifts(contributions, start)
    in_doubt: Counter[Scope] = Counter()
    uncovered = 0
    for at in sorted(at for at in {start, *range(_ceil(start, DAY), end + 1, DAY), *moves, *shifts} if start <= at <= end):
        for move in moves.get(at, ()):
            held[move.currency] = money.add(held.get(move.currency, money.ZERO), move.delta)
        for shift in shifts.get(at, ()):
            in_doubt[shift.scope] += shift.by
            uncovered += shift.by if shift.uncovers else 0
        yield _point(at, held, [scope for scope, number in in_doubt.items() if number], len(contributions) - uncovered, len(contributions))


def point_at(contributions: Sequence[Contribution], at: int, *, with_later: bool = False) -> Point:
    """Return the portfolio at an instant, not before the start of the contributions; `with_later` has what happened after it as well."""
    held = _summed(each.base for each in contributions)
    for move in (move for each in contributions for move in each.moves if with_later or move.at <= at):
        held[move.currency] = money.add(held.get(move.currency, money.ZERO), move.delta)
    covered = sum(each.is_known(at) for each in contributions)
    return _point(at, held, [doubt.currencies for each in contributions for doubt in each.doubts_at(at)], covered, len(contributions))


def _shifts(contributions: Iterable[Contribution], start: int) -> dict[int, list[_Shift]]:
    """Return what becomes doubtful and ceases to be, by the full hour from `start` on at which it shows."""
    found: dict[int, list[_Shift]] = {}
    for each in contributions:
        spans = [(span, each.scope, True) for span in each.unknown]
        spans += [(doubt.span, each.scope if doubt.currencies is None else doubt.currencies, False) for doubt in each.doubts]
        for span, scope, uncovers in spans:
            begin, end = max(_next_hour(span.since), start), None if span.until is None else _next_hour(span.until)
            if end is None or begin < end:
                found.setdefault(begin, []).append(_Shift(scope, 1, uncovers))
                if end is not None:
                    found.setdefault(end, []).append(_Shift(scope, -1, uncovers))
    return found


def _point(at: int, held: Balances, in_doubt: Sequence[Scope], covered: int, total: int) -> Point:
    """Return what a portfolio of `total` contributions holds while `covered` of them are known and some currencies are in doubt."""
    doubted = frozenset() if None in in_doubt else frozenset(code for scope in in_doubt for code in scope or ())
    return Point(at, {code: balance for code, balance in held.items() if balance}, covered, total, not in_doubt, doubted)


def beginning(contributions: Iterable[Contribution]) -> int | None:
    """Return when something is first known to change, None when nothing ever did."""
    spans: list[Span] = []
    instants: list[int | None] = []
    for each in contributions:
        instants += [move.at for move in each.moves]
        spans += [*each.unknown, *(doubt.span for doubt in each.doubts)]
    instants += [at for span in spans for at in span]
    return min((at for at in instants if at), default=None)


def count_values(
    contributions: Sequence[Contribution], codes: Collection[str], reporting: Collection[str], start: int, end: int, *, rates_from: int
) -> int:
    """Return how many values a portfolio has at most at its `points` from `start`, 0 for its first month, which says how long they take.

    At each there is one for every amount in every reporting currency, and a rate for each of `codes`. An amount counts for two values at
    least, as it takes memory too. What was held before anything is known to change has no value before `rates_from`.
    """
    held_codes = {code for each in contributions for code in (*each.base, *(move.currency for move in each.moves))}
    changes = {_next_hour(move.at) for each in contributions for move in each.moves}.union(_shifts(contributions, start))
    hours = sum(start <= at <= end for at in changes)
    first = start
    if not start:
        is_held_before = bool(point_at(contributions, 0).balances)
        first = month_of(min(beginning(contributions) or end, rates_from if is_held_before else end, end))
    days = max(0, end - first) // DAY + 1
    return (days + hours) * (len(held_codes) * max(_LEAST_VALUES, len(reporting)) + len(codes))


def grid(interval: int, first: int, last: int) -> range:
    """Return the instants of a grid of hours, days (midnight UTC) or weeks (Mondays) from `first` to `last`, oldest first."""
    origin = _MONDAY if interval == WEEK else 0
    return range(_ceil(first - origin, interval) + origin, last + 1, interval)


def month_of(at: int) -> int:
    """Return the first instant of the UTC month that an instant lies in."""
    moment = datetime.fromtimestamp(at, UTC)
    return int(datetime(moment.year, moment.month, 1, tzinfo=UTC).timestamp())


def next_month(month: int) -> int:
    """Return the first instant of the month after the one that begins at `month`."""
    return month_of(month + 32 * DAY)


def state(point: Point, reporting: Iterable[str], rates: Rates | None) -> PortfolioState:
    """Return a point with what it was worth in each of the reporting currencies, by one set of rates."""
    unvalued = PortfolioState(
        dict(sorted(point.balances.items())), {}, {}, point.covered, point.total, point.complete, incomplete=point.incomplete
    )
    return unvalued if rates is None else valued(unvalued, reporting, rates)


def valued(state: PortfolioState, reporting: Iterable[str], rates: Rates) -> PortfolioState:
    """Return a state with what it was worth in each of the reporting currencies, by one set of rates."""
    totals = {code: conversion.total(state.balances, code, rates) for code in reporting}
    return state._replace(
        values={code: total.value for code, total in totals.items()},
        unconverted=_missing(totals, {conversion.NO_RATE, conversion.DISPUTED}),
        disputed=_missing(totals, {conversion.DISPUTED}),
    )


def _missing(totals: Mapping[str, Total], reasons: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Return the currencies that are missing from totals for one of some reasons, by reporting currency; without those that lack none."""
    missing = {code: tuple(one.currency for one in total.missing if one.reason in reasons) for code, total in totals.items()}
    return {code: currencies for code, currencies in missing.items() if currencies}


def in_force(states: Sequence[StateAt], instants: range) -> Iterator[tuple[range, PortfolioState]]:
    """Yield the instants of a grid, in either direction, a stretch of the same state at a time, with that state.

    It is the latest of `states` (oldest first) at or before them. None of the instants is before the first state.

    >>> list(in_force([(0, 'empty'), (7_200, 'one')], range(10_800, -1, -3_600)))
    [(range(10800, 3600, -3600), 'one'), (range(3600, -3600, -3600), 'empty')]
    """
    while instants:
        number = bisect_right(states, instants[0], key=itemgetter(0)) - 1
        since, state = states[number]
        if instants.step < 0:
            length = bisect_right(instants, -since, key=neg)
        else:
            length = bisect_left(instants, states[number + 1][0]) if number + 1 < len(states) else len(instants)
        yield instants[:length], state
        instants = instants[length:]


def _summed(bases: Iterable[Balances]) -> dict[str, Decimal]:
    held: dict[str, Decimal] = {}
    for base in bases:
        for code, balance in base.items():
            held[code] = money.add(held.get(code, money.ZERO), balance)
    return held


def _next_hour(at: int) -> int:
    return _ceil(at, HOUR)


def _ceil(at: int, step: int) -> int:
    return -(-at // step) * step


RatesOn = Callable[[int], Rates | None]


def states(points: Iterable[Point], reporting: Sequence[str], rates_at: RatesOn) -> Iterator[StateAt]:
    """Yield the state from each point on, converted by the rates of its day."""
    for one in points:
        yield one.at, state(one, reporting, rates_at(one.at))
