"""Read the history of a portfolio: a page of it is two requests, whatever is in the portfolio and however long it is."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from chalicelib import clock, messages
from chalicelib.domain import conversion, instants, money, shapes, timeline
from chalicelib.domain.timeline import State
from chalicelib.messages import RefreshHistory
from chalicelib.models import Chunk, History, Portfolio, read_headers, read_portfolio_tree
from chalicelib.services.histories import refresh
from chalicelib.services.ledgers import reading

_STALE_SECONDS = timeline.HOUR + 600
_SEEN_SECONDS = timeline.DAY


class Span(NamedTuple):
    """Which instants are asked for: those of a grid of `interval` seconds from `first` to `last`, and now when `last` is None."""

    interval: int
    first: int
    last: int | None
    newest_first: bool


class Position(NamedTuple):
    """A row of a history: the rows after it are the next page."""

    at: int
    currency: str


class Outlook(NamedTuple):
    """What rows are made with: the reporting currencies, and whether the portfolio has changed since the history was worked out."""

    reporting: list[str]
    outdated: bool


Row = shapes.HistoricBalance | shapes.HistoricValue
Show = Callable[[Outlook, int, State], list[Row]]


class Found(NamedTuple):
    """A page of a history with one row more, if there is one, and what is said beside it."""

    rows: list[Row]
    state: shapes.HistoryState


def read(user_id: str, portfolio_id: int, show: Show, span: Span, after: Position | None, limit: int) -> Found:
    """Return up to `limit` rows after a position, or from the start of the span.

    Raises NotFound, and NotReady while nothing was ever known of what the portfolio follows.
    """
    portfolio, stored = read_headers(user_id, portfolio_id)
    now = clock.now()
    if stored is None or not stored.is_computed or (_follows(portfolio) and not stored.knows_anything):
        return Found(_unstored(portfolio, show, span, after, limit, now), {'complete': True})
    outlook = Outlook(list(portfolio.currencies), stored.contents != portfolio.contents)
    if outlook.outdated or now - stored.computed_at > _STALE_SECONDS or now - (stored.seen_at or 0) > _SEEN_SECONDS:
        messages.send_or_leave_to_sweep(RefreshHistory(user_id, portfolio_id, seen_at=now))
    states = _with_now(_states(stored, span, after), span, stored.computed_at, stored.now)
    return Found(_page(states, outlook, show, span, after, limit), _state(stored, outlook))


def balances(outlook: Outlook, at: int, state: State) -> list[Row]:
    """Return the balances at an instant: the reporting currencies and all others of which something was held, by code."""
    held = {key[2:] for key in state if key.startswith('b ')}
    return [_balance(outlook, at, state, code) for code in sorted({*outlook.reporting, *held})]


def balances_in(code: str) -> Show:
    """Return what shows the balance in one currency only."""
    return lambda outlook, at, state: [_balance(outlook, at, state, code)]


def converted(outlook: Outlook, at: int, state: State) -> list[Row]:
    """Return what everything was worth at an instant in each reporting currency that it was worked out for, by code."""
    return [_value(outlook, at, state, code) for code in sorted(outlook.reporting) if f'c {code}' in state]


def _balance(outlook: Outlook, at: int, state: State, code: str) -> shapes.HistoricBalance:
    covered, total, complete = state['n']
    return {
        'currency': code,
        'balance': state.get(f'b {code}', money.plain(money.ZERO)),
        'balance_at': instants.iso(at),
        'source': 'cryptfolio',
        'complete': complete and not outlook.outdated,
        'covered': covered,
        'total': total,
    }


def _value(outlook: Outlook, at: int, state: State, code: str) -> shapes.HistoricValue:
    covered, total, complete = state['n']
    unconverted = state.get(f'm {code}', ())
    row: shapes.HistoricValue = {
        'currency': code,
        'balance': state[f'c {code}'],
        'balance_at': instants.iso(at),
        'source': 'cryptfolio',
        'complete': complete and not unconverted and not outlook.outdated,
        'covered': covered,
        'total': total,
    }
    if unconverted:
        row['missing'] = [{'currency': one, 'balance': state[f'b {one}'], 'reason': conversion.NO_RATE} for one in unconverted]
    return row


def _state(stored: History, outlook: Outlook) -> shapes.HistoryState:
    state: shapes.HistoryState = {'complete': True}
    if outlook.outdated:
        state = {'complete': False, 'reason': 'history_pending'}
    if stored.backfill:
        state['backfill'] = stored.backfill
    return state


def _unstored(portfolio: Portfolio, show: Show, span: Span, after: Position | None, limit: int, now: int) -> list[Row]:
    """Work out here and now what waits for nothing: the history of a portfolio that follows nothing. Raises NotReady for others."""
    messages.send_or_leave_to_sweep(RefreshHistory(portfolio.user_id, portfolio.portfolio_id, seen_at=now))
    if _follows(portfolio):
        raise reading.not_ready([])
    series = refresh.compute(read_portfolio_tree(portfolio.user_id, portfolio.portfolio_id), now)
    last = now if span.last is None else min(span.last, now)
    known = [(0, series.before), *series.states]
    found = timeline.at_instants(known, _grid(span, after, span.first, last))
    states = _with_now(reversed(found) if span.newest_first else found, span, now, series.now)
    return _page(states, Outlook(list(portfolio.currencies), False), show, span, after, limit)


def _follows(portfolio: Portfolio) -> bool:
    return bool(portfolio.addresses or portfolio.accounts)


def _page(states: Iterable[tuple[int, State]], outlook: Outlook, show: Show, span: Span, after: Position | None, limit: int) -> list[Row]:
    found: list[Row] = []
    for at, state in states:
        if after is not None and (at > after.at if span.newest_first else at < after.at):
            continue
        if state['n'][1] and not state['n'][0]:
            continue  # nothing at all is known of that time
        rows = show(outlook, at, state)
        found += [row for row in rows if after is None or at != after.at or str(row['currency']) > after.currency]
        if len(found) >= limit:
            break
    return found[:limit]


def _with_now(states: Iterable[tuple[int, State]], span: Span, now: int, state: State) -> Iterator[tuple[int, State]]:
    """Yield the states of a grid and that of now, which takes the place of the grid's own if it has one of the same instant."""
    of_grid = (one for one in states if span.last is not None or one[0] != now)
    current = [(now, state)] if span.last is None and span.first <= now else []
    if span.newest_first:
        yield from current
        yield from of_grid
    else:
        yield from of_grid
        yield from current


def _states(stored: History, span: Span, after: Position | None) -> Iterator[tuple[int, State]]:
    """Yield the states at the instants of the grid, in the order asked for, from the page's first instant on."""
    computed_at, begins = int(stored.computed_at), int(stored.first)
    last = computed_at if span.last is None else min(span.last, computed_at)
    known = _of_chunks(stored, span, after, last) if last >= begins else iter(())
    before = ((at, stored.before) for at in _ordered(span, _grid(span, after, span.first, min(last, begins - 1))))
    if span.newest_first:
        yield from known
        yield from before
    else:
        yield from before
        yield from known


def _of_chunks(stored: History, span: Span, after: Position | None, last: int) -> Iterator[tuple[int, State]]:
    kind = 'HOUR' if span.interval == timeline.HOUR else 'DAY'
    first = max(span.first, int(stored.first))
    if after is not None:
        first, last = (first, min(last, after.at)) if span.newest_first else (max(first, after.at), last)
    if first > last:
        return
    for chunk in Chunk.every(stored.pk, kind, first, last, newest_first=span.newest_first):
        grid = _grid(span, after, max(first, chunk.since), min(last, chunk.until - 1))
        found = timeline.at_instants(chunk.states(), grid)
        yield from reversed(found) if span.newest_first else found


def _grid(span: Span, after: Position | None, first: int, last: int) -> range:
    if after is not None:
        first, last = (first, min(last, after.at)) if span.newest_first else (max(first, after.at), last)
    return timeline.grid(span.interval, first, last)


def _ordered(span: Span, grid: range) -> Iterable[int]:
    return reversed(grid) if span.newest_first else grid
