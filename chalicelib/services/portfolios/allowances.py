"""How much one request, or one run of a job, may read and compute, of however many ledgers and histories."""

from collections.abc import Iterable, Iterator
from threading import Lock
from typing import TypeVar

from chalicelib import charges
from chalicelib.errors import HistoryTooLarge
from chalicelib.services.ledgers import policy

_TAKEN_AT_ONCE = 100
_LINES_PER_REQUEST = 5

_Each = TypeVar('_Each')


def charge_lines(number: int) -> None:
    """Count lines that are about to be added, each by two requests to the database, one after the other. Raises TooManyRequests."""
    charges.charge(number // _LINES_PER_REQUEST)


class Allowance:
    """How many of one thing, transactions or values, may still be read or computed. Thread-safe.

    Each `per_request` of them count as one request more of whoever they are for; those of a job count for nobody.
    """

    def __init__(self, most: int, per_request: int) -> None:
        self._left = most
        self._taken = 0
        self._per_request = per_request
        self._lock = Lock()

    def require(self, number: int) -> None:
        """Raise HistoryTooLarge if there are not so many left, before any is taken."""
        if number > self._left:
            raise HistoryTooLarge

    def take(self, number: int) -> None:
        """Take so many. Raises HistoryTooLarge if there were fewer, TooManyRequests if they are more than the caller may still have."""
        with self._lock:
            before = self._taken // self._per_request
            self._taken += number
            further = self._taken // self._per_request - before
            self._left -= number
            is_exceeded = self._left < 0
        charges.charge(further)
        if is_exceeded:
            raise HistoryTooLarge

    def limited(self, each: Iterable[_Each]) -> Iterator[_Each]:
        """Yield one after the other as they are read, as long as there are any left. Raises as `take` does."""
        number = 0
        for number, one in enumerate(each, 1):
            yield one
            if number % _TAKEN_AT_ONCE == 0:
                self.take(_TAKEN_AT_ONCE)
        self.take(number % _TAKEN_AT_ONCE)


def transaction_allowance(most: int) -> Allowance:
    """Return the allowance of so many transactions, of all ledgers together."""
    return Allowance(most, policy.TRANSACTIONS_PER_REQUEST)
