"""Delete a portfolio: the header at once, what hangs below it by a job that can be repeated."""

import logging
import time

from chalicelib import queue
from chalicelib.config import settings
from chalicelib.models import (
    Address,
    Contents,
    Expected,
    Item,
    Ledger,
    Offset,
    Purge,
    Verb,
    Watch,
    Write,
    read_leftovers,
    read_whole,
    transact,
)

log = logging.getLogger(__name__)


def delete(user_id: str, portfolio_id: int, expected: Expected = None) -> Contents:
    """Remove a portfolio and return it as it was. Raises NotFound, PreconditionFailed."""
    contents = read_whole(user_id, portfolio_id)
    contents.portfolio.remove(int(time.time()), expected)
    try:
        queue.send(settings().purge_queue, [{'user_id': user_id, 'portfolio_id': portfolio_id}])
    except Exception:
        log.exception('the purge of a portfolio was left to the sweep')
    return contents


def purge(user_id: str, portfolio_id: int) -> None:
    """Remove what a deleted portfolio left behind; ledgers that nobody else watches go with their next refresh."""
    for child in read_leftovers(user_id, portfolio_id):
        _remove(child)
    Purge.of(user_id, portfolio_id, 0).delete()


def _remove(child: Item) -> None:
    if isinstance(child, Offset):
        child.delete()
        return
    if not isinstance(child, Address):
        raise TypeError(f'cannot purge {child.kind}')
    now = int(time.time())
    transact(
        # Moved to another address meanwhile, it has another watch: the message fails, and comes back to see that one.
        Write(Verb.DELETE, child, condition=Address.address == child.address),
        Write(Verb.DELETE, Watch.of(child.ledger, child.user_id, child.portfolio_id, child.address_id)),
        Ledger.make_due(child.ledger, now),
    )
    queue.send(settings().refresh_queue, [{'ledger': child.ledger}])
