"""Tell those who watch a ledger what was observed: the first of them under its lease, and the rest, however many, by further messages.

So neither the lease nor a message takes longer for a ledger that many watch. A message that is lost leaves the rest to the next refresh.
"""

from collections.abc import Sequence

from chalicelib import messages
from chalicelib.messages import StampWatchers
from chalicelib.models import Ledger, Portfolio, Watch
from chalicelib.services.ledgers import policy


def first(pk: str) -> list[Watch]:
    """Return the first watches on a ledger, as many as are told under its lease."""
    return Watch.page(pk, after='', limit=policy.MOST_STAMPED_AT_ONCE)


def stamp(ledger: Ledger, watches: Sequence[Watch], *, changed: bool) -> None:
    """Note on the children and portfolios of these watches when a ledger was observed, or that its address cannot exist.

    With `changed`, what portfolios show of it did. If these are as many as are told at once, a message goes on with the rest.
    """
    of_children = [watch for watch in watches if watch.is_of_child]  # wallets, the other watchers, look by themselves
    for watch in of_children:
        _stamp(watch, ledger)
    if changed:
        messages.portfolios_changed((watch.user_id, watch.portfolio_id) for watch in of_children)
    if len(watches) == policy.MOST_STAMPED_AT_ONCE:
        messages.send_or_leave_to_sweep(StampWatchers(ledger.pk, str(watches[-1].sk), changed))


def stamp_more(message: StampWatchers) -> None:
    """Tell the watches that come after those which were told."""
    ledger = Ledger.find(message.ledger)
    if ledger is not None:
        stamp(ledger, Watch.page(ledger.pk, after=message.after, limit=policy.MOST_STAMPED_AT_ONCE), changed=message.changed)


def _stamp(watch: Watch, ledger: Ledger) -> None:
    """Note it where the child is still there, and follows this ledger."""
    child = watch.child
    news = child.news_of(ledger)
    if news:
        child.update_blindly(*news, condition=child.shows(ledger))
    if ledger.ready and ledger.valid is not False:
        observed = [attribute.set(ledger.updated_at) for attribute in (Portfolio.observed_at, Portfolio.balances_last_updated)]
        Portfolio.at(watch.user_id, watch.portfolio_id).update_blindly(*observed)
