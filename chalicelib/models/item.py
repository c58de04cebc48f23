"""The one table: the base of every kind of item, and its indexes."""

import secrets
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import Enum
from itertools import chain
from typing import Any, Self

from pynamodb.attributes import DiscriminatorAttribute, UnicodeAttribute
from pynamodb.connection import Connection
from pynamodb.constants import ALL_NEW, ALL_OLD, ATTRIBUTES, ITEM, TOTAL
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, IncludeProjection, LocalSecondaryIndex
from pynamodb.models import Model

from chalicelib import errors, telemetry
from chalicelib.config import settings
from chalicelib.models import batches
from chalicelib.models.attributes import IntegerAttribute
from chalicelib.models.batches import Raw

_LONGEST_PK = 2_048  # bytes, of what DynamoDB stores and of what it may be asked for
_LONGEST_SK = 1_024
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


class Outcome(Enum):
    """What became of a conditional write: carried out, or refused as its condition does not hold, of an item that is there or of none."""

    WRITTEN = 'written'
    REFUSED = 'refused'
    MISSING = 'missing'


class Item(Model):
    """Base of every kind of item. Keys are prefixed by kind, so a key names its kind and two kinds never share one.

    A conditional write whose answer is lost is sent again by botocore, and then meets its own effect. It recognises that by
    `write_id`, which is drawn for each conditional write and stored with it, and so is carried out once, also where it adds.
    A second such write between the two attempts hides the first one's effect, as if that one had come after it.
    """

    class Meta:
        table_name = settings().table_name
        max_pool_connections = 100  # jobs send requests from that many threads at most; beyond it each would open a connection anew
        # On AWS four attempts and their pauses end before the function that waits for them. A local emulation answers one at a time.
        connect_timeout_seconds = 60 if settings().local else 2
        read_timeout_seconds = 60 if settings().local else 5
        max_retry_attempts = 3

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    kind = DiscriminatorAttribute()
    lsk = UnicodeAttribute(null=True)
    due_shard = IntegerAttribute(null=True)
    due_at = IntegerAttribute(null=True)
    expires_at = IntegerAttribute(null=True)
    write_id = UnicodeAttribute(null=True)

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

    def update_if(self, condition: Condition | None, *actions: Action) -> bool:
        """Update this item and load what it then is; False, changing nothing, if `condition` does not hold. None always does."""
        return self.attempt_update(condition, *actions) is Outcome.WRITTEN

    def attempt_update(self, condition: Condition | None, *actions: Action) -> Outcome:
        """Update this item if `condition` holds, and load what it then is."""
        write_id = _new_write_id()
        unwritten = Item.write_id.does_not_exist() | (Item.write_id != write_id)
        required = unwritten if condition is None else condition & unwritten
        request = self._request(required, actions=[*actions, Item.write_id.set(write_id)], return_values=ALL_NEW)
        client: Any = Item.connection().client
        try:
            written: Raw = client.update_item(**request)[ATTRIBUTES]
        except client.exceptions.ConditionalCheckFailedException as refused:
            stored = refused.response.get(ITEM)
            if not _was_written_by(write_id, stored):
                self._note_refused(stored or {})
                return Outcome.REFUSED if stored else Outcome.MISSING
            written = stored
        self.deserialize(written)
        return Outcome.WRITTEN

    def _note_refused(self, stored: Raw) -> None:
        """Called with what is stored where the condition of an update did not hold. This item stays as it is, for most kinds."""

    def update_blindly(self, *actions: Action, condition: Condition | None = None) -> bool:
        """Update this item without reading anything of it; False if it is not there, or `condition` does not hold.

        The actions only set and remove values. That needs fewer rights than `update_if`, and repeated it does the same.
        """
        client: Any = Item.connection().client
        request = Item.connection().get_operation_kwargs(
            Item.Meta.table_name,
            self.pk,
            range_key=self.sk,
            condition=Item.pk.exists() if condition is None else Item.pk.exists() & condition,
            actions=actions,
            return_consumed_capacity=TOTAL,
        )
        try:
            client.update_item(**request)
        except client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def put_if(self, condition: Condition) -> bool:
        """Store this item; False, changing nothing, if `condition` does not hold."""
        self.write_id = _new_write_id()
        client: Any = Item.connection().client
        try:
            client.put_item(**self._request(condition, key=ITEM, attributes=self.serialize(null_check=True)))
        except client.exceptions.ConditionalCheckFailedException as refused:
            return _was_written_by(self.write_id, refused.response.get(ITEM))
        return True

    def delete_if(self, condition: Condition) -> bool:
        """Delete this item; False, changing nothing, if there is one of which `condition` does not hold."""
        client: Any = Item.connection().client
        try:
            client.delete_item(**self._request(condition))
        except client.exceptions.ConditionalCheckFailedException as refused:
            return ITEM not in refused.response
        return True

    def _request(self, condition: Condition, **options: Any) -> Raw:
        """Return the arguments of a write of this item, which returns the item when `condition` does not hold."""
        return Item.connection().get_operation_kwargs(
            Item.Meta.table_name,
            self.pk,
            range_key=self.sk,
            condition=condition,
            return_values_on_condition_failure=ALL_OLD,
            return_consumed_capacity=TOTAL,
            **options,
        )

    @classmethod
    def get_many(cls, keys: Iterable[tuple[str, str]], *, consistent: bool = True) -> list[Self]:
        """Return the items of this kind (of any kind, called on Item) that have these keys: 100 to a request, requests in parallel.

        Raises Busy.
        """
        distinct = [_raw_key(pk, sk) for pk, sk in dict.fromkeys(keys)]
        requests = [distinct[start : start + batches.MOST_READ] for start in range(0, len(distinct), batches.MOST_READ)]

        def read(batch: list[Raw]) -> list[Self]:
            found = batches.read(Item.connection().client, Item.Meta.table_name, batch, consistent=consistent)
            return [cls.from_raw_data(raw) for raw in found]

        if len(requests) < 2:
            return read(distinct) if distinct else []
        with ThreadPoolExecutor(min(len(requests), _REQUESTS_AT_ONCE)) as pool:
            return list(chain.from_iterable(pool.map(telemetry.in_current_task(read), requests)))

    @staticmethod
    def write_many(*, put: 'Iterable[Item]' = (), delete: 'Iterable[Item]' = ()) -> None:
        """Store and delete items, no two of one key, 25 to a request; of one that dies meanwhile any part may be done. Raises Busy."""
        puts = ({'PutRequest': {'Item': item.serialize(null_check=True)}} for item in put)
        deletes = ({'DeleteRequest': {'Key': _raw_key(item.pk, item.sk)}} for item in delete)
        batches.write(Item.connection().client, Item.Meta.table_name, chain(puts, deletes))


def _raw_key(pk: str, sk: str) -> Raw:
    return {'pk': {'S': pk}, 'sk': {'S': sk}}


def _new_write_id() -> str:
    return secrets.token_hex(8)


def _was_written_by(write_id: str | None, stored: Raw | None) -> bool:
    """Whether the last conditional write of an item, as it was when another one was refused, is this very one."""
    return stored is not None and stored.get('write_id') == {'S': write_id}
