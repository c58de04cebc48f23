"""Work out the history of a portfolio, from the earliest month that changed on, and keep it where one query finds it.

Nothing is told by a message but which portfolio: what changed is found by comparing what the last computing was made of, so a
message that is lost costs an hour, and one that comes twice changes nothing. Works on DynamoDB only.
"""

import hashlib
import json
import uuid
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from chalicelib import clock, errors, messages
from chalicelib.domain import timeline
from chalicelib.domain.changelog import ALWAYS
from chalicelib.domain.conversion import Rates
from chalicelib.domain.rates import FIRST_DAY, BackfillProgress, day_of, midnight
from chalicelib.domain.timeline import DAY, HOUR, Part, PortfolioState, StateAt
from chalicelib.messages import RefreshHistory
from chalicelib.models import (
    Chunk,
    Computed,
    History,
    LeaseLost,
    Offset,
    Portfolio,
    PortfolioTree,
    months,
    read_portfolio_tree,
    remove_history,
)
from chalicelib.services.portfolios import contributions
from chalicelib.services.portfolios.contributions import Child
from chalicelib.services.rates import current, daily_closes
from chalicelib.services.rates.daily_closes import DailyCloses

_ACTIVE_SECONDS = 30 * DAY
_MOST_ROUNDS = 5
_FIRST_WAIT, _LONGEST_WAIT, _MOST_WAITS = 2, 900, 10

Marks = dict[str, str]  # of which version each thing is that a history is made of


class Series(NamedTuple):
    """The states of a portfolio from `first` on, a month's first instant, oldest first; `before` all of them, and now.

    `backfill` is what closes are still being fetched, `not_requested` says that of some currencies no rates were ever asked for.
    """

    before: PortfolioState
    first: int
    states: list[StateAt]
    now: PortfolioState
    marks: Marks
    codes: list[str]
    backfill: list[BackfillProgress]
    not_requested: bool


def refresh(user_id: str, portfolio_id: int, *, seen_at: int | None = None, waits: int = 0) -> None:
    """Bring the history of a portfolio up to date; if another worker holds the lease, have it run again.

    `seen_at` is when a user changed or viewed the portfolio. `waits` counts the messages before this one that found rates pending.

    >>> refresh('5f0c', 1, seen_at=1_700_000_000)
    """
    history = History.request_and_lease(user_id, portfolio_id, owner=uuid.uuid4().hex, now=clock.now(), seen_at=seen_at)
    if history is None:
        return
    try:
        is_final = _recompute_until_current(history)
    except LeaseLost:
        return
    except Exception:
        history.drop_lease()  # else the next receive of the message would find the lease held, and count as done
        raise
    if not is_final and waits < _MOST_WAITS:
        messages.send(RefreshHistory(user_id, portfolio_id, waits=waits + 1), delay=min(_FIRST_WAIT * 2**waits, _LONGEST_WAIT))


def _recompute_until_current(history: History) -> bool:
    """Recompute until no request came meanwhile, and give the lease back; False if it is soon to be repeated. Raises LeaseLost."""
    for _ in range(_MOST_ROUNDS):
        awaited = _refresh_leased(history)
        if history.finish(_due_at(history)):
            return not awaited
        history.reload()
    history.drop_lease()
    return False


def compute(contents: PortfolioTree, now: int) -> Series:
    """Return the whole history of a portfolio as of now, whatever is stored of it."""
    return _compute(contents, contributions.children(contents), None, now)


def _refresh_leased(stored: History) -> bool:
    """Compute, store, and note on the portfolio when; say whether rates are awaited. Raises LeaseLost, also when the portfolio is gone."""
    now = clock.now()
    try:
        contents = read_portfolio_tree(*stored.key)
    except errors.NotFound:
        remove_history(*stored.key)
        raise LeaseLost(stored.pk) from None
    of = contributions.children(contents)
    if of and not stored.knows_anything and not any(child.is_known for child in of):
        return False
    series = _compute(contents, of, stored if stored.is_computed else None, now)
    _store_chunks(stored, series)
    portfolio = contents.portfolio
    computed = Computed(
        contents=portfolio.contents,
        currencies=list(portfolio.currencies),
        marks=series.marks,
        codes=series.codes,
        backfill=series.backfill,
        before=series.before,
        now=series.now,
        first=series.first,
    )
    stored.store(computed, now)
    if contents.children:  # of nothing there is nothing to note
        _stamp(portfolio, has_ledgers=bool(of), converted=not series.not_requested, now=now)
    return series.not_requested or bool(series.backfill)


def _store_chunks(stored: History, series: Series) -> None:
    since = series.states[0][0]
    if since == series.first and stored.is_computed:
        since = min(since, stored.first)  # what was first may have gone
    days = [one for one in series.states if one[0] % DAY == 0]
    for kind, states in (('DAY', days), ('HOUR', series.states)):
        chunks = [chunk for inside, until in months(states) for chunk in Chunk.of(stored.pk, kind, inside, until)]
        Chunk.replace(stored.pk, kind, since, chunks)


def _stamp(portfolio: Portfolio, *, has_ledgers: bool, converted: bool, now: int) -> None:
    """Note on the portfolio what was computed when. Raises LeaseLost when it is gone, and its history with it."""
    stamped = [Portfolio.histories_last_updated.set(now)]
    if not has_ledgers:  # else their refreshes note it
        stamped.append(Portfolio.balances_last_updated.set(now))
    if converted:
        stamped += [Portfolio.converted_balances_last_updated.set(now), Portfolio.converted_histories_last_updated.set(now)]
    try:
        Portfolio.at(portfolio.user_id, portfolio.portfolio_id).update_existing(stamped)
    except errors.NotFound:
        remove_history(portfolio.user_id, portfolio.portfolio_id)
        raise LeaseLost from None


def _compute(contents: PortfolioTree, of: Sequence[Child], stored: History | None, now: int) -> Series:
    """Return the states from the first change on, or from the earliest month on of which something changed since `stored`."""
    marks = _marks(contents, of)
    start = ALWAYS if stored is None else _start(_changed_since(contents, of, marks, stored), stored)
    found = _found(contents, of, stored, start, now)
    if stored is not None and start != ALWAYS:
        changed = _start(_closes_changed_since(found.closes, stored), stored)
        found = found if changed >= start else _found(contents, of, stored, changed, now)
    return _series(contents.portfolio.currencies, found, stored, marks, now)


class _Found(NamedTuple):
    """What a history is computed from: parts from `start` on, ALWAYS for all of the past, currencies, and their closes since then."""

    start: int
    summed: list[Part]
    codes: frozenset[str]
    closes: DailyCloses


def _found(contents: PortfolioTree, of: Sequence[Child], stored: History | None, start: int, now: int) -> _Found:
    summed = [*contributions.of_children(of, start), *contributions.of_offsets(contents)]
    held = (code for part in summed for code in (*part.base, *(move.currency for move in part.moves)))
    codes = frozenset((*contents.portfolio.currencies, *held, *(stored.codes if stored is not None else ())))
    return _Found(start, summed, codes, daily_closes.read(codes, day_of(start) if start else FIRST_DAY, day_of(now)))


def _series(reporting: Sequence[str], found: _Found, stored: History | None, marks: Marks, now: int) -> Series:
    summed = found.summed
    if stored is None or found.start == ALWAYS:
        first = _first(found, now)
        before = timeline.state(timeline.point_before(summed), reporting, Rates(0, ()))
    else:
        first, before = stored.first, stored.before
    on = cache(found.closes.on)
    latest = current.latest(found.codes)
    not_requested = found.codes - latest.requested
    if not_requested:
        current.track(not_requested, now)
    return Series(
        before=before,
        first=first,
        states=list(timeline.states(timeline.points(summed, found.start or first, now), reporting, lambda at: on(day_of(at)))),
        now=timeline.state(timeline.point_now(summed, now), reporting, latest.rates),
        marks=marks | {f'rate {pair}': str(version) for pair, version in found.closes.versions.items()},
        codes=sorted(found.codes),
        backfill=[one for one in found.closes.progress if not one.done],
        not_requested=bool(not_requested),
    )


def _first(found: _Found, now: int) -> int:
    """Return the month in which something first changed: of what was held since ever, what it was worth."""
    begins = min(timeline.beginning(found.summed) or now, now)
    if timeline.point_before(found.summed).balances and found.closes.first_day is not None:
        begins = min(begins, midnight(found.closes.first_day))
    return timeline.month_of(begins)


def _marks(contents: PortfolioTree, of: Sequence[Child]) -> Marks:
    marks = {f'{child.follower.child_id} {_digest(child.follower.ledger)}': _mark(child) for child in of}
    offsets = contents.of_kind(Offset)
    held = {f'offset {one.offset_id}': {row.currency: str(row.balance) for row in one.balances} for one in offsets}
    return marks | {name: _digest(json.dumps(balances, sort_keys=True)) for name, balances in held.items()}


def _mark(child: Child) -> str:
    return str(child.ledger.changes.version) if child.ledger is not None and child.is_known else 'unknown'


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _changed_since(contents: PortfolioTree, of: Sequence[Child], marks: Marks, stored: History) -> int:
    """Return from when on something became another since the last computing; that is when that was, if nothing did."""
    known = {name: mark for name, mark in stored.marks.items() if not name.startswith('rate ')}
    if marks.keys() != known.keys() or list(contents.portfolio.currencies) != list(stored.currencies):
        return ALWAYS
    changed = [stored.computed_at]
    for child, name in zip(of, marks, strict=False):
        if marks[name] != known[name]:
            changed.append(_ledger_changed_since(child, known[name]))
    offsets_differ = any(marks[name] != known[name] for name in marks if name.startswith('offset '))
    return ALWAYS if offsets_differ else min(changed)


def _ledger_changed_since(child: Child, mark: str) -> int:
    if child.ledger is None or not child.is_known or mark == 'unknown':
        return ALWAYS
    since = child.ledger.changes.changed_since(int(mark))
    return ALWAYS if since is None else since


def _closes_changed_since(closes: DailyCloses, stored: History) -> int:
    versions = {name.removeprefix('rate '): int(mark) for name, mark in stored.marks.items() if name.startswith('rate ')}
    day = closes.changed_since(versions)
    if day is None:
        return int(stored.computed_at)
    return ALWAYS if day < FIRST_DAY else midnight(day)


def _start(changed: int, stored: History) -> int:
    """Return the first instant of the month to begin with, ALWAYS for all of them."""
    month = timeline.month_of(changed)
    return ALWAYS if changed == ALWAYS or month <= stored.first else month


def _due_at(stored: History) -> int | None:
    """Return the next full hour while somebody looks at the portfolio at least once a month."""
    now = clock.now()
    return (now // HOUR + 1) * HOUR if now - (stored.seen_at or 0) < _ACTIVE_SECONDS else None
