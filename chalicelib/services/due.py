"""Hand what is due to the queues: the safety net under every lost message, and what keeps ledgers and histories current."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

from chalicelib import clock, messages, telemetry
from chalicelib.config import settings
from chalicelib.messages import DispatchDueHistories, FollowBlocks, ForgetUser, Message, PurgePortfolio, RefreshHistory, RefreshLedger
from chalicelib.models import HISTORIES, LEDGERS, DueQueue, History, Item, Ledger, Leftovers, Purge, User

_MAX_PER_SHARD = 1_000
_BATCH_SIZE = 10  # claimed before they are sent, so as many as one request to SQS takes
_SHARDS_AT_ONCE = 16


def dispatch_due_ledgers() -> int:
    """Send a message for each ledger, each purge and each deletion of a user that is due and return how many."""

    def dispatch(shard: int) -> int:
        return _dispatch_shard(LEDGERS, shard)

    with ThreadPoolExecutor(_SHARDS_AT_ONCE) as pool:
        return sum(pool.map(telemetry.in_current_task(dispatch), LEDGERS.all_shards))


def send_for_blocks() -> int:
    """Send a message for each chain whose blocks are followed; return how many."""
    followed = sorted(settings().follow_blocks)
    messages.send(*map(FollowBlocks, followed))
    return len(followed)


def dispatch_due_histories(shard: int, deadline: float) -> None:
    """Send messages for the histories of a shard that are due, and at `deadline` (clock.monotonic()) one for the rest of the shard."""
    sent = _dispatch_shard(HISTORIES, shard, lambda: clock.monotonic() > deadline)
    if sent >= _MAX_PER_SHARD or clock.monotonic() > deadline:
        messages.send(DispatchDueHistories(shard))


def send_history_shards() -> int:
    """Send a message for each shard of histories, so that many workers share what is due; return how many."""
    messages.send(*map(DispatchDueHistories, HISTORIES.all_shards))
    return HISTORIES.shards


def _dispatch_shard(due_queue: DueQueue, shard: int, is_late: Callable[[], bool] = lambda: False) -> int:
    """Send messages for what is due in a shard, until it is late; return how many.

    What is claimed and not sent, because we died between the two, is due again when the claim runs out.
    """
    claimed = due_queue.claim_due(shard, clock.now(), _MAX_PER_SHARD)
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
