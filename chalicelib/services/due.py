"""Hand what is due to the queues: the safety net under every message that was lost, and the clock of every ledger."""

from chalicelib import clock, messages, queue
from chalicelib.messages import PurgePortfolio, RefreshLedger
from chalicelib.models import SHARDS, Item, claim, due

_CLAIM_SECONDS = 300
_MOST_PER_SHARD = 1_000


def sweep() -> int:
    """Send a message for everything that is due and return how many; what is handed out is due again in five minutes.

    A claim that was not sent (we died between the two) is handed out again when it runs out.
    """
    return sum(_sweep_shard(number) for number in range(SHARDS))


def _sweep_shard(number: int) -> int:
    now = clock.now()
    sent = 0
    for batch in queue.batches(item for item in due(number, now, _MOST_PER_SHARD) if claim(item, now + _CLAIM_SECONDS)):
        messages.send(*map(_message, batch))
        sent += len(batch)
    return sent


def _message(item: Item) -> RefreshLedger | PurgePortfolio:
    if str(item.sk).startswith('PURGE#'):
        return PurgePortfolio(str(item.pk).removeprefix('USER#'), int(str(item.sk).removeprefix('PURGE#')))
    return RefreshLedger(item.pk)
