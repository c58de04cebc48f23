"""What a portfolio held, and was worth, at the instants of a grid. Pure: no clock, no AWS.

The past is replayed: a child contributes what it held at a start, and how that changed since. A contribution whose past is not known
from the beginning counts from where it is; until then it is not covered, never zero.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import NamedTuple

from chalicelib.domain import conversion, money
from chalicelib.domain.conversion import Rates, Total

HOUR, DAY, WEEK = 3_600, 86_400, 604_800
INTERVALS = {'hour': HOUR, 'day': DAY, 'week': WEEK}
_MONDAY = 4 * DAY  # 1970-01-05 was the first

Balances = Mapping[str, Decimal]


class Move(NamedTuple):
    """A change of a balance at an instant (epoch seconds)."""

    at: int
    currency: str
    delta: Decimal


class Contribution(NamedTuple):
    """What one child adds to its portfolio: `base` at the start and before, then `moves`, in any order.

    `known_from` is the first instant at which it is known, None for always; `whole` says that nothing is known to be missing then.
    """

    base: Balances
    moves: Sequence[Move] = ()
    known_from: int | None = None
    whole: bool = True


UNKNOWN = Contribution({}, known_from=1 << 40, whole=False)  # not known until long after anybody asks


class Point(NamedTuple):
    """A portfolio at an instant: the sum of what is known, of how many of its contributions that is, and whether nothing is missing.

    Currencies of which nothing is held are not in `balances`.
    """

    at: int
    balances: Balances
    covered: int
    total: int
    complete: bool


class PortfolioState(NamedTuple):
    """What a portfolio held and was worth, from one instant until the next state.

    `balances` are amounts by currency code, none of them zero; `values` is their sum as if converted into each reporting currency, not
    rounded, and empty where there were no rates; `unconverted` names the currencies that are not in a value, as they had no rate, and
    `disputed` those of them whose rate was disputed. `covered` of its `total` contributions are in the balances; `complete` says that
    nothing is missing from these.
    """

    balances: Mapping[str, Decimal]
    values: Mapping[str, Decimal]
    unconverted: Mapping[str, tuple[str, ...]]
    covered: int
    total: int
    complete: bool
    disputed: Mapping[str, tuple[str, ...]] = MappingProxyType({})


StateAt = tuple[int, PortfolioState]


def replayed(held: Balances, moves: Sequence[Move], *, start: int, known_from: int | None, whole: bool) -> Contribution:
    """Return the contribution of a ledger that holds `held` now and has made all of `moves` after `start`, which lie behind it.

    Going back from what is held, so that today is right whatever is missing from the past. Where that does not reach zero
    before the first of all transactions the ledger is known from `known_from` on only, its first transaction.
    """
    base = dict(held)
    for move in moves:
        base[move.currency] = money.add(base.get(move.currency, money.ZERO), -move.delta)
    return _known_from(known_from, base, moves, start, whole)


def observed(snapshots: Iterable[tuple[int, Balances]], *, start: int, whole: bool) -> Contribution:
    """Return the contribution of a ledger of which only `snapshots` are known, oldest first: each holds until the next."""
    base: Balances = {}
    moves: list[Move] = []
    before: Balances = {}
    first: int | None = None
    for at, held in snapshots:
        first = at if first is None else first
        if at <= start:
            base = held
        else:
            moves += [Move(at, code, money.add(held.get(code, money.ZERO), -before.get(code, money.ZERO))) for code in {*held, *before}]
        before = held
    return UNKNOWN if first is None else Contribution(base, moves, first, whole)


def points(contributions: Sequence[Contribution], start: int, end: int) -> Iterator[Point]:
    """Yield the portfolio at `start`, at each UTC midnight after it, and at each full hour by which something changed, to `end`.

    `start` is a full hour. A point has everything that happened up to its instant, and at it.
    """
    held = _summed(each.base for each in contributions)
    moves: dict[int, list[Move]] = {}
    for each in contributions:
        for move in each.moves:
            moves.setdefault(max(_next_hour(move.at), start), []).append(move)
    known = [None if each.known_from is None else _next_hour(each.known_from) for each in contributions]
    shown = {start, *range(_ceil(start, DAY), end + 1, DAY), *moves, *(at for at in known if at is not None)}
    for at in sorted(at for at in shown if start <= at <= end):
        for move in moves.get(at, ()):
            held[move.currency] = money.add(held.get(move.currency, money.ZERO), move.delta)
        yield _point(
            at,
            held,
            [each for each, first in zip(contributions, known, strict=True) if first is None or first <= at],
            len(contributions),
        )


def point_now(contributions: Sequence[Contribution], now: int) -> Point:
    """Return the portfolio after all that is known of it."""
    held = _summed(each.base for each in contributions)
    for move in (move for each in contributions for move in each.moves):
        held[move.currency] = money.add(held.get(move.currency, money.ZERO), move.delta)
    return _point(
        now,
        held,
        [each for each in contributions if each.known_from is None or each.known_from <= now],
        len(contributions),
    )


def point_before(contributions: Sequence[Contribution]) -> Point:
    """Return the portfolio before anything is known to have changed."""
    always = [each for each in contributions if each.known_from is None]
    return _point(0, _summed(each.base for each in always), always, len(contributions))


def _point(at: int, held: Balances, covered: Sequence[Contribution], total: int) -> Point:
    """Return what a portfolio of `total` contributions holds while `covered` of them are known."""
    complete = len(covered) == total and all(each.whole for each in covered)
    return Point(at, {code: balance for code, balance in held.items() if balance}, len(covered), total, complete)


def beginning(contributions: Iterable[Contribution]) -> int | None:
    """Return when something is first known to change, None when nothing ever did."""
    return min(
        (at for each in contributions for at in (*(move.at for move in each.moves), each.known_from) if at is not None),
        default=None,
    )


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
    totals = {} if rates is None else {code: conversion.total(point.balances, code, rates) for code in reporting}
    return PortfolioState(
        balances=dict(sorted(point.balances.items())),
        values={code: total.value for code, total in totals.items()},
        unconverted=_missing(totals, {conversion.NO_RATE, conversion.DISPUTED}),
        covered=point.covered,
        total=point.total,
        complete=point.complete,
        disputed=_missing(totals, {conversion.DISPUTED}),
    )


def _missing(totals: Mapping[str, Total], reasons: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Return the currencies that are missing from totals for one of some reasons, by reporting currency; without those that lack none."""
    missing = {code: tuple(one.currency for one in total.missing if one.reason in reasons) for code, total in totals.items()}
    return {code: currencies for code, currencies in missing.items() if currencies}


def at_instants(states: Sequence[StateAt], instants: Iterable[int]) -> list[StateAt]:
    """Return for each instant, oldest first, the latest of `states` (oldest first) at or before it; none of them starts later."""
    found = []
    number = 0
    for instant in instants:
        while number + 1 < len(states) and states[number + 1][0] <= instant:
            number += 1
        found.append((instant, states[number][1]))
    return found


def _known_from(first: int | None, base: Balances, moves: Sequence[Move], start: int, whole: bool) -> Contribution:
    if first is None or first <= start:
        return Contribution(base, moves, first, whole)
    return Contribution({}, [*moves, *(Move(first, code, balance) for code, balance in base.items() if balance)], first, whole)


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
