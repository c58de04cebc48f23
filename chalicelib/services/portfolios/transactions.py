"""The transactions of all addresses and accounts of a portfolio as one list, newest first.

A page is merged from the ledgers that can have a part in it: one query for each whose newest transaction is not older than the last of the
page, eight at a time. Of those that are quiet since then nothing is read.
"""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import groupby
from typing import NamedTuple

from chalicelib import telemetry
from chalicelib.domain import instants, ledgers
from chalicelib.models import Ledger, Transaction, read_portfolio_tree, read_transactions
from chalicelib.services.ledgers import reading
from chalicelib.services.portfolios import contributions
from chalicelib.services.portfolios.balances import IncompleteChild
from chalicelib.services.portfolios.contributions import Child

_AT_ONCE = 8
_ENTRIES_OF_ONE = 10  # so many currencies does one transaction seldom move in one ledger: read beyond a page, to recognise transfers
_FOREVER = 2**62


class PortfolioPosition(NamedTuple):
    """Where a transaction stands in the list: where in its ledger, and in which child of the portfolio, by the child's name."""

    position: str
    child: str

    @property
    def group(self) -> str:
        """What all entries of the same transaction have in common, in whichever ledger."""
        return self.position.rpartition('#')[0]


class PortfolioTransaction(NamedTuple):
    """A transaction with the child of the portfolio that it is of; `is_internal` if another child has its other side."""

    transaction: Transaction
    child: Child
    is_internal: bool

    @property
    def place(self) -> PortfolioPosition:
        return PortfolioPosition(self.transaction.position, _name(self.child))


class PortfolioTransactions(NamedTuple):
    """A page of the list, and the children whose transactions are incomplete, with why."""

    rows: list[PortfolioTransaction]
    incomplete: list[IncompleteChild]


def list_transactions(user_id: str, portfolio_id: int, *, after: PortfolioPosition | None, limit: int) -> PortfolioTransactions:
    """Return up to `limit` transactions after a position, newest first.

    Raises NotFound, and NotReady while the portfolio follows ledgers none of which was ever read.
    """
    children = contributions.children(read_portfolio_tree(user_id, portfolio_id))
    states = [child.ledger for child in children if child.ledger is not None]
    reading.refresh_stale(states, user_id)
    readable = _readable(children)
    if children and not readable:
        raise reading.not_ready(states)
    return PortfolioTransactions(_page(readable, after, limit), list(_incomplete(children)))


def newest(children: Sequence[Child], limit: int, *, until: int | None = None) -> list[PortfolioTransaction]:
    """Return the newest transactions of children whose ledgers were read, of those made until an instant if one is given."""
    after = None if until is None else PortfolioPosition(f'{instants.sortable(until + 1)}#', '')
    return _page(_readable(children), after, limit)


def _page(children: Sequence[Child], after: PortfolioPosition | None, limit: int) -> list[PortfolioTransaction]:
    rows = _with_transfers(_merge(children, after, limit))
    return [row for row in rows if _is_after((row.transaction, row.child), after)][:limit]


def _readable(children: Sequence[Child]) -> list[Child]:
    return [child for child in children if child.ledger is not None and child.ledger.ready]


def _merge(children: Sequence[Child], after: PortfolioPosition | None, limit: int) -> list[tuple[Transaction, Child]]:
    """Return the transactions of a page, newest first, and all others that are of one of its groups."""
    waiting = sorted(children, key=_newest_at, reverse=True)
    merged: list[tuple[Transaction, Child]] = []
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        while waiting and _newest_at(waiting[0]) >= _oldest_needed(merged, after, limit):
            batch, waiting = waiting[:_AT_ONCE], waiting[_AT_ONCE:]
            read = telemetry.in_current_task(partial(_read, after=after, limit=limit))
            merged = sorted([*merged, *(pair for pairs in pool.map(read, batch) for pair in pairs)], key=_order_of, reverse=True)
            oldest = _oldest_needed(merged, after, limit)
            merged = [pair for pair in merged if pair[0].txn_at >= oldest]
    return merged


def _oldest_needed(merged: Sequence[tuple[Transaction, Child]], after: PortfolioPosition | None, limit: int) -> int:
    """Return when the last transaction of a page was made; the beginning while the page is not full."""
    on_page = [pair for pair in merged if _is_after(pair, after)]
    return int(on_page[limit - 1][0].txn_at) if len(on_page) >= limit else 0


def _is_after(pair: tuple[Transaction, Child], place: PortfolioPosition | None) -> bool:
    return place is None or _order_of(pair) < _order(place)


def _order_of(pair: tuple[Transaction, Child]) -> tuple[str, str]:
    return _order(PortfolioPosition(pair[0].position, _name(pair[1])))


def _read(child: Child, after: PortfolioPosition | None, limit: int) -> list[tuple[Transaction, Child]]:
    """Return the newest transactions of a child, `limit` of them after a position, with those before it that are of the same group."""
    pairs: list[tuple[Transaction, Child]] = []
    before = None if after is None else f'{after.group}#~'
    size = limit + 2 * _ENTRIES_OF_ONE
    while True:
        page = read_transactions(child.key.text, before=before, limit=size).transactions
        pairs += [(transaction, child) for transaction in page]
        if len(page) < size or sum(_is_after(pair, after) for pair in pairs) >= limit:
            return pairs
        before = page[-1].position


def _newest_at(child: Child) -> int:
    """Return when the newest transaction of a child can be; before everything if it has none."""
    ledger = child.ledger
    if ledger is None or ledger.is_unused:
        return -1
    return int(ledger.newest_at or _FOREVER)


def _with_transfers(merged: Iterable[tuple[Transaction, Child]]) -> Iterator[PortfolioTransaction]:
    """Yield transactions, and of each whether another child has the other side of it: the same id, another sign in the same currency."""
    for _, together in groupby(merged, key=lambda pair: PortfolioPosition(pair[0].position, '').group):
        group = list(together)
        for transaction, child in group:
            yield PortfolioTransaction(transaction, child, any(_is_other_side(transaction, child, *other) for other in group))


def _is_other_side(transaction: Transaction, child: Child, other: Transaction, other_child: Child) -> bool:
    is_elsewhere = _name(child) != _name(other_child) and transaction.currency == other.currency
    return is_elsewhere and (transaction.delta > 0) != (other.delta > 0)


def _incomplete(children: Sequence[Child]) -> Iterator[IncompleteChild]:
    for child in children:
        reason = _reason(child.ledger)
        if reason is not None:
            yield IncompleteChild(child.follower.follower_kind, child.follower.child_id, child.follower.title, reason)


def _reason(ledger: Ledger | None) -> str | None:
    if ledger is None or not ledger.ready:
        return ledgers.NEEDS_KEY if ledger is not None and ledger.needs_key else 'not_ready'
    return ledger.reason


def _name(child: Child) -> str:
    return f'{child.follower.follower_kind}{child.follower.child_id:09}'


def _order(place: PortfolioPosition) -> tuple[str, str]:
    return place.position, place.child
