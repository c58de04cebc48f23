"""Keep the history of a portfolio up to date, stored where one query finds it. Works on DynamoDB only.

A message only names the portfolio: what changed is found by comparing the versions of what the last result was computed from.
So a message that is lost delays the history until its next hourly recomputation, the first one too, and a repeated one changes nothing.
"""

import math
import uuid

from chalicelib import clock, errors, messages
from chalicelib.domain.timeline import DAY
from chalicelib.messages import RefreshHistory
from chalicelib.models import (
    History,
    HistoryMonth,
    LeaseLost,
    Portfolio,
    read_header,
    read_portfolio_tree,
    remove_history,
    split_by_month,
)
from chalicelib.services.histories import policy
from chalicelib.services.histories.compute import ComputedHistory, compute_history, value_allowance
from chalicelib.services.histories.turns import TURNS, NoTurn
from chalicelib.services.portfolios import contributions


def refresh(user_id: str, portfolio_id: int, *, looked_at: int | None = None, waits: int = 0, deadline: float = math.inf) -> None:
    """Bring the history of a portfolio up to date; if another worker holds the lease, have it run again.

    `looked_at` is when a user looked at the portfolio or changed it. `waits` counts the messages in a row before this one that found rates
    still being fetched. Where it may not be begun, as others are computed, or not before the `deadline`, it is left to another message.

    >>> refresh('5f0c', 1, looked_at=1_700_000_000)
    """
    history = History.request_and_lease(user_id, portfolio_id, owner=uuid.uuid4().hex, now=clock.now(), looked_at=looked_at)
    if history is None:
        return
    try:
        is_final = _recompute_until_current(history, looked_at, deadline)
    except LeaseLost:
        return
    except NoTurn as no_turn:
        _leave_to(history, RefreshHistory(user_id, portfolio_id, looked_at=looked_at, waits=waits), no_turn.seconds)
        return
    except Exception:
        history.drop_lease()  # else the next receive of the message would find the lease held, and count as done
        raise
    delay = policy.retry_delay_seconds(waits)
    if not is_final and delay is not None:
        messages.send(RefreshHistory(user_id, portfolio_id, waits=waits + 1), delay=delay)


def _leave_to(history: History, message: RefreshHistory, seconds: int) -> None:
    """Leave a history to a message that arrives in some seconds, with its lease until then: others about it end at once."""
    history.keep_lease_until(clock.now() + seconds - 1)
    try:
        messages.send(message, delay=seconds)
    except Exception:
        history.drop_lease()  # else the next receive of the message that this was would find it held
        raise


def _recompute_until_current(history: History, looked_at: int | None, deadline: float) -> bool:
    """Recompute until no request came meanwhile, or it takes long; give the lease back. False if it is to be repeated.

    Raises LeaseLost and NoTurn.
    """
    is_recent = looked_at is not None and history.is_computed and history.computed_at > looked_at - policy.BURST_SECONDS
    awaits_rates = False
    for _ in range(policy.MAX_ROUNDS):
        begun = clock.monotonic()
        if not _is_settled(history, is_recent, clock.now()):
            with TURNS.of(history.key[0], deadline) as has_waited:
                if has_waited:
                    history.reload()  # what was requested meanwhile will be in it
                    begun = clock.monotonic()
                awaits_rates = _recompute(history)
        if history.finish(policy.next_due(history.looked_at, clock.now())):
            return not awaits_rates
        if clock.monotonic() - begun > policy.LONG_ROUND_SECONDS:
            break
        history.reload()
        is_recent = history.is_computed
    history.drop_lease()
    return False


def _is_settled(history: History, is_recent: bool, now: int) -> bool:
    """Whether the last refusal, or result if it is recent, is of the portfolio as it is; takes one small read where it may be.

    Each of a thousand changes in a row is announced, and the first message after the last of them brings all.
    """
    is_refused = history.refused_at is not None and now - history.refused_at < policy.REFUSED_SECONDS
    may_be_in_it = is_recent and history.has_all_of_ledgers
    is_half_written = history.rewritten_since is not None  # as a worker died
    if is_half_written or not (is_refused or may_be_in_it):
        return False
    try:
        portfolio = read_header(*history.key)
    except errors.NotFound:
        return False
    if is_refused:
        return bool(history.too_large_contents == portfolio.contents)
    return bool(history.contents == portfolio.contents)


def _recompute(history: History) -> bool:
    """Compute and store a history, and stamp the portfolio; True if rates are still being fetched.

    Raises LeaseLost, also when the portfolio is gone: then its history is removed.
    """
    now = clock.now()
    try:
        contents = read_portfolio_tree(*history.key)
    except errors.NotFound:
        raise _removed(history) from None
    children = contributions.children(contents)
    if children and not history.knows_anything and not any(child.is_known for child in children):
        return False
    try:
        computed = compute_history(contents, children, history if history.is_computed else None, now, value_allowance(policy.MOST_VALUES))
    except errors.HistoryTooLarge:
        history.refuse(contents.portfolio.contents, now)
        return False
    _store(history, computed, now)
    if contents.children:  # an empty portfolio has nothing that was updated
        _stamp_portfolio(history, has_ledgers=bool(children), converted=not computed.not_requested, now=now)
    return computed.awaits_rates


def _store(history: History, computed: ComputedHistory, now: int) -> None:
    """Store the months and then the result: readers notice months that are newer than it. Raises LeaseLost."""
    since = computed.states[0][0]
    if since == computed.result.first and history.is_computed:
        since = min(since, history.first)  # the history may begin later than before
    if history.rewritten_since is not None:
        since = min(since, history.rewritten_since)
    version = history.begin_rewrite(since, now)
    daily = [state for state in computed.states if state[0] % DAY == 0]
    for kind, states in (('DAY', daily), ('HOUR', computed.states)):
        months = [month for inside, until in split_by_month(states) for month in HistoryMonth.of(history.pk, kind, inside, until)]
        HistoryMonth.replace(history.pk, kind, since, months, version)
    history.store(computed.result, version, now)


def _stamp_portfolio(history: History, *, has_ledgers: bool, converted: bool, now: int) -> None:
    """Record on the portfolio what was computed when. Raises LeaseLost when it is gone."""
    stamps = [Portfolio.histories_last_updated.set(now)]
    if not has_ledgers:  # else the refreshes of its ledgers record it
        stamps.append(Portfolio.balances_last_updated.set(now))
    if converted:
        stamps += [Portfolio.converted_balances_last_updated.set(now), Portfolio.converted_histories_last_updated.set(now)]
    if not Portfolio.at(*history.key).update_blindly(*stamps):
        raise _removed(history)


def _removed(history: History) -> LeaseLost:
    """Remove the history of a portfolio that is gone, and with it the lease."""
    remove_history(*history.key)
    return LeaseLost(history.pk)
