"""The one table: base item, attribute types, transactions. The only place that knows PynamoDB's traps."""

import json
import random
import time
import zlib
from collections.abc import Callable, Sequence
from decimal import Decimal
from enum import Enum
from typing import Any, NamedTuple, TypeVar

from pynamodb.attributes import Attribute, DiscriminatorAttribute, ListAttribute, UnicodeAttribute
from pynamodb.connection import Connection
from pynamodb.constants import BINARY, NUMBER, STRING
from pynamodb.exceptions import PynamoDBException, TransactWriteError, UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, IncludeProjection, LocalSecondaryIndex
from pynamodb.models import Model
from pynamodb.transactions import TransactWrite

from chalicelib import errors, telemetry
from chalicelib.config import settings
from chalicelib.domain.changelog import Changelog

_CONDITION_FAILED = 'ConditionalCheckFailed'
_CONFLICT = 'TransactionConflictException'
_REASONS_THROTTLED = ('ThrottlingError', 'ProvisionedThroughputExceeded')
_REASONS_RETRIED = ('TransactionConflict', *_REASONS_THROTTLED)
_THROTTLED = (
    'ProvisionedThroughputExceededException',
    'RequestLimitExceeded',
    'ThrottlingException',
    'TransactionInProgressException',
)
_ATTEMPTS = 6

ExpectedVersions = frozenset[int] | None  # the versions that a write is content to find, None for any


class DecimalAttribute(Attribute[Decimal]):
    """An exact amount, kept as text: a DynamoDB number ends at 38 digits, a token's uint256 may have 78."""

    attr_type = STRING

    def serialize(self, value: Decimal) -> str:
        return f'{value:f}'

    def deserialize(self, value: str) -> Decimal:
        return Decimal(value)


class IntegerAttribute(Attribute[int]):
    """A whole number or an instant in epoch seconds. PynamoDB's NumberAttribute would also take and give floats."""

    attr_type = NUMBER

    def serialize(self, value: int) -> str:
        return str(int(value))

    def deserialize(self, value: str) -> int:
        return int(value)


class ChangelogAttribute(Attribute[Changelog]):
    """A Changelog, as its version and then its instants."""

    attr_type = STRING

    def serialize(self, value: Changelog) -> str:
        return ' '.join(map(str, (value.version, *value.latest)))

    def deserialize(self, value: str) -> Changelog:
        version, *latest = map(int, value.split())
        return Changelog(version, tuple(latest))


class PackedAttribute(Attribute[Any]):
    """Anything that JSON can say, amounts as texts, compressed: lists of prices and histories repeat themselves."""

    attr_type = BINARY

    def serialize(self, value: Any) -> bytes:
        return zlib.compress(json.dumps(value, separators=(',', ':')).encode())

    def deserialize(self, value: bytes) -> Any:
        return json.loads(zlib.decompress(value))


def texts(**kwargs: Any) -> ListAttribute[str]:
    """Return an attribute for a list of texts; PynamoDB's own annotations cannot say this."""
    return ListAttribute(of=UnicodeAttribute, **kwargs)  # type: ignore[arg-type]


class PortfoliosIndex(LocalSecondaryIndex['Item']):
    """Sparse: only portfolio headers carry `lsk`."""

    class Meta:
        index_name = 'portfolios'
        projection = AllProjection()

    pk = UnicodeAttribute(hash_key=True)
    lsk = UnicodeAttribute(range_key=True)


class DueIndex(GlobalSecondaryIndex['Item']):
    """Sparse: what the sweep hands to a queue, by when."""

    class Meta:
        index_name = 'due'
        projection = IncludeProjection(['kind'])  # PynamoDB filters by it, so it must be there to be found

    due_shard = IntegerAttribute(hash_key=True)
    due_at = IntegerAttribute(range_key=True)


class Item(Model):
    """Base of every kind of item. Keys are prefixed by kind, so a key names its kind and two kinds never share one."""

    class Meta:
        table_name = settings().table_name

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    kind = DiscriminatorAttribute()
    lsk = UnicodeAttribute(null=True)
    due_shard = IntegerAttribute(null=True)
    due_at = IntegerAttribute(null=True)
    expires_at = IntegerAttribute(null=True)

    portfolios = PortfoliosIndex()
    due = DueIndex()

    @classmethod
    def connection(cls) -> Connection:
        """Return the one DynamoDB connection that all kinds share."""
        connection: Connection = Item._get_connection().connection
        return connection

    def update_existing(
        self, actions: Sequence[Action], condition: Condition | None = None, on_failure: Callable[[], Exception] = errors.NotFound
    ) -> None:
        """Update this item if it is there, and as `condition` says, and load what it then is. Raises `on_failure`."""
        exists = Item.pk.exists()
        try:
            self.update(list(actions), condition=exists if condition is None else exists & condition)
        except UpdateError as error:
            if condition_failed(error):
                raise on_failure() from None
            raise


def connect() -> None:
    """Build the DynamoDB client, once, on the base class: on a child each kind would build its own (about 50 ms)."""
    events = Item.connection().client.meta.events
    telemetry.count_dynamodb(events)
    events.register('needs-retry.dynamodb', _retry_conflict)  # type: ignore[arg-type]  # what it returns is the delay
    events.register('after-call.dynamodb', _raise_ours)


def _retry_conflict(response: tuple[Any, dict[str, Any]] | None, attempts: int, **_: Any) -> float | None:
    """Try again, after a moment, a single write that met a transaction on the same item; botocore itself would not."""
    code = response[1].get('Error', {}).get('Code') if response else None
    return _pause(attempts) if code == _CONFLICT and attempts < _ATTEMPTS else None


def _pause(attempt: int) -> float:
    return random.uniform(0, 0.02 * 2**attempt)


def _raise_ours(parsed: dict[str, Any], **_: Any) -> None:
    """Turn a call that was throttled, or met transactions, more often than it was retried into an error callers can see."""
    code = parsed.get('Error', {}).get('Code')
    if code in _THROTTLED:
        raise errors.Busy
    if code == _CONFLICT:
        raise errors.Conflict


def has_version(version: Attribute[int], expected: ExpectedVersions) -> Condition:
    """Return the condition that an item is there and of an expected version, see `version_mismatch`."""
    if expected is None:
        there: Condition = version.exists()
        return there
    return version.is_in(*sorted(expected))


def version_mismatch(expected: ExpectedVersions) -> Callable[[], Exception]:
    """Return what to raise when `has_version` does not hold: which versions it was to be decides whose fault that is."""
    return errors.NotFound if expected is None else errors.PreconditionFailed


def condition_failed(error: PynamoDBException) -> bool:
    """Say whether a single write was refused by its condition."""
    return error.cause_response_code == 'ConditionalCheckFailedException'


class Operation(Enum):
    """The kinds of write in the order in which PynamoDB puts them into a transaction."""

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
        if self.verb is Operation.DELETE:
            transaction.delete(self.item, condition=self.condition)
        elif self.verb is Operation.PUT:
            transaction.save(self.item, condition=self.condition)
        else:
            transaction.update(self.item, actions=list(self.actions), condition=self.condition)


T = TypeVar('T')
ExtraWrites = Callable[[T], Sequence[Write]]  # what else belongs into the transaction that creates a T


def nothing(_: Any) -> Sequence[Write]:
    return ()


def transact(*writes: Write) -> None:
    """Carry out all writes or none.

    Raises the `on_failure` of the first write whose condition failed; Conflict when concurrent transactions on the same
    items won every one of our attempts, Busy when they were throttled.
    """
    last: Exception = errors.Conflict()
    ordered = sorted(writes, key=lambda write: write.verb.value)
    for attempt in range(_ATTEMPTS):
        try:
            with TransactWrite(connection=Item.connection()) as transaction:
                for write in ordered:
                    write.add_to(transaction)
            return
        except TransactWriteError as error:
            last = _reason_to_retry(error, ordered)
            time.sleep(_pause(attempt))
    raise last


def _reason_to_retry(error: TransactWriteError, ordered: Sequence[Write]) -> Exception:
    """Return what to raise should no attempt succeed. Raises at once what no attempt will change."""
    codes = [reason.code if reason else None for reason in error.cancellation_reasons]
    for code, write in zip(codes, ordered, strict=False):
        if code == _CONDITION_FAILED:
            raise write.on_failure() from error
    if not any(code in _REASONS_RETRIED for code in codes):
        raise error
    return errors.Busy() if any(code in _REASONS_THROTTLED for code in codes) else errors.Conflict()
