"""How often requests to the table are tried again, and after which pauses."""

import random
import time
from collections.abc import Iterator

ATTEMPTS = 6  # of a transaction, or a single write, that meets another one on the same item
BATCH_ATTEMPTS = 8  # of what a batch left unprocessed, which a throttled partition takes longest to accept


def attempts(number: int) -> Iterator[int]:
    """Yield the numbers of so many attempts, after a pause before each but the first."""
    for attempt in range(number):
        if attempt:
            time.sleep(backoff_seconds(attempt - 1))
        yield attempt


def backoff_seconds(attempt: int) -> float:
    """Return how long to wait before the next attempt; random, so that those who met do not meet again."""
    return random.uniform(0, 0.02 * 2**attempt)
