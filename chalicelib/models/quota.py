"""Limits on the number of children of an item, counted on that item, so that they hold for concurrent creates too."""

from pynamodb.attributes import Attribute
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib import errors
from chalicelib.models.item import Item, Outcome
from chalicelib.models.writes import Operation, Write
from chalicelib.texts import Translatable, with_values


class Quota:
    """A limit of `limit` children of a `kind` (a plural), counted in the attribute `used`, which is absent for none.

    `sentence` says that it is exhausted, and what to do; `{most}` in it is the limit.
    allocate_id: one update   increment, decrement: part of the transaction that adds or removes a child
    """

    def __init__(self, kind: str, used: Attribute[int], limit: int, sentence: Translatable) -> None:
        self._kind = kind
        self._used = used
        self._limit = limit
        self._sentence = sentence

    def allocate_id(self, holder: Item, last: Attribute[int]) -> None:
        """Increment the attribute `last` of the holder if the quota allows, and load the updated holder.

        Raises NotFound if the holder does not exist, and Invalid if the quota is exhausted.
        """
        outcome = holder.attempt_update(self._has_room(), last.add(1))
        if outcome is not Outcome.WRITTEN:
            raise errors.NotFound if outcome is Outcome.MISSING else self._exceeded()

    def increment(self, holder: Item, *also: Action) -> Write:
        """Return the write that counts one more child and applies `also`. Its transaction raises NotFound, or Invalid if exhausted."""
        return Write(Operation.UPDATE, holder, self._has_room(), [self._used.add(1), *also], lambda: self._failure(holder))

    def decrement(self, holder: Item, *also: Action) -> Write:
        """Return the write that counts one child less and applies `also`. Its transaction raises NotFound."""
        return Write(Operation.UPDATE, holder, Item.pk.exists(), [self._used.add(-1), *also], errors.NotFound)

    def _has_room(self) -> Condition:
        has_room: Condition = Item.pk.exists() & (self._used.does_not_exist() | (self._used < self._limit))
        return has_room

    def _failure(self, holder: Item) -> Exception:
        """Return why a transaction could not add a child: the holder is gone, or its quota is exhausted."""
        try:
            holder.refresh(consistent_read=True)
        except holder.DoesNotExist:
            return errors.NotFound()
        return self._exceeded()

    def _exceeded(self) -> errors.Invalid:
        return errors.Invalid(errors.Fault('', f'too_many_{self._kind}', with_values(self._sentence, most=self._limit)))
