"""How many of a kind an item may hold: counted on that item, so that the limit holds whoever adds at the same time."""

from typing import Any

from pynamodb.attributes import Attribute
from pynamodb.constants import ALL_NEW, ALL_OLD, ATTRIBUTES, TOTAL
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib import errors
from chalicelib.models.item import Item
from chalicelib.models.writes import Operation, Write


class Quota:
    """Room for `limit` of a `kind`, a plural, counted in the attribute `held`, which is absent for none.

    draw: one update   add, remove: part of the transaction that adds or removes
    """

    def __init__(self, kind: str, held: Attribute[int], limit: int, whose: str) -> None:
        self._kind = kind
        self._used = held
        self._limit = limit
        self._whose = whose

    def allocate_id(self, holder: Item, last: Attribute[int]) -> None:
        """Count `last` of the holder up if there is room, and load what the holder then is.

        Raises NotFound when there is no such holder, Invalid when it is full. DynamoDB can tell which without another request, as it
        says what it refused to update, but PynamoDB's own update does not ask for that.
        """
        connection = Item.connection()
        asked = connection.get_operation_kwargs(
            Item.Meta.table_name,
            holder.pk,
            range_key=holder.sk,
            actions=[last.add(1)],
            condition=self._has_room(),
            return_values=ALL_NEW,
            return_values_on_condition_failure=ALL_OLD,
            return_consumed_capacity=TOTAL,
        )
        client: Any = connection.client
        try:
            holder.deserialize(client.update_item(**asked)[ATTRIBUTES])
        except client.exceptions.ConditionalCheckFailedException as refused:
            raise (self._exceeded() if 'Item' in refused.response else errors.NotFound()) from None

    def increment(self, holder: Item, *also: Action) -> Write:
        """Return the write that counts one more, and does `also`. Its transaction raises NotFound, or Invalid when the holder is full."""
        return Write(Operation.UPDATE, holder, self._has_room(), [self._used.add(1), *also], lambda: self._failure(holder))

    def decrement(self, holder: Item, *also: Action) -> Write:
        """Return the write that counts one less, and does `also`. Its transaction raises NotFound."""
        return Write(Operation.UPDATE, holder, Item.pk.exists(), [self._used.add(-1), *also], errors.NotFound)

    def _has_room(self) -> Condition:
        left: Condition = Item.pk.exists() & (self._used.does_not_exist() | (self._used < self._limit))
        return left

    def _failure(self, holder: Item) -> Exception:
        """Say why a transaction could not add to a holder that had room a moment ago: it is gone, or others were faster."""
        try:
            holder.refresh(consistent_read=True)
        except holder.DoesNotExist:
            return errors.NotFound()
        return self._exceeded()

    def _exceeded(self) -> errors.Invalid:
        sentence = f'{self._whose} can have at most {self._limit} {self._kind}: delete one before you add another'
        return errors.Invalid(errors.Fault('', f'too_many_{self._kind}', sentence))
