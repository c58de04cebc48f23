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
from chalicelib.domain import instants, ledgers, transfers
from chalicelib.domain.transfers import Side
from chalicelib.models import Ledger, Transaction, read_portfolio_tree, read_transactions
from chalicelib.services.ledgers import policy, reading
from chalicelib.services.portfolios import contributions
from chalicelib.services.portfolios.allowances import Allowance
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


class _Entry(NamedTuple):
    """A transaction of a child, and where it stands."""

    place: PortfolioPosition
    transaction: Transaction
    child: Child


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
    return [row for row in rows if after is None or row.place < after][:limit]


def _readable(children: Sequence[Child]) -> list[Child]:
    return [child for child in children if child.ledger is not None and child.ledger.ready]


def _merge(children: Sequence[Child], after: PortfolioPosition | None, limit: int) -> list[_Entry]:
    """Return the transactions of a page, newest first, and all others that are of one of its groups."""
    waiting = sorted(children, key=_newest_at, reverse=True)
    ledgers_read = Allowance(len(waiting), policy.LEDGERS_PER_REQUEST)
    merged: list[_Entry] = []
    on_page: list[_Entry] = []
    oldest = 0  # when the last transaction of the page was made, once that is full
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for start in range(0, len(waiting), _AT_ONCE):
            batch = waiting[start : start + _AT_ONCE]
            if _newest_at(batch[0]) < oldest:
                break
            ledgers_read.take(len(batch))
            read = telemetry.in_current_task(partial(_read, after=after, limit=limit, since=oldest or None))
            entries = [entry for of_child in pool.map(read, batch) for entry in of_child]
            merged += entries
            on_page += (entry for entry in entries if after is None or entry.place < after)
            on_page = sorted(on_page, key=_place_of, reverse=True)[:limit]
            oldest = int(on_page[-1].transaction.txn_at) if len(on_page) == limit else 0
    return sorted((entry for entry in merged if entry.transaction.txn_at >= oldest), key=_place_of, reverse=True)


def _place_of(entry: _Entry) -> PortfolioPosition:
    return entry.place


def _read(child: Child, after: PortfolioPosition | None, limit: int, since: int | None) -> list[_Entry]:
    """Return the newest transactions of a child, `limit` of them after a position, with those before it that are of the same group.

    None of them was made before `since`.
    """
    name = _name(child)
    entries: list[_Entry] = []
    before = None if after is None else f'{after.group}#~'
    size = limit + 2 * _ENTRIES_OF_ONE
    while True:
        page = read_transactions(child.key.text, before=before, limit=size, since=since).transactions
        entries += [_Entry(PortfolioPosition(transaction.position, name), transaction, child) for transaction in page]
        if len(page) < size or sum(after is None or entry.place < after for entry in entries) >= limit:
            return entries
        before = page[-1].position


def _newest_at(child: Child) -> int:
    """Return when the newest transaction of a child can be; before everything if it has none."""
    ledger = child.ledger
    if ledger is None or ledger.is_unused:
        return -1
    return int(ledger.newest_at or _FOREVER)


def _with_transfers(merged: Iterable[_Entry]) -> Iterator[PortfolioTransaction]:
    """Yield transactions, and of each whether another child has the other side of it."""
    for _, together in groupby(merged, key=lambda entry: entry.place.group):
        group = list(together)
        sides = [Side(entry.place.child, entry.transaction.currency, entry.transaction.delta) for entry in group]
        for entry, is_internal in zip(group, transfers.have_other_sides(sides), strict=True):
            yield PortfolioTransaction(entry.transaction, entry.child, is_internal)


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
