"""Hand what is due to the queues: the safety net under every lost message, and what keeps ledgers and histories current."""

import logging
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from threading import Lock

from chalicelib import clock, messages, telemetry
from chalicelib.config import settings
from chalicelib.domain.chains import CHAINS
from chalicelib.messages import (
    CheckLedgers,
    DispatchDueHistories,
    FollowBlocks,
    ForgetUser,
    Message,
    PurgePortfolio,
    RefreshHistory,
    RefreshLedger,
)
from chalicelib.models import HISTORIES, LEDGERS, DueQueue, History, Item, Ledger, Leftovers, Purge, User
from chalicelib.services.ledgers import settled

log = logging.getLogger(__name__)

_MAX_PER_SHARD = 1_000
_BATCH_SIZE = 10  # claimed before they are sent, so as many as one request to SQS takes
_SHARDS_AT_ONCE = 16


class _Checks:
    """The ledgers of all shards that are to be checked, so that as many of a chain as possible go into one message."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._pks: dict[str, list[str]] = {}
        self._sent = 0

    def without_checkable(self, items: Iterable[Item]) -> Iterator[Item]:
        """Yield items without the ledgers that can be checked, which are kept until there are enough of their chain for a message."""
        for item in items:
            if isinstance(item, Ledger) and settled.is_checkable(item, clock.now()):
                self._keep(item.address_key.currency, item.pk)
            else:
                yield item

    def send_rest(self) -> int:
        """Send messages about what is kept; return how many were sent in all."""
        rest = [CheckLedgers(pks) for pks in self._pks.values()]
        messages.send(*rest)
        return self._sent + len(rest)

    def _keep(self, currency: str, pk: str) -> None:
        with self._lock:
            pks = self._pks.setdefault(currency, [])
            pks.append(pk)
            if len(pks) < settled.MOST_CHECKED:
                return
            del self._pks[currency]
            self._sent += 1
        messages.send(CheckLedgers(pks))


def dispatch_due_ledgers() -> int:
    """Send messages for the ledgers, purges and deletions of users that are due and return how many.

    Ledgers that can be checked many at once are, whoever looked at them: if one must be read after all, that is its user's work.
    """
    checks = _Checks()

    def dispatch(shard: int) -> int:
        return _dispatch_shard(LEDGERS, shard, pick=checks.without_checkable)

    with ThreadPoolExecutor(_SHARDS_AT_ONCE) as pool:
        sent = sum(pool.map(telemetry.in_current_task(dispatch), LEDGERS.all_shards))
    return sent + checks.send_rest()


def send_for_blocks() -> int:
    """Send a message for each chain whose blocks are followed; return how many."""
    followed = [code for code in sorted(settings().follow_blocks) if code in CHAINS and CHAINS[code].has_outputs]
    if others := settings().follow_blocks.difference(followed):
        log.error('FOLLOW_BLOCKS names %s, whose blocks tell no addresses', ', '.join(sorted(others)))
    messages.send(*map(FollowBlocks, followed))
    return len(followed)


def dispatch_due_histories(shard: int, deadline: float) -> None:
    """Send messages for the histories of a shard that are due, and at `deadline` (clock.monotonic()) one for the rest of the shard."""
    sent = _dispatch_shard(HISTORIES, shard, is_late=lambda: clock.monotonic() > deadline)
    if sent >= _MAX_PER_SHARD or clock.monotonic() > deadline:
        messages.send(DispatchDueHistories(shard))


def send_history_shards() -> int:
    """Send a message for each shard of histories, so that many workers share what is due; return how many."""
    messages.send(*map(DispatchDueHistories, HISTORIES.all_shards))
    return HISTORIES.shards


def _dispatch_shard(
    due_queue: DueQueue,
    shard: int,
    *,
    pick: Callable[[Iterable[Item]], Iterator[Item]] = iter,
    is_late: Callable[[], bool] = lambda: False,
) -> int:
    """Send messages for what `pick` leaves of what is due in a shard, until it is late; return how many.

    What is claimed and not sent, because we died between the two, is due again when the claim runs out.
    """
    claimed = pick(due_queue.claim_due(shard, clock.now(), _MAX_PER_SHARD))
    sent = 0
    while batch := list(islice(claimed, _BATCH_SIZE)):
        messages.send(*map(_message_about, batch))
        sent += len(batch)
        if is_late():
            break
    return sent


def _message_about(item: Item) -> Message:
    match item:
        case History():
            return RefreshHistory(*item.key)
        case Purge():
            return PurgePortfolio(*item.portfolio_key)
        case User() | Leftovers():
            return ForgetUser(str(item.pk).removeprefix('USER#'))
        case Ledger():
            return RefreshLedger(item.pk, group=item.work_group or '')
    raise TypeError(f'{type(item).__name__} items are never due')
