"""Create a portfolio, change it, delete it: the header at once, what hangs below it by a job that can be repeated."""

from collections.abc import Sequence

from chalicelib import clock, messages
from chalicelib.domain.work_groups import work_group
from chalicelib.messages import PurgePortfolio, RefreshLedger, portfolio_changed
from chalicelib.models import (
    Credentials,
    ExpectedVersions,
    Follower,
    History,
    Item,
    Ledger,
    Operation,
    Portfolio,
    PortfolioTree,
    Purge,
    ShareLink,
    Watch,
    Write,
    read_leftovers,
    read_portfolio_tree,
    remove_history,
    transact,
)


def store(portfolio: Portfolio, *, also: Sequence[Write] = ()) -> None:
    """Store a drafted portfolio, with `also` in the same transaction. Raises NotFound, Invalid; see Portfolio.insert.

    From then on it has a history that is due, should the message that asks for it be lost.
    """
    portfolio.insert([*also, History.request(portfolio.user_id, portfolio.portfolio_id, portfolio.created_at)])
    portfolio_changed(portfolio.user_id, portfolio.portfolio_id, looked_at=portfolio.created_at)


def change(
    user_id: str, portfolio_id: int, *, title: str | None, currencies: Sequence[str] | None, now: int, expected: ExpectedVersions = None
) -> None:
    """Store a new title, new reporting currencies, or both. Raises NotFound, PreconditionFailed."""
    Portfolio.at(user_id, portfolio_id).change(title=title, currencies=currencies, now=now, expected=expected)
    if currencies is not None:
        portfolio_changed(user_id, portfolio_id, looked_at=now)


def delete(user_id: str, portfolio_id: int, expected: ExpectedVersions = None) -> PortfolioTree:
    """Remove a portfolio and return it as it was. Raises NotFound, PreconditionFailed."""
    contents = read_portfolio_tree(user_id, portfolio_id)
    contents.portfolio.remove(clock.now(), expected)
    messages.send_or_leave_to_sweep(PurgePortfolio(user_id, portfolio_id))
    return contents


def purge(user_id: str, portfolio_id: int) -> None:
    """Remove what a deleted portfolio left behind; ledgers without any other watch are deleted by their next refresh.

    Who was computing its history may still write some of that, until no lease from before the deletion can be left: hence once more then.
    """
    for child in read_leftovers(user_id, portfolio_id):
        _remove(child)
    ShareLink.remove_all(ShareLink.of_portfolio(user_id, portfolio_id))
    remove_history(user_id, portfolio_id)
    Purge.finish(user_id, portfolio_id, clock.now(), again_after=History.LEASE_SECONDS)


def _remove(child: Item) -> None:
    if not isinstance(child, Follower):
        child.delete()
        return
    now = clock.now()
    transact(
        # If it follows another ledger by now, it has another watch: the message fails, and is delivered again to see that one.
        Write(Operation.DELETE, child, condition=child.follows(child.ledger_key)),
        Write(Operation.DELETE, Watch.of(child)),
        Write(Operation.DELETE, Credentials.at(child.ledger)),  # those of an account; others have none
        Ledger.make_due(child.ledger, now, user_id=child.user_id),
    )
    messages.send(RefreshLedger(child.ledger, group=work_group(child.user_id)))
