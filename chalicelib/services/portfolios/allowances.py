"""How many transactions one request, or one run of a job, may read, of however many ledgers."""

from collections.abc import Iterable, Iterator
from threading import Lock
from typing import TypeVar

from chalicelib import charges
from chalicelib.errors import HistoryTooLarge
from chalicelib.services.ledgers import policy

_TAKEN_AT_ONCE = 100

Item = TypeVar('Item')


class TransactionAllowance:
    """How many transactions may still be read, of all ledgers together. What is read counts for whose request it is. Thread-safe."""

    def __init__(self, transactions: int) -> None:
        self._left = transactions
        self._taken = 0
        self._lock = Lock()

    def require(self, transactions: int) -> None:
        """Raise HistoryTooLarge if there are not so many left, before any is read."""
        if transactions > self._left:
            raise HistoryTooLarge

    def take(self, transactions: int) -> None:
        """Take so many. Raises HistoryTooLarge if there were fewer, TooManyRequests if they are more than the caller may still read."""
        with self._lock:
            before = self._taken // policy.TRANSACTIONS_PER_REQUEST
            self._taken += transactions
            further = self._taken // policy.TRANSACTIONS_PER_REQUEST - before
            self._left -= transactions
            is_exceeded = self._left < 0
        charges.charge(further)
        if is_exceeded:
            raise HistoryTooLarge

    def limited(self, transactions: Iterable[Item]) -> Iterator[Item]:
        """Yield transactions as they are read, as long as there are any left. Raises as `take` does."""
        number = 0
        for number, transaction in enumerate(transactions, 1):
            yield transaction
            if number % _TAKEN_AT_ONCE == 0:
                self.take(_TAKEN_AT_ONCE)
        self.take(number % _TAKEN_AT_ONCE)
