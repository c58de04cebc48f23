"""Compute the history of a portfolio: what changed, from which month on, and then replay it."""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from chalicelib.domain import currencies, timeline
from chalicelib.domain.changelog import ALWAYS
from chalicelib.domain.conversion import Rates
from chalicelib.domain.rates import FIRST_DAY, day_of, midnight
from chalicelib.domain.replay import Contribution
from chalicelib.domain.timeline import PortfolioState, StateAt
from chalicelib.models import History, HistoryResult, PortfolioTree
from chalicelib.services.histories import policy, staleness
from chalicelib.services.histories.staleness import InputVersions
from chalicelib.services.portfolios import contributions
from chalicelib.services.portfolios.allowances import Allowance, transaction_allowance
from chalicelib.services.portfolios.contributions import Child
from chalicelib.services.rates import current, daily_closes
from chalicelib.services.rates.daily_closes import DailyCloses

_VALUES_OF_CLOSES = 1_000  # that take as long to compute as the daily closes of a currency to read


class ComputedHistory(NamedTuple):
    """A history as computed now: `states` from the first replayed month on, oldest first, and what is stored beside them.

    `not_requested` says that rates of some of its currencies were not requested from any source yet, `unanswered` that some were, and did
    not come.
    """

    result: HistoryResult
    states: list[StateAt]
    not_requested: bool
    unanswered: bool

    @property
    def awaits_rates(self) -> bool:
        """Whether it is to be computed again soon, because rates or daily closes are still being fetched."""
        return self.not_requested or self.unanswered or bool(self.result.backfill)


def value_allowance(most: int = policy.MOST_VALUES_AT_ONCE) -> Allowance:
    """Return the allowance of so many values, of all histories together that one request shows."""
    return Allowance(most, policy.VALUES_PER_REQUEST)


class _Inputs(NamedTuple):
    """What is replayed: the parts of a portfolio from `start` on, ALWAYS for all of the past, their currencies and daily closes.

    `values` is how many there will be at most.
    """

    start: int
    parts: list[Contribution]
    codes: frozenset[str]
    closes: DailyCloses
    values: int


def compute_history(
    contents: PortfolioTree, children: Sequence[Child], stored: History | None, now: int, allowance: Allowance
) -> ComputedHistory:
    """Return the history of a portfolio from the earliest month on in which something changed since `stored`; all of it for None.

    `allowance` is that of values. Raises HistoryTooLarge for more than it has, before any is computed, and for too many transactions.
    """
    versions = staleness.input_versions(contents, children)
    remembered = versions | staleness.last_observations(children, now)
    if stored is None:
        inputs = _read_inputs(contents, children, stored, ALWAYS, now, allowance)
        allowance.take(inputs.values)
        return _replay(contents, inputs, stored, remembered, now)
    changed_since = staleness.balances_changed_since(contents, children, versions, stored)
    start = staleness.first_month_to_replay(changed_since, stored)
    inputs = _read_inputs(contents, children, stored, start, now, allowance)
    if start != ALWAYS:  # only now it is known which currencies there are, and so which closes
        closes_start = staleness.first_month_to_replay(staleness.closes_changed_since(inputs.closes, stored), stored)
        if closes_start < start:
            inputs = _read_inputs(contents, children, stored, closes_start, now, allowance)
    allowance.take(inputs.values)
    return _replay(contents, inputs, stored, remembered, now)


def _read_inputs(
    contents: PortfolioTree, children: Sequence[Child], stored: History | None, start: int, now: int, allowance: Allowance
) -> _Inputs:
    parts = contributions.of_children(children, start, transaction_allowance(policy.MOST_TRANSACTIONS))
    parts += contributions.of_offsets(contents)
    reporting = contents.portfolio.currencies
    in_parts = (code for part in parts for code in (*part.base, *(move.currency for move in part.moves)))
    codes = currencies.listed((*reporting, *in_parts, *(stored.codes if stored is not None else ())))

    def count(rates_from: int) -> int:
        values = timeline.count_values(parts, codes, reporting, start, now, rates_from=rates_from) + len(codes) * _VALUES_OF_CLOSES
        allowance.require(values)
        return values

    values = count(now)
    closes = daily_closes.read(codes, day_of(start) if start else FIRST_DAY, day_of(now))
    if closes.first_day is not None:  # from which on what was always held has a value
        values = count(midnight(closes.first_day))
    return _Inputs(start, parts, codes, closes, values)


def _replay(contents: PortfolioTree, inputs: _Inputs, stored: History | None, versions: InputVersions, now: int) -> ComputedHistory:
    reporting = contents.portfolio.currencies
    first, before = _beginning(inputs, reporting, stored, now)
    closes_on = lru_cache(1)(inputs.closes.on)  # of one day after the other: those of all days would be most of what is in memory
    points = timeline.points(inputs.parts, inputs.start or first, now)
    latest = current.latest(inputs.codes)
    not_requested = inputs.codes - latest.requested
    if not_requested:
        current.track(not_requested, now)
    result = HistoryResult(
        contents=contents.portfolio.contents,
        currencies=list(reporting),
        input_versions=versions | staleness.versions_of_closes(inputs.closes),
        codes=sorted(inputs.codes),
        backfill=[progress for progress in inputs.closes.progress if not progress.done],
        before=before,
        now=timeline.state(timeline.point_at(inputs.parts, now, with_later=True), reporting, latest.rates),
        first=first,
    )
    states = list(timeline.states(points, reporting, lambda at: closes_on(day_of(at))))
    unanswered = bool(inputs.codes & latest.pending) or inputs.closes.awaits(day_of(now))
    return ComputedHistory(result, states, bool(not_requested), unanswered)


def _beginning(inputs: _Inputs, reporting: Sequence[str], stored: History | None, now: int) -> tuple[int, PortfolioState]:
    """Return the first month of the history, as its first instant, and the state before it.

    It is the month in which a balance first changed, or, where something was held before that, in which that first had a value.
    """
    if stored is not None and inputs.start != ALWAYS:
        return stored.first, stored.before
    before = timeline.point_at(inputs.parts, 0)
    begins = min(timeline.beginning(inputs.parts) or now, now)
    if before.balances and inputs.closes.first_day is not None:
        begins = min(begins, midnight(inputs.closes.first_day))
    return timeline.month_of(begins), timeline.state(before, reporting, Rates(0, ()))
