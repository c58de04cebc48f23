"""The one table: the base of every kind of item, and its indexes."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import Self

from pynamodb.attributes import DiscriminatorAttribute, UnicodeAttribute
from pynamodb.connection import Connection
from pynamodb.exceptions import DeleteError, PutError, UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, IncludeProjection, LocalSecondaryIndex
from pynamodb.models import Model

from chalicelib import errors, telemetry
from chalicelib.config import settings
from chalicelib.models.attributes import IntegerAttribute

_LONGEST_PK = 2_048  # bytes, of what DynamoDB stores and of what it may be asked for
_LONGEST_SK = 1_024
_KEYS_PER_REQUEST = 100  # as many as one BatchGetItem takes
_REQUESTS_AT_ONCE = 8


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
        max_pool_connections = 100  # jobs send requests from that many threads at most; beyond it each would open a connection anew

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

    @classmethod
    def get(
        cls, hash_key: str, range_key: str | None = None, consistent_read: bool = False, attributes_to_get: Sequence[str] | None = None
    ) -> Self:
        """See Model. A key that DynamoDB does not take, made of what somebody sent, is that of nothing: raises DoesNotExist."""
        if len(hash_key.encode()) > _LONGEST_PK or len((range_key or '').encode()) > _LONGEST_SK:
            raise cls.DoesNotExist
        return super().get(hash_key, range_key, consistent_read, attributes_to_get)

    def update_existing(
        self, actions: Sequence[Action], condition: Condition | None = None, on_failure: Callable[[], Exception] = errors.NotFound
    ) -> None:
        """Update this item if it is there, and as `condition` says, and load what it then is. Raises `on_failure`."""
        exists = Item.pk.exists()
        if not self.update_if(exists if condition is None else exists & condition, *actions):
            raise on_failure()

    def update_if(self, condition: Condition, *actions: Action) -> bool:
        """Update this item and load what it then is; False, changing nothing, if `condition` does not hold."""
        return _condition_held(lambda: self.update(list(actions), condition=condition))

    def put_if(self, condition: Condition) -> bool:
        """Store this item; False, changing nothing, if `condition` does not hold."""
        return _condition_held(lambda: self.save(condition=condition))

    def delete_if(self, condition: Condition) -> bool:
        """Delete this item; False, changing nothing, if `condition` does not hold."""
        return _condition_held(lambda: self.delete(condition=condition))

    @classmethod
    def get_many(cls, keys: Iterable[tuple[str, str]]) -> list[Self]:
        """Return the items of this kind (of any kind, called on Item) that have these keys: 100 to a request, requests in parallel."""
        distinct = list(dict.fromkeys(keys))
        batches = [distinct[start : start + _KEYS_PER_REQUEST] for start in range(0, len(distinct), _KEYS_PER_REQUEST)]
        if not batches:
            return []

        def read(batch: list[tuple[str, str]]) -> list[Self]:
            return list(cls.batch_get(batch, consistent_read=True))

        with ThreadPoolExecutor(min(len(batches), _REQUESTS_AT_ONCE)) as pool:
            return list(chain.from_iterable(pool.map(telemetry.in_current_task(read), batches)))


def _condition_held(write: Callable[[], object]) -> bool:
    """Carry out a conditional write; False if its condition did not hold."""
    try:
        write()
    except (PutError, UpdateError, DeleteError) as error:
        if error.cause_response_code == 'ConditionalCheckFailedException':
            return False
        raise
    return True
