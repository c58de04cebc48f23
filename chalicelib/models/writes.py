"""Transactions: writes that carry the error to raise when their condition fails."""

import uuid
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from itertools import islice
from typing import NamedTuple

from pynamodb.attributes import Attribute
from pynamodb.exceptions import TransactWriteError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from chalicelib import errors
from chalicelib.models.item import Item
from chalicelib.models.retries import ATTEMPTS, attempts

_MOST_IN_TRANSACTION = 100  # writes, as DynamoDB has it
_CONDITION_FAILED = 'ConditionalCheckFailed'
_REASONS_THROTTLED = ('ThrottlingError', 'ProvisionedThroughputExceeded')
_REASONS_RETRIED = ('TransactionConflict', *_REASONS_THROTTLED)

ExpectedVersions = frozenset[int] | None  # the versions that a write accepts, None for any


def unchanged(attribute: Attribute[int], value: int) -> Condition:
    """Return the condition that an item is as it was read; one that was not there counts as 0."""
    return attribute == value if value else Item.pk.does_not_exist()


def has_version(version: Attribute[int], expected: ExpectedVersions) -> Condition:
    """Return the condition that an item is there and of an expected version, see `version_mismatch`."""
    if expected is None:
        there: Condition = version.exists()
        return there
    return version.is_in(*sorted(expected))


def version_mismatch(expected: ExpectedVersions) -> Callable[[], Exception]:
    """Return what to raise when `has_version` does not hold: which versions it was to be decides whose fault that is."""
    return errors.NotFound if expected is None else errors.PreconditionFailed


class Operation(Enum):
    """The kinds of write, and a check without one, in the order in which PynamoDB puts them into a transaction."""

    CHECK = 0
    DELETE = 1
    PUT = 2
    UPDATE = 3


class Write(NamedTuple):
    """One write of a transaction; `on_failure` makes the error to raise when its condition fails."""

    verb: Operation
    item: Item
    condition: Condition | None = None
    actions: Sequence[Action] = ()
    on_failure: Callable[[], Exception] = errors.Conflict

    def add_to(self, transaction: TransactWrite) -> None:
        if self.verb is Operation.CHECK:
            transaction.condition_check(type(self.item), self.item.pk, self.item.sk, condition=self.condition)
        elif self.verb is Operation.DELETE:
            transaction.delete(self.item, condition=self.condition)
        elif self.verb is Operation.PUT:
            transaction.save(self.item, condition=self.condition)
        else:
            transaction.update(self.item, actions=list(self.actions), condition=self.condition)


def transact(*writes: Write) -> None:
    """Carry out all writes or none, and once, however often botocore sends them: DynamoDB recognises them by their token.

    All attempts have the same one, which DynamoDB allows after a cancellation: the attempt before, whose answer was lost, may have been
    carried out although what botocore sent again was cancelled.
    Raises the `on_failure` of the first write whose condition failed; Conflict when concurrent transactions on the same
    items won every one of our attempts, Busy when they were throttled.
    """
    last: Exception = errors.Conflict()
    ordered = sorted(writes, key=lambda write: write.verb.value)
    token = uuid.uuid4().hex
    for _ in attempts(ATTEMPTS):
        try:
            with TransactWrite(client_request_token=token, connection=Item.connection()) as transaction:
                for write in ordered:
                    write.add_to(transaction)
            return
        except TransactWriteError as error:
            last = _reason_to_retry(error, ordered)
    raise last


def delete_all(items: Iterable[Item]) -> None:
    """Delete items, each once, as many to a request as a transaction takes; it is no error if some are gone.

    Of one that dies meanwhile the first ones are done. Batches would need a right of their own. Raises Conflict and Busy, as `transact`.
    """
    left = iter(items)
    while batch := list(islice(left, _MOST_IN_TRANSACTION)):
        transact(*(Write(Operation.DELETE, item) for item in batch))


def _reason_to_retry(error: TransactWriteError, ordered: Sequence[Write]) -> Exception:
    """Return what to raise should no attempt succeed. Raises at once what no attempt will change."""
    codes = [reason.code if reason else None for reason in error.cancellation_reasons]
    for code, write in zip(codes, ordered, strict=False):
        if code == _CONDITION_FAILED:
            raise write.on_failure() from error
    if not any(code in _REASONS_RETRIED for code in codes):
        raise error
    return errors.Busy() if any(code in _REASONS_THROTTLED for code in codes) else errors.Conflict()
