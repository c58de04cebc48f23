"""What one child adds to its portfolio through time: replayed from transactions, or as it was observed. Pure: no clock, no AWS.

Known transactions are summed forward. What was observed and they do not explain came about after they last added up, so that it changes
nothing before. An address never holds less than nothing: where the sum of what is known does, the amount is unknown, and nothing counts.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from chalicelib.domain import money
from chalicelib.domain.ledgers import Gap

UNKNOWN_THEN = 'history_unknown'  # why nothing is told of an instant
MOVED_BY_ITSELF = 'balance_moves_by_itself'  # why what transactions sum to may not be all

Balances = Mapping[str, Decimal]
Scope = frozenset[str] | None  # the codes of currencies, None for any
Observation = tuple[int, Balances]


class Move(NamedTuple):
    """A change of a balance at an instant (epoch seconds)."""

    at: int
    currency: str
    delta: Decimal


class Span(NamedTuple):
    """The instants from `since` until before `until`, None for ever."""

    since: int
    until: int | None = None

    def __contains__(self, at: object) -> bool:
        return isinstance(at, int) and self.since <= at and (self.until is None or at < self.until)


class Doubt(NamedTuple):
    """Why what is known of some currencies may not be all in a span, in one snake_case word; None for all that its child can hold."""

    reason: str
    currencies: Scope
    span: Span


class Contribution(NamedTuple):
    """What one child adds to its portfolio: `base` at the start and before, then `moves`, in any order.

    `unknown` is when nothing is known of it: then it adds nothing, and is not covered. `doubts` say of which currencies it may lack
    something, and `scope` which it can hold.
    """

    base: Balances
    moves: Sequence[Move] = ()
    unknown: Sequence[Span] = ()
    doubts: Sequence[Doubt] = ()
    scope: Scope = None

    def is_known(self, at: int) -> bool:
        """Whether anything is known of it at an instant."""
        return not any(at in span for span in self.unknown)

    def doubts_at(self, at: int) -> list[Doubt]:
        """Return why what is known at an instant may not be all."""
        if not self.is_known(at):
            return [Doubt(UNKNOWN_THEN, self.scope, Span(at))]
        return [doubt._replace(currencies=self.scope) if doubt.currencies is None else doubt for doubt in self.doubts if at in doubt.span]


class _Levels(NamedTuple):
    """One currency of a contribution, never less than nothing; `negative` is when the sum of what is known was."""

    base: Decimal
    moves: list[Move]
    negative: list[Span]


def nothing_known(scope: Scope = None) -> Contribution:
    """Return the contribution of a child of which nothing was ever known."""
    return Contribution({}, unknown=(Span(0),), scope=scope)


def held_since(balances: Balances, since: int | None) -> Contribution:
    """Return the contribution of balances that hold from an instant on, None for all time; they are of either sign."""
    if since is None:
        return Contribution(balances)
    return Contribution({}, [Move(since, code, balance) for code, balance in balances.items()])


def replayed(
    held: Balances,
    moves: Sequence[Move],
    *,
    gaps: Iterable[Gap] = (),
    moving: Collection[str] = (),
    seen: Sequence[Observation] = (),
    known_from: int | None = None,
    scope: Scope = None,
    is_sole: bool = False,
    may_owe: bool = False,
) -> Contribution:
    """Return the contribution of a ledger that holds `held` now and has made `moves` since the start, all of them.

    A currency with a gap is what its transactions sum to, and in doubt from when they last added up. From the first of the observations
    in `seen` after that (oldest first, the last one is of `held`) it is what each of these tells, and its transactions since. A gap
    without a difference is of a balance that nobody knows. A currency among `moving` changes by itself: it is what it was last
    observed to be, with its transactions since, and in doubt from the first of these until it was first observed. Before `known_from`
    nothing is known. `is_sole` says that there is one currency that the ledger can ever hold, `may_owe` that it may hold less than nothing.
    """
    gap_of = {gap.currency: gap for gap in gaps}
    own = {*moving} - gap_of.keys()
    seen = [(at, {**dict.fromkeys(own, money.ZERO), **balances}) for at, balances in seen]
    moves_of: dict[str, list[Move]] = {code: [] for code in sorted({*held, *gap_of, *(move.currency for move in moves)})}
    for move in moves:
        moves_of[move.currency].append(move)
    unexplained = {**gap_of, **{code: Gap(code, MOVED_BY_ITSELF) for code in own}}
    least = None if may_owe else money.ZERO
    levels = {code: _levels(code, held.get(code, money.ZERO), moves_of[code], unexplained.get(code), seen, least) for code in moves_of}
    doubts = [Doubt(MOVED_BY_ITSELF, frozenset({code}), span) for code in sorted(own) for span in _unobserved(moves_of.get(code, []), seen)]
    doubts += [Doubt(gap.reason, frozenset({gap.currency}), _doubtful(gap)) for gap in gap_of.values()]
    doubts += [Doubt(UNKNOWN_THEN, frozenset({code}), span) for code, one in levels.items() for span in one.negative]
    contribution = Contribution(
        {code: one.base for code, one in levels.items()},
        [move for one in levels.values() for move in one.moves],
        [span for one in levels.values() for span in one.negative] if is_sole else [],
        doubts,
        scope,
    )
    return contribution if known_from is None else _from(known_from, contribution)


def observed(seen: Iterable[Observation], *, scope: Scope = None) -> Contribution:
    """Return the contribution of a ledger of which only observations are known, oldest first: each holds until the next."""
    moves: list[Move] = []
    before: Balances = {}
    first: int | None = None
    for at, held in seen:
        first = at if first is None else first
        changes = ((code, money.subtract(held.get(code, money.ZERO), before.get(code, money.ZERO))) for code in sorted({*held, *before}))
        moves += [Move(at, code, delta) for code, delta in changes if delta]
        before = held
    return nothing_known(scope) if first is None else Contribution({}, moves, (Span(0, first),), scope=scope)


def doubted(contribution: Contribution, reason: str | None, since: int = 0) -> Contribution:
    """Return a contribution that may lack something of each currency from an instant on; itself, for no reason."""
    if reason is None:
        return contribution
    return contribution._replace(doubts=(*contribution.doubts, Doubt(reason, None, Span(since))))


def _unobserved(moves: Iterable[Move], seen: Sequence[Observation]) -> list[Span]:
    """Return when a currency may have moved by itself without being observed: from its first transaction until the first observation."""
    first = min((move.at for move in moves), default=0)
    until = seen[0][0] if seen else None
    return [Span(first, until)] if until is None or first < until else []


def _doubtful(gap: Gap) -> Span:
    return Span(0 if gap.since is None else gap.since + 1)


def _levels(
    code: str, held: Decimal, moves: Iterable[Move], gap: Gap | None, seen: Sequence[Observation], least: Decimal | None
) -> _Levels:
    changes: dict[int, Decimal] = {}
    for move in moves:
        changes[move.at] = money.add(changes.get(move.at, money.ZERO), move.delta)
    observed_levels = {} if gap is None else {at: balances[code] for at, balances in seen if at in _doubtful(gap) and code in balances}
    unexplained = money.ZERO if gap is None else gap.difference
    level = money.ZERO if unexplained is None else money.subtract(money.subtract(held, unexplained), money.total(changes.values()))
    base = shown = level if least is None else max(level, least)
    shifts: list[Move] = []
    negative: list[Span] = []
    begun = 0 if least is not None and level < least else None
    for at in sorted({*changes, *observed_levels}):
        level = observed_levels.get(at, money.add(level, changes.get(at, money.ZERO)))
        if begun is not None and level >= money.ZERO:
            negative.append(Span(begun, at))
        begun = None if least is None or level >= least else at if begun is None else begun
        after = level if least is None else max(level, least)
        if after != shown:
            shifts.append(Move(at, code, money.subtract(after, shown)))
            shown = after
    return _Levels(base, shifts, negative if begun is None else [*negative, Span(begun)])


def _from(first: int, contribution: Contribution) -> Contribution:
    """Return a contribution of which nothing is known before an instant."""
    then = dict(contribution.base)
    for move in (move for move in contribution.moves if move.at < first):
        then[move.currency] = money.add(then[move.currency], move.delta)
    later = [move for move in contribution.moves if move.at >= first]
    return contribution._replace(
        base={},
        moves=[*(Move(first, code, balance) for code, balance in then.items() if balance), *later],
        unknown=(Span(0, first), *contribution.unknown),
    )
