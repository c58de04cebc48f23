"""Note on the watchers of a ledger what was observed: a first batch under its lease, and the rest in further messages, batch by batch.

So neither the lease nor a message takes longer for a ledger with many watchers. If a message is lost, the next refresh covers the rest.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from chalicelib import messages, telemetry
from chalicelib.messages import StampWatchers
from chalicelib.models import Ledger, Portfolio, Watch
from chalicelib.services.ledgers import policy


def first(pk: str) -> list[Watch]:
    """Return the first batch of watches on a ledger, which is handled under its lease."""
    return Watch.page(pk, after='', limit=policy.MOST_STAMPED_AT_ONCE)


def stamp(ledger: Ledger, watches: Sequence[Watch], *, changed: bool) -> None:
    """Note on the children and portfolios of these watches when a ledger was observed, or that its address cannot exist.

    `changed`: what portfolios show of it changed. After a full batch of watches, a message continues with the rest.
    """
    of_children = [watch for watch in watches if watch.is_of_child]  # HD wallets, the other watchers, look by themselves
    for watch in of_children:
        _stamp_child(watch, ledger)
        _stamp_portfolio(watch, ledger)
    if changed:
        messages.portfolios_changed((watch.user_id, watch.portfolio_id) for watch in of_children)
    _leave_the_rest(ledger, watches, changed=changed)


def stamp_unchanged(ledgers: Sequence[Ledger], pool: ThreadPoolExecutor) -> list[Ledger]:
    """Do the same for ledgers that were confirmed to be as they were, each portfolio once; return those that nothing watches."""
    watched = list(pool.map(telemetry.in_current_task(lambda ledger: first(ledger.pk)), ledgers))
    of_children = [(watch, ledger) for ledger, watches in zip(ledgers, watched, strict=True) for watch in watches if watch.is_of_child]
    list(pool.map(telemetry.in_current_task(lambda pair: _stamp_child(*pair)), of_children))
    # In the order of time: of a portfolio with several of them, the newest is noted.
    by_time = sorted(of_children, key=lambda pair: pair[1].updated_at)
    portfolios = {(watch.user_id, watch.portfolio_id): pair for pair in by_time for watch in pair[:1]}
    list(pool.map(telemetry.in_current_task(lambda pair: _stamp_portfolio(*pair)), portfolios.values()))
    for ledger, watches in zip(ledgers, watched, strict=True):
        _leave_the_rest(ledger, watches, changed=False)
    return [ledger for ledger, watches in zip(ledgers, watched, strict=True) if not watches]


def stamp_more(message: StampWatchers) -> None:
    """Handle the batch of watches at which a message continues."""
    ledger = Ledger.find(message.ledger)
    if ledger is not None:
        ledger.acting_group = message.group
        stamp(ledger, Watch.page(ledger.pk, after=message.after, limit=policy.MOST_STAMPED_AT_ONCE), changed=message.changed)


def _leave_the_rest(ledger: Ledger, watches: Sequence[Watch], *, changed: bool) -> None:
    """After a full batch of watches, enqueue a message that continues after the last of them."""
    if len(watches) == policy.MOST_STAMPED_AT_ONCE:
        group = ledger.acting_group or ledger.work_group or ''
        messages.send_or_leave_to_sweep(StampWatchers(ledger.pk, watches[-1].before_next_child, changed, group))


def _stamp_child(watch: Watch, ledger: Ledger) -> None:
    """Note it where the child is still there, and follows this ledger."""
    child = watch.child
    news = child.news_of(ledger)
    if news:
        child.update_blindly(*news, condition=child.shows(ledger))


def _stamp_portfolio(watch: Watch, ledger: Ledger) -> None:
    if ledger.ready and ledger.valid is not False:
        observed = [attribute.set(ledger.updated_at) for attribute in (Portfolio.observed_at, Portfolio.balances_last_updated)]
        Portfolio.at(watch.user_id, watch.portfolio_id).update_blindly(*observed)
