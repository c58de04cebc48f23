"""Read the history of a portfolio: a page of it is two requests, whatever is in the portfolio and however long it is.

A history may be computed anew between two pages, and while one is read. Its months have the version in which they last changed, so that a
page that is of two versions, or of a later one than the first page of its cursor, is told from one that is not.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Generic, NamedTuple, cast

from chalicelib import clock, messages
from chalicelib.domain import timeline
from chalicelib.domain.rates import BackfillProgress
from chalicelib.domain.timeline import PortfolioState, StateAt
from chalicelib.errors import HistoryTooLarge
from chalicelib.messages import RefreshHistory
from chalicelib.models import History, HistoryMonth, Portfolio, read_headers, read_portfolio_tree
from chalicelib.services.histories import policy
from chalicelib.services.histories.compute import compute_history, value_allowance
from chalicelib.services.histories.rows import HistoryView, Row, RowsAt
from chalicelib.services.ledgers import reading
from chalicelib.services.portfolios import contributions
from chalicelib.services.portfolios.allowances import Allowance
from chalicelib.services.rates.past import HourlySets


class InstantRange(NamedTuple):
    """The instants that a client requests: those of a grid of `interval` seconds from `first` to `last`, and now when `last` is None."""

    interval: int
    first: int
    last: int | None
    newest_first: bool


class Position(NamedTuple):
    """A row of a history: the rows after it are the next page.

    `is_now` says that it is not of the grid, but of the instant at which the history was computed: that moves when it is computed anew.
    At the first page it was `as_of`, and the history of `version`, 0 for one that was not stored; both are None in a position of an earlier
    release.
    """

    at: int
    currency: str
    is_now: bool = False
    version: int | None = None
    as_of: int | None = None

    def precedes(self, row: Row, *, of_now: bool, newest_first: bool) -> bool:
        """Whether a row comes after this one."""
        if self.is_now:
            return row.currency > self.currency if of_now else newest_first and row.at < self.at
        if row.at == self.at:
            return row.currency > self.currency
        return row.at < self.at if newest_first else row.at > self.at


class PageRequest(NamedTuple):
    """Up to `limit` rows of a range, after a position or from its start."""

    span: InstantRange
    after: Position | None
    limit: int


class HistoryPage(NamedTuple, Generic[Row]):
    """A page of a history with one row more, if there is one.

    `now` is the instant of the newest rows where these are not of the grid. `version` is the history's as of the first page of the cursor,
    `as_of` when that was computed. `outdated` says that the portfolio has changed since its history was computed, `is_mixed` that some
    rows are of a computation under way, `changed` that rows are others than they were at the first page. `backfill` says which closes were
    still missing.
    """

    rows: list[Row]
    now: int | None
    version: int
    as_of: int
    outdated: bool = False
    is_mixed: bool = False
    changed: bool = False
    backfill: Sequence[BackfillProgress] = ()

    def position(self, row: Row) -> Position:
        """Return where a row stands."""
        return Position(row.at, row.currency, row.at == self.now, self.version, self.as_of)


_Stretch = tuple[range, PortfolioState]  # instants of a grid, and the state at all of them


class _Reading:
    """What was read of a history for a page so far: the newest version of its parts."""

    def __init__(self) -> None:
        self.newest_version = 0


def read(
    user_id: str, portfolio_id: int, rows_at: RowsAt[Row], page_request: PageRequest, allowance: Allowance | None = None
) -> HistoryPage[Row]:
    """Return the rows that are asked for, computed within an allowance of values, that of one history or of all shown together.

    Raises NotFound, NotReady while nothing was ever known of what the portfolio follows, and HistoryTooLarge.
    """
    for attempt in range(policy.MOST_READINGS):
        portfolio, stored = read_headers(user_id, portfolio_id)
        now = clock.now()
        if stored is not None and stored.too_large_contents == portfolio.contents:
            _record_view(portfolio, stored, now)
            raise HistoryTooLarge
        if stored is None or not stored.is_computed or (portfolio.follows_ledgers and not stored.knows_anything):
            return _unstored(portfolio, rows_at, page_request, now, allowance or value_allowance())
        if attempt == 0:
            _refresh_if_stale(portfolio, stored, now)
        page = _stored_page(portfolio, stored, rows_at, page_request)
        if not page.is_mixed:
            break
    return page


def _refresh_if_stale(portfolio: Portfolio, stored: History, now: int) -> None:
    if stored.contents != portfolio.contents or now - stored.computed_at > policy.STALE_SECONDS:
        _request_refresh(portfolio, now)
    else:
        _record_view(portfolio, stored, now)


def _record_view(portfolio: Portfolio, stored: History, now: int) -> None:
    """Have the history refreshed as one that is viewed, unless a view was recorded lately: it goes on to be recomputed each hour."""
    if now - (stored.looked_at or 0) > policy.VIEW_RECORDED_SECONDS:
        _request_refresh(portfolio, now)


def _request_refresh(portfolio: Portfolio, now: int) -> None:
    messages.send_or_leave_to_sweep(RefreshHistory(portfolio.user_id, portfolio.portfolio_id, looked_at=now))


def _unstored(portfolio: Portfolio, rows_at: RowsAt[Row], page_request: PageRequest, now: int, allowance: Allowance) -> HistoryPage[Row]:
    """Compute the history of a portfolio that follows no ledger here and now. Raises NotReady for one that follows some, or is large."""
    _request_refresh(portfolio, now)
    if portfolio.follows_ledgers and portfolio.was_observed:
        raise reading.not_ready_since(portfolio.observed_at)
    contents = read_portfolio_tree(portfolio.user_id, portfolio.portfolio_id)
    children = contributions.children(contents)
    if portfolio.follows_ledgers:
        raise reading.not_ready([child.ledger for child in children if child.ledger is not None])
    try:
        computed = compute_history(contents, children, None, now, allowance)
    except HistoryTooLarge:
        raise reading.not_ready([]) from None
    changes = [(0, computed.result.before), *computed.states, (now, computed.result.now)]
    return computed_page(changes, _view(portfolio, page_request, now, outdated=False), rows_at, page_request)


def computed_page(changes: Sequence[StateAt], view: HistoryView, rows_at: RowsAt[Row], page_request: PageRequest) -> HistoryPage[Row]:
    """Return a page of what was just computed: the state from each change on, oldest first, the last of them that of now."""
    *past, (now, current) = changes
    span, after, _ = page_request
    stretches = _with_now(timeline.in_force(past, _grid(span, *_bounds(span, after, now))), span, now, current)
    return HistoryPage(_rows(stretches, view, rows_at, page_request, now), _now_of(span, now), _pinned(after, 0), _as_of(after, now))


def _stored_page(portfolio: Portfolio, stored: History, rows_at: RowsAt[Row], page_request: PageRequest) -> HistoryPage[Row]:
    span, after, _ = page_request
    read = _Reading()
    computed_at = int(stored.computed_at)
    view = _view(portfolio, page_request, computed_at, outdated=stored.contents != portfolio.contents)
    stretches = _with_now(_stretches(stored, span, after, read), span, computed_at, stored.now)
    rows = _rows(stretches, view, rows_at, page_request, computed_at)
    version = _pinned(after, stored.version)
    now_moved = after is not None and after.is_now and after.at != computed_at
    is_other = read.newest_version > version or (now_moved and stored.version != version)
    is_mixed = read.newest_version > stored.version
    return HistoryPage(
        [cast(Row, row._replace(complete=False)) for row in rows] if is_mixed else rows,
        _now_of(span, computed_at),
        version,
        _as_of(after, computed_at),
        view.outdated,
        is_mixed,
        after is not None and is_other,
        stored.backfill,
    )


def _view(portfolio: Portfolio, page_request: PageRequest, computed_at: int, *, outdated: bool) -> HistoryView:
    span = page_request.span
    hours = -(-page_request.limit // len(portfolio.currencies))
    sets = HourlySets(-hours if span.newest_first else hours)
    is_by_hour = span.interval == timeline.HOUR
    now = _now_of(span, computed_at)  # which has the latest rates
    return HistoryView(list(portfolio.currencies), outdated, lambda at: sets.at(at) if is_by_hour and at != now else None)


def _pinned(after: Position | None, version: int) -> int:
    """Return the version of a cursor's first page."""
    return version if after is None or after.version is None else after.version


def _as_of(after: Position | None, computed_at: int) -> int:
    """Return when the history was computed that a cursor's first page was of; no later than the one there is, whatever a cursor says."""
    return computed_at if after is None or after.as_of is None else min(after.as_of, computed_at)


def _now_of(span: InstantRange, computed_at: int) -> int | None:
    return computed_at if span.last is None else None


def _rows(stretches: Iterable[_Stretch], view: HistoryView, rows_at: RowsAt[Row], page_request: PageRequest, computed_at: int) -> list[Row]:
    span, after, limit = page_request
    rows: list[Row] = []
    for instants, state in stretches:
        if state.total and not state.covered:
            continue  # nothing at all is known of that time
        for at in instants:
            of_instant = rows_at(view, at, state)
            if not of_instant:
                break  # nor is there a row at the others
            of_now = at == _now_of(span, computed_at)
            rows += [row for row in of_instant if after is None or after.precedes(row, of_now=of_now, newest_first=span.newest_first)]
            if len(rows) >= limit:
                return rows[:limit]
    return rows


def _with_now(stretches: Iterable[_Stretch], span: InstantRange, now: int, state: PortfolioState) -> Iterator[_Stretch]:
    """Yield the states of a grid and that of now."""
    current = [(range(now, now + 1), state)] if span.last is None and span.first <= now else []
    if span.newest_first:
        yield from current
        yield from stretches
    else:
        yield from stretches
        yield from current


def _stretches(stored: History, span: InstantRange, after: Position | None, read: _Reading) -> Iterator[_Stretch]:
    """Yield the states at the instants of the grid, in the order asked for, from the page's first instant on."""
    begins = int(stored.first)
    first, last = _bounds(span, after, int(stored.computed_at))
    computed = _of_chunks(stored, span, max(first, begins), last, read)
    before = _before(stored, _grid(span, first, min(last, begins - 1)), read)
    if span.newest_first:
        yield from computed
        yield from before
    else:
        yield from before
        yield from computed


def _before(stored: History, instants: range, read: _Reading) -> Iterator[_Stretch]:
    if instants:
        read.newest_version = max(read.newest_version, stored.before_version)
        yield instants, stored.before


def _of_chunks(stored: History, span: InstantRange, first: int, last: int, read: _Reading) -> Iterator[_Stretch]:
    if first > last:
        return
    kind = 'HOUR' if span.interval == timeline.HOUR else 'DAY'
    for chunk in HistoryMonth.every(stored.pk, kind, first, last, newest_first=span.newest_first):
        read.newest_version = max(read.newest_version, chunk.version)
        yield from timeline.in_force(chunk.states, _grid(span, max(first, chunk.since), min(last, chunk.until - 1)))


def _bounds(span: InstantRange, after: Position | None, computed_at: int) -> tuple[int, int]:
    """Return the first and the last instant that the grid may have on a page; the first is the later one if it may have none.

    The instant of now is not of the grid, and of a cursor's pages that is where it first was.
    """
    last = _as_of(after, computed_at) - 1 if span.last is None else min(span.last, computed_at)
    if after is None:
        return span.first, last
    if span.newest_first:
        return span.first, min(last, after.at)
    return last + 1 if after.is_now else max(span.first, after.at), last


def _grid(span: InstantRange, first: int, last: int) -> range:
    grid = timeline.grid(span.interval, first, last)
    return grid[::-1] if span.newest_first else grid
