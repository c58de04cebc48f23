"""Hand what is due to the queues: the safety net under every message that was lost, and the clock of every ledger."""

from chalicelib import clock, queue
from chalicelib.config import settings
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
        queue.send(settings().refresh_queue, (_refresh(item) for item in batch if not _is_purge(item)))
        queue.send(settings().purge_queue, (_purge(item) for item in batch if _is_purge(item)))
        sent += len(batch)
    return sent


def _is_purge(item: Item) -> bool:
    return str(item.sk).startswith('PURGE#')


def _refresh(item: Item) -> queue.Message:
    return {'ledger': item.pk}


def _purge(item: Item) -> queue.Message:
    return {'user_id': str(item.pk).removeprefix('USER#'), 'portfolio_id': int(str(item.sk).removeprefix('PURGE#'))}
